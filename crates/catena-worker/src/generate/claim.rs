// SPDX-License-Identifier: MPL-2.0
//! What the queue gave the worker: the task, its id and its run.

use catena_core::model::ids::TaskId;

use crate::json::{self, Json, ReadError};

/// A task that was claimed. Credentials that came with it are not kept.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The task.
    pub task_id: TaskId,
    /// Its run.
    pub run: u32,
    /// The whole definition, as the queue wrote it.
    pub task: Json,
    /// `workerGroup`, where the claim names it.
    pub worker_group: Option<String>,
    /// `workerId`, where the claim names it.
    pub worker_id: Option<String>,
}

/// Why a text is no claim.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// Not JSON, or ambiguous.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A member lacks, or has another type.
    #[error("{at}: expected {expected}, found {found}")]
    Shape {
        /// JSON pointer.
        at: &'static str,
        /// What belongs there.
        expected: &'static str,
        /// What is there, in words: never its content, since claims hold credentials.
        found: &'static str,
    },
    /// An answer of claimWork with no task or with several.
    #[error("/tasks: expected one task, found {found}")]
    Tasks {
        /// How many.
        found: usize,
    },
}

impl Claim {
    /// Reads one claim, or an answer of claimWork that holds one (worker.md 12.1).
    ///
    /// # Errors
    /// [`ClaimError`]
    pub fn parse(text: &[u8]) -> Result<Self, ClaimError> {
        let read = json::parse(text)?;
        let claim = match read.get("tasks") {
            None => &read,
            Some(tasks) => match tasks.as_array() {
                Some([claim]) => claim,
                Some(tasks) => return Err(ClaimError::Tasks { found: tasks.len() }),
                None => return Err(shape("/tasks", "a list", Some(tasks))),
            },
        };
        let id = claim.get("status").and_then(|status| status.get("taskId"));
        let task_id = id.and_then(Json::as_str).and_then(|id| id.parse().ok());
        let run = claim.get("runId");
        let text = |key| claim.get(key).and_then(Json::as_str).map(str::to_owned);
        Ok(Self {
            task_id: task_id.ok_or_else(|| shape("/status/taskId", "a task id", id))?,
            run: run
                .and_then(Json::as_u32)
                .ok_or_else(|| shape("/runId", "an integer from 0", run))?,
            task: object(claim.get("task"), "/task")?.clone(),
            worker_group: text("workerGroup"),
            worker_id: text("workerId"),
        })
    }

    /// Reads a definition, as `task.json` holds it; which task and run it is must be known from elsewhere.
    ///
    /// # Errors
    /// [`ClaimError`]
    pub fn of_definition(text: &[u8], task_id: TaskId, run: u32) -> Result<Self, ClaimError> {
        let task = json::parse(text)?;
        object(Some(&task), "/")?;
        Ok(Self {
            task_id,
            run,
            task,
            worker_group: None,
            worker_id: None,
        })
    }

    /// Returns the second half of the task queue's id.
    #[must_use]
    pub fn worker_type(&self) -> Option<&str> {
        let text = |key| self.task.get(key).and_then(Json::as_str);
        text("workerType").or_else(|| text("taskQueueId")?.split_once('/').map(|(_, kind)| kind))
    }
}

fn object<'a>(value: Option<&'a Json>, at: &'static str) -> Result<&'a Json, ClaimError> {
    match value {
        Some(object @ Json::Object(_)) => Ok(object),
        other => Err(shape(at, "an object", other)),
    }
}

fn shape(at: &'static str, expected: &'static str, found: Option<&Json>) -> ClaimError {
    ClaimError::Shape {
        at,
        expected,
        found: found.map_or("nothing", Json::kind),
    }
}
