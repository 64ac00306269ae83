// SPDX-License-Identifier: MPL-2.0
//! Whether a task is in the graph of its decision or action task: exactly, or under version 1 but for its dates (legacy.md §4.2).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ALGORITHMS;
use catena_jsone::Value;

use super::era::CotVersion;
use super::walk::{Chain, Role};
use crate::compare::{self, Exactness};
use crate::document::{Body, EvidenceError, GraphStore};
use crate::json::{self, Reading};
use crate::model::definition::Definition;
use crate::model::ids::TaskId;
use crate::model::shape::{Shape, describe};
use crate::policy::{InGraph, QueueMember};
use crate::request::Request;

impl Chain<'_> {
    /// Looks the task up in the graph of its decision task.
    pub(super) fn membership(&mut self, task: TaskId) {
        let Some(link) = self.links.get(&task) else {
            return;
        };
        let (decision, parent) = (link.decision, link.parent);
        if decision == task || parent == task {
            return self.reject(
                "legacy-graph",
                task,
                "a task that a decision or action task made",
                "its own group or parent",
            );
        }
        // an action makes tasks in its own group, or in that of its decision task
        let group = self.links.get(&parent).map(|made| made.decision);
        if parent != decision && group.is_some_and(|group| group != decision) {
            let expected = format!("a parent in the task group {decision}");
            return self.reject("legacy-graph", task, expected, parent.to_string());
        }
        // what is wrong with it is said elsewhere
        let Some(graph) = self.graph(parent) else {
            return;
        };
        match self.in_graph(task, decision, parent, graph.as_ref()) {
            Ok(None) => {}
            Ok(Some(found)) => {
                let expected = format!("the task in the graph of {parent}");
                self.reject("legacy-graph", task, expected, found);
            }
            Err(Trouble::Evidence(error)) => self.missing(parent, "the task graph", &error),
            Err(Trouble::Shape(shape)) => self.malformed(parent, &shape),
            Err(Trouble::Other(reason)) => {
                self.reject("legacy-malformed", parent, "a task graph", reason)
            }
        }
    }

    /// Returns a decision or action task's graph whose digest is the signed one.
    fn graph(&mut self, decision: TaskId) -> Option<Arc<dyn GraphStore>> {
        let link = self.links.get(&decision);
        let role = link.map(|link| link.role);
        if role.is_some_and(|role| !matches!(role, Role::Action | Role::Decision)) {
            self.reject(
                "legacy-graph",
                decision,
                "a decision or action task, as others name it their parent",
                role.map_or("none", Role::name),
            );
            return None;
        }
        let link = self.links.get(&decision);
        let Some((cot, run)) =
            link.and_then(|link| Some((link.cot.as_ref()?, link.run.as_ref()?.id)))
        else {
            self.undetermined(
                "legacy-graph",
                decision,
                "a decision or action task whose document holds",
                "none",
            );
            return None;
        };
        let digests = match cot.digests(GRAPH, &ALGORITHMS) {
            Ok(digests) => digests,
            Err(error) => {
                let found = error.to_string();
                self.reject(
                    "legacy-digest",
                    decision,
                    format!("{GRAPH} with its digest in the document"),
                    found,
                );
                return None;
            }
        };
        let store = match self.evidence.fetch(&Request::TaskGraph {
            task: decision,
            run,
        }) {
            Ok(document) => match document.body {
                Body::Graph(store) => store,
                Body::Bytes(_) | Body::Stored(_) => {
                    self.undetermined(
                        "legacy-unavailable",
                        decision,
                        "a scanned task graph",
                        "other bytes",
                    );
                    return None;
                }
            },
            Err(error) => {
                self.missing(decision, GRAPH, &error);
                return None;
            }
        };
        for (algorithm, expected) in digests {
            match store.digest(algorithm) {
                Ok(found) if found == expected => {}
                Ok(found) => {
                    self.reject(
                        "legacy-digest",
                        decision,
                        format!("{GRAPH} with {expected}"),
                        found.to_string(),
                    );
                    return None;
                }
                Err(error) => {
                    self.missing(decision, GRAPH, &error);
                    return None;
                }
            }
        }
        Some(store)
    }

    /// Returns what is wrong, if anything is.
    fn in_graph(
        &mut self,
        task: TaskId,
        decision: TaskId,
        parent: TaskId,
        graph: &dyn GraphStore,
    ) -> Result<Option<String>, Trouble> {
        let Some(link) = self.links.get(&task) else {
            return Ok(Some("no definition".to_owned()));
        };
        if let Some(found) = entry(graph, task)? {
            return difference(&link.definition, &found, decision, parent).map_err(Trouble::Shape);
        }
        if self.version != Some(CotVersion::V1) && self.version != Some(CotVersion::V2) {
            return Ok(Some("no entry".to_owned()));
        }
        let index = graph
            .index()
            .map_err(|error| Trouble::Other(error.to_string()))?;
        let others: BTreeSet<TaskId> = index.tasks().collect();
        for other in others {
            let Some(found) = entry(graph, other)? else {
                continue;
            };
            if matches!(
                difference(&link.definition, &found, decision, parent),
                Ok(None)
            ) {
                self.relaxations.insert(format!(
                    "fuzzy match: {task} is {other} of the graph but for its dates"
                ));
                return Ok(None);
            }
        }
        Ok(Some(
            "no entry, and none that differs in dates alone".to_owned(),
        ))
    }
}

/// What stops a look-up.
enum Trouble {
    Evidence(EvidenceError),
    Other(String),
    Shape(Shape),
}

fn entry(graph: &dyn GraphStore, task: TaskId) -> Result<Option<Definition>, Trouble> {
    let Some(bytes) = graph.entry(task).map_err(Trouble::Evidence)? else {
        return Ok(None);
    };
    let value =
        json::parse(&bytes, Reading::Strict).map_err(|error| Trouble::Other(error.to_string()))?;
    let definition = value.get("task").cloned().unwrap_or(Value::Null);
    Definition::new(task, definition)
        .map(Some)
        .map_err(Trouble::Shape)
}

/// Compares a definition with a graph's: what was allowed to differ then, and nothing else.
fn difference(
    runtime: &Definition,
    graph: &Definition,
    decision: TaskId,
    parent: TaskId,
) -> Result<Option<String>, Shape> {
    let planned_task = graph;
    let (runtime, graph) = (runtime.fields()?, graph.fields()?);
    let planned: BTreeSet<&str> = graph.texts("dependencies")?.into_iter().collect();
    for dependency in runtime.texts("dependencies")? {
        let made_by = [decision, parent]
            .iter()
            .any(|task| task.as_str() == dependency);
        if !planned.contains(dependency) && !made_by {
            return Ok(Some(format!("another dependency, {dependency}")));
        }
    }
    for (key, expected) in graph.members().filter(|(key, _)| !IGNORED.contains(key)) {
        let Some(found) = runtime.get(key) else {
            return Ok(Some(format!("no {key}")));
        };
        let (mut expected, mut found) = (expected.clone(), found.clone());
        if key == "payload" {
            strip_expiry(&mut expected);
            strip_expiry(&mut found);
        }
        if let Some(first) = compare::differences(&expected, &found, Exactness::Exact, 1).pop() {
            return Ok(Some(format!(
                "another /{key}{}: {}, not {}",
                first.pointer, first.right, first.left
            )));
        }
    }
    // the original did not look at these
    for (key, value) in runtime.members() {
        let settled = graph.get(key).is_some() || IGNORED.contains(&key);
        if !settled && !is_the_queues(key, value, planned_task) {
            let found = describe(Some(value));
            return Ok(Some(format!(
                "{key} {found}, which the graph does not have"
            )));
        }
    }
    Ok(None)
}

/// Whether a key that only the runtime definition has is as queue and creator fill it in (S6, P16).
fn is_the_queues(key: &str, value: &Value, graph: &Definition) -> bool {
    match key {
        // the queue's default, under its name of that time as well
        "priority" => ["lowest", "normal"].map(Some).contains(&value.as_str()),
        // whoever made the task filled it in; it was compared with the parent, and is screened for try
        "schedulerId" | "taskGroupId" => true,
        _ if QueueMember::in_graph(key) == InGraph::Default => {
            let known = QueueMember::find(key).zip(graph.value().as_object());
            let due = known.and_then(|(known, entry)| known.value(entry, graph.id()));
            due.is_some_and(|due| compare::differences(&due, value, Exactness::Exact, 1).is_empty())
        }
        _ => !value.is_truthy(),
    }
}

/// Drops the dates of artifacts, which change when a task is triggered again.
fn strip_expiry(payload: &mut Value) {
    let Value::Object(members) = payload else {
        return;
    };
    let strip = |artifact: &mut Value| {
        if let Value::Object(artifact) = artifact {
            artifact.shift_remove("expires");
        }
    };
    match members.get_mut("artifacts") {
        Some(Value::Object(artifacts)) => artifacts.values_mut().for_each(strip),
        Some(Value::Array(artifacts)) => artifacts.iter_mut().for_each(strip),
        _ => {}
    }
}

const GRAPH: &str = "public/task-graph.json";
/// Keys that are not compared (legacy.md §4.2). `schedulerId`, which was not either, is: it tells try (V88).
const IGNORED: [&str; 4] = ["created", "deadline", "dependencies", "expires"];
