// SPDX-License-Identifier: MPL-2.0
//! `image-algorithm` (S9, V76): the image's digest uses an allowed algorithm.
//!
//! Stops: A digest of an algorithm that is broken, or none at all.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "image-algorithm",
    rules: &["S9", "V76"],
    title: "the image's digest uses an allowed algorithm",
    attack: "A digest of an algorithm that is broken, or none at all.",
    help: "Look at the worker that signed the document; current workers write sha256.",
    rank: 79,
    implies: &[],
};
