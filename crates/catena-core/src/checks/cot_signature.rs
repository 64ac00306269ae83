// SPDX-License-Identifier: MPL-2.0
//! `cot-signature` (V33, V34, S20, S21): a key of the worker's family signed the chain-of-trust document.
//!
//! Stops: A forged or altered document, or a worker that is not ours.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "cot-signature",
    rules: &["V33", "V34", "S20", "S21"],
    title: "a key of the worker's family signed the chain-of-trust document",
    attack: "A forged or altered document, or a worker that is not ours.",
    help: "Check the key list for the worker implementation; if the key was rotated, update it; else treat the task as forged.",
    rank: 98,
    implies: &["cot-malformed"],
};
