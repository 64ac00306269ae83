// SPDX-License-Identifier: MPL-2.0
//! Documents over HTTP: the queue, hg, GitHub, projects.yml.

mod classify;
mod client;
mod decode;
mod gate;
mod guard;
pub(crate) mod limits;
pub(crate) mod options;
mod paging;
mod receive;
mod redirect;
pub(crate) mod retry;
mod urls;

use std::collections::HashMap;
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use catena_core::document::{Answer, Document, ErrorKind, EvidenceError};
use catena_core::request::Request;
use reqwest::Url;
use tokio::sync::OnceCell;

use self::classify::{Again, Failure};
use self::client::Client;
use self::options::{HttpOptions, OptionsError};
use self::retry::{Retry, STREAMING};
use self::urls::Urls;
use crate::source::{Source, Stats};
use crate::spool::{Form, Kept, PlaceError};

/// A source over HTTP. Each document is fetched once; answers live as long as the source (P22), so
/// one source serves one run.
#[derive(Debug)]
pub struct HttpSource {
    client: Client,
    flights: Mutex<HashMap<Request, Arc<OnceCell<Answer>>>>,
    retry: Retry,
    urls: Urls,
}

impl HttpSource {
    /// Returns a source with these settings. Connects to nobody yet.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn new(options: &HttpOptions) -> Result<Self, OptionsError> {
        Ok(Self {
            client: Client::new(options)?,
            flights: Mutex::default(),
            retry: options.retry,
            urls: Urls::new(options)?,
        })
    }

    /// Returns the canonical URL of a document, if these settings give it one.
    #[must_use]
    pub fn url(&self, request: &Request) -> Option<String> {
        self.urls.of(request).ok().map(Into::into)
    }

    async fn answer(&self, request: &Request) -> Answer {
        let url = self.urls.of(request).map_err(|error| EvidenceError {
            kind: ErrorKind::Unavailable,
            detail: error.to_string(),
            origin: request.to_string().into(),
        })?;
        let origin: Arc<str> = url.as_str().into();
        let body = match request {
            Request::ArtifactList { .. } => self.list(request, &url).await,
            _ => self.get(request, &url).await,
        };
        match body {
            Ok(kept) => {
                self.client.spool().note(request, &kept);
                Ok(Document {
                    body: kept.into_body(),
                    origin,
                })
            }
            Err(Failure { kind, detail, .. }) => Err(EvidenceError {
                kind,
                detail,
                origin,
            }),
        }
    }

    /// Returns one body, after retries.
    async fn get(&self, request: &Request, url: &Url) -> Result<Kept, Failure> {
        let factor = if Form::of(request) == Form::Bytes {
            1
        } else {
            STREAMING
        };
        let deadline = self.retry.deadline.saturating_mul(factor);
        let work = self.repeat(|| self.client.attempt(request, url));
        tokio::time::timeout(deadline, work)
            .await
            .unwrap_or_else(|_| {
                let detail = format!(
                    "no answer within {} s, retries included",
                    deadline.as_secs()
                );
                Err(Failure::lasting(ErrorKind::Unavailable, detail))
            })
    }

    /// Repeats what fails and may pass (P20).
    async fn repeat<F, T>(&self, mut attempt: impl FnMut() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut failed = 0;
        loop {
            let failure = match attempt().await {
                Ok(body) => return Ok(body),
                Err(failure) => failure,
            };
            failed += 1;
            match failure.again {
                Again::Later(asked) if failed < self.retry.attempts => {
                    tracing::debug!(failed, detail = failure.detail, "will try again");
                    tokio::time::sleep(self.retry.pause(failed, asked)).await;
                    self.client.count_retry();
                }
                Again::Later(_) => {
                    let detail = format!("{} ({failed} attempts)", failure.detail);
                    return Err(Failure { detail, ..failure });
                }
                Again::Never => return Err(failure),
            }
        }
    }
}

#[async_trait]
impl Source for HttpSource {
    async fn fetch(&self, request: &Request) -> Answer {
        let flight = {
            let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(flights.entry(request.clone()).or_default())
        };
        flight.get_or_init(|| self.answer(request)).await.clone()
    }

    fn place(&self, request: &Request, work_dir: &Path) -> Result<(), PlaceError> {
        self.client.spool().place(request, work_dir)
    }

    fn stats(&self) -> Stats {
        self.client.stats()
    }
}
