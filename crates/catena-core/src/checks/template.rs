// SPDX-License-Identifier: MPL-2.0
//! `template` (V66, V67, V68): the repository's .taskcluster.yml renders.
//!
//! Stops: A template that cannot be the one which made the task.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "template",
    rules: &["V66", "V67", "V68"],
    title: "the repository's .taskcluster.yml renders",
    attack: "A template that cannot be the one which made the task.",
    help: "Render the template with the same context; the error names the place.",
    rank: 63,
    implies: &[],
};
