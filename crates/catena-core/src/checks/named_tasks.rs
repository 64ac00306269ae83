// SPDX-License-Identifier: MPL-2.0
//! `named-tasks` (V9, V14, V15): what a task says of its inputs, upstream tasks and creation can be read.
//!
//! Stops: an input in a form that the walk cannot follow, so that nobody looks at it.

use super::{Applied, Cx};
use crate::report::{Asserter, Check};
use crate::request::Request;
use crate::walk::{Object, claims};

/// The check's declaration.
pub const META: Check = Check {
    id: "named-tasks",
    rules: &["V9", "V14", "V15"],
    title: "what a task says of its inputs, upstream tasks and creation can be read",
    attack: "An input in a form that the walk cannot follow, so that nobody looks at it.",
    help: "Correct extra.chainOfTrust.inputs, payload.upstreamArtifacts or extra.action of the task.",
    rank: 57,
    implies: &["typed-model"],
};

pub(crate) fn run(_cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    let read = claims(definition).and(definition.is_action());
    Applied::found(read.err().map(|shape| {
        META.reject(
            format!("{} at {}", shape.expected, shape.pointer),
            shape.found,
        )
        .task(object.id)
        .says(Asserter::Task(object.id))
        .at(&Request::Definition { task: object.id }, shape.pointer)
        .build()
    }))
}
