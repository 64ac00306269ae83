// SPDX-License-Identifier: MPL-2.0
//! `repo-rename` (S27): GitHub's answer is about the repository that was asked for.
//!
//! Stops: A renamed or transferred repository that another owner now fills.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "repo-rename",
    rules: &["S27"],
    title: "GitHub's answer is about the repository that was asked for",
    attack: "A renamed or transferred repository that another owner now fills.",
    help: "Use the repository's new name in the product's policy and tasks.",
    rank: 64,
    implies: &[],
};
