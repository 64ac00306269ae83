// SPDX-License-Identifier: MPL-2.0
//! Artifacts: creating them, and sending their content (worker.md 8.3, 8.4, 12.3).

use std::fs::File;
use std::time::Duration;

use bytes::Bytes;
use catena_core::model::ids::{RunId, TaskId};
use reqwest::Url;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::{Queue, QueueError, broken, refusal, setup};

/// Where the content of an artifact is stored (`x_cot.artifact_storage`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Storage {
    /// The object service, where content cannot change once it is finished.
    Object,
    /// A bucket, by a signed URL.
    #[default]
    S3,
}

/// The content of an artifact as it goes over the wire.
#[derive(Debug)]
pub enum Payload {
    /// Read from its beginning.
    File(File),
    /// What is small.
    Memory(Bytes),
}

impl From<Payload> for reqwest::Body {
    fn from(content: Payload) -> Self {
        match content {
            Payload::File(file) => tokio::fs::File::from_std(file).into(),
            Payload::Memory(bytes) => bytes.into(),
        }
    }
}

/// What is sent.
#[derive(Debug)]
pub struct Body {
    /// The content.
    pub content: Payload,
    /// Its length.
    pub length: u64,
    /// Its type.
    pub mime: &'static str,
    /// Whether it is packed with gzip.
    pub gzip: bool,
}

/// An artifact that exists, and where its content goes.
#[derive(Debug)]
pub struct Created {
    /// Signed, so no log shows it whole.
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
}

impl Queue {
    /// Creates an artifact of type `s3`; the answer says where its content goes.
    ///
    /// # Errors
    /// [`QueueError`]
    pub async fn create_s3(
        &self,
        task: TaskId,
        run: RunId,
        name: &str,
        mime: &str,
        expires: &str,
    ) -> Result<Created, QueueError> {
        let body = json!({"storageType": "s3", "contentType": mime, "expires": expires});
        let answer = self.create(task, run, name, &body).await?;
        let url = answer.get("putUrl").and_then(Value::as_str);
        let url = url.and_then(|url| Url::parse(url).ok());
        let mime = HeaderValue::from_str(mime);
        let mime = mime.map_err(|_| setup("createArtifact", "a type that no header carries"))?;
        Ok(Created {
            url: url.ok_or_else(|| QueueError::Answer {
                call: "createArtifact",
                detail: "no putUrl".to_owned(),
            })?,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, mime)]),
        })
    }

    /// Creates a link to another artifact of the same run (worker.md 8.4).
    ///
    /// # Errors
    /// [`QueueError`]
    pub async fn create_link(
        &self,
        task: TaskId,
        run: RunId,
        name: &str,
        target: &str,
        expires: &str,
    ) -> Result<(), QueueError> {
        let body = json!({
            "storageType": "link", "artifact": target, "contentType": "text/plain", "expires": expires,
        });
        self.create(task, run, name, &body).await.map(drop)
    }

    /// Creates an artifact that says why there is none.
    ///
    /// # Errors
    /// [`QueueError`]
    pub async fn create_error(
        &self,
        task: TaskId,
        run: RunId,
        name: &str,
        reason: &str,
        message: &str,
        expires: &str,
    ) -> Result<(), QueueError> {
        let body = json!({
            "storageType": "error", "reason": reason, "message": message, "expires": expires,
        });
        self.create(task, run, name, &body).await.map(drop)
    }

    /// Sends content to where the answer of createArtifact says. No credentials go there.
    ///
    /// # Errors
    /// [`QueueError::Transient`], also for every status that is no success: the URL may be stale.
    pub async fn put(
        &self,
        created: &Created,
        body: Body,
        timeout: Duration,
    ) -> Result<(), QueueError> {
        let call = "upload";
        let mut headers = created.headers.clone();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.length));
        if body.gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let answer = self
            .http
            .put(created.url.clone())
            .timeout(timeout)
            .headers(headers)
            .body(body.content)
            .send()
            .await
            .map_err(|why| broken(call, &why))?;
        let status = answer.status().as_u16();
        if answer.status().is_success() {
            return Ok(());
        }
        let detail = match refusal(call, answer).await {
            QueueError::Transient { detail, .. } => detail,
            _ => format!("the answer was {status}"),
        };
        Err(QueueError::Transient {
            call,
            status: Some(status),
            detail,
        })
    }
}
