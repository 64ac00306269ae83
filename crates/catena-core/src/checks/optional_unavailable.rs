// SPDX-License-Identifier: MPL-2.0
//! `optional-unavailable` (P7, V45): an optional artifact that the worker made can be fetched.
//!
//! Stops: an outage, or somebody who causes one, that decides which files a release is made of.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "optional-unavailable",
    rules: &["P7", "V45"],
    title: "an optional artifact that the worker made can be fetched",
    attack: "An outage, or somebody who causes one, that decides which files a release is made of.",
    help: "Nothing speaks against the chain so far. Try again when the host answers.",
    rank: 11,
    implies: &[],
};
