// SPDX-License-Identifier: MPL-2.0
//! The documents received so far, each read once by the one function that turns its bytes into a value.
//!
//! Asking for a document that has not arrived remembers the request: this is how a walk learns what a rule
//! needs, by running the rule (see [`crate::walk`]).

use std::cell::RefCell;
use std::collections::HashMap;

use bytes::Bytes;
use catena_crypto::digest::{Algorithm, Digest};
use catena_jsone::Value;

use crate::document::{Answer, Body, Document, EvidenceError};
use crate::json::{self, JsonError, Reading};
use crate::model::definition::Definition;
use crate::model::ids::{RunId, TaskId};
use crate::model::shape::Shape;
use crate::model::status::RunPin;
use crate::neutral;
use crate::request::Request;

/// Why a document, or what it should say, is not to be had.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Miss {
    /// It has not arrived yet.
    #[error("not received yet")]
    Pending,
    /// The source could not give it.
    #[error("{0}")]
    Failed(EvidenceError),
    /// It is complete and not JSON.
    #[error("expected JSON, found {0}")]
    Json(JsonError),
    /// It is JSON of another shape.
    #[error("{0}")]
    Shape(Shape),
}

impl From<Shape> for Miss {
    fn from(shape: Shape) -> Self {
        Self::Shape(shape)
    }
}

impl From<JsonError> for Miss {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

/// Answers by request.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    answers: HashMap<Request, Answer>,
    definitions: HashMap<TaskId, Result<Definition, Miss>>,
    runs: HashMap<TaskId, Result<RunPin, Miss>>,
    wanted: RefCell<Vec<Request>>,
}

impl Evidence {
    /// Takes an answer; definitions and statuses are parsed at once, everything else when a rule reads it.
    pub(crate) fn insert(&mut self, request: Request, answer: Answer) {
        match &request {
            Request::Definition { task } => {
                let read = value_of(&answer).and_then(|value| Ok(Definition::new(*task, value)?));
                self.definitions.insert(*task, read);
            }
            Request::Status { task } => {
                let read = value_of(&answer).and_then(|value| Ok(RunPin::read(&value)?));
                self.runs.insert(*task, read);
            }
            _ => {}
        }
        self.answers.insert(request, answer);
    }

    /// Takes a definition that was read elsewhere.
    pub(crate) fn define(&mut self, task: TaskId, value: Value) {
        let read = Definition::new(task, value).map_err(Miss::from);
        self.definitions.insert(task, read);
    }

    /// Returns whether an answer has arrived.
    pub(crate) fn has(&self, request: &Request) -> bool {
        self.answers.contains_key(request)
    }

    /// Remembers that the document is needed.
    pub(crate) fn want(&self, request: &Request) {
        if !self.answers.contains_key(request) {
            self.wanted.borrow_mut().push(request.clone());
        }
    }

    /// Returns what was asked for in vain since the last call.
    pub(crate) fn take_wanted(&self) -> Vec<Request> {
        std::mem::take(&mut self.wanted.borrow_mut())
    }

    /// Returns a document.
    pub(crate) fn document(&self, request: &Request) -> Result<&Document, Miss> {
        match self.answers.get(request) {
            Some(Ok(document)) => Ok(document),
            Some(Err(error)) => Err(Miss::Failed(error.clone())),
            None => {
                self.want(request);
                Err(Miss::Pending)
            }
        }
    }

    /// Returns the bytes of a document, at most `limit` of a stored one.
    pub(crate) fn bytes(&self, request: &Request, limit: u64) -> Result<Bytes, Miss> {
        match &self.document(request)?.body {
            Body::Bytes(bytes) => Ok(bytes.clone()),
            Body::Graph(graph) => graph.bytes(limit).map_err(Miss::Failed),
            Body::Stored(stored) => stored.bytes(limit).map_err(Miss::Failed),
        }
    }

    /// Returns a host's JSON answer, with GitHub's names whatever git host it is (ADR 11).
    pub(crate) fn host_json(&self, request: &Request, limit: u64) -> Result<Value, Miss> {
        let value = json::parse(&self.bytes(request, limit)?, Reading::Lenient)?;
        Ok(neutral::answer(request, value))
    }

    /// Returns a task's definition.
    pub(crate) fn definition(&self, task: TaskId) -> Result<&Definition, Miss> {
        match self.definitions.get(&task) {
            Some(read) => read.as_ref().map_err(Clone::clone),
            None => {
                self.want(&Request::Definition { task });
                Err(Miss::Pending)
            }
        }
    }

    /// Returns the run that the queue's status pins (P10).
    pub(crate) fn run(&self, task: TaskId) -> Result<&RunPin, Miss> {
        match self.runs.get(&task) {
            Some(read) => read.as_ref().map_err(Clone::clone),
            None => {
                self.want(&Request::Status { task });
                Err(Miss::Pending)
            }
        }
    }

    /// Returns the run that everything of the task is fetched from, once it is known and completed (P10).
    pub(crate) fn pinned(&self, task: TaskId) -> Option<RunId> {
        self.run(task).ok()?.completed()
    }

    /// Returns the SHA-256 of a received document.
    pub(crate) fn sha256(&self, request: &Request) -> Option<Digest> {
        match &self.answers.get(request)?.as_ref().ok()?.body {
            Body::Bytes(bytes) => Some(Digest::of(Algorithm::Sha256, bytes)),
            Body::Graph(graph) => graph.digest(Algorithm::Sha256).ok(),
            Body::Stored(stored) => stored.digest(Algorithm::Sha256).ok(),
        }
    }

    /// Returns every answer.
    pub(crate) fn answers(&self) -> impl Iterator<Item = (&Request, &Answer)> {
        self.answers.iter()
    }
}

fn value_of(answer: &Answer) -> Result<Value, Miss> {
    match answer {
        Ok(Document {
            body: Body::Bytes(bytes),
            ..
        }) => Ok(json::parse(bytes, Reading::Lenient)?),
        Ok(_) => Err(Shape::new("", "a document in memory", None).into()),
        Err(error) => Err(Miss::Failed(error.clone())),
    }
}
