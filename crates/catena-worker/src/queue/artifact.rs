// SPDX-License-Identifier: MPL-2.0
//! Artifacts: creating them, and sending their content (worker.md 8.3, 8.4, 12.3).

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use catena_core::model::ids::{RunId, TaskId};
use catena_crypto::digest::{Digest, Hasher};
use futures::TryStreamExt as _;
use reqwest::Url;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Value, json};
use tokio_util::io::ReaderStream;

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
    /// Read from its beginning. What goes over the wire must have the digest, if there is one.
    File(File, Option<Digest>),
    /// What is small.
    Memory(Bytes),
}

impl Payload {
    fn into_body(self) -> (reqwest::Body, Option<Seal>) {
        let (file, due) = match self {
            Self::Memory(bytes) => return (bytes.into(), None),
            Self::File(file, due) => (tokio::fs::File::from_std(file), due),
        };
        let pieces = ReaderStream::with_capacity(file, PIECE);
        let Some(due) = due else {
            return (reqwest::Body::wrap_stream(pieces), None);
        };
        let hasher = Arc::new(Mutex::new(Hasher::new(due.algorithm())));
        let seal = Seal {
            hasher: Arc::clone(&hasher),
            due,
        };
        let pieces = pieces.inspect_ok(move |piece| {
            let mut hasher = hasher.lock().unwrap_or_else(PoisonError::into_inner);
            hasher.update(piece);
        });
        (reqwest::Body::wrap_stream(pieces), Some(seal))
    }
}

/// What was sent must be what was signed, even if the file changed meanwhile (generation.md 6.4).
struct Seal {
    hasher: Arc<Mutex<Hasher>>,
    due: Digest,
}

impl Seal {
    fn check(&self, call: &'static str) -> Result<(), QueueError> {
        let hasher = self.hasher.lock().unwrap_or_else(PoisonError::into_inner);
        let found = hasher.clone().finish();
        match found == self.due {
            true => Ok(()),
            false => Err(QueueError::Changed {
                call,
                due: self.due.to_string(),
                found: found.to_string(),
            }),
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
    /// [`QueueError::Changed`] if what was sent is not what was to be sent.
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
        let (content, seal) = body.content.into_body();
        let answer = self
            .http
            .put(created.url.clone())
            .timeout(timeout)
            .headers(headers)
            .body(content)
            .send()
            .await
            .map_err(|why| broken(call, &why))?;
        let status = answer.status().as_u16();
        if answer.status().is_success() {
            return seal.map_or(Ok(()), |seal| seal.check(call));
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

/// How much of a file is read at once.
const PIECE: usize = 64 << 10;
