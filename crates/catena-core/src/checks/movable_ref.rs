// SPDX-License-Identifier: MPL-2.0
//! `movable-ref` (S30): the head revision is a full commit hash.
//!
//! Stops: A branch or tag that moves between the task's run and its verification.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "movable-ref",
    rules: &["S30"],
    title: "the head revision is a full commit hash",
    attack: "A branch or tag that moves between the task's run and its verification.",
    help: "Have the task name the commit hash; only releases may name a tag.",
    rank: 69,
    implies: &["evidence-absent"],
};
