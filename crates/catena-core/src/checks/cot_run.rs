// SPDX-License-Identifier: MPL-2.0
//! `cot-run` (P10, S10, R-14): the signed document is about the run that is used.
//!
//! Stops: Evidence of one run served for another: a rerun after the fact.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "cot-run",
    rules: &["P10", "S10", "R-14"],
    title: "the signed document is about the run that is used",
    attack: "Evidence of one run served for another: a rerun after the fact.",
    help: "Compare runId in chain-of-trust.json with the task's last run.",
    rank: 83,
    implies: &[],
};
