// SPDX-License-Identifier: MPL-2.0
//! The queue itself.

use std::time::Duration;

use catena_core::model::ids::{RunId, TaskId};
use serde_json::{Map, Value};

use super::{Artifact, ArtifactRequest, Claim, Page, QueueError, Resolution, Status, Worker};
use crate::clock::Clock;
use crate::store::Store;

/// What can be set.
#[derive(Clone, Debug)]
pub struct QueueSettings {
    /// How long a claim holds (default 1200 s).
    pub claim_timeout: Duration,
    /// How long a run that became `exception` still takes artifacts (25 minutes).
    pub late_artifacts: Duration,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            claim_timeout: Duration::from_secs(1200),
            late_artifacts: Duration::from_secs(25 * 60),
        }
    }
}

/// The queue. A clone is the same queue.
#[derive(Clone, Debug)]
pub struct Queue {}

impl Queue {
    /// Opens the queue over what the store holds.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn open(
        _store: Store,
        _clock: Clock,
        _settings: QueueSettings,
    ) -> Result<Self, QueueError> {
        Ok(Self {})
    }

    /// `createTask`: the definition is schema-checked and has its defaults (worker.md §12.2). Idempotent for the same
    /// definition, `Conflict` for another; `Input` for a deadline in the past or too far away, unknown dependencies, expiry before deadline.
    ///
    /// # Errors
    /// As said.
    pub async fn create_task(
        &self,
        _task: TaskId,
        _definition: Map<String, Value>,
    ) -> Result<Status, QueueError> {
        Err(QueueError::NotFound(String::new()))
    }

    /// `task`: the definition with its defaults.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn definition(&self, _task: TaskId) -> Result<Map<String, Value>, QueueError> {
        Err(QueueError::NotFound(String::new()))
    }

    /// `status`.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn status(&self, _task: TaskId) -> Result<Status, QueueError> {
        Err(QueueError::NotFound(String::new()))
    }

    /// `listTaskGroup`: the ids, in the order of creation; `Input` for a token that is none.
    ///
    /// # Errors
    /// `NotFound` for a group without tasks.
    pub fn task_group(
        &self,
        _group: &str,
        _continuation: Option<&str>,
        _limit: usize,
    ) -> Result<Page<TaskId>, QueueError> {
        Err(QueueError::NotFound(String::new()))
    }

    /// Task groups, newest first: for the web page.
    #[must_use]
    pub fn task_groups(&self, _limit: usize) -> Vec<String> {
        Vec::new()
    }

    /// `claimWork`: up to `tasks` pending runs of a queue, highest priority and oldest first. Waits up to `patience` for the
    /// first; a call that is dropped has claimed nothing.
    ///
    /// # Errors
    /// `Store`.
    pub async fn claim_work(
        &self,
        _queue: &str,
        _worker: &Worker,
        _tasks: usize,
        _patience: Duration,
    ) -> Result<Vec<Claim>, QueueError> {
        Ok(Vec::new())
    }

    /// `reclaimTask`.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` unless the run is running.
    pub async fn reclaim(&self, _task: TaskId, _run: RunId) -> Result<Claim, QueueError> {
        Err(QueueError::NotFound(String::new()))
    }

    /// `reportCompleted`, `reportFailed`, `reportException`: idempotent for the same outcome.
    ///
    /// # Errors
    /// `NotFound`, `Conflict`.
    pub async fn resolve(
        &self,
        _task: TaskId,
        _run: RunId,
        _resolution: Resolution,
    ) -> Result<Status, QueueError> {
        Err(QueueError::NotFound(String::new()))
    }

    /// `cancelTask`.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` past the deadline.
    pub async fn cancel(&self, _task: TaskId) -> Result<Status, QueueError> {
        Err(QueueError::NotFound(String::new()))
    }

    /// `rerunTask`.
    ///
    /// # Errors
    /// `NotFound`, `Conflict`.
    pub async fn rerun(&self, _task: TaskId) -> Result<Status, QueueError> {
        Err(QueueError::NotFound(String::new()))
    }

    /// `scheduleTask`: regardless of dependencies.
    ///
    /// # Errors
    /// `NotFound`, `Conflict`.
    pub async fn schedule(&self, _task: TaskId) -> Result<Status, QueueError> {
        Err(QueueError::NotFound(String::new()))
    }

    /// Number of pending runs of a queue.
    #[must_use]
    pub fn pending(&self, _queue: &str) -> usize {
        0
    }

    /// Expires claims and deadlines that have passed. The server calls this on a timer, tests when they like.
    ///
    /// # Errors
    /// `Store`.
    pub async fn sweep(&self) -> Result<(), QueueError> {
        Ok(())
    }

    /// `createArtifact` (worker.md §12.3, "Queue facts" of the rulings).
    ///
    /// # Errors
    /// `Input` for an unknown task or run or one that is not claimed, a bad expiry; `Conflict` for other properties or a run that ended.
    pub async fn create_artifact(
        &self,
        _task: TaskId,
        _run: RunId,
        _name: &str,
        _request: ArtifactRequest,
    ) -> Result<Artifact, QueueError> {
        Err(QueueError::NotFound(String::new()))
    }

    /// `finishArtifact`.
    ///
    /// # Errors
    /// `NotFound`; `Input` for another upload id or a type that is not finished.
    pub async fn finish_artifact(
        &self,
        _task: TaskId,
        _run: RunId,
        _name: &str,
        _upload_id: &str,
    ) -> Result<(), QueueError> {
        Err(QueueError::NotFound(String::new()))
    }

    /// The run that "latest" means: the highest, whatever its state (worker.md §12.5).
    ///
    /// # Errors
    /// `NotFound` without a run.
    pub fn latest_run(&self, _task: TaskId) -> Result<RunId, QueueError> {
        Err(QueueError::NotFound(String::new()))
    }

    /// One artifact; links are not followed here. An unfinished object is `NotFound`.
    ///
    /// # Errors
    /// `NotFound`, `Expired`.
    pub fn artifact(
        &self,
        _task: TaskId,
        _run: RunId,
        _name: &str,
    ) -> Result<Artifact, QueueError> {
        Err(QueueError::NotFound(String::new()))
    }

    /// The artifacts of a run, by name.
    ///
    /// # Errors
    /// `NotFound` for a task or run that is not; `Input` for a token that is none.
    pub fn artifacts(
        &self,
        _task: TaskId,
        _run: RunId,
        _continuation: Option<&str>,
        _limit: usize,
    ) -> Result<Page<Artifact>, QueueError> {
        Err(QueueError::NotFound(String::new()))
    }
}
