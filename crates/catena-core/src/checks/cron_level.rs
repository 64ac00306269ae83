// SPDX-License-Identifier: MPL-2.0
//! `cron-level` (S32, V92): the repository that a level belongs to is the repository that was fetched.
//!
//! Stops: A fork that inherits the level of the repository whose name it shares.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "cron-level",
    rules: &["S32", "V92"],
    title: "the repository that a level belongs to is the repository that was fetched",
    attack: "A fork that inherits the level of the repository whose name it shares.",
    help: "Compare the repo of the entry in projects.yml with the task's head repository.",
    rank: 70,
    implies: &[],
};
