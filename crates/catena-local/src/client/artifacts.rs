// SPDX-License-Identifier: MPL-2.0
//! Artifacts: create, upload, list, download (worker.md §12.3, §12.5).

use std::io::Read as _;

use bytes::Bytes;
use catena_core::model::ids::{RunId, TaskId};
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::{Value, json};

use super::calls::{member, task_path};
use super::{Client, ClientError, location, refusal, segment};

/// What is uploaded.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The bytes as they go over the wire.
    pub bytes: Bytes,
    /// Their type.
    pub content_type: String,
    /// `gzip` if the bytes are packed so; readers get it as `Content-Encoding`.
    pub content_encoding: Option<&'static str>,
}

impl Client {
    /// `createArtifact` with a body of worker.md §12.3.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn create_artifact(
        &self,
        task: TaskId,
        run: RunId,
        name: &str,
        request: &Value,
    ) -> Result<Value, ClientError> {
        let path = artifact_path(task, Some(run), name);
        self.call(Method::POST, &path, Some(request)).await
    }

    /// Creates an `s3` artifact and uploads its content.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn upload_artifact(
        &self,
        task: TaskId,
        run: RunId,
        name: &str,
        expires: Timestamp,
        upload: Upload,
    ) -> Result<(), ClientError> {
        let request = json!({
            "storageType": "s3",
            "contentType": upload.content_type,
            "expires": expires,
        });
        let answer = self.create_artifact(task, run, name, &request).await?;
        let url: String = member(answer, "putUrl")?;
        let put = self.http.put(url).header(CONTENT_TYPE, upload.content_type);
        let put = match upload.content_encoding {
            Some(encoding) => put.header(CONTENT_ENCODING, encoding),
            None => put,
        };
        let answer = put.body(upload.bytes).send().await?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(refusal(answer).await)
        }
    }

    /// The artifacts of a run, all pages.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn artifacts(&self, task: TaskId, run: RunId) -> Result<Vec<Value>, ClientError> {
        let base = task_path(task, &format!("/runs/{run}/artifacts"));
        let mut artifacts = Vec::new();
        let mut path = base.clone();
        loop {
            let mut answer = self.call(Method::GET, &path, None).await?;
            let token = answer.get_mut("continuationToken").map(Value::take);
            artifacts.append(&mut member::<Vec<Value>>(answer, "artifacts")?);
            let Some(Value::String(token)) = token else {
                return Ok(artifacts);
            };
            path = format!("{base}?continuationToken={}", segment(&token));
        }
    }

    /// The content of an artifact, unpacked; of the latest run without one. At most `limit` bytes.
    ///
    /// # Errors
    /// `Refused`, with 424 for an error artifact; `Answer` above the limit.
    pub async fn artifact(
        &self,
        task: TaskId,
        run: Option<RunId>,
        name: &str,
        limit: usize,
    ) -> Result<Vec<u8>, ClientError> {
        let mut answer = self
            .send(Method::GET, &artifact_path(task, run, name), None)
            .await?;
        for _ in 0..5 {
            if answer.status().as_u16() != 303 {
                break;
            }
            // the target is signed where it has to be: it never gets our credentials
            answer = self.http.get(location(&answer)?).send().await?;
        }
        if answer.status().as_u16() != 200 {
            return Err(refusal(answer).await);
        }
        let packed = answer
            .headers()
            .get(CONTENT_ENCODING)
            .is_some_and(|encoding| encoding.as_bytes() == b"gzip");
        let bytes = read(answer, limit).await?;
        if packed {
            unpack(&bytes, limit)
        } else {
            Ok(bytes)
        }
    }
}

fn artifact_path(task: TaskId, run: Option<RunId>, name: &str) -> String {
    let name = segment(name);
    match run {
        Some(run) => task_path(task, &format!("/runs/{run}/artifacts/{name}")),
        None => task_path(task, &format!("/artifacts/{name}")),
    }
}

async fn read(mut answer: reqwest::Response, limit: usize) -> Result<Vec<u8>, ClientError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if bytes.len().saturating_add(chunk.len()) > limit {
            return Err(too_large(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn unpack(packed: &[u8], limit: usize) -> Result<Vec<u8>, ClientError> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    MultiGzDecoder::new(packed)
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(|why| ClientError::Answer(format!("broken gzip: {why}")))?;
    if bytes.len() > limit {
        return Err(too_large(limit));
    }
    Ok(bytes)
}

fn too_large(limit: usize) -> ClientError {
    ClientError::Answer(format!("an artifact of more than {limit} bytes"))
}
