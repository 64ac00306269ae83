// SPDX-License-Identifier: MPL-2.0
//! `tasks-for` (V58, V59): the event that created the parent is one of the product's.
//!
//! Stops: A pull request, or another event, that makes tasks of a product which does not allow it.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "tasks-for",
    rules: &["V58", "V59"],
    title: "the event that created the parent is one of the product's",
    attack: "A pull request, or another event, that makes tasks of a product which does not allow it.",
    help: "Check valid_tasks_for of the product; if the event is legitimate, change the policy.",
    rank: 75,
    implies: &[],
};
