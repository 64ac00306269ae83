// SPDX-License-Identifier: MPL-2.0
//! `chain-length` (V17, S17): the chain is not deeper than max_chain_length.
//!
//! Stops: A chain of tasks without end, or a name that uses up the depth of those below it.

use super::{Applied, Cx};
use crate::policy::Switch;
use crate::report::{Asserter, Check};
use crate::walk::{Object, claims};

/// The check's declaration.
pub const META: Check = Check {
    id: "chain-length",
    rules: &["V17", "S17"],
    title: "the chain is not deeper than max_chain_length",
    attack: "A chain of tasks without end, or a name that uses up the depth of those below it.",
    help: "Raise max_chain_length only if the product really has such chains.",
    rank: 56,
    implies: &[],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let max = cx.inputs.settings.max_chain_length;
    let depth = object.name.matches(':').count();
    let mut findings = Vec::new();
    if u32::try_from(depth).map_or(true, |depth| depth > max) {
        let finding = META.reject(
            format!("at most {max} steps from the root"),
            format!("{depth} steps"),
        );
        findings.push(finding.task(object.id).build());
    }
    if !cx.inputs.relaxations.allows(Switch::Limits)
        && let Some(claims) = object
            .known()
            .and_then(|definition| claims(definition).ok())
        && let Some(odd) = claims.iter().find(|claim| claim.name.contains(':'))
    {
        let finding = META.reject(
            "input names and task types without `:`",
            format!("{:.100?}", odd.name),
        );
        findings.push(
            finding
                .task(object.id)
                .says(Asserter::Task(object.id))
                .build(),
        );
    }
    Applied::Ran(findings)
}
