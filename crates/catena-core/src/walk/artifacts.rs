// SPDX-License-Identifier: MPL-2.0
//! The root's upstream artifacts (V40–V42): which names, of which run, optional or not.

use std::collections::{BTreeMap, BTreeSet};

use super::Inputs;
use crate::evidence::{Evidence, Miss};
use crate::json::{self, Reading};
use crate::model::cot::CotDocument;
use crate::model::definition::Upstream;
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

/// Returns the entries of the root's list, by task.
pub(crate) fn upstream_entries(
    inputs: &Inputs,
    evidence: &Evidence,
) -> BTreeMap<TaskId, Vec<usize>> {
    let mut entries: BTreeMap<TaskId, Vec<usize>> = BTreeMap::new();
    if let Ok(definition) = evidence.definition(inputs.task) {
        for entry in definition.upstream_artifacts().unwrap_or_default() {
            entries.entry(entry.task).or_default().push(entry.index);
        }
    }
    entries
}

/// Names the requests for what the root lists of one task, in those entries.
pub(crate) fn name(inputs: &Inputs, evidence: &Evidence, task: TaskId, entries: &[usize]) {
    let (Ok(definition), Some(run)) = (evidence.definition(inputs.task), evidence.pinned(task))
    else {
        return;
    };
    let mut wanted = Wanted::default();
    for entry in entries {
        let entry = definition.upstream_artifact(*entry);
        if entry
            .and_then(|entry| wanted.add_entry(evidence, &entry))
            .is_err()
        {
            return;
        }
    }
    let mut listed = None;
    for (name, optional) in wanted.names.into_iter().take(inputs.limits.artifacts) {
        // an optional artifact is fetched only if its run says that it made it, as the reference does (V43)
        if optional {
            let listed = listed.get_or_insert_with(|| unverified(evidence, task, run));
            if !listed
                .as_ref()
                .is_some_and(|document| document.lists(&name))
            {
                continue;
            }
        }
        if let Some(request) = request(task, run, &name) {
            evidence.want(&request);
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
    let bytes = evidence
        .bytes(&Request::CotBody { task, run }, u64::MAX)
        .ok()?;
    let value = json::parse(&bytes, Reading::Lenient).ok()?;
    CotDocument::new(value).ok()
}

/// Returns what the root wants, by task (V40).
pub(crate) fn wanted(
    inputs: &Inputs,
    evidence: &Evidence,
) -> Result<BTreeMap<TaskId, Wanted>, Miss> {
    let definition = evidence.definition(inputs.task)?;
    let mut all: BTreeMap<TaskId, Wanted> = BTreeMap::new();
    for entry in definition.upstream_artifacts()? {
        let wanted = all.entry(entry.task).or_default();
        wanted.add_entry(evidence, &entry)?;
    }
    Ok(all)
}

impl Wanted {
    fn add_entry(&mut self, evidence: &Evidence, entry: &Upstream<'_>) -> Result<(), Shape> {
        for path in entry.paths()? {
            if path.contains('*') {
                self.add_glob(evidence, entry.task, path, entry.optional);
            } else {
                self.add(path, entry.optional);
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &str, optional: bool) {
        self.names
            .entry(name.to_owned())
            .and_modify(|known| *known &= optional)
            .or_insert(optional);
    }

    /// Adds every listed artifact whose name the pattern matches (V42).
    fn add_glob(&mut self, evidence: &Evidence, task: TaskId, pattern: &str, optional: bool) {
        let Some(run) = evidence.pinned(task) else {
            return;
        };
        let request = Request::ArtifactList { task, run };
        match listing(evidence, &request) {
            Ok(names) => {
                for name in names.iter().filter(|name| fnmatch::matches(pattern, name)) {
                    self.add(name, optional);
                }
            }
            Err(miss) => self.unlisted.push((request, miss)),
        }
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
