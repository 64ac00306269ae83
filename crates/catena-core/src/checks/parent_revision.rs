// SPDX-License-Identifier: MPL-2.0
//! `parent-revision` (P17, S24): a parent names its repository and revision.
//!
//! Stops: A parent whose template would silently be taken from the default branch.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "parent-revision",
    rules: &["P17", "S24"],
    title: "a parent names its repository and revision",
    attack: "A parent whose template would silently be taken from the default branch.",
    help: "The parent's environment lacks its head repository or revision; it was not made by the usual template.",
    rank: 68,
    implies: &[],
};
