// SPDX-License-Identifier: MPL-2.0
//! The queue's API (worker.md §12.1, §12.2, §12.5).

mod artifacts;
mod claims;
pub(super) mod content;
mod create;
mod groups;
mod tasks;

pub(in crate::http) use self::create::create_late_task;
use super::call::Call;
use super::error::ApiError;
use super::reply::Reply;
use super::route::Endpoint;

pub(super) const TABLE: &[Endpoint] = &[
    ("GET", "task/<taskId>", "task"),
    ("PUT", "task/<taskId>", "createTask"),
    ("GET", "task/<taskId>/status", "status"),
    ("POST", "task/<taskId>/schedule", "scheduleTask"),
    ("POST", "task/<taskId>/rerun", "rerunTask"),
    ("POST", "task/<taskId>/cancel", "cancelTask"),
    ("POST", "task/<taskId>/priority", "changeTaskPriority"),
    ("GET", "task/<taskId>/dependents", "listDependentTasks"),
    ("GET", "task-group/<taskGroupId>/list", "listTaskGroup"),
    ("GET", "task-group/<taskGroupId>", "getTaskGroup"),
    ("POST", "task-group/<taskGroupId>/seal", "sealTaskGroup"),
    ("POST", "task-group/<taskGroupId>/cancel", "cancelTaskGroup"),
    ("POST", "claim-work/<taskQueueId*>", "claimWork"),
    ("POST", "task/<taskId>/runs/<runId>/reclaim", "reclaimTask"),
    (
        "POST",
        "task/<taskId>/runs/<runId>/completed",
        "reportCompleted",
    ),
    ("POST", "task/<taskId>/runs/<runId>/failed", "reportFailed"),
    (
        "POST",
        "task/<taskId>/runs/<runId>/exception",
        "reportException",
    ),
    (
        "GET",
        "task/<taskId>/runs/<runId>/artifacts",
        "listArtifacts",
    ),
    ("GET", "task/<taskId>/artifacts", "listLatestArtifacts"),
    (
        "POST",
        "task/<taskId>/runs/<runId>/artifacts/<name*>",
        "createArtifact",
    ),
    (
        "PUT",
        "task/<taskId>/runs/<runId>/artifacts/<name*>",
        "finishArtifact",
    ),
    (
        "GET",
        "task/<taskId>/runs/<runId>/artifacts/<name*>",
        "getArtifact",
    ),
    (
        "GET",
        "task/<taskId>/artifacts/<name*>",
        "getLatestArtifact",
    ),
    (
        "GET",
        "task/<taskId>/runs/<runId>/artifact-info/<name*>",
        "artifactInfo",
    ),
    (
        "GET",
        "task/<taskId>/artifact-info/<name*>",
        "latestArtifactInfo",
    ),
    (
        "GET",
        "task/<taskId>/runs/<runId>/artifact-content/<name*>",
        "artifact",
    ),
    (
        "GET",
        "task/<taskId>/artifact-content/<name*>",
        "latestArtifact",
    ),
    ("GET", "pending/<taskQueueId*>", "pendingTasks"),
    (
        "GET",
        "task-queues/<taskQueueId*>/counts",
        "taskQueueCounts",
    ),
];

pub(super) async fn call(name: &str, call: &Call) -> Result<Reply, ApiError> {
    match name {
        "task" => tasks::task(call),
        "createTask" => create::create_task(call).await,
        "status" => tasks::status(call),
        "scheduleTask" | "rerunTask" | "cancelTask" => tasks::change(name, call).await,
        "changeTaskPriority" => tasks::change_priority(call).await,
        "listDependentTasks" => tasks::list_dependents(call),
        "listTaskGroup" => groups::list(call),
        "getTaskGroup" => groups::get(call),
        "sealTaskGroup" => groups::seal(call).await,
        "cancelTaskGroup" => groups::cancel(call).await,
        "claimWork" => claims::claim_work(call).await,
        "reclaimTask" => claims::reclaim(call).await,
        "reportCompleted" | "reportFailed" | "reportException" => claims::report(name, call).await,
        "listArtifacts" | "listLatestArtifacts" => artifacts::list(call),
        "createArtifact" => artifacts::create(call).await,
        "finishArtifact" => artifacts::finish(call).await,
        "getArtifact" | "getLatestArtifact" => content::get(call),
        "artifactInfo" | "latestArtifactInfo" => artifacts::info(call),
        "artifact" | "latestArtifact" => content::locate(call),
        "pendingTasks" | "taskQueueCounts" => tasks::pending(call),
        _ => Err(ApiError::not_found("Route not found")),
    }
}
