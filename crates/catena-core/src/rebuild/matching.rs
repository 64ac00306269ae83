// SPDX-License-Identifier: MPL-2.0
//! The comparison of what the template renders to with the runtime definition (V69–V69b, P16).

use catena_jsone::Value;

use super::{Parent, Stop};
use crate::checks::{exact_types, rebuild_mismatch};
use crate::compare::{Difference, Exactness, differences, prune};
use crate::model::definition::Definition;
use crate::model::ids::TaskId;
use crate::policy::{self, QueueMember};
use crate::report::{Asserter, Finding};

impl Parent<'_> {
    /// Requires one of the rendered tasks to equal the runtime definition (V69a).
    pub(super) fn matches(&self, mut tasks: Vec<Value>) -> Result<Vec<Finding>, Stop> {
        let request = self.template_request();
        let reject = |expected: String, found: String| {
            rebuild_mismatch::META
                .reject(expected, found)
                .says(Asserter::VcsHost)
                .says(Asserter::Task(self.own.id()))
        };
        if matches!(self.tasks_for, "action" | "pr-action") && !tasks.is_empty() {
            self.settle_group(&mut tasks)?;
        }
        let runtime = normal(self.own.value(), self.own.id());
        let limit = self.inputs.limits.differences;
        let mut nearest: Option<(Vec<Difference>, Vec<Difference>)> = None;
        for task in tasks {
            let rebuilt = normal(&complete(task, self.own), self.own.id());
            let exact = differences(&rebuilt, &runtime, Exactness::Exact, limit);
            if exact.is_empty() {
                return Ok(Vec::new());
            }
            let values = differences(&rebuilt, &runtime, Exactness::Python, limit);
            if nearest
                .as_ref()
                .is_none_or(|(best, _)| exact.len() < best.len())
            {
                nearest = Some((exact, values));
            }
        }
        let Some((exact, values)) = nearest else {
            return Err(
                reject("a task".into(), "the template renders to none".into())
                    .at(&request, "/tasks")
                    .into(),
            );
        };
        let findings = exact.into_iter().map(|difference| {
            let Difference {
                pointer,
                left,
                right,
            } = difference;
            let finding = if values.iter().any(|other| other.pointer == pointer) {
                reject(
                    format!("{pointer} = {left}, as the template renders"),
                    right,
                )
            } else {
                exact_types::finding(self.own.id(), format!("{pointer} = {left}"), right)
            };
            finding.task(self.own.id()).at(&request, pointer).build()
        });
        Ok(findings.collect())
    }
}

/// Adds what the queue would have added to a definition that leaves it out (P16, rfc24.md §2), where the runtime
/// definition has it; what the template does set is compared as it is. Drops `taskId` (V69a.1).
fn complete(task: Value, own: &Definition) -> Value {
    let Value::Object(mut map) = task else {
        return task;
    };
    map.shift_remove("taskId");
    policy::complete(&mut map, own.id(), |key, _| own.value().get(key).is_some());
    Value::Object(map)
}

/// Prunes, unifies project and worker pool (V69a.2–4), and drops what the queue may change (P3).
fn normal(definition: &Value, id: TaskId) -> Value {
    let Value::Object(mut map) = prune(definition) else {
        return definition.clone();
    };
    policy::complete(&mut map, id, |_, member| member.assumed);
    map.retain(|key, _| QueueMember::find(key).is_none_or(|known| !known.mutable && !known.part));
    Value::Object(map)
}
