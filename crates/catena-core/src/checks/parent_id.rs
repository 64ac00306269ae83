// SPDX-License-Identifier: MPL-2.0
//! `parent-id` (S1, S13, V7, V8): taskGroupId, and extra.parent where it exists, are task ids.
//!
//! Stops: A task that names no parent, and so is looked up in nobody's task graph.

use super::{Applied, Cx};
use crate::report::{Asserter, Check};
use crate::request::Request;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "parent-id",
    rules: &["S1", "S13", "V7", "V8"],
    title: "taskGroupId, and extra.parent where it exists, are task ids",
    attack: "A task that names no parent, and so is looked up in nobody's task graph.",
    help: "taskgraph always writes both; find out who created the task.",
    rank: 88,
    implies: &[
        "graph-member",
        "graph-runtime-keys",
        "named-tasks",
        "recorded-task",
        "typed-model",
    ],
};

pub(crate) fn run(_cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    let shape = definition
        .decision_task()
        .and(definition.parent_task())
        .err();
    Applied::found(shape.map(|shape| {
        META.reject(format!("a task id at {}", shape.pointer), shape.found)
            .task(object.id)
            .says(Asserter::Task(object.id))
            .at(&Request::Definition { task: object.id }, shape.pointer)
            .build()
    }))
}
