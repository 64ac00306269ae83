// SPDX-License-Identifier: MPL-2.0
//! `cot-missing` (V30, R-08): a link has its chain-of-trust document and signature.
//!
//! Stops: A task whose worker did not sign what it made. One whose definition did not ask for it has a check of its
//! own, `cot-feature`.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "cot-missing",
    rules: &["V30", "R-08"],
    title: "a link has its chain-of-trust document and signature",
    attack: "A task whose worker did not sign what it made.",
    help: "Find out why the worker did not upload the two files, or whether they have expired.",
    rank: 84,
    implies: &[],
};
