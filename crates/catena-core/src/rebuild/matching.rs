// SPDX-License-Identifier: MPL-2.0
//! The comparison of what the template renders to with the runtime definition (V69–V69b, P16).

use catena_jsone::Value;

use super::template::Rendering;
use super::{Parent, Stop};
use crate::checks::rebuild_mismatch;
use crate::compare::{Difference, Exactness, differences, prune};
use crate::model::definition::Definition;
use crate::model::ids::TaskId;
use crate::policy::{self, QueueMember};
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
        let runtime = normal(self.own.value(), self.own.id());
        let limit = self.inputs.limits.differences.saturating_mul(LOOKED_AT);
        let mut nearest: Option<Nearest> = None;
        for (at, task) in tasks.into_iter().enumerate() {
            let rebuilt = normal(&complete(task, self.own), self.own.id());
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
