// SPDX-License-Identifier: MPL-2.0
//! `optional-digest` (S2, V45): an optional artifact has the digests that were signed for it.
//!
//! Stops: A tampered file that hides behind optional: the reference warns, and leaves it for the script.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "optional-digest",
    rules: &["S2", "V45"],
    title: "an optional artifact has the digests that were signed for it",
    attack: "A tampered file that hides behind optional: the reference warns, and leaves it for the script.",
    help: "Treat the artifact as tampered with; optional means that it may be absent, not that it may differ.",
    rank: 94,
    implies: &[],
};
