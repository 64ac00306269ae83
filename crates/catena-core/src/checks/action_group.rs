// SPDX-License-Identifier: MPL-2.0
//! `action-group` (V69, S7): ACTION_TASK_GROUP_ID is the action's or the decision's task id.
//!
//! Stops: An action that adds its tasks to, or reads its inputs from, somebody else's group.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "action-group",
    rules: &["V69", "S7"],
    title: "ACTION_TASK_GROUP_ID is the action's or the decision's task id",
    attack: "An action that adds its tasks to, or reads its inputs from, somebody else's group.",
    help: "Find out who set ACTION_TASK_GROUP_ID; it is part of the action task's definition.",
    rank: 74,
    implies: &[],
};
