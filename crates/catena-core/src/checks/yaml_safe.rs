// SPDX-License-Identifier: MPL-2.0
//! `yaml-safe` (P2, V106): YAML uses only tags and keys with one meaning.
//!
//! Stops: A tag that constructs something, or a key that two readers understand differently.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "yaml-safe",
    rules: &["P2", "V106"],
    title: "YAML uses only tags and keys with one meaning",
    attack: "A tag that constructs something, or a key that two readers understand differently.",
    help: "Look at the document at the given line.",
    rank: 57,
    implies: &[],
};
