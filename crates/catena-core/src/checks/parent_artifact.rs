// SPDX-License-Identifier: MPL-2.0
//! `parent-artifact` (S3, V40): task graph, actions and parameters of a parent have their signed digests.
//!
//! Stops: A task graph that the root lists as optional, so that a tampered one is tolerated and vouches for the root itself.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "parent-artifact",
    rules: &["S3", "V40"],
    title: "task graph, actions and parameters of a parent have their signed digests",
    attack: "A task graph that the root lists as optional, so that a tampered one is tolerated and vouches for the root itself.",
    help: "Treat the parent's artifacts as tampered with.",
    rank: 96,
    implies: &["artifact-digest", "optional-digest"],
};
