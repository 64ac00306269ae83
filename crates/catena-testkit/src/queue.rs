// SPDX-License-Identifier: MPL-2.0
//! What the queue says of a task.

use catena_core::model::ids::TaskId;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::chain::must;
use crate::clock::{MINUTE, later, stamp};
use crate::cot::{WORKER_GROUP, WORKER_ID};

/// Adds what the queue adds to a definition (worker.md 12.2).
pub(crate) fn complete(definition: &mut Value) {
    let pool = format!(
        "{}/{}",
        text(definition, "provisionerId"),
        text(definition, "workerType")
    );
    let defaults = [
        ("taskQueueId", json!(pool)),
        ("projectId", json!("none")),
        ("dependencies", json!([])),
        ("requires", json!("all-completed")),
        ("routes", json!([])),
        ("priority", json!("lowest")),
        ("retries", json!(5)),
        ("scopes", json!([])),
        ("tags", json!({})),
        ("extra", json!({})),
    ];
    if let Some(members) = definition.as_object_mut() {
        members.remove("taskId");
        for (key, value) in defaults {
            members.entry(key).or_insert(value);
        }
    }
}

/// Returns the queue's status of a task: `last` runs that failed, and one that did not.
pub(crate) fn status(id: TaskId, last: u32, definition: &Value) -> Value {
    let created: Timestamp = must(text(definition, "created").parse().ok(), "time of creation");
    let runs: Vec<_> = (0..=last)
        .map(|run| {
            let at = |minutes: i32| stamp(later(created, MINUTE * (minutes + i32::try_from(run).unwrap_or(0) * 60)));
            let (state, created_for) = (if run == last { "completed" } else { "failed" }, if run == 0 { "scheduled" } else { "rerun" });
            json!({"runId": run, "state": state, "reasonCreated": created_for, "reasonResolved": state, "workerGroup": WORKER_GROUP,
                   "workerId": WORKER_ID, "scheduled": at(1), "started": at(2), "resolved": at(42)})
        })
        .collect();
    let mut out =
        json!({"taskId": id.as_str(), "state": "completed", "retriesLeft": 5, "runs": runs});
    for key in [
        "taskGroupId",
        "provisionerId",
        "workerType",
        "taskQueueId",
        "schedulerId",
        "projectId",
        "priority",
        "deadline",
        "expires",
    ] {
        out[key] = definition[key].clone();
    }
    json!({"status": out})
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}
