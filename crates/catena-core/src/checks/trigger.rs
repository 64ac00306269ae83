// SPDX-License-Identifier: MPL-2.0
//! `trigger` (V59, V65): the event that created the parent can be rebuilt.
//!
//! Stops: A trigger that the verifier does not know how to rebuild.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "trigger",
    rules: &["V59", "V65"],
    title: "the event that created the parent can be rebuilt",
    attack: "A trigger that the verifier does not know how to rebuild.",
    help: "Update catena, or treat the task as not made by a trigger of this product.",
    rank: 61,
    implies: &[],
};
