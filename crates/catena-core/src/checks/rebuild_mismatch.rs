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
    help: "Look at what each differing field was made from and who says so. Unless an innocent cause explains all of them, somebody made or changed the task by hand.",
    rank: 80,
    implies: &["recorded-task"],
};
