// SPDX-License-Identifier: MPL-2.0
//! `not-scriptworker` (V50): signing, publishing and shipping tasks ran on a scriptworker.
//!
//! Stops: A signing task that ran on a build worker, where anybody's code runs.

use super::{Applied, Cx};
use crate::model::task_type::WorkerImplementation;
use crate::report::{Asserter, Check};
use crate::request::Request;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "not-scriptworker",
    rules: &["V50"],
    title: "signing, publishing and shipping tasks ran on a scriptworker",
    attack: "A signing task that ran on a build worker, where anybody's code runs.",
    help: "Find out who sent the task to that pool.",
    rank: 71,
    implies: &["recorded-task"],
};

pub(crate) fn run(_cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(kind) = object.types.iter().find(|kind| kind.is_scripted()) else {
        return Applied::No;
    };
    let Some(worker) = &object.worker else {
        return Applied::Blocked;
    };
    Applied::found((*worker != WorkerImplementation::Scriptworker).then(|| {
        META.reject(
            format!("a {kind} task on a scriptworker"),
            format!("{:.100}", worker.as_str()),
        )
        .task(object.id)
        .says(Asserter::Task(object.id))
        .at(&Request::Definition { task: object.id }, "")
        .build()
    }))
}
