// SPDX-License-Identifier: MPL-2.0
//! `cot-missing` (V30, R-08): a link has its chain-of-trust document and signature.
//!
//! Stops: A task that ran without the chain-of-trust feature, on a worker that cannot sign.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "cot-missing",
    rules: &["V30", "R-08"],
    title: "a link has its chain-of-trust document and signature",
    attack: "A task that ran without the chain-of-trust feature, on a worker that cannot sign.",
    help: "Set payload.features.chainOfTrust in the task, or find out why the worker did not upload the two files.",
    rank: 84,
    implies: &[],
};
