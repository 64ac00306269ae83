// SPDX-License-Identifier: MPL-2.0
//! `action-definition` (V68): the decision task declares the action, and as a hook.
//!
//! Stops: A task that claims to be an action which the decision task never offered, or only as a task.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "action-definition",
    rules: &["V68"],
    title: "the decision task declares the action, and as a hook",
    attack: "A task that claims to be an action which the decision task never offered, or only as a task.",
    help: "Compare ACTION_CALLBACK with actions.json of the decision task.",
    rank: 72,
    implies: &[],
};
