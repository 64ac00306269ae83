// SPDX-License-Identifier: MPL-2.0
//! `graph-member` (V54, S1): the task is in its parent's task graph.
//!
//! Stops: A task that was added to the group afterwards, with stolen scopes.

use super::{Applied, Cx};
use crate::report::{Asserter, Check};
use crate::request::Request;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "graph-member",
    rules: &["V54", "S1"],
    title: "the task is in its parent's task graph",
    attack: "A task that was added to the group afterwards, with stolen scopes.",
    help: "The parent never made this task; find out who did.",
    rank: 82,
    implies: &["graph-match", "rebuild-mismatch", "recorded-task"],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    if object.known().is_none() {
        return Applied::Blocked;
    }
    if !needs_graph(object) {
        return Applied::No;
    }
    if object.claims.is_empty() {
        return Applied::Blocked; // what it names was not followed; named-tasks or chain-length says why
    }
    let Some(parent) = object.parent.filter(|parent| *parent != object.id) else {
        let finding = META.reject("a parent task whose graph has the task", "no parent");
        return Applied::found(Some(
            finding
                .task(object.id)
                .says(Asserter::Task(object.id))
                .build(),
        ));
    };
    if cx
        .chain
        .get(parent)
        .is_some_and(|link| link.known().is_none())
    {
        return Applied::Blocked; // what it is cannot be known yet: no verdict from an outage (P7)
    }
    let Some(link) = cx.chain.get(parent).filter(|link| link.is_parent()) else {
        let finding = META.reject(
            "a parent task whose graph has the task",
            format!("{parent}, which is no parent"),
        );
        return Applied::found(Some(
            finding
                .task(object.id)
                .says(Asserter::Task(object.id))
                .build(),
        ));
    };
    let (Some(graph), Some(run)) = (&link.graph, link.run) else {
        return Applied::Blocked;
    };
    let Ok(index) = graph.index() else {
        return Applied::Blocked;
    };
    let missing = index.range(object.id).is_none();
    Applied::found(missing.then(|| {
        META.reject(
            format!("the task among the {} of its parent {parent}", index.len()),
            "no such entry",
        )
        .task(object.id)
        .says(Asserter::SignedCot(parent))
        .at(&Request::TaskGraph { task: parent, run }, "")
        .build()
    }))
}

/// Returns whether some claim makes the task a member of a graph: any type but decision and action (V54, S5).
pub(super) fn needs_graph(object: &Object<'_>) -> bool {
    object.types.is_empty() || object.types.iter().any(|kind| !kind.is_parent())
}
