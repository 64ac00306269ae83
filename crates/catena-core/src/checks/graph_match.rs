// SPDX-License-Identifier: MPL-2.0
//! `graph-match` (V55, V56, S44): the task is as its entry in the parent's graph has it.
//!
//! Stops: A task of the graph that was created with another command, image, environment or scope.

use std::borrow::Cow;
use std::collections::BTreeSet;

use catena_jsone::Value;

use super::graph_member::needs_graph;
use super::{Applied, Cx, exact_types};
use crate::compare::{self, Exactness};
use crate::evidence::Miss;
use crate::json::{self, Reading};
use crate::model::datestamp::{self, Sign};
use crate::model::definition::Definition;
use crate::model::ids::TaskId;
use crate::model::shape::{Fields, Shape, describe};
use crate::patterns::Clue;
use crate::policy::{InGraph, QueueMember, Switch};
use crate::report::{Asserter, Check, Finding, FindingBuilder};
use crate::request::Request;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "graph-match",
    rules: &["V55", "V56", "S44"],
    title: "the task is as its entry in the parent's graph has it",
    attack: "A task of the graph that was created with another command, image, environment or scope.",
    help: "Compare the differing fields; whoever created the task did not follow the graph.",
    rank: 79,
    implies: &["recorded-task", "exact-types", "graph-runtime-keys"],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let member = match member(cx, object) {
        Ok(member) => member,
        Err(applied) => return applied,
    };
    let reject = |expected: String, found: String, pointer: &str| {
        reject(object, &member, (expected, found), pointer)
    };
    let mut findings = Vec::new();
    match foreign_dependencies(&member) {
        Ok(foreign) if foreign.is_empty() => {}
        Ok(foreign) => findings.push(
            reject(
                "only dependencies that the graph lists".into(),
                format!("also {}", foreign.join(", ")),
                "/dependencies",
            )
            .build(),
        ),
        Err(shape) => findings.push(cx.shape(object, &shape)),
    }
    let resolved = match resolve(cx, &member) {
        Ok(resolved) => resolved,
        Err(problem) => {
            let finding = reject(
                "relative datestamps that can be resolved".into(),
                problem,
                "",
            );
            findings.push(finding.build());
            return Applied::Ran(findings);
        }
    };
    for (key, value) in resolved
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| QueueMember::in_graph(key) != InGraph::Ignored)
    {
        let Some(runtime) = member.runtime.value().get(key) else {
            let finding = reject(
                format!("{key:.100} = {}", describe(Some(value))),
                "nothing".into(),
                &format!("/{key}"),
            );
            findings.push(finding.build());
            continue;
        };
        findings.extend(differing(cx, object, &member, (key, value, runtime)));
    }
    findings.truncate(cx.inputs.limits.differences);
    Applied::Ran(findings)
}

fn reject(
    object: &Object<'_>,
    member: &Member<'_>,
    (expected, found): (String, String),
    pointer: &str,
) -> FindingBuilder {
    META.reject(expected, found)
        .task(object.id)
        .says(Asserter::SignedCot(member.parent))
        .says(Asserter::Task(object.id))
        .at(&member.request, format!("/{}/task{pointer}", object.id))
}

/// Compares one member of the entry with the runtime definition's.
fn differing(
    cx: &Cx<'_>,
    object: &Object<'_>,
    member: &Member<'_>,
    (key, value, runtime): (&str, &Value, &Value),
) -> Vec<Finding> {
    let limit = cx.inputs.limits.differences;
    let exact = compare::differences(value, runtime, Exactness::Exact, limit);
    let differences = exact.into_iter().map(|difference| {
        let pointer = format!("/{key}{}", difference.pointer);
        let clue = Clue {
            pointer: &pointer,
            expected: value.pointer(&difference.pointer),
            found: runtime.pointer(&difference.pointer),
            flows: &[],
        };
        let expected = format!("{pointer} = {}", difference.left);
        let lenient = compare::differences(value, runtime, Exactness::Python, limit);
        let finding = if lenient
            .iter()
            .any(|other| other.pointer == difference.pointer)
        {
            reject(object, member, (expected, difference.right), &pointer)
        } else {
            exact_types::finding(object.id, expected, difference.right)
                .says(Asserter::SignedCot(member.parent))
                .at(&member.request, format!("/{}/task{pointer}", object.id))
        };
        finding.pattern(clue.pattern()).build()
    });
    differences.collect()
}

/// A task and its entry in its parent's verified graph.
pub(super) struct Member<'a> {
    pub(super) parent: TaskId,
    pub(super) request: Request,
    pub(super) runtime: &'a Definition,
    pub(super) entry: Value,
}

/// Returns the entry's task definition, read from the verified bytes (P21).
pub(super) fn member<'a>(cx: &Cx<'a>, object: &Object<'a>) -> Result<Member<'a>, Applied> {
    let Some(runtime) = object.known() else {
        return Err(Applied::Blocked);
    };
    if !needs_graph(object) {
        return Err(Applied::No);
    }
    let link = object
        .parent
        .filter(|parent| *parent != object.id)
        .and_then(|parent| cx.chain.get(parent));
    let Some((link, graph, run)) =
        link.and_then(|link| Some((link, link.graph.as_ref()?, link.run?)))
    else {
        return Err(Applied::Blocked);
    };
    let request = Request::TaskGraph { task: link.id, run };
    let bytes = match graph.entry(object.id) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(Applied::Blocked),
        Err(error) => return Err(cx.miss(object, &request, &Miss::Failed(error))),
    };
    let read = || {
        let value = json::parse(&bytes, Reading::Strict)?;
        Ok::<_, Miss>(
            Fields::of(&value, format!("/{}", object.id))?
                .required("task")?
                .clone(),
        )
    };
    let entry = read().map_err(|miss| cx.miss(object, &request, &miss))?;
    if let Err(shape) = Fields::of(&entry, format!("/{}/task", object.id)) {
        return Err(cx.miss(object, &request, &Miss::Shape(shape)));
    }
    Ok(Member {
        parent: link.id,
        request,
        runtime,
        entry,
    })
}

/// Returns the dependencies that neither the graph nor the task group explains (V55.1).
fn foreign_dependencies(member: &Member<'_>) -> Result<Vec<String>, Shape> {
    let graph = Fields::of(&member.entry, format!("/{}/task", member.runtime.id()))?;
    let known: BTreeSet<_> = graph.texts("dependencies")?.into_iter().collect();
    let group = member.runtime.decision_task()?;
    let runtime = member.runtime.fields()?.texts("dependencies")?;
    let foreign = runtime
        .into_iter()
        .filter(|id| !known.contains(id) && *id != group.as_str());
    Ok(foreign.map(|id| id.chars().take(60).collect()).collect())
}

/// Resolves the entry's relative datestamps against the task's creation (V56).
fn resolve(cx: &Cx<'_>, member: &Member<'_>) -> Result<Value, String> {
    let created = member
        .runtime
        .fields()
        .and_then(|fields| fields.text("created"));
    let created = created.map_err(|shape| shape.to_string())?;
    let lenient = cx.inputs.relaxations.allows(Switch::DatestampSign);
    let sign = if lenient { Sign::Ignore } else { Sign::Refuse };
    datestamp::resolve(&member.entry, created, sign)
        .map(Cow::into_owned)
        .map_err(|error| error.to_string())
}
