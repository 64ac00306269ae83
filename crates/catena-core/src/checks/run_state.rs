// SPDX-License-Identifier: MPL-2.0
//! `run-state` (P7, P10): the last run of every link is completed.
//!
//! Stops: artifacts of a run that failed, or of one that still writes them.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "run-state",
    rules: &["P7", "P10"],
    title: "the last run of every link is completed",
    attack: "Artifacts of a run that failed, or of one that still writes them.",
    help: "If the task is pending or running, wait for it; if it failed, rerun it.",
    rank: 52,
    implies: &[],
};
