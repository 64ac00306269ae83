// SPDX-License-Identifier: MPL-2.0
//! A small client of the services here, for the demo and its workers (worker.md §12.1). Requests are signed with Hawk;
//! answers are JSON or the types of [`queue`](crate::queue).

mod artifacts;
mod calls;
mod sign;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Method, Response, Url};
use serde_json::Value;

pub use artifacts::Upload;
pub use calls::ClaimedTask;
use sign::Signer;

use crate::Credentials;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The service refused; what its error body says (worker.md §12).
    #[error("the service answered {status} {code}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// `code` of the error body, such as `RequestConflict`; empty without one.
        code: String,
        /// `message` of the error body.
        message: String,
    },
    /// The answer is not what the API promises.
    #[error("unexpected answer: {0}")]
    Answer(String),
    /// The root URL or the credentials cannot be used.
    #[error("{0}")]
    Setup(String),
    /// No connection, or it broke.
    #[error("the request failed")]
    Transport(#[from] reqwest::Error),
}

impl ClientError {
    /// The HTTP status of a refusal.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Answer(_) | Self::Setup(_) | Self::Transport(_) => None,
        }
    }
}

/// Calls the services at one root URL, as one client. A clone shares its connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    root: Arc<str>,
    signer: Option<Arc<Signer>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the services at `root_url` with these credentials, permanent or temporary.
    ///
    /// # Errors
    /// `Setup` for a root URL that is none, or credentials that cannot be put into a header.
    pub fn new(root_url: &str, credentials: &Credentials) -> Result<Self, ClientError> {
        let mut client = Self::anonymous(root_url)?;
        client.signer = Some(Arc::new(Signer::new(credentials)?));
        Ok(client)
    }

    /// A client without credentials: what role `anonymous` may do.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn anonymous(root_url: &str) -> Result<Self, ClientError> {
        let root = root_url.trim_end_matches('/');
        if !Url::parse(root).is_ok_and(|url| url.has_host()) {
            let message = format!("expected a root URL, found {root_url:?}");
            return Err(ClientError::Setup(message));
        }
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(10))
            .build()?;
        Ok(Self {
            http,
            root: root.into(),
            signer: None,
        })
    }

    /// The same services and connections with other credentials, such as those of a claim.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with(&self, credentials: &Credentials) -> Result<Self, ClientError> {
        Ok(Self {
            http: self.http.clone(),
            root: Arc::clone(&self.root),
            signer: Some(Arc::new(Signer::new(credentials)?)),
        })
    }

    /// The root URL, without a slash at its end.
    #[must_use]
    pub fn root_url(&self) -> &str {
        &self.root
    }

    /// Any call: `path` stands behind the root URL, such as `/api/queue/v1/ping`, its parts percent-encoded (see
    /// [`segment`]). Returns the JSON of the answer, `null` for an empty one.
    ///
    /// # Errors
    /// `Refused` for every status that is neither 2xx nor 303.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ClientError> {
        let answer = self.send(method, path, body).await?;
        let bytes = answer.bytes().await?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes)
            .map_err(|why| ClientError::Answer(format!("{path} is not JSON: {why}")))
    }

    /// As [`Client::call`], but the answer as it came: for proxies that pass it on. Refusals are answers here.
    ///
    /// # Errors
    /// `Setup` for a path that makes no URL, `Transport`.
    pub async fn forward(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Bytes,
    ) -> Result<Response, ClientError> {
        let url = Url::parse(&format!("{}{path}", self.root))
            .map_err(|why| ClientError::Setup(format!("{path} makes no URL: {why}")))?;
        let mut request = self.http.request(method.clone(), url.clone());
        if let Some(signer) = &self.signer {
            let header = signer.header(&method, &url, content_type.unwrap_or(""), &body)?;
            request = request.header(AUTHORIZATION, header);
        }
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        Ok(request.body(body).send().await?)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response, ClientError> {
        let (content_type, body) = match body {
            Some(body) => (Some("application/json"), body.to_string().into()),
            None => (None, Bytes::new()),
        };
        let answer = self.forward(method, path, content_type, body).await?;
        if answer.status().is_success() || answer.status().as_u16() == 303 {
            Ok(answer)
        } else {
            Err(refusal(answer).await)
        }
    }
}

/// Percent-encodes one part of a path, `/` included.
#[must_use]
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Makes an error of an answer that is a refusal.
async fn refusal(answer: Response) -> ClientError {
    let status = answer.status().as_u16();
    let bytes = answer.bytes().await.unwrap_or_default();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    ClientError::Refused {
        status,
        code: text("code").to_owned(),
        message: text("message").to_owned(),
    }
}

/// Where a redirect leads.
fn location(answer: &Response) -> Result<Url, ClientError> {
    let target = answer.headers().get(LOCATION);
    let target = target.and_then(|value| value.to_str().ok());
    target
        .and_then(|text| answer.url().join(text).ok())
        .ok_or_else(|| ClientError::Answer("a redirect without a usable Location".to_owned()))
}

/// All but RFC 3986's unreserved characters.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
