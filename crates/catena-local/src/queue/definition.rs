// SPDX-License-Identifier: MPL-2.0
//! Task definitions: the server's defaults, and the members that the queue acts upon (worker.md §12.2).

use catena_core::model::ids::TaskId;
use indexmap::IndexMap;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Priority, QueueError, Requires};

/// The order in which the real service writes the members of a definition. (A JSON object has none; people read it.)
const DEFINITION_ORDER: [&str; 19] = [
    "provisionerId",
    "workerType",
    "taskQueueId",
    "schedulerId",
    "projectId",
    "taskGroupId",
    "dependencies",
    "requires",
    "routes",
    "priority",
    "retries",
    "created",
    "deadline",
    "expires",
    "scopes",
    "payload",
    "metadata",
    "tags",
    "extra",
];

/// Fills the server's defaults in (worker.md §12.2): `taskQueueId` from `provisionerId` and `workerType` or the other
/// way round, the group from the task's own id, `expires` a year after the deadline, times with three digits and `Z`,
/// the old priority `normal` as `lowest`. What is given stays; nothing is checked here.
#[must_use]
pub fn complete(mut definition: Map<String, Value>, task: TaskId) -> Map<String, Value> {
    complete_queue(&mut definition);
    for (key, value) in [
        ("schedulerId", json!("-")),
        ("projectId", json!("none")),
        ("taskGroupId", json!(task)),
        ("dependencies", json!([])),
        ("requires", json!("all-completed")),
        ("routes", json!([])),
        ("priority", json!("lowest")),
        ("retries", json!(5)),
        ("scopes", json!([])),
        ("tags", json!({})),
        ("extra", json!({})),
    ] {
        definition.entry(key).or_insert(value);
    }
    if definition.get("priority").and_then(Value::as_str) == Some("normal") {
        definition.insert("priority".to_owned(), json!("lowest"));
    }
    let times = ["created", "deadline", "expires"];
    for key in times {
        if let Some(time) = time(&definition, key) {
            definition.insert(key.to_owned(), json!(written(time)));
        }
    }
    if !definition.contains_key("expires")
        && let Some(expires) = time(&definition, "deadline").and_then(next_year)
    {
        definition.insert("expires".to_owned(), json!(written(expires)));
    }
    definition
}

/// The definition in the order of the real service's answers.
#[must_use]
pub fn ordered(mut definition: Map<String, Value>) -> IndexMap<String, Value> {
    let mut ordered = IndexMap::new();
    for key in DEFINITION_ORDER {
        if let Some(value) = definition.remove(key) {
            ordered.insert(key.to_owned(), value);
        }
    }
    ordered.extend(definition);
    ordered
}

/// `taskQueueId` is `provisionerId/workerType`, whichever of them is given.
fn complete_queue(definition: &mut Map<String, Value>) {
    let text = |key: &str| definition.get(key).and_then(Value::as_str);
    if let Some((provisioner, worker_type)) =
        text("taskQueueId").and_then(|queue| queue.split_once('/'))
    {
        let (provisioner, worker_type) = (json!(provisioner), json!(worker_type));
        definition.entry("provisionerId").or_insert(provisioner);
        definition.entry("workerType").or_insert(worker_type);
    } else if let (Some(provisioner), Some(worker_type)) =
        (text("provisionerId"), text("workerType"))
    {
        let queue = json!(format!("{provisioner}/{worker_type}"));
        definition.entry("taskQueueId").or_insert(queue);
    }
}

fn time(definition: &Map<String, Value>, key: &str) -> Option<Timestamp> {
    definition.get(key)?.as_str()?.parse().ok()
}

fn written(time: Timestamp) -> String {
    format!("{time:.3}")
}

fn next_year(time: Timestamp) -> Option<Timestamp> {
    let later = time.to_zoned(TimeZone::UTC).checked_add(1.year()).ok()?;
    Some(later.timestamp())
}

/// The time in whole milliseconds, as the service keeps it.
pub(super) fn milliseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

/// What the queue acts upon.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fields {
    pub(super) provisioner_id: String,
    pub(super) worker_type: String,
    pub(super) task_queue_id: String,
    pub(super) scheduler_id: String,
    pub(super) project_id: String,
    pub(super) task_group_id: String,
    pub(super) dependencies: Vec<TaskId>,
    pub(super) requires: Requires,
    pub(super) priority: Priority,
    pub(super) retries: u32,
    pub(super) created: Timestamp,
    pub(super) deadline: Timestamp,
    pub(super) expires: Timestamp,
}

impl Fields {
    /// Reads a definition that has its defaults.
    pub(super) fn read(definition: &Map<String, Value>) -> Result<Self, QueueError> {
        let mut fields = Self::deserialize(definition).map_err(|error| {
            QueueError::Input(format!("The task definition cannot be read: {error}"))
        })?;
        fields.created = milliseconds(fields.created);
        fields.deadline = milliseconds(fields.deadline);
        fields.expires = milliseconds(fields.expires);
        Ok(fields)
    }
}
