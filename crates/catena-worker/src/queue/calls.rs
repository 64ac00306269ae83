// SPDX-License-Identifier: MPL-2.0
//! The calls of worker.md 12.1, one attempt each.

use catena_core::model::ids::{RunId, TaskId};
use reqwest::Method;
use serde_json::{Value, json};

use super::claim::{self, Claimed, Reclaimed};
use super::{Queue, QueueError, segment};
use crate::status::Report;

impl Queue {
    /// `claimWork` for one task; waits up to 20 s for it. `queue` is `<provisioner>/<worker type>`.
    ///
    /// # Errors
    /// [`QueueError`]. An answer that was lost on the way may have been a claim: it ends by itself.
    pub async fn claim_work(
        &self,
        queue: &str,
        group: &str,
        id: &str,
    ) -> Result<Vec<Claimed>, QueueError> {
        let path = format!("/api/queue/v1/claim-work/{}", segment(queue));
        let body = json!({"workerGroup": group, "workerId": id, "tasks": 1});
        let call = CLAIM_WORK;
        let answer = self.call(call, Method::POST, &path, Some(&body)).await?;
        claim::claims(&answer).map_err(|detail| QueueError::Answer { call, detail })
    }

    /// `reclaimTask`.
    ///
    /// # Errors
    /// [`QueueError::Conflict`] if the run is not ours any more.
    pub async fn reclaim(&self, task: TaskId, run: RunId) -> Result<Reclaimed, QueueError> {
        let path = run_path(task, run, "/reclaim");
        let call = "reclaimTask";
        let answer = self.call(call, Method::POST, &path, None).await?;
        claim::reclaimed(&answer).map_err(|detail| QueueError::Answer { call, detail })
    }

    /// `reportCompleted`, `reportFailed` or `reportException`.
    ///
    /// # Errors
    /// [`QueueError::Conflict`] if the run is not ours any more, or ended otherwise.
    pub async fn report(&self, task: TaskId, run: RunId, report: Report) -> Result<(), QueueError> {
        let (call, end, body) = match report {
            Report::Completed => ("reportCompleted", "/completed", None),
            Report::Failed => ("reportFailed", "/failed", None),
            Report::Exception(reason) => {
                let body = json!({"reason": reason.as_str()});
                ("reportException", "/exception", Some(body))
            }
        };
        let path = run_path(task, run, end);
        self.call(call, Method::POST, &path, body.as_ref())
            .await
            .map(drop)
    }

    /// `createArtifact` with a body of worker.md 12.3; returns the answer.
    pub(super) async fn create(
        &self,
        task: TaskId,
        run: RunId,
        name: &str,
        body: &Value,
    ) -> Result<Value, QueueError> {
        let path = artifact_path(task, run, name);
        let call = "createArtifact";
        let answer = self.call(call, Method::POST, &path, Some(body)).await?;
        serde_json::from_slice(&answer).map_err(|_| QueueError::Answer {
            call,
            detail: "no JSON".to_owned(),
        })
    }

    /// `finishArtifact`, which the storage type `object` wants.
    pub(super) async fn finish(
        &self,
        task: TaskId,
        run: RunId,
        name: &str,
        upload: &str,
    ) -> Result<(), QueueError> {
        let path = artifact_path(task, run, name);
        let body = json!({"uploadId": upload});
        self.call("finishArtifact", Method::PUT, &path, Some(&body))
            .await
            .map(drop)
    }
}

/// The call that may take its time.
pub(super) const CLAIM_WORK: &str = "claimWork";

fn run_path(task: TaskId, run: RunId, end: &str) -> String {
    format!("/api/queue/v1/task/{task}/runs/{run}{end}")
}

fn artifact_path(task: TaskId, run: RunId, name: &str) -> String {
    run_path(task, run, &format!("/artifacts/{}", segment(name)))
}
