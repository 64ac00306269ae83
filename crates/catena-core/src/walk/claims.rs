// SPDX-License-Identifier: MPL-2.0
//! What a definition says about other tasks: inputs, upstream tasks, parent (V15, V16).

use std::collections::BTreeSet;

use crate::model::definition::Definition;
use crate::model::ids::TaskId;
use crate::model::shape::Shape;
use crate::model::task_type::TaskType;

/// One task named by another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Claim {
    /// The last part of the name under which the chain reaches it (V15).
    pub(crate) name: String,
    /// The task.
    pub(crate) task: TaskId,
}

impl Claim {
    /// Returns the type that the name claims, before `parent` is told into decision or action (V12).
    pub(crate) fn kind(&self) -> &str {
        self.name.rsplit(':').next().unwrap_or_default()
    }

    /// Returns whether the claim makes the task a parent (S5).
    pub(crate) fn is_parent(&self) -> bool {
        matches!(self.kind(), "action" | "decision" | "parent")
    }
}

/// Returns the claims of a definition: the parent first, then sorted by name and task (V16).
pub(crate) fn claims(definition: &Definition) -> Result<Vec<Claim>, Shape> {
    let inputs = definition.inputs()?.into_iter().map(|(name, task)| Claim {
        name: name.to_owned(),
        task,
    });
    let upstream = definition.upstream_artifacts()?;
    let upstream = upstream.iter().map(|entry| Claim {
        name: entry.task_type.to_owned(),
        task: entry.task,
    });
    let mut sorted: Vec<_> = inputs.chain(upstream).collect();
    sorted.sort_by_cached_key(|claim| format!("{}_{}", claim.name, claim.task));
    sorted.dedup();
    sorted.insert(
        0,
        Claim {
            name: "parent".to_owned(),
            task: definition.parent_task()?,
        },
    );
    Ok(sorted)
}

/// Resolves claimed kinds: known types, and the names that are none (V12).
pub(crate) fn types<'a>(
    kinds: impl IntoIterator<Item = &'a str>,
    is_action: bool,
) -> (BTreeSet<TaskType>, BTreeSet<String>) {
    let (mut known, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    for kind in kinds {
        let kind = match kind {
            "parent" if is_action => "action",
            "parent" => "decision",
            other => other,
        };
        match kind.parse() {
            Ok(task_type) => known.insert(task_type),
            Err(_) => unknown.insert(kind.to_owned()),
        };
    }
    (known, unknown)
}
