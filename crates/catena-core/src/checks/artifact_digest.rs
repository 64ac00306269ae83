// SPDX-License-Identifier: MPL-2.0
//! `artifact-digest` (V43, P14, S9): the artifact has every digest that was signed for it.
//!
//! Stops: Artifacts replaced in storage after the worker had signed for them.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "artifact-digest",
    rules: &["V43", "P14", "S9"],
    title: "the artifact has every digest that was signed for it",
    attack: "Artifacts replaced in storage after the worker had signed for them.",
    help: "Treat the artifact as tampered with: do not use it, keep a copy, and rerun the upstream task.",
    rank: 95,
    implies: &[],
};
