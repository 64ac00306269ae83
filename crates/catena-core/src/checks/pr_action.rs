// SPDX-License-Identifier: MPL-2.0
//! `pr-action` (S28): an action on a pull request has no restricted scopes.
//!
//! Stops: An action on an unlanded pull request that counts as no pull request.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "pr-action",
    rules: &["S28"],
    title: "an action on a pull request has no restricted scopes",
    attack: "An action on an unlanded pull request that counts as no pull request.",
    help: "Actions on pull requests never release anything; find out who created the task.",
    rank: 77,
    implies: &["try-or-pull-request", "restricted-tree", "sibling-tree"],
};
