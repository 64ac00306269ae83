// SPDX-License-Identifier: MPL-2.0
//! `graph-runtime-keys` (S6, P16): what only the runtime definition has is what the queue adds.
//!
//! Stops: A task with members that its graph entry leaves open: scopes, payload, another worker pool or group.

use catena_jsone::Value;

use super::graph_match::{Member, member};
use super::{Applied, Cx};
use crate::compare::{Exactness, differences};
use crate::model::ids::TaskId;
use crate::model::shape::describe;
use crate::patterns::Clue;
use crate::policy::{InGraph, QueueMember, Switch};
use crate::report::{Asserter, Check};
use crate::request::Request;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "graph-runtime-keys",
    rules: &["S6", "P16"],
    title: "what only the runtime definition has is what the queue adds",
    attack: "A task with members that its graph entry leaves open: scopes, payload, another worker pool or group.",
    help: "Compare the task's definition with its entry in the parent's task-graph.json.",
    rank: 76,
    implies: &["recorded-task"],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    if cx.inputs.relaxations.allows(Switch::GraphRuntimeOnlyKeys) {
        return Applied::No;
    }
    let member = match member(cx, object) {
        Ok(member) => member,
        Err(applied) => return applied,
    };
    let reject = |expected: String, found: String, key: &str| {
        META.reject(expected, found)
            .task(object.id)
            .says(Asserter::SignedCot(member.parent))
            .says(Asserter::Task(object.id))
            .at(&Request::Definition { task: object.id }, format!("/{key}"))
    };
    let clue = |key: &str, expected: Option<&Value>, found: Option<&Value>| {
        let pointer = &format!("/{key}");
        let flows = &[];
        Clue {
            pointer,
            expected,
            found,
            flows,
        }
        .pattern()
    };
    let mut findings = Vec::new();
    for key in left_open(&member.entry) {
        let finding = reject(format!("{key} in the graph"), "nothing".into(), key);
        findings.push(finding.build());
    }
    let runtime = member.runtime.value().as_object();
    for (key, value) in runtime.into_iter().flatten() {
        if member.entry.get(key).is_none() && !is_the_queues(cx, &member, key, value) {
            let finding = reject(
                format!("{key:.100} in the graph, or the queue's default"),
                describe(Some(value)),
                key,
            );
            findings.push(finding.pattern(clue(key, None, Some(value))).build());
        }
    }
    let pools = (pool(&member.entry), pool(member.runtime.value()));
    if pools.0 != pools.1 {
        let shown = |pool: Option<String>| {
            pool.map_or_else(|| "nothing".to_owned(), |pool| format!("{pool:.200}"))
        };
        let (expected, found) = (shown(pools.0), shown(pools.1));
        let key = "taskQueueId";
        let values = (expected.as_str().into(), found.as_str().into());
        let pattern = clue(key, Some(&values.0), Some(&values.1));
        let finding = reject(format!("worker pool {expected}"), found, key);
        findings.push(finding.pattern(pattern).build());
    }
    Applied::Ran(findings)
}

/// Returns the members that an entry must state and does not (S6).
pub(crate) fn left_open(entry: &Value) -> impl Iterator<Item = &'static str> {
    QueueMember::all()
        .filter(|(key, known)| known.graph == InGraph::Stated && entry.get(key).is_none())
        .map(|(key, _)| key)
}

/// Returns whether a member that the graph leaves open is as the queue fills it in, or has its own finding.
fn is_the_queues(cx: &Cx<'_>, member: &Member<'_>, key: &str, value: &Value) -> bool {
    match QueueMember::in_graph(key) {
        InGraph::Ignored | InGraph::Pool | InGraph::Stated => true,
        InGraph::Creator => creator(cx, member).contains(&value.as_str().unwrap_or_default()),
        InGraph::Default => {
            let known = QueueMember::find(key).zip(member.entry.as_object());
            let default = known.and_then(|(known, entry)| known.value(entry, member.runtime.id()));
            default.is_some_and(|due| differences(&due, value, Exactness::Exact, 1).is_empty())
        }
        InGraph::Strict => false,
    }
}

/// Returns the task groups that the task's creator may have put it into.
fn creator<'a>(cx: &Cx<'a>, member: &Member<'_>) -> Vec<&'a str> {
    let Some(parent) = cx.chain.get(member.parent) else {
        return Vec::new();
    };
    [Some(&parent.id), parent.decision.as_ref()]
        .into_iter()
        .flatten()
        .map(TaskId::as_str)
        .collect()
}

/// Returns the worker pool in one form, whichever members state it.
pub(crate) fn pool(definition: &Value) -> Option<String> {
    let text = |key| definition.get(key).and_then(Value::as_str);
    match (
        text("provisionerId"),
        text("workerType"),
        text("taskQueueId"),
    ) {
        (Some(provisioner), Some(worker), _) => Some(format!("{provisioner}/{worker}")),
        (_, _, Some(queue)) => Some(queue.to_owned()),
        _ => None,
    }
}
