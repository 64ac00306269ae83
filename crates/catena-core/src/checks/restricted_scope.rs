// SPDX-License-Identifier: MPL-2.0
//! `restricted-scope` (V83, S50): a scope matches at most one restricted pattern.
//!
//! Stops: A scope whose level depends on which pattern is looked at first.

use super::{Applied, Cx};
use crate::report::{Asserter, Check};
use crate::request::Request;
use crate::source::restricted_scopes;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "restricted-scope",
    rules: &["V83", "S50"],
    title: "a scope matches at most one restricted pattern",
    attack: "A scope whose level depends on which pattern is looked at first.",
    help: "Correct cot_restricted_scopes of the product.",
    rank: 53,
    implies: &[],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    if !object.is_root {
        return Applied::No;
    }
    let judged = restricted_scopes(&cx.inputs.policy, definition).map(|scopes| {
        let ambiguous = scopes.into_iter().find(|(_, patterns)| patterns.len() > 1);
        ambiguous.map(|(scope, patterns)| {
            META.reject(
                format!("one restricted pattern for {scope:.200?}"),
                patterns.join(", "),
            )
            .task(object.id)
            .says(Asserter::Operator)
            .at(&Request::Definition { task: object.id }, "/scopes")
            .build()
        })
    });
    cx.typed(object, judged)
}
