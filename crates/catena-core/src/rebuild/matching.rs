// SPDX-License-Identifier: MPL-2.0
//! The comparison of what the template renders to with the runtime definition (V69–V69b, P16).

use catena_jsone::{Map, Value};
use jiff::{SignedDuration, Timestamp};

use super::template::Rendering;
use super::{Parent, Stop};
use crate::checks::rebuild_mismatch;
use crate::compare::{Difference, Exactness, differences, prune};
use crate::model::definition::Definition;
use crate::report::{Asserter, Finding};

/// The rendered task that differs least from the runtime definition.
pub(super) struct Nearest {
    /// Its place in the list of tasks.
    pub(super) at: usize,
    /// The task as it was compared.
    pub(super) rebuilt: Value,
    pub(super) exact: Vec<Difference>,
    /// What differs even for a lenient comparison.
    pub(super) values: Vec<Difference>,
}

/// Differences that are looked at for each one that is told, to find the most telling.
const LOOKED_AT: usize = 8;

impl Parent<'_> {
    /// Requires one of the rendered tasks to equal the runtime definition (V69a); which one does not matter (S41).
    pub(super) fn matches(&self, rendering: &Rendering) -> Result<Vec<Finding>, Stop> {
        let mut tasks = rendering.tasks().unwrap_or_default().to_vec();
        if matches!(self.tasks_for, "action" | "pr-action") && !tasks.is_empty() {
            self.settle_group(&mut tasks)?;
        }
        let runtime = normal(self.own.value());
        let limit = self.inputs.limits.differences.saturating_mul(LOOKED_AT);
        let mut nearest: Option<Nearest> = None;
        for (at, task) in tasks.into_iter().enumerate() {
            let rebuilt = normal(&complete(task, self.own));
            let exact = differences(&rebuilt, &runtime, Exactness::Exact, limit);
            if exact.is_empty() {
                return Ok(Vec::new());
            }
            if nearest
                .as_ref()
                .is_none_or(|best| exact.len() < best.exact.len())
            {
                let values = differences(&rebuilt, &runtime, Exactness::Python, limit);
                nearest = Some(Nearest {
                    at,
                    rebuilt,
                    exact,
                    values,
                });
            }
        }
        match nearest {
            Some(nearest) => Ok(self.explain(rendering, &nearest, &runtime)),
            None => Err(rebuild_mismatch::META
                .reject("a task", "the template renders to none")
                .says(Asserter::VcsHost)
                .says(Asserter::Task(self.own.id()))
                .at(&self.template_request(), "/tasks")
                .into()),
        }
    }
}

/// Adds what the queue would have added to a definition that leaves it out (P16, rfc24.md §2), where the runtime
/// definition has it; what the template does set is compared as it is. Drops `taskId` (V69a.1).
fn complete(task: Value, own: &Definition) -> Value {
    let Value::Object(mut map) = task else {
        return task;
    };
    map.shift_remove("taskId");
    let defaults: [(&str, Value); 10] = [
        ("schedulerId", "-".into()),
        ("projectId", "none".into()),
        ("taskGroupId", own.id().as_str().into()),
        ("dependencies", Vec::new().into()),
        ("requires", "all-completed".into()),
        ("routes", Vec::new().into()),
        ("retries", Value::Int(5)),
        ("scopes", Vec::new().into()),
        ("tags", Map::new().into()),
        ("extra", Map::new().into()),
    ];
    for (key, value) in defaults
        .into_iter()
        .filter(|(key, _)| own.value().get(key).is_some())
    {
        map.entry(key.into()).or_insert(value);
    }
    if !map.contains_key("expires")
        && own.value().get("expires").is_some()
        && let Some(expires) = map
            .get("deadline")
            .and_then(Value::as_str)
            .and_then(year_after)
    {
        map.insert("expires".into(), expires.into());
    }
    Value::Object(map)
}

/// Returns the timestamp a year of 365 days later, as the queue prints it.
fn year_after(deadline: &str) -> Option<String> {
    let deadline: Timestamp = deadline.parse().ok()?;
    let expires = deadline
        .checked_add(SignedDuration::from_hours(365 * 24))
        .ok()?;
    Some(format!("{expires:.3}"))
}

/// Prunes, unifies project and worker pool (V69a.2–4), and drops `priority`, which the queue may change (P3).
fn normal(definition: &Value) -> Value {
    let Value::Object(mut map) = prune(definition) else {
        return definition.clone();
    };
    map.shift_remove("priority");
    map.entry("projectId".into())
        .or_insert_with(|| "none".into());
    let text = |key: &str| map.get(key).and_then(Value::as_str);
    if !map.contains_key("taskQueueId")
        && let (Some(provisioner), Some(worker)) = (text("provisionerId"), text("workerType"))
    {
        let pool = format!("{provisioner}/{worker}");
        map.insert("taskQueueId".into(), pool.into());
    }
    map.shift_remove("provisionerId");
    map.shift_remove("workerType");
    Value::Object(map)
}
