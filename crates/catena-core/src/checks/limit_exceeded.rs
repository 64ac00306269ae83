// SPDX-License-Identifier: MPL-2.0
//! `limit-exceeded` (S17): the chain stays within the budget.
//!
//! Stops: A chain built to exhaust the verifier.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "limit-exceeded",
    rules: &["S17"],
    title: "the chain stays within the budget",
    attack: "A chain built to exhaust the verifier.",
    help: "Raise the limit only if you know why the chain is that large.",
    rank: 20,
    implies: &[],
};
