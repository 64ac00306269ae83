// SPDX-License-Identifier: MPL-2.0
//! `evidence-absent` (P7): what the chain names exists.
//!
//! Stops: A chain that rests on tasks, artifacts, revisions or tags that do not exist.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "evidence-absent",
    rules: &["P7"],
    title: "what the chain names exists",
    attack: "A chain that rests on tasks, artifacts, revisions or tags that do not exist.",
    help: "Check the name; if it was deleted or has expired, the chain can no longer be verified.",
    rank: 60,
    implies: &[],
};
