// SPDX-License-Identifier: MPL-2.0
//! `createTask`: schema, defaults, scopes (worker.md §12.2).

use catena_core::model::ids::TaskId;
use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::super::call::Call;
use super::super::error::{ApiError, Code};
use super::super::reply::Reply;
use super::super::schema::Schema;
use crate::auth::Requirement;
use crate::queue::{Status, complete};

pub(super) async fn create_task(call: &Call) -> Result<Reply, ApiError> {
    let (task, definition) = checked(call)?;
    let status = call.services.queue().create_task(task, definition).await?;
    Ok(Reply::json(&json_status(status)))
}

/// As `createTask`, for what the deployment's own integration learned of late: `created` may be long ago.
pub(in crate::http) async fn create_late_task(call: &Call) -> Result<Status, ApiError> {
    let (task, definition) = checked(call)?;
    let queue = call.services.queue();
    Ok(queue.create_late_task(task, definition).await?)
}

/// The task, complete, whose definition has the right form and which the caller may create.
fn checked(call: &Call) -> Result<(TaskId, Map<String, Value>), ApiError> {
    let task = call.task()?;
    let definition: Map<String, Value> = call.body(Schema::CreateTask)?;
    check_times(&definition)?;
    let definition = complete(definition, task);
    check_queue(&definition)?;
    call.require(needed(&definition))?;
    Ok((task, definition))
}

/// `{status}`, in the order of the type.
pub(super) fn json_status(status: Status) -> impl serde::Serialize {
    IndexMap::from([("status", status)])
}

fn text<'a>(definition: &'a Map<String, Value>, key: &str) -> &'a str {
    definition.get(key).and_then(Value::as_str).unwrap_or("")
}

fn texts<'a>(definition: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a str> {
    let list = definition.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

/// The schema knows what times look like; that they are some is seen here.
fn check_times(definition: &Map<String, Value>) -> Result<(), ApiError> {
    for key in ["created", "deadline", "expires"] {
        let given = definition.get(key).and_then(Value::as_str);
        if given.is_some_and(|given| given.parse::<Timestamp>().is_err()) {
            let text =
                format!("Schema Validation Failed!\nErrors:\n  * data/{key} is no date-time");
            return Err(ApiError::new(Code::InputValidationError, text));
        }
    }
    Ok(())
}

/// Whoever gives both forms of the queue's name gives the same one.
fn check_queue(definition: &Map<String, Value>) -> Result<(), ApiError> {
    let queue = text(definition, "taskQueueId");
    let parts = (
        text(definition, "provisionerId"),
        text(definition, "workerType"),
    );
    if queue.split_once('/') == Some(parts) {
        Ok(())
    } else {
        let text = "taskQueueId must match the provisionerId and workerType provided";
        Err(ApiError::input(text))
    }
}

/// All of the task's own scopes, its routes, project, scheduler, and its priority or a higher one.
fn needed(definition: &Map<String, Value>) -> Requirement {
    let priority = text(definition, "priority");
    let queue = text(definition, "taskQueueId");
    let from = PRIORITIES.iter().position(|known| *known == priority);
    let enough = PRIORITIES.iter().skip(from.unwrap_or(PRIORITIES.len()));
    let mut parts: Vec<Requirement> = texts(definition, "scopes")
        .map(|scope| scope.to_owned().into())
        .collect();
    parts.extend(texts(definition, "routes").map(|route| format!("queue:route:{route}").into()));
    let project = text(definition, "projectId");
    parts.push(format!("queue:create-task:project:{project}").into());
    let scheduler = text(definition, "schedulerId");
    parts.push(format!("queue:scheduler-id:{scheduler}").into());
    parts.push(Requirement::any(
        enough.map(|priority| format!("queue:create-task:{priority}:{queue}")),
    ));
    Requirement::AllOf(parts)
}

/// From the lowest to the highest.
const PRIORITIES: [&str; 7] = [
    "lowest",
    "very-low",
    "low",
    "medium",
    "high",
    "very-high",
    "highest",
];
