// SPDX-License-Identifier: MPL-2.0
//! `graph-runtime-keys` (S6, P16): what only the runtime definition has is what the queue adds.
//!
//! Stops: A task with members that its graph entry leaves open: scopes, payload, another worker pool or group.

use catena_jsone::Value;

use super::graph_match::{Member, member};
use super::{Applied, Cx};
use crate::model::ids::TaskId;
use crate::model::shape::describe;
use crate::patterns::Clue;
use crate::policy::{GRAPH_IGNORED_KEYS, Switch};
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
        Clue { pointer, expected, found, flows }.pattern()
    };
    let mut findings = Vec::new();
    for key in ["payload", "scopes"] {
        if member.entry.get(key).is_none() {
            let finding = reject(format!("{key} in the graph"), "nothing".into(), key);
            findings.push(finding.build());
        }
    }
    for (key, value) in member.runtime.value().as_object().into_iter().flatten() {
        if member.entry.get(key).is_some()
            || GRAPH_IGNORED_KEYS.contains(&&**key)
            || matches!(&**key, "payload" | "scopes")
        {
            continue;
        }
        let allowed = match &**key {
            "provisionerId" | "workerType" => continue,
            "taskGroupId" => creator(cx, &member).contains(&value.as_str().unwrap_or_default()),
            "requires" => value.as_str() == Some("all-completed"),
            "retries" => value.as_int() == Some(5),
            "extra" | "routes" | "tags" => !value.is_truthy(),
            _ => false,
        };
        if !allowed {
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
        let key = "taskQueueId";
        let (expected, found) = (pools.0.as_str().into(), pools.1.as_str().into());
        let pattern = clue(key, Some(&expected), Some(&found));
        let finding = reject(format!("worker pool {}", pools.0), pools.1, key);
        findings.push(finding.pattern(pattern).build());
    }
    Applied::Ran(findings)
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
fn pool(definition: &Value) -> String {
    let text = |key| definition.get(key).and_then(Value::as_str);
    match (
        text("provisionerId"),
        text("workerType"),
        text("taskQueueId"),
    ) {
        (Some(provisioner), Some(worker), _) => format!("{provisioner}/{worker}"),
        (_, _, Some(queue)) => queue.chars().take(200).collect(),
        _ => "nothing".to_owned(),
    }
}
