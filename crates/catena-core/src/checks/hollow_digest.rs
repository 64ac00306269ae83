// SPDX-License-Identifier: MPL-2.0
//! `hollow-digest` (S9): a signed entry lists at least one digest.
//!
//! Stops: A signed entry without a digest, so that any bytes pass.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "hollow-digest",
    rules: &["S9"],
    title: "a signed entry lists at least one digest",
    attack: "A signed entry without a digest, so that any bytes pass.",
    help: "Look at the worker that signed the document; current workers always write sha256.",
    rank: 90,
    implies: &[],
};
