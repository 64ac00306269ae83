// SPDX-License-Identifier: MPL-2.0
//! `interactive` (V75, V77, R-06): nobody had a shell in the task.
//!
//! Stops: An interactive session, in which somebody could change what the worker signs.

use catena_jsone::Value;

use super::{Applied, Cx};
use crate::model::definition::Definition;
use crate::model::shape::Shape;
use crate::model::task_type::WorkerImplementation;
use crate::report::{Asserter, Check, Finding};
use crate::request::Request;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "interactive",
    rules: &["V75", "V77", "R-06"],
    title: "nobody had a shell in the task",
    attack: "An interactive session, in which somebody could change what the worker signs.",
    help: "Do not use the task's artifacts; run it again without the interactive feature.",
    rank: 93,
    implies: &["graph-match", "recorded-task"],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    let judged = match object.worker {
        Some(WorkerImplementation::DockerWorker) => {
            markers(definition).map(|all| all.into_iter().find(|marker| marker.docker_worker))
        }
        Some(WorkerImplementation::GenericWorker) => {
            markers(definition).map(|all| all.into_iter().find(|marker| marker.generic_worker))
        }
        _ => return Applied::No,
    };
    cx.typed(
        object,
        judged.map(|marker| marker.map(|marker| finding(&META, object, &marker))),
    )
}

/// A sign of an interactive session, and the implementations for which the ancestor knows it.
pub(super) struct Marker {
    pub(super) what: &'static str,
    pub(super) pointer: String,
    pub(super) docker_worker: bool,
    pub(super) generic_worker: bool,
}

/// Returns every marker in a definition: truthy values of any type count.
pub(super) fn markers(definition: &Definition) -> Result<Vec<Marker>, Shape> {
    let (payload, mut found) = (definition.payload()?, Vec::new());
    let mut add = |what, pointer, docker_worker, generic_worker| {
        found.push(Marker {
            what,
            pointer,
            docker_worker,
            generic_worker,
        });
    };
    let features = payload.optional_object("features")?;
    if features.get("interactive").is_some_and(Value::is_truthy) {
        add(
            "payload.features.interactive",
            features.pointer("interactive"),
            true,
            true,
        );
    }
    let env = definition.env()?;
    if env
        .get("TASKCLUSTER_INTERACTIVE")
        .is_some_and(Value::is_truthy)
    {
        add(
            "TASKCLUSTER_INTERACTIVE in payload.env",
            env.pointer("TASKCLUSTER_INTERACTIVE"),
            true,
            false,
        );
    }
    if payload.get("rdpInfo").is_some_and(Value::is_truthy) {
        add("payload.rdpInfo", payload.pointer("rdpInfo"), false, true);
    }
    if definition
        .scopes()?
        .iter()
        .any(|scope| scope.starts_with("generic-worker:allow-rdp:"))
    {
        add(
            "a scope generic-worker:allow-rdp:",
            "/scopes".to_owned(),
            false,
            true,
        );
    }
    Ok(found)
}

/// Makes the finding for a marker.
pub(super) fn finding(check: &'static Check, object: &Object<'_>, marker: &Marker) -> Finding {
    check
        .reject("no interactive session", marker.what)
        .task(object.id)
        .says(Asserter::Task(object.id))
        .at(
            &Request::Definition { task: object.id },
            marker.pointer.clone(),
        )
        .build()
}
