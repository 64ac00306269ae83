// SPDX-License-Identifier: MPL-2.0
//! Documents held in memory: for tests, fuzzing and rehearsal.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use catena_core::document::{Answer, Document, ErrorKind, EvidenceError};
use catena_core::request::Request;

use crate::source::Source;
use crate::spool::{Form, PlaceError, Spool};

/// A source over documents in memory. What it does not have is absent.
#[derive(Debug)]
pub struct MemorySource {
    answers: HashMap<Request, Result<Bytes, EvidenceError>>,
    spool: Spool,
}

impl Default for MemorySource {
    fn default() -> Self {
        Self {
            answers: HashMap::new(),
            spool: Spool::in_memory(),
        }
    }
}

impl MemorySource {
    /// Returns an empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the document that answers a request.
    pub fn insert(&mut self, request: Request, body: impl Into<Bytes>) {
        self.answers.insert(request, Ok(body.into()));
    }

    /// Sets the failure that answers a request.
    pub fn fail(&mut self, request: Request, kind: ErrorKind) {
        let error = failure(&request, kind, "set so");
        self.answers.insert(request, Err(error));
    }

    /// Removes the answer to a request: it becomes absent.
    pub fn remove(&mut self, request: &Request) -> Option<Bytes> {
        self.answers.remove(request)?.ok()
    }

    /// Returns the document that answers a request.
    #[must_use]
    pub fn document(&self, request: &Request) -> Option<&Bytes> {
        self.answers.get(request)?.as_ref().ok()
    }

    /// Returns the requests that have an answer, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<&Request> {
        let mut requests: Vec<_> = self.answers.keys().collect();
        requests.sort();
        requests
    }

    /// Returns the answer to a request, at once.
    ///
    /// # Errors
    /// Why there is no document.
    pub fn answer(&self, request: &Request) -> Answer {
        let body = match self.answers.get(request) {
            Some(answer) => answer.clone()?,
            None => {
                return Err(failure(
                    request,
                    ErrorKind::Absent,
                    "not among the documents",
                ));
            }
        };
        let origin: Arc<str> = format!("memory: {request}").into();
        let body = self
            .spool
            .whole(Form::of(request), body, &origin)
            .map_err(|error| failure(request, error.kind(), &error.to_string()))?;
        self.spool.note(request, &body);
        Ok(Document {
            body: body.into_body(),
            origin,
        })
    }
}

#[async_trait]
impl Source for MemorySource {
    async fn fetch(&self, request: &Request) -> Answer {
        self.answer(request)
    }

    fn place(&self, request: &Request, work_dir: &Path) -> Result<(), PlaceError> {
        self.spool.place(request, work_dir)
    }
}

fn failure(request: &Request, kind: ErrorKind, detail: &str) -> EvidenceError {
    let origin = format!("memory: {request}").into();
    EvidenceError {
        kind,
        detail: detail.to_owned(),
        origin,
    }
}
