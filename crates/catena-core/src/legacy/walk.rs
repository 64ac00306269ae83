// SPDX-License-Identifier: MPL-2.0
//! The chain: which tasks it has, and what was found about them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use catena_jsone::Value;

use super::era::CotVersion;
use super::report::{Assurance, Finding, LinkReport, Report, SCHEMA, Signed};
use super::{Evidence, Inputs, Opener, types};
use crate::document::{Body, ErrorKind, EvidenceError};
use crate::json::{self, Reading};
use crate::model::cot::CotDocument;
use crate::model::definition::Definition;
use crate::model::ids::{RunId, TaskId};
use crate::model::shape::{Fields, Shape};
use crate::model::status::RunPin;
use crate::model::task_type::WorkerImplementation;
use crate::report::Verdict;
use crate::request::Request;

/// What a task is in the chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    Action,
    Decision,
    Image,
    Root,
    Task,
}

impl Role {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Decision => "decision",
            Self::Image => "docker-image",
            Self::Root => "root",
            Self::Task => "task",
        }
    }
}

/// A completed run.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) id: RunId,
    pub(super) started: String,
    pub(super) resolved: String,
}

/// A task of the chain.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) definition: Definition,
    pub(super) role: Role,
    pub(super) worker: WorkerImplementation,
    pub(super) decision: TaskId,
    /// Whose graph it is of: its decision task, or the action that made it.
    pub(super) parent: TaskId,
    pub(super) run: Option<Run>,
    /// Only ever from a text whose signature is good.
    pub(super) cot: Option<CotDocument>,
    pub(super) signed: Option<Signed>,
}

impl Link {
    /// Returns when the task was made, and when its run began and ended.
    pub(super) fn times(&self) -> Vec<String> {
        let created = self
            .definition
            .fields()
            .and_then(|fields| fields.text("created"))
            .unwrap_or_default()
            .to_owned();
        let run = self.run.iter();
        let run = run.flat_map(|run| [run.started.clone(), run.resolved.clone()]);
        std::iter::once(created).chain(run).collect()
    }
}

pub(super) struct Chain<'a> {
    pub(super) inputs: &'a Inputs,
    pub(super) evidence: &'a mut dyn Evidence,
    pub(super) opener: &'a dyn Opener,
    pub(super) links: BTreeMap<TaskId, Link>,
    pub(super) findings: BTreeSet<Finding>,
    pub(super) relaxations: BTreeSet<String>,
    pub(super) assurance: BTreeSet<Assurance>,
    pub(super) version: Option<CotVersion>,
    /// The repository of each task, if the policy knows it.
    pub(super) repositories: BTreeMap<TaskId, String>,
}

impl<'a> Chain<'a> {
    pub(super) fn new(
        inputs: &'a Inputs,
        evidence: &'a mut dyn Evidence,
        opener: &'a dyn Opener,
    ) -> Self {
        Self {
            inputs,
            evidence,
            opener,
            links: BTreeMap::new(),
            findings: BTreeSet::new(),
            relaxations: inputs.relaxations.iter().cloned().collect(),
            assurance: BTreeSet::from([Assurance::LegacyGpg]),
            version: None,
            repositories: BTreeMap::new(),
        }
    }

    pub(super) fn reject(
        &mut self,
        id: &str,
        task: TaskId,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) {
        self.find(id, Verdict::Rejected, task, expected.into(), found.into());
    }

    pub(super) fn undetermined(
        &mut self,
        id: &str,
        task: TaskId,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) {
        self.find(
            id,
            Verdict::Undetermined,
            task,
            expected.into(),
            found.into(),
        );
    }

    fn find(&mut self, id: &str, verdict: Verdict, task: TaskId, expected: String, found: String) {
        self.findings.insert(Finding {
            id: id.to_owned(),
            verdict,
            task,
            expected,
            found,
        });
    }

    pub(super) fn malformed(&mut self, task: TaskId, shape: &Shape) {
        self.reject(
            "legacy-malformed",
            task,
            "a document of that time",
            shape.to_string(),
        );
    }

    /// A document that is missing: absence speaks against a chain, an outage does not (P7).
    pub(super) fn missing(&mut self, task: TaskId, expected: &str, error: &EvidenceError) {
        match error.kind {
            ErrorKind::Absent => self.reject("legacy-absent", task, expected, error.to_string()),
            _ => self.undetermined("legacy-unavailable", task, expected, error.to_string()),
        }
    }

    /// Returns a document's bytes.
    pub(super) fn bytes(&mut self, request: &Request) -> Result<Bytes, EvidenceError> {
        match self.evidence.fetch(request)?.body {
            Body::Bytes(bytes) => Ok(bytes),
            Body::Graph(graph) => graph.bytes(MAX_DOCUMENT),
            Body::Stored(stored) => stored.bytes(MAX_DOCUMENT),
        }
    }

    fn value(&mut self, task: TaskId, request: &Request, expected: &str) -> Option<Value> {
        let bytes = match self.bytes(request) {
            Ok(bytes) => bytes,
            Err(error) if task == self.inputs.root && error.kind == ErrorKind::Absent => {
                self.undetermined("legacy-unavailable", task, expected, error.to_string());
                return None;
            }
            Err(error) => {
                self.missing(task, expected, &error);
                return None;
            }
        };
        match json::parse(&bytes, Reading::Lenient) {
            Ok(value) => Some(value),
            Err(error) => {
                self.undetermined("legacy-unavailable", task, expected, error.to_string());
                None
            }
        }
    }

    /// Collects the tasks of the chain from all that they name, breadth first.
    pub(super) fn collect(&mut self) {
        let mut open = VecDeque::from([(self.inputs.root, 0_usize)]);
        let mut seen = BTreeSet::from([self.inputs.root]);
        while let Some((task, depth)) = open.pop_front() {
            if depth > MAX_DEPTH {
                let expected = format!("a task at most {MAX_DEPTH} below the root");
                self.reject("legacy-limit", task, expected, "a deeper one");
                continue;
            }
            let Some(value) = self.value(
                task,
                &Request::Definition { task },
                "the definition of the task",
            ) else {
                continue;
            };
            let link =
                Definition::new(task, value).and_then(|definition| self.link(task, definition));
            let (link, named) = match link {
                Ok(found) => found,
                Err(shape) => {
                    self.malformed(task, &shape);
                    continue;
                }
            };
            self.links.insert(task, link);
            self.run_of(task);
            for next in named {
                if seen.len() >= MAX_LINKS && !seen.contains(&next) {
                    self.undetermined(
                        "legacy-limit",
                        task,
                        format!("at most {MAX_LINKS} tasks"),
                        "more",
                    );
                    return;
                }
                if seen.insert(next) {
                    open.push_back((next, depth.saturating_add(1)));
                }
            }
        }
    }

    /// Reads a definition: what it is in the chain, and which tasks it rests on.
    fn link(
        &mut self,
        task: TaskId,
        definition: Definition,
    ) -> Result<(Link, BTreeSet<TaskId>), Shape> {
        let decision = definition.decision_task()?;
        let parent = definition.parent_task()?;
        let role = match task == self.inputs.root {
            true => Role::Root,
            false if definition.is_action()? => Role::Action,
            false if task == decision => Role::Decision,
            false if IMAGE_POOLS.contains(&definition.fields()?.text("workerType")?) => Role::Image,
            false => Role::Task,
        };
        let worker = self.worker(task, &definition)?;
        let mut named: BTreeSet<TaskId> = BTreeSet::new();
        if let Some(image) = image_task(&definition)? {
            named.insert(image);
        }
        if role != Role::Decision {
            named.extend([decision, parent]);
        }
        named.extend(types::named(&definition)?.into_iter().map(|(task, _)| task));
        let link = Link {
            definition,
            role,
            worker,
            decision,
            parent,
            run: None,
            cot: None,
            signed: None,
        };
        Ok((link, named))
    }

    /// Guesses the worker implementation (legacy.md §4.1); a conflict, or none, is a rejection.
    fn worker(
        &mut self,
        task: TaskId,
        definition: &Definition,
    ) -> Result<WorkerImplementation, Shape> {
        let mut claims = definition.worker_claims(&BTreeSet::new())?;
        if SCRIPT_POOLS.contains(&definition.fields()?.text("workerType")?) {
            claims.insert(WorkerImplementation::Scriptworker);
        }
        let mut claimed = claims.iter();
        match (claimed.next(), claimed.next()) {
            (Some(one), None) if !matches!(one, WorkerImplementation::Unknown(_)) => {
                Ok(one.clone())
            }
            _ => {
                let found: Vec<&str> = claims.iter().map(WorkerImplementation::as_str).collect();
                let found = format!("[{}]", found.join(", "));
                self.reject(
                    "legacy-worker",
                    task,
                    "marks of one worker implementation of that time",
                    found.clone(),
                );
                Ok(WorkerImplementation::Unknown(found))
            }
        }
    }

    /// Reads the last run of a task. The root may still be unfinished; then it has no document of its own.
    fn run_of(&mut self, task: TaskId) {
        let Some(status) = self.value(task, &Request::Status { task }, "the status of the task")
        else {
            return;
        };
        let read = RunPin::read(&status).and_then(|pin| Ok((pin, times(&status)?)));
        match read {
            Ok((RunPin::Completed(id), Some((started, resolved)))) => {
                if let Some(link) = self.links.get_mut(&task) {
                    link.run = Some(Run {
                        id,
                        started,
                        resolved,
                    });
                }
            }
            Ok((RunPin::Failed(_, state), _)) => {
                self.reject("legacy-run", task, "a completed run", state);
            }
            Ok((RunPin::Unfinished(_), _)) if task == self.inputs.root => {}
            Ok((RunPin::Unfinished(state), _)) => {
                self.undetermined("legacy-run", task, "a completed run", state);
            }
            Ok((RunPin::Completed(_), None)) => {
                self.undetermined("legacy-run", task, "the times of the completed run", "none");
            }
            Err(shape) => {
                self.undetermined(
                    "legacy-unavailable",
                    task,
                    "the status of the task",
                    shape.to_string(),
                );
            }
        }
    }

    /// Puts together what came out.
    pub(super) fn report(self) -> Report {
        let mut findings: Vec<Finding> = self.findings.into_iter().collect();
        // what speaks against the chain comes first
        findings.sort_by(|left, right| {
            right
                .verdict
                .cmp(&left.verdict)
                .then_with(|| left.cmp(right))
        });
        let verdict = findings
            .first()
            .map_or(Verdict::Trusted, |finding| finding.verdict);
        let classes: Vec<String> = self
            .assurance
            .iter()
            .map(|class| class.name().to_owned())
            .collect();
        let headline = findings.first().map_or_else(
            || format!("as far as the rules of the time go: {}", classes.join(", ")),
            |finding| {
                format!(
                    "{}: expected {}, found {}",
                    finding.id, finding.expected, finding.found
                )
            },
        );
        let link = |(task, link): (TaskId, Link)| LinkReport {
            task,
            role: link.role.name(),
            worker: link.worker.to_string(),
            run: link.run.as_ref().map(|run| run.id.0),
            resolved: link.run.map(|run| run.resolved),
            signed: link.signed,
        };
        Report {
            schema: SCHEMA,
            verdict,
            headline,
            task: self.inputs.root,
            assurance: self.assurance.into_iter().collect(),
            version: self.version,
            basis: "recorded",
            relaxations: self.relaxations.into_iter().collect(),
            links: self.links.into_iter().map(link).collect(),
            findings,
        }
    }
}

/// Returns when the last run started and was resolved, if it says both.
fn times(status: &Value) -> Result<Option<(String, String)>, Shape> {
    let status = Fields::of(status, "")?.object("status")?;
    let Some(last) = status.list("runs")?.last() else {
        return Ok(None);
    };
    let run = Fields::of(last, "/status/runs/-")?;
    let (started, resolved) = (
        run.optional_text("started")?,
        run.optional_text("resolved")?,
    );
    Ok(started
        .zip(resolved)
        .map(|(started, resolved)| (started.to_owned(), resolved.to_owned())))
}

/// Returns the task that built a task's image. Only a text is an image by name; whatever else there is must name a task.
pub(super) fn image_task(definition: &Definition) -> Result<Option<TaskId>, Shape> {
    let payload = definition.payload()?;
    match payload.get("image") {
        None | Some(Value::String(_)) => Ok(None),
        Some(image) if !image.is_truthy() && image.as_object().is_none() => Ok(None),
        Some(image) => {
            let fields = Fields::of(image, payload.pointer("image"))?;
            let id = fields.text("taskId")?;
            let id = id.parse().map_err(|_| {
                Shape::new(fields.pointer("taskId"), "a task id", fields.get("taskId"))
            })?;
            Ok(Some(id))
        }
    }
}

/// Pools that scriptworker served under another provisioner name than its own (legacy.md §4.1).
const SCRIPT_POOLS: [&str; 5] = [
    "balrogworker-v1",
    "beetmoverworker-v1",
    "pushapk-v1",
    "signing-linux-v1",
    "treescriptworker-v1",
];
/// Pools that built images (legacy.md §4.1).
const IMAGE_POOLS: [&str; 7] = [
    "gecko-1-images",
    "gecko-2-images",
    "gecko-3-images",
    "gecko-images",
    "mobile-1-images",
    "mobile-3-images",
    "taskcluster-images",
];
/// Chains of that time had a dozen tasks; release tasks some hundred.
const MAX_LINKS: usize = 500;
/// How far below the root a task may be (V17, `max_chain_length`).
const MAX_DEPTH: usize = 20;
/// Signed documents and definitions are far smaller.
const MAX_DOCUMENT: u64 = 16 << 20;
