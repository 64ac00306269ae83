// SPDX-License-Identifier: MPL-2.0
//! Reading tasks and groups, and changing their course (worker.md §12.2).

use std::cmp::Ordering;

use catena_core::model::ids::TaskId;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::call::Call;
use super::super::error::ApiError;
use super::super::reply::Reply;
use super::super::schema::Schema;
use super::create::json_status;
use crate::auth::Requirement;
use crate::queue::{Priority, Status, ordered};

pub(super) fn task(call: &Call) -> Result<Reply, ApiError> {
    let task = call.task()?;
    call.require(format!("queue:get-task:{task}"))?;
    let definition = call.services.queue().definition(task)?;
    Ok(Reply::json(&ordered(definition)))
}

pub(super) fn status(call: &Call) -> Result<Reply, ApiError> {
    let task = call.task()?;
    call.require(format!("queue:status:{task}"))?;
    Ok(Reply::json(&json_status(
        call.services.queue().status(task)?,
    )))
}

/// `cancelTask`, `rerunTask`, `scheduleTask`.
pub(super) async fn change(name: &str, call: &Call) -> Result<Reply, ApiError> {
    let task = call.task()?;
    let queue = call.services.queue();
    let status = queue.status(task)?;
    let verb = match name {
        "cancelTask" => "cancel",
        "rerunTask" => "rerun",
        _ => "schedule",
    };
    call.require(Requirement::any([
        format!(
            "queue:{verb}-task:{}/{}/{task}",
            status.scheduler_id, status.task_group_id
        ),
        format!("queue:{verb}-task-in-project:{}", status.project_id),
    ]))?;
    let status = match verb {
        "cancel" => queue.cancel(task).await?,
        "rerun" => queue.rerun(task).await?,
        _ => queue.schedule(task).await?,
    };
    Ok(Reply::json(&json_status(status)))
}

/// A task as lists have it.
#[derive(Serialize)]
pub(super) struct Member {
    status: Status,
    task: IndexMap<String, Value>,
}

/// Tasks as lists have them.
pub(super) fn members(call: &Call, ids: Vec<TaskId>) -> Result<Vec<Member>, ApiError> {
    let queue = call.services.queue();
    let member = |task| -> Result<Member, ApiError> {
        Ok(Member {
            status: queue.status(task)?,
            task: ordered(queue.definition(task)?),
        })
    };
    ids.into_iter().map(member).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependents {
    task_id: TaskId,
    tasks: Vec<Member>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continuation_token: Option<String>,
}

pub(super) fn list_dependents(call: &Call) -> Result<Reply, ApiError> {
    let task = call.task()?;
    call.require(format!("queue:list-dependent-tasks:{task}"))?;
    let (limit, token) = call.page()?;
    let page = call.services.queue().dependents(task, token, limit)?;
    Ok(Reply::json(&Dependents {
        task_id: task,
        tasks: members(call, page.items)?,
        continuation_token: page.continuation,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewPriority {
    new_priority: Priority,
}

/// Some may only lower priorities, or only raise them.
pub(super) async fn change_priority(call: &Call) -> Result<Reply, ApiError> {
    let task = call.task()?;
    let body: NewPriority = call.body(Schema::NewPriority)?;
    let queue = call.services.queue();
    loop {
        let status = queue.status(task)?;
        call.require(may_change(&status, body.new_priority))?;
        // another call may have changed it since: what was allowed is looked at again
        let changed = queue.change_priority_from(task, status.priority, body.new_priority);
        if let Some(status) = changed.await? {
            return Ok(Reply::json(&json_status(status)));
        }
    }
}

fn may_change(status: &Status, priority: Priority) -> Requirement {
    let task = status.task_id;
    let mut enough = vec![
        format!("queue:change-task-priority:{task}"),
        format!(
            "queue:change-task-priority-in-queue:{}",
            status.task_queue_id
        ),
    ];
    match priority.cmp(&status.priority) {
        Ordering::Less => enough.push(format!("queue:lower-task-priority:{task}")),
        Ordering::Equal => {}
        Ordering::Greater => enough.push(format!("queue:raise-task-priority:{task}")),
    }
    Requirement::any(enough)
}

pub(super) fn pending(call: &Call) -> Result<Reply, ApiError> {
    let queue = call.task_queue()?;
    call.require(format!("queue:pending-count:{queue}"))?;
    let (provisioner, worker_type) = queue.split_once('/').unwrap_or_default();
    let answer = IndexMap::from([
        ("provisionerId", json!(provisioner)),
        ("workerType", json!(worker_type)),
        ("taskQueueId", json!(queue)),
        ("pendingTasks", json!(call.services.queue().pending(queue))),
    ]);
    Ok(Reply::json(&answer))
}
