// SPDX-License-Identifier: MPL-2.0
//! The root's upstream artifacts (V40–V42): which names, of which run, optional or not.

use std::collections::{BTreeMap, BTreeSet};

use super::Inputs;
use super::plan::pinned;
use crate::evidence::{Evidence, Miss};
use crate::json::{self, Reading};
use crate::model::cot::CotDocument;
use crate::model::fnmatch;
use crate::model::ids::{ArtifactName, RunId, TaskId};
use crate::model::shape::{Fields, Shape};
use crate::request::Request;

/// What the root wants of one task, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Literal names and names that a pattern matched: optional or not (V41; mandatory wins, S3).
    pub(crate) names: BTreeMap<String, bool>,
    /// Patterns whose listing is not to be had.
    pub(crate) unlisted: Vec<(Request, Miss)>,
}

/// Returns the tasks whose artifacts the root lists.
pub(crate) fn upstream_tasks(inputs: &Inputs, evidence: &Evidence) -> BTreeSet<TaskId> {
    let Ok(definition) = evidence.definition(inputs.task) else {
        return BTreeSet::new();
    };
    definition
        .upstream_artifacts()
        .unwrap_or_default()
        .iter()
        .map(|entry| entry.task)
        .collect()
}

/// Names the requests for what the root lists of one task.
pub(crate) fn name(inputs: &Inputs, evidence: &Evidence, task: TaskId) {
    let Ok(wanted) = wanted(inputs, evidence, Some(task)) else {
        return;
    };
    for (task, wanted) in wanted {
        let Some(run) = pinned(evidence, task) else {
            continue;
        };
        let mut listed = None;
        for (name, optional) in wanted.names.into_iter().take(inputs.limits.artifacts) {
            // an optional artifact is fetched only if its run says that it made it, as the reference does (V43)
            if optional {
                let listed = listed.get_or_insert_with(|| unverified(evidence, task, run));
                if !listed.as_ref().is_some_and(|document| document.lists(&name)) {
                    continue;
                }
            }
            if let Some(request) = request(task, run, &name) {
                evidence.want(&request);
            }
        }
    }
}

/// Returns the request for an artifact of a run; `None` for a name that S12 refuses and for the task graph,
/// which has its own.
pub(crate) fn request(task: TaskId, run: RunId, name: &str) -> Option<Request> {
    if name == ArtifactName::TASK_GRAPH {
        return Some(Request::TaskGraph { task, run });
    }
    name.parse()
        .ok()
        .map(|name| Request::Artifact { task, run, name })
}

/// Reads the unverified chain-of-trust document, for routing only.
fn unverified(evidence: &Evidence, task: TaskId, run: RunId) -> Option<CotDocument> {
    let bytes = evidence.bytes(&Request::CotBody { task, run }, u64::MAX).ok()?;
    let value = json::parse(&bytes, Reading::Lenient).ok()?;
    CotDocument::new(value).ok()
}

/// Returns what the root wants, by task (V40); of one task if `only` names it.
pub(crate) fn wanted(
    inputs: &Inputs,
    evidence: &Evidence,
    only: Option<TaskId>,
) -> Result<BTreeMap<TaskId, Wanted>, Miss> {
    let definition = evidence.definition(inputs.task)?;
    let mut all: BTreeMap<TaskId, Wanted> = BTreeMap::new();
    for entry in definition.upstream_artifacts()? {
        if only.is_some_and(|only| only != entry.task) {
            continue;
        }
        let wanted = all.entry(entry.task).or_default();
        for path in entry.paths()? {
            if path.contains('*') {
                glob(evidence, entry.task, path, entry.optional, wanted);
            } else {
                add(wanted, path, entry.optional);
            }
        }
    }
    Ok(all)
}

fn add(wanted: &mut Wanted, name: &str, optional: bool) {
    wanted
        .names
        .entry(name.to_owned())
        .and_modify(|known| *known &= optional)
        .or_insert(optional);
}

/// Adds every listed artifact whose name the pattern matches (V42).
fn glob(evidence: &Evidence, task: TaskId, pattern: &str, optional: bool, wanted: &mut Wanted) {
    let Some(run) = pinned(evidence, task) else {
        return;
    };
    let request = Request::ArtifactList { task, run };
    match listing(evidence, &request) {
        Ok(names) => {
            for name in names.iter().filter(|name| fnmatch::matches(pattern, name)) {
                add(wanted, name, optional);
            }
        }
        Err(miss) => wanted.unlisted.push((request, miss)),
    }
}

/// Reads the names of a listing: `{"artifacts": [{"name": …}]}`.
fn listing(evidence: &Evidence, request: &Request) -> Result<BTreeSet<String>, Miss> {
    let answer = evidence.host_json(request, u64::MAX)?;
    let names = Fields::of(&answer, "")?
        .list("artifacts")?
        .iter()
        .enumerate()
        .map(|(at, entry)| {
            Ok(Fields::of(entry, format!("/artifacts/{at}"))?
                .text("name")?
                .to_owned())
        })
        .collect::<Result<_, Shape>>()?;
    Ok(names)
}
