// SPDX-License-Identifier: MPL-2.0
//! The trait that answers requests.

use std::path::Path;

use async_trait::async_trait;
use catena_core::document::Answer;
use catena_core::report::GithubBudget;
use catena_core::request::Request;

use crate::spool::PlaceError;

/// Answers requests. Equal requests get equal answers from one source: what can change in the world
/// lives for one run (P22).
#[async_trait]
pub trait Source: Send + Sync {
    /// Returns the document that is asked for, or why there is none, after retries.
    async fn fetch(&self, request: &Request) -> Answer;

    /// Puts an artifact, chain-of-trust document or task graph that was fetched before under its
    /// final name, `<work_dir>/cot/<taskId>/<name>` (P28). To be called for accepted ones only.
    ///
    /// # Errors
    /// The request was not fetched, has no such place, or the file cannot be made.
    fn place(&self, request: &Request, work_dir: &Path) -> Result<(), PlaceError>;

    /// Returns what fetching took so far.
    fn stats(&self) -> Stats {
        Stats::default()
    }
}

#[async_trait]
impl<S: Source + ?Sized> Source for Box<S> {
    async fn fetch(&self, request: &Request) -> Answer {
        (**self).fetch(request).await
    }

    fn place(&self, request: &Request, work_dir: &Path) -> Result<(), PlaceError> {
        (**self).place(request, work_dir)
    }

    fn stats(&self) -> Stats {
        (**self).stats()
    }
}

/// What fetching took.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Serialize)]
pub struct Stats {
    /// Bytes received in bodies, as sent over the wire.
    pub bytes: u64,
    /// What asking GitHub's API took; `None` if it was not asked.
    pub github: Option<GithubBudget>,
    /// HTTP requests sent, redirects and retries included.
    pub requests: u64,
    /// Requests that were repeated after a failure.
    pub retries: u64,
}
