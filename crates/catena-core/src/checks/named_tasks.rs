// SPDX-License-Identifier: MPL-2.0
//! `named-tasks` (V9, V14, V15): what a task says of its inputs, upstream tasks and creation can be read.
//!
//! Stops: an input in a form that the walk cannot follow, so that nobody looks at it.

use super::{Applied, Cx};
use crate::report::Check;
use crate::walk::{Object, claims};

/// The check's declaration.
pub const META: Check = Check {
    id: "named-tasks",
    rules: &["V9", "V14", "V15"],
    title: "what a task says of its inputs, upstream tasks and creation can be read",
    attack: "An input in a form that the walk cannot follow, so that nobody looks at it.",
    help: "Correct extra.chainOfTrust.inputs, payload.upstreamArtifacts or extra.action of the task.",
    rank: 57,
    implies: &[],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    cx.typed(
        object,
        claims(definition).and(definition.is_action()).map(|_| None),
    )
}
