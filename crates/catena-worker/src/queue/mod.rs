// SPDX-License-Identifier: MPL-2.0
//! The queue, as a worker calls it (worker.md 12): claims, reclaims, reports, artifacts.
//!
//! [`Queue`] sends one signed request and says what came of it: [`QueueError`] tells a lost run from a refusal and from
//! what may pass. [`Queue::again`] repeats what may pass. A clone shares connections and credentials, so that the
//! credentials of a reclaim count for every call that follows.

mod artifact;
mod calls;
mod claim;
mod clock;
mod error;
mod mask;
mod object;
mod retry;

use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use catena_core::policy::Credentials;
use catena_evidence::Signer;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Method, Response, StatusCode, Url};
use serde_json::Value;

use calls::CLAIM_WORK;
use clock::Clock;

pub use artifact::{Body, Created, Payload, Storage};
pub use claim::{Claimed, Reclaimed, Task};
pub use error::QueueError;
pub use mask::mask;
pub use retry::Retry;

/// Calls the queue of a deployment with credentials that can be replaced.
#[derive(Clone)]
pub struct Queue {
    http: reqwest::Client,
    root: Arc<str>,
    retry: Retry,
    patience: Duration,
    clock: Arc<Clock>,
    signer: Arc<RwLock<Arc<Signer>>>,
}

impl std::fmt::Debug for Queue {
    /// Shows where requests go; never the credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

impl Queue {
    /// Takes the root URL, credentials, and how calls are repeated.
    ///
    /// # Errors
    /// [`QueueError::Setup`]
    pub fn new(root: &str, credentials: &Credentials, retry: Retry) -> Result<Self, QueueError> {
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .user_agent(concat!("catena/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|why| setup("the client", &why.to_string()))?;
        Ok(Self {
            http,
            root: root.trim_end_matches('/').into(),
            retry,
            patience: PATIENCE,
            clock: Arc::default(),
            signer: Arc::new(RwLock::new(sign_as(credentials)?)),
        })
    }

    /// Returns the same queue with another limit for the time of a call; requests for work keep theirs.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Returns the time at the queue, as far as it is known.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Says once that the machine's clock differs from the queue's.
    #[must_use]
    pub fn clock_news(&self) -> Option<String> {
        self.clock.news()
    }

    /// Returns the same queue for other credentials, such as those of a claim.
    ///
    /// # Errors
    /// [`QueueError::Setup`]
    pub fn with(&self, credentials: &Credentials) -> Result<Self, QueueError> {
        Ok(Self {
            signer: Arc::new(RwLock::new(sign_as(credentials)?)),
            ..self.clone()
        })
    }

    /// Replaces the credentials, for all clones of this one.
    ///
    /// # Errors
    /// [`QueueError::Setup`]; then the old ones stay.
    pub fn renew(&self, credentials: &Credentials) -> Result<(), QueueError> {
        let signer = sign_as(credentials)?;
        *self.signer.write().unwrap_or_else(PoisonError::into_inner) = signer;
        Ok(())
    }

    /// Repeats a call while what went wrong may pass.
    ///
    /// # Errors
    /// The last failure.
    pub async fn again<T, F>(&self, call: impl Fn() -> F) -> Result<T, QueueError>
    where
        F: Future<Output = Result<T, QueueError>>,
    {
        let mut failed = 0;
        loop {
            let error = match call().await {
                Err(error) if error.may_pass() => error,
                done => return done,
            };
            failed += 1;
            match self.retry.pause(failed) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            }
        }
    }

    /// Sends one signed request and returns the body of its answer.
    async fn call(
        &self,
        call: &'static str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Vec<u8>, QueueError> {
        self.call_as(call, None, method, path, body).await
    }

    /// As [`call`](Self::call), with a signer of its own. A request that the queue refused because of our clock is sent
    /// again with the queue's time.
    async fn call_as(
        &self,
        call: &'static str,
        signer: Option<Arc<Signer>>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Vec<u8>, QueueError> {
        let text = format!("{}{path}", self.root);
        let url = Url::parse(&text).map_err(|_| setup(call, "expected a URL as root URL"))?;
        let body = body.map(Value::to_string);
        let signer = signer.unwrap_or_else(|| self.signer());
        let send = || self.send(call, &signer, &method, &url, body.as_deref());
        let mut answer = send().await?;
        let learnt = self.clock.learn(answer.headers());
        if learnt && answer.status() == StatusCode::UNAUTHORIZED {
            answer = send().await?;
        }
        if !answer.status().is_success() {
            return Err(refusal(call, answer).await);
        }
        receive(call, answer).await
    }

    async fn send(
        &self,
        call: &'static str,
        signer: &Signer,
        method: &Method,
        url: &Url,
        body: Option<&str>,
    ) -> Result<Response, QueueError> {
        let bytes = body.map(str::as_bytes);
        let header = signer
            .authorization_at(method.as_str(), url, bytes, self.now().into())
            .ok_or_else(|| setup(call, "the request cannot be signed"))?;
        let mut request = self
            .http
            .request(method.clone(), url.clone())
            .timeout(match call {
                CLAIM_WORK => PATIENCE,
                _ => self.patience,
            })
            .header(AUTHORIZATION, header);
        if let Some(body) = body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_owned());
        }
        request.send().await.map_err(|why| broken(call, &why))
    }

    fn signer(&self) -> Arc<Signer> {
        Arc::clone(&self.signer.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn sign_as(credentials: &Credentials) -> Result<Arc<Signer>, QueueError> {
    let signer = Signer::new(credentials).map_err(|why| setup("credentials", &why.to_string()))?;
    Ok(Arc::new(signer))
}

fn setup(call: &'static str, detail: &str) -> QueueError {
    QueueError::Setup {
        call,
        detail: detail.to_owned(),
    }
}

/// Says what happened on the wire, without the URL, which may be signed.
fn broken(call: &'static str, why: &reqwest::Error) -> QueueError {
    let mut detail = match () {
        () if why.is_timeout() => "no answer in time".to_owned(),
        () if why.is_connect() => "no connection".to_owned(),
        () => "the connection broke".to_owned(),
    };
    let mut source = std::error::Error::source(why);
    while let Some(cause) = source {
        detail = format!("{detail}: {cause}");
        source = cause.source();
    }
    QueueError::Transient {
        call,
        status: None,
        detail,
    }
}

/// Makes an error of an answer that is no success.
async fn refusal(call: &'static str, answer: Response) -> QueueError {
    let status = answer.status().as_u16();
    let body = receive(call, answer).await.unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |key: &str| {
        let text = body.get(key).and_then(Value::as_str).unwrap_or_default();
        // the first line says it; the others repeat the request
        let line = text.lines().next().unwrap_or_default();
        line.chars().take(SHOWN).collect::<String>()
    };
    let (code, message) = (text("code"), text("message"));
    match status {
        409 => QueueError::Conflict { call, message },
        408 | 429 | 500.. => QueueError::Transient {
            call,
            status: Some(status),
            detail: format!("the answer was {status} {code}: {message}"),
        },
        _ => QueueError::Refused {
            call,
            status,
            code,
            message,
        },
    }
}

/// Reads a body of at most [`MOST`] bytes.
async fn receive(call: &'static str, mut answer: Response) -> Result<Vec<u8>, QueueError> {
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|why| broken(call, &why))? {
        if bytes.len().saturating_add(piece.len()) > MOST {
            return Err(QueueError::Answer {
                call,
                detail: format!("more than {MOST} bytes"),
            });
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Percent-encodes one part of a path, `/` included.
fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// What stays as it is in a path: the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// claimWork may take 20 s on purpose.
const PATIENCE: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(10);
/// 32 definitions of a megabyte each; the queue takes no larger ones.
const MOST: usize = 64 << 20;
/// How much of a message is kept.
const SHOWN: usize = 1000;
