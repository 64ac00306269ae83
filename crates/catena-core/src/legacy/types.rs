// SPDX-License-Identifier: MPL-2.0
//! Task types: what names claim of the tasks that they name (V12, V50, legacy.md §4.1).

use std::collections::BTreeSet;

use super::walk::{Chain, Role};
use crate::model::definition::Definition;
use crate::model::ids::TaskId;
use crate::model::shape::Shape;
use crate::model::task_type::{TaskType, WorkerImplementation};

impl Chain<'_> {
    /// Judges every type that is claimed for a task (S5): it must be known, and fit the task.
    pub(super) fn types(&mut self) {
        let mut claims: BTreeSet<(TaskId, String)> = BTreeSet::new();
        // what cannot be read is no link, and was said
        for claimed in self.links.values().flat_map(|link| named(&link.definition)) {
            claims.extend(claimed);
        }
        for (task, kind) in claims {
            let Some(kind) = Kind::of(&kind) else {
                let found = format!("{kind:.100?}");
                self.reject("legacy-type", task, "a task type of that time", found);
                continue;
            };
            let Some(link) = self.links.get(&task) else {
                continue;
            };
            let (expected, fits) = match kind {
                Kind::Any => ("a task of no other kind", link.role == Role::Task),
                Kind::Image => (
                    "a task of a pool that builds images",
                    link.role == Role::Image,
                ),
                Kind::Parent => (
                    "a decision or action task",
                    matches!(link.role, Role::Action | Role::Decision),
                ),
                Kind::Scripted => (
                    "a task that scriptworker ran",
                    link.worker == WorkerImplementation::Scriptworker && link.role == Role::Task,
                ),
            };
            if !fits {
                let found = format!("one of {}, {}", link.worker, link.role.name());
                self.reject(
                    "legacy-type",
                    task,
                    format!("{expected}, as its type says"),
                    found,
                );
            }
        }
    }
}

/// Returns the tasks that a definition names as inputs or upstream, each with its type.
pub(super) fn named(definition: &Definition) -> Result<Vec<(TaskId, String)>, Shape> {
    let inputs = definition.inputs()?;
    let inputs = inputs.into_iter().map(|(name, task)| (task, name));
    let upstream = definition.upstream_artifacts()?;
    let upstream = upstream.iter().map(|one| (one.task, one.task_type));
    let last = |name: &str| name.rsplit(':').next().unwrap_or(name).to_owned();
    Ok(inputs
        .chain(upstream)
        .map(|(task, name)| (task, last(name)))
        .collect())
}

/// What a type asks of a task.
enum Kind {
    /// To be none of the others: rules for those are laxer.
    Any,
    Image,
    Parent,
    Scripted,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        // a type of that time alone
        if name == "pushsnap" {
            return Some(Self::Scripted);
        }
        // `parent` becomes action or decision (V12)
        if name == "parent" {
            return Some(Self::Parent);
        }
        let kind = name.parse::<TaskType>().ok()?;
        Some(match kind {
            TaskType::DockerImage => Self::Image,
            kind if kind.is_parent() => Self::Parent,
            kind if kind.is_scripted() => Self::Scripted,
            _ => Self::Any,
        })
    }
}
