// SPDX-License-Identifier: MPL-2.0
//! The checks: one file each, with its id, its rules and the attack that it stops.
//!
//! A check looks at one object of the chain and returns what speaks against it. It runs after all evidence is in,
//! on the chain as a whole, so checks neither wait nor depend on each other's order.

pub mod action_callback;
pub mod action_definition;
pub mod action_group;
pub mod artifact_digest;
pub mod artifact_name;
pub mod artifact_not_listed;
pub mod chain_length;
pub mod claimed_type;
pub mod cot_feature;
pub mod cot_malformed;
pub mod cot_missing;
pub mod cot_run;
pub mod cot_signature;
pub mod cot_task;
pub mod cot_version;
pub mod cron_level;
pub mod decision_group;
pub mod decision_pool;
pub mod differences;
pub mod docker_features;
pub mod docker_image_pool;
pub mod document_malformed;
pub mod evidence_absent;
pub mod evidence_unavailable;
pub mod exact_types;
pub mod examples;
pub mod graph_match;
pub mod graph_member;
pub mod graph_runtime_keys;
pub mod hollow_digest;
pub mod host_answer;
pub mod image_algorithm;
pub mod image_link;
pub mod image_prebuilt;
pub mod interactive;
pub mod interactive_marker;
pub mod json_strict;
pub mod landed;
pub mod limit_exceeded;
pub mod movable_ref;
pub mod named_tasks;
pub mod not_scriptworker;
pub mod optional_digest;
pub mod optional_unavailable;
pub mod parent_artifact;
pub mod parent_id;
pub mod parent_revision;
pub mod pr_action;
pub mod push;
pub mod rebuild_mismatch;
pub mod recorded_task;
pub mod repo_rename;
pub mod restricted_tree;
pub mod run_state;
pub mod sibling_tree;
pub mod source_repository;
pub mod star_scope;
pub mod task_graph;
pub mod task_type;
pub mod tasks_for;
pub mod template;
pub mod trigger;
pub mod try_or_pull_request;
pub mod typed_model;
pub mod upstream_screen;
pub mod url_form;
pub mod worker_implementation;
pub mod worker_pool;
pub mod yaml_safe;

use std::collections::BTreeSet;

use crate::evidence::{Evidence, Miss};
use crate::model::definition::Definition;
use crate::model::shape::Shape;
use crate::report::{Asserter, Check, Finding};
use crate::request::Request;
use crate::walk::{Chain, Inputs, Object};

/// Every check, by file name.
pub const ALL: &[&Check] = &[
    &action_callback::META,
    &action_definition::META,
    &action_group::META,
    &artifact_digest::META,
    &artifact_name::META,
    &artifact_not_listed::META,
    &chain_length::META,
    &claimed_type::META,
    &cot_feature::META,
    &cot_malformed::META,
    &cot_missing::META,
    &cot_run::META,
    &cot_signature::META,
    &cot_task::META,
    &cot_version::META,
    &cron_level::META,
    &decision_group::META,
    &decision_pool::META,
    &docker_features::META,
    &docker_image_pool::META,
    &document_malformed::META,
    &evidence_absent::META,
    &evidence_unavailable::META,
    &exact_types::META,
    &graph_match::META,
    &graph_member::META,
    &graph_runtime_keys::META,
    &hollow_digest::META,
    &host_answer::META,
    &image_algorithm::META,
    &image_link::META,
    &image_prebuilt::META,
    &interactive::META,
    &interactive_marker::META,
    &json_strict::META,
    &landed::META,
    &limit_exceeded::META,
    &movable_ref::META,
    &named_tasks::META,
    &not_scriptworker::META,
    &optional_digest::META,
    &optional_unavailable::META,
    &parent_artifact::META,
    &parent_id::META,
    &parent_revision::META,
    &pr_action::META,
    &push::META,
    &rebuild_mismatch::META,
    &recorded_task::META,
    &repo_rename::META,
    &restricted_tree::META,
    &run_state::META,
    &sibling_tree::META,
    &source_repository::META,
    &star_scope::META,
    &task_graph::META,
    &task_type::META,
    &tasks_for::META,
    &template::META,
    &trigger::META,
    &try_or_pull_request::META,
    &typed_model::META,
    &upstream_screen::META,
    &url_form::META,
    &worker_implementation::META,
    &worker_pool::META,
    &yaml_safe::META,
];

/// What a check may look at.
#[derive(Clone, Copy)]
pub(crate) struct Cx<'a> {
    pub(crate) inputs: &'a Inputs,
    pub(crate) evidence: &'a Evidence,
    pub(crate) chain: &'a Chain<'a>,
}

/// What a check came to for one object.
#[derive(Debug, Default)]
pub(crate) enum Applied {
    /// The check has nothing to say about the object.
    #[default]
    No,
    /// The check could not run; the missing evidence has its own finding.
    Blocked,
    /// The check ran; no findings means that the rule holds.
    Ran(Vec<Finding>),
}

impl Applied {
    /// Returns that the check ran and found nothing or one thing.
    pub(crate) fn found(finding: Option<Finding>) -> Self {
        Self::Ran(finding.into_iter().collect())
    }
}

/// A check over one object.
pub(crate) type Rule = fn(&Cx<'_>, &Object<'_>) -> Applied;

/// The checks over one object, in the order of the rule book. Those that are not here have their place in a
/// step of their own: fetching ([`evidence_absent`], …), the links' proofs ([`cot_signature`], …), artifacts and
/// the rebuild ([`crate::rebuild`]).
pub(crate) const RULES: &[(&Check, Rule)] = &[
    (&upstream_screen::META, upstream_screen::run),
    (&parent_id::META, parent_id::run),
    (&named_tasks::META, named_tasks::run),
    (&worker_pool::META, worker_pool::run),
    (&task_type::META, task_type::run),
    (&claimed_type::META, claimed_type::run),
    (&worker_implementation::META, worker_implementation::run),
    (&chain_length::META, chain_length::run),
    (&recorded_task::META, recorded_task::run),
    (&docker_image_pool::META, docker_image_pool::run),
    (&not_scriptworker::META, not_scriptworker::run),
    (&decision_pool::META, decision_pool::run),
    (&task_graph::META, task_graph::run),
    (&graph_member::META, graph_member::run),
    (&graph_match::META, graph_match::run),
    (&graph_runtime_keys::META, graph_runtime_keys::run),
    (&docker_features::META, docker_features::run),
    (&interactive::META, interactive::run),
    (&interactive_marker::META, interactive_marker::run),
    (&image_link::META, image_link::run),
    (&image_prebuilt::META, image_prebuilt::run),
    (&url_form::META, url_form::run),
    (&source_repository::META, source_repository::run),
    (&star_scope::META, star_scope::run),
    (&restricted_tree::META, restricted_tree::run),
    (&sibling_tree::META, sibling_tree::run),
    (&try_or_pull_request::META, try_or_pull_request::run),
];

impl Cx<'_> {
    /// Returns the finding for a field of a task's definition that has the wrong type (`typed-model`, P2).
    pub(crate) fn shape(&self, object: &Object<'_>, shape: &Shape) -> Finding {
        typed_model::finding(
            shape,
            &Request::Definition { task: object.id },
            Asserter::Task(object.id),
        )
        .task(object.id)
        .build()
    }

    /// Runs a rule whose only obstacle can be a mistyped field of the definition.
    pub(crate) fn typed(
        &self,
        object: &Object<'_>,
        result: Result<Option<Finding>, Shape>,
    ) -> Applied {
        Applied::found(result.unwrap_or_else(|shape| Some(self.shape(object, &shape))))
    }

    /// Requires the task's worker pool to be one of a list (V50, V52).
    pub(crate) fn pool(
        &self,
        check: &'static Check,
        object: &Object<'_>,
        definition: &Definition,
        valid: &BTreeSet<String>,
    ) -> Applied {
        let judged = definition.worker_pool().map(|pool| {
            (!valid.contains(&pool)).then(|| {
                check
                    .reject(format!("one of {valid:?}"), format!("{pool:.200?}"))
                    .task(object.id)
                    .says(Asserter::Queue)
                    .at(&Request::Definition { task: object.id }, "/workerType")
                    .build()
            })
        });
        self.typed(object, judged)
    }

    /// Returns what a document that is not to be had, or that says something else, means for the check that
    /// wanted it (P7). Failures to fetch have their own finding already.
    pub(crate) fn miss(&self, object: &Object<'_>, request: &Request, miss: &Miss) -> Applied {
        match miss_finding(request, miss) {
            Some(finding) => Applied::found(Some(finding.task(object.id).build())),
            None => Applied::Blocked,
        }
    }
}

/// Returns the finding for a received document that does not parse or has another shape (P7): rejected when a
/// task, repository or artifact is behind it, undetermined when a host's API is.
pub(crate) fn miss_finding(
    request: &Request,
    miss: &Miss,
) -> Option<crate::report::FindingBuilder> {
    let host = is_host_answer(request);
    match miss {
        Miss::Failed(_) | Miss::Pending => None,
        Miss::Json(error) if error.strictness => {
            Some(json_strict::finding(request, &error.to_string(), host))
        }
        Miss::Json(error) if host => Some(host_answer::finding(request, &error.to_string())),
        Miss::Json(error) => Some(document_malformed::finding(
            request,
            "JSON",
            &error.to_string(),
        )),
        Miss::Shape(shape) if host => Some(host_answer::finding(request, &shape.to_string())),
        Miss::Shape(shape) => Some(typed_model::finding(shape, request, asserter(request))),
    }
}

/// Returns whether a request is answered by a host's API rather than by a task, repository or artifact (P7).
pub(crate) const fn is_host_answer(request: &Request) -> bool {
    !matches!(
        request,
        Request::Artifact { .. }
            | Request::CotBody { .. }
            | Request::CotSignature { .. }
            | Request::Definition { .. }
            | Request::TaskGraph { .. }
    )
}

/// Returns who stands behind a request's answer.
pub(crate) const fn asserter(request: &Request) -> Asserter {
    match request {
        Request::Artifact { task, .. }
        | Request::TaskGraph { task, .. }
        | Request::CotBody { task, .. } => Asserter::SignedCot(*task),
        Request::Definition { task } => Asserter::Task(*task),
        Request::ArtifactList { .. } | Request::CotSignature { .. } | Request::Status { .. } => {
            Asserter::Queue
        }
        _ => Asserter::VcsHost,
    }
}
