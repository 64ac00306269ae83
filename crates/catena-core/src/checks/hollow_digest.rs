// SPDX-License-Identifier: MPL-2.0
//! `hollow-digest` (S9): a signed entry lists the digest that its worker always writes.
//!
//! Stops: A signed entry without a digest, so that any bytes pass; an entry that a generic-worker task merged into
//! its own document (generation.md 3.4).

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "hollow-digest",
    rules: &["S9"],
    title: "a signed entry lists the digest that its worker always writes",
    attack: "A signed entry without a digest, so that any bytes pass; or one without sha256, which a generic-worker task merged into its own document.",
    help: "Look at the worker that signed the document; current workers always write sha256.",
    rank: 90,
    implies: &[],
};
