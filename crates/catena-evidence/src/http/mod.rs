// SPDX-License-Identifier: MPL-2.0
//! Documents over HTTP: the queue, hg, GitHub, projects.yml.

mod access;
mod budget;
mod cache;
mod classify;
mod client;
pub(crate) mod connections;
mod decode;
mod gate;
mod github;
mod guard;
pub(crate) mod hawk;
mod hosts;
pub(crate) mod limits;
pub(crate) mod options;
mod paging;
mod receive;
mod redirect;
pub(crate) mod retry;
mod share;
mod urls;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use catena_core::document::{Answer, Document, ErrorKind, EvidenceError};
use catena_core::request::{HostedKind, Request};
use reqwest::Url;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use self::classify::Failure;
use self::client::Client;
use self::connections::Connections;
use self::hosts::hosted;
use self::options::{HttpOptions, OptionsError};
use self::retry::STREAMING;
use self::share::Shares;
use crate::mirror::Mirrors;
use crate::source::{Source, Stats};
use crate::spool::{Form, Kept, PlaceError};

/// A source over HTTP. Each document is fetched once; answers live as long as the source (P22), so
/// one source serves one run.
#[derive(Debug)]
pub struct HttpSource {
    client: Client,
    mirrors: Mirrors,
    shares: Shares,
    flights: Mutex<HashMap<Request, Arc<OnceCell<Answer>>>>,
}

impl HttpSource {
    /// Returns a source with these settings. Connects to nobody yet.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn new(options: &HttpOptions) -> Result<Self, OptionsError> {
        Self::over(Arc::new(Connections::new(options)?), options)
    }

    /// Returns a source over connections that others use as well, made of the same options.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn over(
        connections: Arc<Connections>,
        options: &HttpOptions,
    ) -> Result<Self, OptionsError> {
        Ok(Self {
            client: Client::new(options, connections)?,
            mirrors: Mirrors::new(&options.vcs_hosts),
            shares: Shares::default(),
            flights: Mutex::default(),
        })
    }

    /// Returns the canonical URL of a document, if these settings give it one.
    #[must_use]
    pub fn url(&self, request: &Request) -> Option<String> {
        self.client.urls.of(request).ok().map(Into::into)
    }

    async fn answer(&self, request: &Request) -> Answer {
        if let Some(hosted) = hosted(request)
            && hosted.kind == HostedKind::Git
        {
            let most = self.client.limits().of(request);
            return self.mirrors.answer(hosted, request, most).await;
        }
        let url = self
            .client
            .urls
            .of(request)
            .map_err(|error| EvidenceError {
                kind: ErrorKind::Unavailable,
                detail: error.to_string(),
                origin: request.to_string().into(),
            })?;
        let origin: Arc<str> = url.as_str().into();
        let body = match request {
            Request::ArtifactList { .. } => self.list(request, &url).await,
            Request::Branches { .. } | Request::Tags { .. } => self.join(request, &url).await,
            _ => self.shared(request, &url).await,
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
        let deadline = self.client.options.retry.deadline.saturating_mul(factor);
        let end = Instant::now() + deadline;
        let attempts = || self.client.attempt(request, url);
        tokio::time::timeout_at(end, self.client.repeat(end, attempts))
            .await
            .unwrap_or_else(|_| {
                let detail = format!(
                    "no answer within {} s, retries included",
                    deadline.as_secs()
                );
                Err(Failure::lasting(ErrorKind::Unavailable, detail))
            })
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
