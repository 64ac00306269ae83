// SPDX-License-Identifier: MPL-2.0
//! `task-graph` (V53, P21): a parent's task graph is one.
//!
//! Stops: A graph that reads as something else.

use super::{Applied, Cx, json_strict};
use crate::report::{Asserter, Check};
use crate::request::Request;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "task-graph",
    rules: &["V53", "P21"],
    title: "a parent's task graph is one",
    attack: "A graph that reads as something else.",
    help: "Look at public/task-graph.json of the parent.",
    rank: 64,
    implies: &["graph-member"],
};

pub(crate) fn run(_cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    if !object.is_parent() || !object.is_link {
        return Applied::No;
    }
    let (Some(graph), Some(run)) = (&object.graph, object.run) else {
        return Applied::Blocked;
    };
    let Err(error) = graph.index() else {
        return Applied::Ran(Vec::new());
    };
    let request = Request::TaskGraph {
        task: object.id,
        run,
    };
    let finding = if error.strictness {
        json_strict::finding(&request, &error.to_string(), false)
    } else {
        META.reject("a JSON object of tasks", error.to_string())
            .says(Asserter::SignedCot(object.id))
            .at(&request, "")
    };
    Applied::found(Some(finding.task(object.id).build()))
}
