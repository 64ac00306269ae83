// SPDX-License-Identifier: MPL-2.0
//! `interactive-marker` (R-06, S47, S48): no worker family's interactive marker stands in the task.
//!
//! Stops: A marker of one family in a task of another, which the ancestor does not look at.

use super::{Applied, Cx, interactive};
use crate::model::task_type::WorkerImplementation;
use crate::report::Check;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "interactive-marker",
    rules: &["R-06", "S47", "S48"],
    title: "no worker family's interactive marker stands in the task",
    attack: "A marker of one family in a task of another, which the ancestor does not look at.",
    help: "Remove the marker, or find out what it does on that worker.",
    rank: 92,
    implies: &["recorded-task"],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    let known = |marker: &interactive::Marker| match object.worker {
        Some(WorkerImplementation::DockerWorker) => marker.docker_worker,
        Some(WorkerImplementation::GenericWorker) => marker.generic_worker,
        _ => false,
    };
    let judged = interactive::markers(definition).map(|markers| {
        let odd = markers.into_iter().find(|marker| !known(marker));
        odd.map(|marker| interactive::finding(&META, object, &marker))
    });
    cx.typed(object, judged)
}
