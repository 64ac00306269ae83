// SPDX-License-Identifier: MPL-2.0
//! `decision-group` (S40, V57): a decision task is its own decision task.
//!
//! Stops: A decision task that is rebuilt from another group's repository and revision.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "decision-group",
    rules: &["S40", "V57"],
    title: "a decision task is its own decision task",
    attack: "A decision task that is rebuilt from another group's repository and revision.",
    help: "Only actions may have another decision task; find out who created this one.",
    rank: 71,
    implies: &[],
};
