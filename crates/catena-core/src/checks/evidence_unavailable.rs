// SPDX-License-Identifier: MPL-2.0
//! `evidence-unavailable` (P7): all evidence can be fetched.
//!
//! Stops: An attacker, or an outage, that keeps evidence away: that must never read as trust.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "evidence-unavailable",
    rules: &["P7"],
    title: "all evidence can be fetched",
    attack: "An attacker, or an outage, that keeps evidence away: that must never read as trust.",
    help: "Nothing speaks against the chain so far. Try again when the host answers.",
    rank: 10,
    implies: &[],
};
