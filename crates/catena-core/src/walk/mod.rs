// SPDX-License-Identifier: MPL-2.0
//! The walk: which documents a chain needs, and what they amount to.
//!
//! In order of appearance, for each task that becomes known:
//!
//! 1. Its **definition** names other tasks (V15, V16): inputs, upstream tasks, its parent. Each becomes a link.
//! 2. Its **status** pins a run (P10), whose chain-of-trust document and signature are named at once.
//! 3. A link that anybody claims as a parent (S5) adds its task graph, and for a decision its actions and
//!    parameters (V40); then the rules of the rebuild name template, pushlog and what else they read.
//! 4. The root adds the artifacts that it lists (V40), globs once the listing is there (V42).
//! 5. A root with restricted scopes adds what tells try and pull requests apart (V86–V89).
//!
//! There are no phases: each step is a small job that runs the very rule that will judge later, and waits for
//! the documents that the rule asked for in vain. When nothing is outstanding, [`Walk::finish`] rebuilds the
//! chain breadth-first from what has arrived and runs every check once. The order of supply cannot matter:
//! jobs only add requests, and the verdict is a function of the set of documents.

mod artifacts;
mod book;
mod chain;
mod claims;
pub(crate) mod definitions;
mod fetched;
mod finish;
mod image;
mod plan;
mod prove;

pub(crate) use chain::{Chain, Object};
pub(crate) use claims::claims;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use crate::document::{Answer, ErrorKind, EvidenceError};
use crate::evidence::Evidence;
use crate::limits::Limits;
use crate::model::ids::{ArtifactName, TaskId};
use crate::model::task_type::TaskType;
use crate::policy::{Keyring, Policy, Relaxations, Settings};
use crate::report::{Basis, Report};
use crate::request::Request;
use plan::Job;

/// Whether the root's own chain-of-trust document is checked (P12).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CheckTask {
    /// Always, so that a root that has not run is undetermined.
    Always,
    /// Exactly when its last run is completed.
    #[default]
    Auto,
    /// Never, unless the chain itself names the root.
    Never,
}

/// Whether signatures are verified (P19).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Signatures {
    /// They are not: the best verdict is `unsigned`.
    Ignore,
    /// They are.
    #[default]
    Verify,
}

/// Everything that a verdict depends on besides documents.
pub struct Inputs {
    /// The root task.
    pub task: TaskId,
    /// Its type (V1).
    pub task_type: TaskType,
    /// Which of `type` and `product` were inferred (P18).
    pub inferred: Vec<&'static str>,
    /// The product's policy.
    pub policy: Policy,
    /// What is not per product.
    pub settings: Settings,
    /// Public keys by worker implementation.
    pub keyring: Keyring,
    /// The profile, and what it and the operator relax.
    pub relaxations: Relaxations,
    /// Whether the root is a link.
    pub check_task: CheckTask,
    /// Whether signatures are verified.
    pub signatures: Signatures,
    /// What the documents are.
    pub basis: Basis,
    /// Budgets.
    pub limits: Limits,
}

/// A walk over one chain.
pub struct Walk {
    inputs: Inputs,
    evidence: Evidence,
    tasks: BTreeMap<TaskId, plan::Known>,
    /// The entries of the root's upstream artifacts, by task.
    upstream: BTreeMap<TaskId, Vec<usize>>,
    over_limit: bool,
    /// Whether the root has restricted scopes, once it is known.
    restricted: Option<bool>,
    named: HashSet<Request>,
    fresh: Vec<Request>,
    waiting: HashMap<Request, Vec<Job>>,
    ready: VecDeque<Job>,
    outstanding: usize,
}

/// What a walk came to.
#[derive(Debug)]
pub struct Outcome {
    /// The verdict and everything it rests on.
    pub report: Report,
    /// Artifacts whose bytes have their signed digests, and may get their final names (P28).
    pub accepted: Vec<(TaskId, ArtifactName, Request)>,
}

impl Walk {
    /// Starts a walk.
    #[must_use]
    pub fn new(inputs: Inputs) -> Self {
        let mut walk = Self {
            inputs,
            evidence: Evidence::default(),
            tasks: BTreeMap::new(),
            upstream: BTreeMap::new(),
            over_limit: false,
            restricted: None,
            named: HashSet::new(),
            fresh: Vec::new(),
            waiting: HashMap::new(),
            ready: VecDeque::new(),
            outstanding: 0,
        };
        walk.start();
        walk
    }

    /// Returns the requests that were named since the last call. Each is named once.
    pub fn needs(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.fresh)
    }

    /// Takes the answer to a request that was named; any other is ignored. Returns whether it was awaited.
    pub fn supply(&mut self, request: Request, answer: Answer) -> bool {
        if !self.named.contains(&request) || self.evidence.has(&request) {
            return false;
        }
        self.outstanding -= 1;
        let jobs = self.waiting.remove(&request).unwrap_or_default();
        self.evidence.insert(request, answer);
        self.ready.extend(jobs);
        self.work();
        true
    }

    /// Returns whether every request that was named has its answer.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.outstanding == 0
    }

    /// Ends the walk. Requests without an answer count as unavailable.
    #[must_use]
    pub fn finish(mut self) -> Outcome {
        for request in std::mem::take(&mut self.named) {
            if !self.evidence.has(&request) {
                let error = EvidenceError {
                    kind: ErrorKind::Unavailable,
                    detail: "it was never answered".to_owned(),
                    origin: "".into(),
                };
                self.evidence.insert(request, Err(error));
            }
        }
        finish::finish(&self.inputs, &self.evidence, self.over_limit)
    }
}
