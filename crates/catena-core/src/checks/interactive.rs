// SPDX-License-Identifier: MPL-2.0
//! `interactive` (V75, V77, R-06): nobody had a shell in the task.
//!
//! Stops: An interactive session, in which somebody could change what the worker signs.

use std::collections::BTreeSet;

use catena_jsone::Value;

use super::{Applied, Cx};
use crate::model::definition::Definition;
use crate::model::shape::{Fields, Shape};
use crate::model::task_type::WorkerImplementation;
use crate::report::{Asserter, Check};
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
    if !matches!(
        object.worker,
        Some(WorkerImplementation::DockerWorker | WorkerImplementation::GenericWorker)
    ) {
        return Applied::No;
    }
    judge(cx, object, definition, &META, |marker| {
        marker.is_known_to(object.worker.as_ref())
    })
}

/// A sign of an interactive session, or of another feature that the operator denies.
pub(super) struct Marker {
    expected: &'static str,
    what: String,
    pointer: String,
    /// The implementations for which the ancestor knows it (V75, V77).
    known_to: &'static [WorkerImplementation],
}

const BOTH: &[WorkerImplementation] = &[
    WorkerImplementation::DockerWorker,
    WorkerImplementation::GenericWorker,
];
const DOCKER_WORKER: &[WorkerImplementation] = &[WorkerImplementation::DockerWorker];
const GENERIC_WORKER: &[WorkerImplementation] = &[WorkerImplementation::GenericWorker];

/// The scopes that let a generic-worker task open a remote desktop.
const RDP_SCOPE: &str = "generic-worker:allow-rdp:";

impl Marker {
    fn new(
        what: impl Into<String>,
        pointer: String,
        known_to: &'static [WorkerImplementation],
    ) -> Self {
        let expected = "no interactive session";
        Self {
            expected,
            what: what.into(),
            pointer,
            known_to,
        }
    }

    /// Returns whether the ancestor looks for it in tasks of the implementation.
    pub(super) fn is_known_to(&self, worker: Option<&WorkerImplementation>) -> bool {
        worker.is_some_and(|worker| self.known_to.contains(worker))
    }
}

/// Makes a finding of `check` for every marker that `counts`.
pub(super) fn judge(
    cx: &Cx<'_>,
    object: &Object<'_>,
    definition: &Definition,
    check: &'static Check,
    counts: impl Fn(&Marker) -> bool,
) -> Applied {
    let markers = match markers(definition, &cx.inputs.settings.denied_features) {
        Ok(markers) => markers,
        Err(shape) => return Applied::found(Some(cx.shape(object, &shape))),
    };
    let found = markers.into_iter().filter(counts).map(|marker| {
        check
            .reject(marker.expected, marker.what)
            .task(object.id)
            .says(Asserter::Task(object.id))
            .at(&Request::Definition { task: object.id }, marker.pointer)
            .build()
    });
    Applied::Ran(found.take(cx.inputs.limits.differences).collect())
}

/// Returns every marker in a definition: truthy values of any type count.
fn markers(definition: &Definition, denied: &BTreeSet<String>) -> Result<Vec<Marker>, Shape> {
    let payload = definition.payload()?;
    let set = |fields: &Fields<'_>, key: &str| fields.get(key).is_some_and(Value::is_truthy);
    let mut found = Vec::new();
    let features = payload.optional_object("features")?;
    if set(&features, "interactive") {
        let what = "payload.features.interactive";
        found.push(Marker::new(what, features.pointer("interactive"), BOTH));
    }
    let env = definition.env()?;
    if set(&env, "TASKCLUSTER_INTERACTIVE") {
        let what = "TASKCLUSTER_INTERACTIVE in payload.env";
        let pointer = env.pointer("TASKCLUSTER_INTERACTIVE");
        found.push(Marker::new(what, pointer, DOCKER_WORKER));
    }
    if set(&payload, "rdpInfo") {
        let pointer = payload.pointer("rdpInfo");
        found.push(Marker::new("payload.rdpInfo", pointer, GENERIC_WORKER));
    }
    for (at, scope) in definition.scopes()?.iter().enumerate() {
        if scope.starts_with(RDP_SCOPE) {
            let what = format!("the scope {scope:.200}");
            found.push(Marker::new(what, format!("/scopes/{at}"), GENERIC_WORKER));
        }
    }
    for name in denied.iter().filter(|name| *name != "interactive") {
        if set(&features, name) {
            let what = format!("payload.features.{name:.100}, which x_cot.denied_features names");
            let marker = Marker::new(what, features.pointer(name), &[]);
            let expected = "no feature that the configuration denies";
            found.push(Marker { expected, ..marker });
        }
    }
    Ok(found)
}
