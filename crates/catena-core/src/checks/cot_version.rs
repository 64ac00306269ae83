// SPDX-License-Identifier: MPL-2.0
//! `cot-version` (P2, V36): chainOfTrustVersion is 1.
//!
//! Stops: A document whose members mean something else than this verifier thinks.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "cot-version",
    rules: &["P2", "V36"],
    title: "chainOfTrustVersion is 1",
    attack: "A document whose members mean something else than this verifier thinks.",
    help: "Update catena if a new version of the format exists; else treat the document as forged.",
    rank: 81,
    implies: &[],
};
