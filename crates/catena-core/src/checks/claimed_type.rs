// SPDX-License-Identifier: MPL-2.0
//! `claimed-type` (S5, V12): every type that is claimed for a task is known.
//!
//! Stops: A second claim on a task that would switch off the checks of the first.

use super::{Applied, Cx};
use crate::report::Check;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "claimed-type",
    rules: &["S5", "V12"],
    title: "every type that is claimed for a task is known",
    attack: "A second claim on a task that would switch off the checks of the first.",
    help: "Correct the taskType or the name of the input of the task that makes the claim.",
    rank: 58,
    implies: &[],
};

pub(crate) fn run(_cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let others = object
        .kinds
        .iter()
        .skip(1)
        .filter(|kind| object.unknown_types.contains(*kind));
    let findings = others.map(|kind| {
        META.reject(
            "one of the 14 task types in every claim",
            format!("{kind:.100?}"),
        )
        .task(object.id)
        .build()
    });
    Applied::Ran(findings.collect())
}
