// SPDX-License-Identifier: MPL-2.0
//! `interactive-marker` (R-06, S47, S48): no worker family's interactive marker, and no feature that the operator
//! denies, stands in the task.
//!
//! Stops: A marker of one family in a task of another, which the ancestor does not look at; a feature with which
//! somebody else could reach into the task.

use super::{Applied, Cx, interactive};
use crate::report::Check;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "interactive-marker",
    rules: &["R-06", "S47", "S48"],
    title: "no worker family's interactive marker, and no denied feature, stands in the task",
    attack: "A marker of one family in a task of another, which the ancestor does not look at; a feature with which somebody else could reach into the task.",
    help: "Remove the marker or the feature, or find out what it does on that worker; x_cot.denied_features lists what the operator denies.",
    rank: 92,
    implies: &["recorded-task"],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    interactive::judge(cx, object, definition, &META, |marker| {
        !marker.is_known_to(object.worker.as_ref())
    })
}
