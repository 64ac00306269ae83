// SPDX-License-Identifier: MPL-2.0
//! The chain as the documents have it: breadth-first from the root, every claim on a task collected (S5).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::claims::{Claim, claims, types};
use super::{CheckTask, Inputs};
use crate::evidence::{Evidence, Miss};
use crate::graph::VerifiedGraph;
use crate::model::definition::Definition;
use crate::model::ids::{RunId, TaskId};
use crate::model::link::{Bound, Link};
use crate::model::shape::Shape;
use crate::model::task_type::{TaskType, WorkerImplementation};
use crate::source::is_restricted;

/// Names, and kinds that are none, that are kept of one task; a hostile definition can give it any number.
const MAX_NAMES: usize = 100;

/// Characters of an input's name that are kept; real ones have some 30.
const LONGEST_PART: usize = 100;

/// One task of the chain: the root or a link.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    pub(crate) id: TaskId,
    /// The name of the shortest path from the root, first in order among equals.
    pub(crate) name: String,
    /// All names: one per object that claims it.
    pub(crate) names: BTreeSet<String>,
    pub(crate) depth: u32,
    pub(crate) is_root: bool,
    pub(crate) is_link: bool,
    /// Kinds as claimed: the one of `name` first, then the others.
    pub(crate) kinds: Vec<String>,
    /// What the claims resolve to (V12).
    pub(crate) types: BTreeSet<TaskType>,
    pub(crate) unknown_types: BTreeSet<String>,
    pub(crate) definition: Result<&'a Definition, Miss>,
    /// The one worker implementation (V13).
    pub(crate) worker: Option<WorkerImplementation>,
    pub(crate) worker_claims: Result<BTreeSet<WorkerImplementation>, Shape>,
    pub(crate) decision: Option<TaskId>,
    pub(crate) parent: Option<TaskId>,
    pub(crate) claims: Vec<TaskId>,
    /// The pinned run, once it is completed (P10).
    pub(crate) run: Option<RunId>,
    pub(crate) cot: Option<Link<Bound>>,
    pub(crate) graph: Option<VerifiedGraph>,
}

impl<'a> Object<'a> {
    /// Returns whether it creates tasks, by any claim (S5).
    pub(crate) fn is_parent(&self) -> bool {
        self.types.iter().any(|kind| kind.is_parent())
    }

    /// Returns the definition, if it was received and is one.
    pub(crate) fn known(&self) -> Option<&'a Definition> {
        self.definition.as_ref().ok().copied()
    }
}

/// The chain.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    pub(crate) root: TaskId,
    pub(crate) objects: BTreeMap<TaskId, Object<'a>>,
    /// Whether every definition is known. While one is missing, so may be the tasks that it names: then nothing
    /// follows from a task's absence (P7).
    pub(crate) is_whole: bool,
    /// Whether the root has restricted scopes (V83); `None` when they cannot be read. Every task is asked about them, and
    /// a root may have any number, so they are looked through once (S17).
    pub(crate) is_restricted: Option<bool>,
}

impl<'a> Chain<'a> {
    /// Builds the chain from what was received.
    pub(crate) fn build(inputs: &Inputs, evidence: &'a Evidence) -> Self {
        let mut builder = Builder {
            inputs,
            evidence,
            objects: BTreeMap::new(),
        };
        let name = inputs.task_type.as_str();
        builder.add(inputs.task, name.to_owned(), name, 0);
        builder.walk();
        let is_whole = builder
            .objects
            .values()
            .all(|object| object.definition.is_ok());
        let mut chain = Self {
            root: inputs.task,
            objects: builder.objects,
            is_whole,
            is_restricted: evidence
                .definition(inputs.task)
                .ok()
                .and_then(|root| is_restricted(&inputs.policy, root).ok()),
        };
        let checks_root = match inputs.check_task {
            CheckTask::Always => true,
            CheckTask::Auto => evidence.pinned(inputs.task).is_some(),
            CheckTask::Never => false,
        };
        if let Some(root) = chain.objects.get_mut(&inputs.task) {
            root.is_root = true;
            root.is_link |= checks_root;
        }
        for object in chain.objects.values_mut() {
            object.derive(inputs, evidence);
        }
        chain
    }

    /// Returns the root.
    pub(crate) fn root(&self) -> Option<&Object<'a>> {
        self.objects.get(&self.root)
    }

    /// Returns an object by id (V22).
    pub(crate) fn get(&self, task: TaskId) -> Option<&Object<'a>> {
        self.objects.get(&task)
    }
}

struct Builder<'a, 'i> {
    inputs: &'i Inputs,
    evidence: &'a Evidence,
    objects: BTreeMap<TaskId, Object<'a>>,
}

impl<'a> Builder<'a, '_> {
    fn add(&mut self, id: TaskId, name: String, kind: &str, depth: u32) {
        let object = Object {
            id,
            names: BTreeSet::from([name.clone()]),
            name,
            depth,
            is_root: false,
            is_link: false,
            kinds: vec![kind.to_owned()],
            types: BTreeSet::new(),
            unknown_types: BTreeSet::new(),
            definition: self.evidence.definition(id),
            worker: None,
            worker_claims: Ok(BTreeSet::new()),
            decision: None,
            parent: None,
            claims: Vec::new(),
            run: None,
            cot: None,
            graph: None,
        };
        self.objects.insert(id, object);
    }

    /// Goes through the chain level by level; within a level by name, so that the result has one form.
    fn walk(&mut self) {
        let mut level = vec![self.inputs.task];
        let mut depth = 0;
        while !level.is_empty() {
            let mut next = Vec::new();
            if depth <= self.inputs.settings.max_chain_length {
                for task in level {
                    self.expand(task, depth, &mut next);
                }
            }
            next.sort_by_cached_key(|task| {
                self.objects
                    .get(task)
                    .map(|object| (object.name.clone(), *task))
            });
            level = next;
            depth += 1;
        }
    }

    fn expand(&mut self, task: TaskId, depth: u32, next: &mut Vec<TaskId>) {
        let Some(object) = self.objects.get_mut(&task) else {
            return;
        };
        let Some(definition) = object.known() else {
            return;
        };
        let Ok(claims) = claims(definition) else {
            return;
        };
        let name = object.name.clone();
        object.claims = claims.iter().map(|claim| claim.task).collect();
        object.claims.sort_unstable();
        object.claims.dedup();
        for Claim { name: part, task } in claims {
            let kind = part.rsplit(':').next().unwrap_or_default().to_owned();
            let full = format!("{name}:{}", shown(&part));
            match self.objects.get_mut(&task) {
                Some(known) => {
                    // the root too, if a task names it (V19)
                    known.is_link = true;
                    // a report needs no more, and each finding repeats them
                    if known.names.len() < MAX_NAMES {
                        known.names.insert(full);
                    }
                    let counts = known.kinds.len() < MAX_NAMES
                        || kind == "parent"
                        || kind.parse::<TaskType>().is_ok();
                    if counts && !known.kinds.contains(&kind) {
                        known.kinds.push(kind);
                    }
                }
                None => {
                    self.add(task, full, &kind, depth + 1);
                    if let Some(added) = self.objects.get_mut(&task) {
                        added.is_link = true;
                    }
                    next.push(task);
                }
            }
        }
    }
}

/// Returns a part of a name as names have it. Everything below a task repeats its name, so a long one is cut (S17); its
/// colons count as steps (V17), and no chain has as many as are kept.
fn shown(part: &str) -> Cow<'_, str> {
    let Some((cut, _)) = part.char_indices().nth(LONGEST_PART) else {
        return Cow::Borrowed(part);
    };
    let (kept, rest) = part.split_at(cut);
    let colons = rest.matches(':').take(LONGEST_PART).count();
    Cow::Owned(format!("{kept}…{}", ":".repeat(colons)))
}

impl Object<'_> {
    /// Derives type, worker implementation, decision and parent (V14).
    fn derive(&mut self, inputs: &Inputs, evidence: &Evidence) {
        self.run = evidence.pinned(self.id);
        let Some(definition) = self.known() else {
            return;
        };
        let is_action = definition.is_action() == Ok(true);
        let kinds = self.kinds.iter().map(String::as_str);
        (self.types, self.unknown_types) = types(kinds, is_action);
        self.worker_claims = definition.worker_claims(&inputs.settings.scriptworker_provisioners);
        self.worker = match &self.worker_claims {
            Ok(claims) if claims.len() == 1 => claims.first().cloned(),
            _ => None,
        };
        self.decision = definition.decision_task().ok();
        self.parent = definition.parent_task().ok();
    }
}
