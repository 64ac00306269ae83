// SPDX-License-Identifier: MPL-2.0
//! Task groups (worker.md §12.2).

use catena_core::model::ids::TaskId;
use serde::Serialize;
use serde_json::json;

use super::super::call::Call;
use super::super::error::ApiError;
use super::super::reply::Reply;
use super::super::route::bad;
use super::tasks::{Member, members};
use crate::auth::Requirement;
use crate::queue::TaskGroup;

/// The group of the path.
fn group(call: &Call) -> Result<&str, ApiError> {
    let group = call.param("taskGroupId");
    match group.parse::<TaskId>() {
        Ok(_) => Ok(group),
        Err(_) => Err(bad("taskGroupId", group, "a slug of 22 characters")),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    #[serde(flatten)]
    group: TaskGroup,
    tasks: Vec<Member>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continuation_token: Option<String>,
}

pub(super) fn list(call: &Call) -> Result<Reply, ApiError> {
    let group = group(call)?;
    call.require(format!("queue:list-task-group:{group}"))?;
    let (limit, token) = call.page()?;
    let queue = call.services.queue();
    let page = queue.task_group(group, token, limit)?;
    Ok(Reply::json(&Listing {
        group: queue.group(group)?,
        tasks: members(call, page.items)?,
        continuation_token: page.continuation,
    }))
}

pub(super) fn get(call: &Call) -> Result<Reply, ApiError> {
    let group = group(call)?;
    call.require(format!("queue:list-task-group:{group}"))?;
    Ok(Reply::json(&call.services.queue().group(group)?))
}

pub(super) async fn seal(call: &Call) -> Result<Reply, ApiError> {
    let group = group(call)?;
    let queue = call.services.queue();
    let found = queue.group(group)?;
    call.require(Requirement::any([
        format!("queue:seal-task-group:{}/{group}", found.scheduler_id),
        format!("queue:seal-task-group-in-project:{}", found.project_id),
    ]))?;
    Ok(Reply::json(&queue.seal_group(group).await?))
}

pub(super) async fn cancel(call: &Call) -> Result<Reply, ApiError> {
    let group = group(call)?;
    let queue = call.services.queue();
    let found = queue.group(group)?;
    call.require(Requirement::any([
        format!("queue:cancel-task-group:{}/{group}", found.scheduler_id),
        format!("queue:cancel-task-in-project:{}", found.project_id),
    ]))?;
    let cancelled = queue.cancel_group(group).await?;
    Ok(Reply::json(&json!({
        "taskGroupId": group,
        "taskGroupSize": found.size,
        "cancelledCount": cancelled.len(),
        "taskIds": cancelled,
    })))
}
