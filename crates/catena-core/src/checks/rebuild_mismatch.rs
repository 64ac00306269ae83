// SPDX-License-Identifier: MPL-2.0
//! `rebuild-mismatch` (V69a, V69b): the parent's definition is what the repository's template renders to.
//!
//! Stops: A decision or action task that was altered, or created by hand, with the scopes of a trusted one.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "rebuild-mismatch",
    rules: &["V69a", "V69b"],
    title: "the parent's definition is what the repository's template renders to",
    attack: "A decision or action task that was altered, or created by hand, with the scopes of a trusted one.",
    help: "Compare the differing fields. Known innocent causes: a template that uses the wall clock, a pull request whose head moved, a queue field that is new.",
    rank: 80,
    implies: &["recorded-task"],
};
