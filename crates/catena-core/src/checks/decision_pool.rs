// SPDX-License-Identifier: MPL-2.0
//! `decision-pool` (V52): a decision or action task ran on a pool for decisions.
//!
//! Stops: A decision task on a pool where any task may run, with that pool's key.

use super::{Applied, Cx};
use crate::report::Check;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "decision-pool",
    rules: &["V52"],
    title: "a decision or action task ran on a pool for decisions",
    attack: "A decision task on a pool where any task may run, with that pool's key.",
    help: "Compare the worker pool with valid_decision_worker_pools of the product.",
    rank: 81,
    implies: &["worker-pool", "recorded-task", "rebuild-mismatch"],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    if !object.is_parent() {
        return Applied::No;
    }
    let valid = &cx.inputs.policy.valid_decision_worker_pools;
    cx.pool(&META, object, definition, valid)
}
