// SPDX-License-Identifier: MPL-2.0
//! `cot-task` (V5): the signed document is about this task.
//!
//! Stops: A genuine document of another task, served in place of this one's.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "cot-task",
    rules: &["V5"],
    title: "the signed document is about this task",
    attack: "A genuine document of another task, served in place of this one's.",
    help: "Somebody exchanged artifacts between tasks: treat the storage as compromised.",
    rank: 97,
    implies: &[],
};
