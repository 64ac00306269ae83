// SPDX-License-Identifier: MPL-2.0
//! `task-type` (V12): the name under which a task is reached ends in a known task type.
//!
//! Stops: A task of a type that no check applies to.

use super::{Applied, Cx};
use crate::report::Check;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "task-type",
    rules: &["V12"],
    title: "the name under which a task is reached ends in a known task type",
    attack: "A task of a type that no check applies to.",
    help: "Use one of the 14 task types in taskType or in the name of the input.",
    rank: 58,
    implies: &[],
};

pub(crate) fn run(_cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let first = object
        .kinds
        .first()
        .filter(|kind| object.unknown_types.contains(*kind));
    Applied::found(first.map(|kind| {
        META.reject("one of the 14 task types", format!("{kind:.100?}"))
            .task(object.id)
            .build()
    }))
}
