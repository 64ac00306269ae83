// SPDX-License-Identifier: MPL-2.0
//! `cot-malformed` (V36, V5, S9): the signed chain-of-trust document is one.
//!
//! Stops: A document that reads as something else, or as nothing.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "cot-malformed",
    rules: &["V36", "V5", "S9"],
    title: "the signed chain-of-trust document is one",
    attack: "A document that reads as something else, or as nothing.",
    help: "Look at the worker that signed it; no current worker writes such a document.",
    rank: 82,
    implies: &["typed-model"],
};
