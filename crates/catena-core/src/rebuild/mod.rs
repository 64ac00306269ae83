// SPDX-License-Identifier: MPL-2.0
//! The rebuild (section G2–G6): what the repository's template makes of the event that created a parent, compared
//! with the parent itself. This is what a chain of trust is anchored in.
//!
//! 1. The event (`tasks_for`) must be one of the product's, on the right kind of host (V58, V59).
//! 2. [`context`] collects the facts of the event: from the VCS host where it knows them, else from the task itself,
//!    and then the report lists them as self-asserted (S36). [`names`] remembers who said what.
//! 3. [`template`] reads `.taskcluster.yml` at the decision task's revision, and for actions wraps it (V66–V68).
//! 4. [`matching`] completes, prunes and compares (V69–V69b, P16).
//! 5. [`explain`] tells where each difference comes from; it decides nothing.
//!
//! [`name`] runs the same steps while documents are missing, to learn which (see [`crate::walk`]).

mod action;
mod context;
mod explain;
mod github;
mod hg;
mod matching;
mod names;
mod template;

use std::cell::RefCell;

use catena_jsone::Value;

pub(crate) use self::action::{permission, settle_group, wrap};
pub(crate) use self::context::as_slugid;
pub(crate) use self::hg::{FirstPush, level, tried};
use self::names::Names;
pub(crate) use self::template::render;
use crate::checks::{
    Applied, Cx, decision_group, miss_finding, movable_ref, parent_revision, tasks_for, trigger,
    url_form,
};
use crate::evidence::{Evidence, Miss};
use crate::model::definition::Definition;
use crate::model::ids::{Revision, RunId, TaskId};
use crate::model::shape::Shape;
use crate::policy::{GITHUB_TASKS_FOR, HG_TASKS_FOR, ProductType, Switch};
use crate::report::{Asserter, Check, Fact, Finding, FindingBuilder, Note};
use crate::request::{Repo, Request};
use crate::source::{PlaceError, Source};
use crate::walk::{Inputs, Object};

/// Why a rebuild ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A document is missing; it has, or will have, its own finding.
    Blocked,
    /// Something speaks against the parent.
    Found(Box<FindingBuilder>),
}

impl From<FindingBuilder> for Stop {
    fn from(finding: FindingBuilder) -> Self {
        Self::Found(Box::new(finding))
    }
}

/// A parent that is being rebuilt.
pub(crate) struct Parent<'a> {
    inputs: &'a Inputs,
    evidence: &'a Evidence,
    /// The parent.
    own: &'a Definition,
    /// Its decision task D (V57): the parent itself, but for actions.
    decision: Source<'a>,
    /// V58.
    tasks_for: &'a str,
    /// V59.
    product_type: ProductType,
    repo: Repo,
    revision: Revision,
    notes: RefCell<Vec<Note>>,
}

/// What a rebuild came to.
#[derive(Debug, Default)]
pub(crate) struct Rebuilt {
    pub(crate) applied: Applied,
    pub(crate) facts: Vec<Fact>,
    pub(crate) notes: Vec<Note>,
}

/// Names what the rebuild of a task reads.
pub(crate) fn name(inputs: &Inputs, evidence: &Evidence, task: TaskId) {
    let Ok(own) = evidence.definition(task) else {
        return;
    };
    let Ok(decision) = own.decision_task() else {
        return;
    };
    let Ok(decision) = evidence.definition(decision) else {
        return;
    };
    if let Ok(parent) = Parent::new(inputs, evidence, own, decision) {
        let _ = parent.context(&mut parent.names());
    }
}

/// Rebuilds an object that is a parent and compares; facts and notes come along even when it fails.
/// `actions` and `parameters` are the bytes of D's artifacts, verified.
pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>, artifacts: &Artifacts) -> Rebuilt {
    let Some(own) = object.known() else {
        return Rebuilt {
            applied: Applied::Blocked,
            ..Rebuilt::default()
        };
    };
    let decision = object
        .decision
        .and_then(|id| cx.chain.get(id))
        .filter(|link| link.is_link || link.id == own.id());
    let Some(decision) = decision.and_then(Object::known) else {
        let applied = match object.decision {
            Some(id) if cx.chain.get(id).is_none() && cx.chain.is_whole => {
                let finding =
                    decision_group::META.reject("a decision task in the chain", id.to_string());
                Applied::found(Some(finding.task(own.id()).build()))
            }
            _ => Applied::Blocked,
        };
        return Rebuilt {
            applied,
            ..Rebuilt::default()
        };
    };
    let parent = match Parent::new(cx.inputs, cx.evidence, own, decision) {
        Ok(parent) => parent,
        Err(stop) => {
            return Rebuilt {
                applied: applied(own.id(), stop),
                ..Rebuilt::default()
            };
        }
    };
    let mut names = parent.names();
    let applied = match parent.compare(&mut names, artifacts) {
        Ok(findings) => Applied::Ran(findings),
        Err(stop) => applied(own.id(), stop),
    };
    Rebuilt {
        applied,
        facts: names.facts().collect(),
        notes: parent.notes.into_inner(),
    }
}

/// D's artifacts whose digests were verified; `None` where that failed or they are missing (V40).
#[derive(Debug, Default)]
pub(crate) struct Artifacts {
    pub(crate) run: Option<RunId>,
    pub(crate) actions: Option<bytes::Bytes>,
    pub(crate) parameters: Option<bytes::Bytes>,
}

fn applied(task: TaskId, stop: Stop) -> Applied {
    match stop {
        Stop::Blocked => Applied::Blocked,
        Stop::Found(finding) => Applied::found(Some(finding.task(task).build())),
    }
}

impl<'a> Parent<'a> {
    fn new(
        inputs: &'a Inputs,
        evidence: &'a Evidence,
        own: &'a Definition,
        decision: &'a Definition,
    ) -> Result<Self, Stop> {
        let source = Source::new(decision, &inputs.policy);
        let tasks_for = trigger_of(inputs, own)?;
        let product_type = product_type(inputs, &source)?;
        allow(own, tasks_for, product_type)?;
        let is_action = matches!(tasks_for, "action" | "pr-action");
        if !is_action
            && own.id() != decision.id()
            && !inputs.relaxations.allows(Switch::ForeignGroupDecision)
        {
            let found = format!("{} as its decision task", decision.id());
            let finding =
                decision_group::META.reject("a task that is its own decision task", found);
            return Err(at_own(finding, own, "/taskGroupId").into());
        }
        let place = source
            .template_place(&inputs.settings.vcs_hosts)
            .map_err(|shape| mistyped(decision, &shape))?;
        let (repo, revision) = place.map_err(|error| misplaced(decision, &error))?;
        let release =
            tasks_for == "github-release" || decision_trigger(decision) == Some("github-release");
        if !revision.is_commit() && !release && !inputs.relaxations.allows(Switch::MovableRefs) {
            let finding = movable_ref::META.reject(
                "40 hex digits as the head revision",
                format!("{revision:?}"),
            );
            return Err(at_own(finding, decision, "/payload/env").into());
        }
        Ok(Self {
            inputs,
            evidence,
            own,
            decision: source,
            tasks_for,
            product_type,
            repo,
            revision,
            notes: RefCell::default(),
        })
    }

    /// Returns a context without values.
    fn names(&self) -> Names {
        Names::new(self.event())
    }

    /// Returns a host's JSON answer.
    fn host(&self, request: &Request) -> Result<Value, Stop> {
        let limit = self.inputs.limits.parsed_bytes;
        self.evidence
            .host_json(request, limit)
            .map_err(|miss| missed(request, &miss))
    }

    /// Reads fields of a definition.
    fn read<T>(&self, definition: &Definition, result: Result<T, Shape>) -> Result<T, Stop> {
        result.map_err(|shape| mistyped(definition, &shape))
    }

    fn compare(&self, names: &mut Names, artifacts: &Artifacts) -> Result<Vec<Finding>, Stop> {
        self.context(names)?;
        self.matches(&self.render(names, artifacts)?)
    }
}

/// Starts a finding about a definition's field.
fn at_own(finding: FindingBuilder, definition: &Definition, pointer: &str) -> FindingBuilder {
    let task = definition.id();
    finding
        .says(Asserter::Task(task))
        .at(&Request::Definition { task }, pointer)
}

fn mistyped(definition: &Definition, shape: &Shape) -> Stop {
    let task = definition.id();
    crate::checks::typed_model::finding(shape, &Request::Definition { task }, Asserter::Task(task))
        .into()
}

fn missed(request: &Request, miss: &Miss) -> Stop {
    miss_finding(request, miss).map_or(Stop::Blocked, Into::into)
}

fn misplaced(decision: &Definition, error: &PlaceError) -> Stop {
    let check: &'static Check = match error {
        PlaceError::Unset => &parent_revision::META,
        PlaceError::Url(_) => &url_form::META,
        PlaceError::Id(_) => &trigger::META,
    };
    let finding = match error {
        PlaceError::Unset => check.reject(error.to_string(), "nothing"),
        PlaceError::Url(_) | PlaceError::Id(_) => check.reject(
            "a repository on a known host and a revision",
            error.to_string(),
        ),
    };
    at_own(finding, decision, "/payload/env").into()
}

fn decision_trigger(decision: &Definition) -> Option<&str> {
    decision
        .extra()
        .ok()?
        .get("tasks_for")
        .and_then(Value::as_str)
}

/// Returns `extra.tasks_for`, which the product must allow (V58).
fn trigger_of<'a>(inputs: &Inputs, own: &'a Definition) -> Result<&'a str, Stop> {
    let trigger = own
        .extra()
        .and_then(|extra| extra.text("tasks_for"))
        .map_err(|shape| mistyped(own, &shape))?;
    let valid = &inputs.policy.valid_tasks_for;
    if valid.contains(trigger) {
        return Ok(trigger);
    }
    let finding = tasks_for::META.reject(format!("one of {valid:?}"), format!("{trigger:.100?}"));
    Err(at_own(finding.says(Asserter::Operator), own, "/extra/tasks_for").into())
}

/// Returns the kind of host that the decision task came from, which the product must allow (V59).
fn product_type(inputs: &Inputs, source: &Source<'_>) -> Result<ProductType, Stop> {
    let types = &inputs.policy.product_types;
    if let [only] = types.as_slice() {
        return Ok(*only);
    }
    let github = source
        .is_github(&inputs.settings.vcs_hosts)
        .map_err(|shape| mistyped(source.definition, &shape))?;
    let found = if github {
        ProductType::Github
    } else {
        ProductType::Hg
    };
    if types.contains(&found) {
        return Ok(found);
    }
    let finding = tasks_for::META.reject(format!("one of {types:?}"), format!("{found:?}"));
    Err(at_own(finding, source.definition, "/metadata/source").into())
}

/// Requires an event that such a host has (V59).
fn allow(own: &Definition, trigger: &str, product_type: ProductType) -> Result<(), Stop> {
    let allowed: &[&str] = match product_type {
        ProductType::Hg => &HG_TASKS_FOR,
        ProductType::Github => &GITHUB_TASKS_FOR,
    };
    if allowed.contains(&trigger) {
        return Ok(());
    }
    let finding = tasks_for::META.reject(
        format!("one of {allowed:?} on this host"),
        format!("{trigger:.100?}"),
    );
    Err(at_own(finding, own, "/extra/tasks_for").into())
}
