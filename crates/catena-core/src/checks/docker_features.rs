// SPDX-License-Identifier: MPL-2.0
//! `docker-features` (V75, S47): a docker-worker task states its features and environment.
//!
//! Stops: A definition that leaves out the members in which interactive sessions would show.

use super::{Applied, Cx};
use crate::model::task_type::WorkerImplementation;
use crate::report::{Asserter, Check};
use crate::request::Request;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "docker-features",
    rules: &["V75", "S47"],
    title: "a docker-worker task states its features and environment",
    attack: "A definition that leaves out the members in which interactive sessions would show.",
    help: "Add payload.features and payload.env, empty if need be.",
    rank: 54,
    implies: &["recorded-task"],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    if object.worker != Some(WorkerImplementation::DockerWorker) {
        return Applied::No;
    }
    let check = definition.payload().map(|payload| {
        let missing = ["features", "env"]
            .into_iter()
            .find(|key| payload.get(key).is_none());
        missing.map(|key| {
            META.reject(format!("payload.{key}"), "nothing")
                .task(object.id)
                .says(Asserter::Task(object.id))
                .at(&Request::Definition { task: object.id }, "/payload")
                .build()
        })
    });
    cx.typed(object, check)
}
