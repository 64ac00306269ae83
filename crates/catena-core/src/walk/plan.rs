// SPDX-License-Identifier: MPL-2.0
//! The jobs that name requests. A job runs a rule; what the rule asked for in vain is named, and the job runs
//! again when it has arrived. Jobs are idempotent, and what a rule finds wrong here is found again at the end.

use super::claims::{self, Claim};
use super::{CheckTask, Signatures, Walk, artifacts};
use crate::checks;
use crate::model::ids::{ArtifactName, TaskId};
use crate::model::task_type::TaskType;
use crate::rebuild;
use crate::request::Request;
use crate::source::is_restricted;

/// One step for one task.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Job {
    /// Find the tasks whose artifacts the root lists (V40).
    Artifacts,
    /// Name the chain-of-trust documents of the pinned run (V30).
    Cot(TaskId),
    /// Follow what the definition names (V15–V18).
    Expand(TaskId),
    /// Name what a parent's checks read (V40, section G).
    Parent(TaskId),
    /// Decide whether the root is a link (P12).
    Root,
    /// Name what the root lists of one task (V40, V42).
    Upstream(TaskId),
    /// Name what tells try and pull requests apart (V86–V89).
    Try(TaskId),
}

/// A task that has been reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    depth: u32,
    link: bool,
    parent: bool,
}

impl Walk {
    pub(super) fn start(&mut self) {
        let root = self.inputs.task;
        let parent = self.inputs.task_type.is_parent();
        self.tasks.insert(
            root,
            Known {
                depth: 0,
                link: false,
                parent,
            },
        );
        self.ready
            .extend([Job::Expand(root), Job::Artifacts, Job::Try(root)]);
        match self.inputs.check_task {
            CheckTask::Always => self.link(root),
            CheckTask::Auto => self.ready.push_back(Job::Root),
            CheckTask::Never => {}
        }
        if parent {
            self.ready.push_back(Job::Parent(root));
        }
        self.work();
    }

    pub(super) fn work(&mut self) {
        while let Some(job) = self.ready.pop_front() {
            self.run(job);
            for request in self.evidence.take_wanted() {
                if !is_leaf(&request) {
                    let jobs = self.waiting.entry(request.clone()).or_default();
                    if !jobs.contains(&job) {
                        jobs.push(job);
                    }
                }
                if self.named.insert(request.clone()) {
                    self.outstanding += 1;
                    self.fresh.push(request);
                }
            }
        }
    }

    fn run(&mut self, job: Job) {
        match job {
            Job::Artifacts => {
                self.upstream = artifacts::upstream_entries(&self.inputs, &self.evidence);
                self.ready
                    .extend(self.upstream.keys().copied().map(Job::Upstream));
            }
            Job::Cot(task) => self.cot(task),
            Job::Expand(task) => self.expand(task),
            Job::Parent(task) => self.parent(task),
            Job::Root => {
                let root = self.inputs.task;
                if self.evidence.pinned(root).is_some() {
                    self.link(root);
                }
            }
            Job::Upstream(task) => {
                let entries = self.upstream.get(&task).map_or(&[][..], Vec::as_slice);
                artifacts::name(&self.inputs, &self.evidence, task, entries);
            }
            Job::Try(task) => {
                if self.is_restricted() {
                    checks::try_or_pull_request::name(&self.inputs, &self.evidence, task);
                }
            }
        }
    }

    /// Returns whether the root has restricted scopes, as far as it is known; looks through them once (S17).
    fn is_restricted(&mut self) -> bool {
        if self.restricted.is_none()
            && let Ok(root) = self.evidence.definition(self.inputs.task)
        {
            self.restricted = Some(is_restricted(&self.inputs.policy, root).unwrap_or(false));
        }
        self.restricted == Some(true)
    }

    fn cot(&self, task: TaskId) {
        let Some(run) = self.evidence.pinned(task) else {
            return;
        };
        self.evidence.want(&Request::CotBody { task, run });
        if self.inputs.signatures == Signatures::Verify {
            self.evidence.want(&Request::CotSignature { task, run });
        }
    }

    fn expand(&mut self, task: TaskId) {
        let depth = self.tasks.get(&task).map_or(0, |known| known.depth);
        let Ok(definition) = self.evidence.definition(task) else {
            return;
        };
        let Ok(claims) = claims::claims(definition) else {
            return;
        };
        if depth > self.inputs.settings.max_chain_length {
            return;
        }
        for claim in claims {
            self.reach(&claim, depth.saturating_add(1));
        }
    }

    /// Reaches a task under a claim: it becomes a link, maybe a parent, maybe nearer than before.
    fn reach(&mut self, claim: &Claim, depth: u32) {
        let full = self.tasks.len() >= self.inputs.limits.links;
        match self.tasks.get_mut(&claim.task) {
            Some(known) if depth < known.depth => {
                known.depth = depth;
                self.ready.push_back(Job::Expand(claim.task));
            }
            Some(_) => {}
            None if full => {
                self.over_limit = true;
                return;
            }
            None => {
                self.tasks.insert(
                    claim.task,
                    Known {
                        depth,
                        link: false,
                        parent: false,
                    },
                );
                self.ready
                    .extend([Job::Expand(claim.task), Job::Try(claim.task)]);
            }
        }
        if claim.is_parent() {
            self.make_parent(claim.task);
        }
        self.link(claim.task);
    }

    fn link(&mut self, task: TaskId) {
        let Some(known) = self.tasks.get_mut(&task) else {
            return;
        };
        if !known.link {
            known.link = true;
            self.ready.push_back(Job::Cot(task));
            if known.parent {
                self.ready.push_back(Job::Parent(task));
            }
        }
    }

    fn make_parent(&mut self, task: TaskId) {
        let Some(known) = self.tasks.get_mut(&task) else {
            return;
        };
        if !known.parent {
            known.parent = true;
            self.ready.push_back(Job::Parent(task));
        }
    }

    fn parent(&self, task: TaskId) {
        if self.tasks.get(&task).is_some_and(|known| known.link)
            && let Some(run) = self.evidence.pinned(task)
        {
            self.evidence.want(&Request::TaskGraph { task, run });
            if self.is_decision(task) {
                for name in [ArtifactName::ACTIONS, ArtifactName::PARAMETERS] {
                    if let Ok(name) = name.parse() {
                        self.evidence.want(&Request::Artifact { task, run, name });
                    }
                }
            }
        }
        rebuild::name(&self.inputs, &self.evidence, task);
    }

    fn is_decision(&self, task: TaskId) -> bool {
        let root_says = task == self.inputs.task && self.inputs.task_type == TaskType::Decision;
        root_says
            || self
                .evidence
                .definition(task)
                .is_ok_and(|definition| definition.is_action() == Ok(false))
    }
}

/// Returns whether no job reads the answer: then none has to run again when it arrives.
const fn is_leaf(request: &Request) -> bool {
    matches!(
        request,
        Request::Artifact { .. } | Request::CotSignature { .. } | Request::TaskGraph { .. }
    )
}
