// SPDX-License-Identifier: MPL-2.0
//! `try-or-pull-request` (V86, V87, V88, V89, S25): no task of a chain with restricted scopes is a try push or a pull request.
//!
//! Stops: A release signed from a try push, or from a pull request that nobody has reviewed.

use catena_jsone::Value;

use super::landed::Landed;
use super::{Applied, Cx, landed, pr_action};
use crate::evidence::Evidence;
use crate::model::definition::Definition;
use crate::model::ids::TaskId;
use crate::model::shape::Shape;
use crate::model::url::VcsUrl;
use crate::policy::{PULL_REQUEST_TASKS_FOR, TRY_SCHEDULER_IDS};
use crate::report::{Asserter, Check, Finding};
use crate::request::{Repo, Request};
use crate::source::Source;
use crate::walk::{Inputs, Object};

/// The check's declaration.
pub const META: Check = Check {
    id: "try-or-pull-request",
    rules: &["V86", "V87", "V88", "V89", "S25"],
    title: "no task of a chain with restricted scopes is a try push or a pull request",
    attack: "A release signed from a try push, or from a pull request that nobody has reviewed.",
    help: "Nothing from try or from a pull request may be released; find out who gave the root its scopes.",
    rank: 76,
    implies: &[
        "recorded-task",
        "graph-match",
        "restricted-tree",
        "sibling-tree",
    ],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    match cx.chain.is_restricted {
        Some(true) => {}
        Some(false) => return Applied::No,
        None => return Applied::Blocked, // without the root, or with scopes that are none
    }
    match judge(cx.inputs, cx.evidence, definition) {
        Ok(judged) if judged.blocked && judged.findings.is_empty() => Applied::Blocked,
        Ok(judged) => Applied::Ran(judged.findings),
        Err(shape) => Applied::found(Some(cx.shape(object, &shape))),
    }
}

/// Names what the check will read of one task of a chain whose root has restricted scopes (V86: else no request).
pub(crate) fn name(inputs: &Inputs, evidence: &Evidence, task: TaskId) {
    if let Ok(definition) = evidence.definition(task) {
        let _ = judge(inputs, evidence, definition);
    }
}

/// What speaks against a task, and whether a document is missing.
#[derive(Default)]
struct Judged {
    findings: Vec<Finding>,
    blocked: bool,
}

fn judge(inputs: &Inputs, evidence: &Evidence, definition: &Definition) -> Result<Judged, Shape> {
    let source = Source::new(definition, &inputs.policy);
    if source.is_github(&inputs.settings.vcs_hosts)? {
        pull_request(inputs, evidence, &source)
    } else {
        try_push(&source)
    }
}

fn finding(task: TaskId, found: String, pointer: &str) -> Finding {
    META.reject("neither try nor a pull request", found)
        .task(task)
        .says(Asserter::Task(task))
        .at(&Request::Definition { task }, pointer)
        .build()
}

fn try_push(source: &Source<'_>) -> Result<Judged, Shape> {
    let signs = signs_of_try(source.definition, source.head_repository()?.as_slice())?;
    let id = source.definition.id();
    Ok(Judged {
        findings: signs
            .into_iter()
            .map(|(found, pointer)| finding(id, found, pointer))
            .collect(),
        blocked: false,
    })
}

/// Returns the signs of try of a task with these head repositories (V88), each with its place: it errs towards refusal.
pub(crate) fn signs_of_try(
    definition: &Definition,
    heads: &[&str],
) -> Result<Vec<(String, &'static str)>, Shape> {
    let fields = definition.fields()?;
    let mut signs = Vec::new();
    let scheduler = fields.text("schedulerId")?;
    if TRY_SCHEDULER_IDS.contains(&scheduler) {
        signs.push((format!("schedulerId {scheduler}"), "/schedulerId"));
    }
    let branch = definition.env()?.optional_text("MH_BRANCH")?;
    if let Some(branch) = branch.filter(|branch| branch.contains("try")) {
        signs.push((format!("MH_BRANCH {branch:.200}"), "/payload/env/MH_BRANCH"));
    }
    let source = fields.object("metadata")?.text("source")?;
    for url in heads.iter().copied().chain([source]) {
        let first = VcsUrl::parse(url)
            .ok()
            .and_then(|url| url.components().into_iter().next());
        if first.is_some_and(|first| first.contains("try")) {
            signs.push((format!("{url:.300}"), "/metadata/source"));
        }
    }
    Ok(signs)
}

/// Judges owner and commit of both repositories that a GitHub task names (V89).
fn pull_request(
    inputs: &Inputs,
    evidence: &Evidence,
    source: &Source<'_>,
) -> Result<Judged, Shape> {
    let (id, mut judged) = (source.definition.id(), Judged::default());
    let trigger = source
        .definition
        .extra()?
        .get("tasks_for")
        .and_then(Value::as_str);
    match trigger {
        Some(pull) if PULL_REQUEST_TASKS_FOR.contains(&pull) => {
            judged
                .findings
                .push(finding(id, format!("tasks_for {pull}"), "/extra/tasks_for"));
        }
        Some("pr-action") => {
            let finding = pr_action::META
                .reject("an action on landed code", "tasks_for pr-action")
                .task(id);
            judged
                .findings
                .push(finding.says(Asserter::Task(id)).build());
        }
        _ => {}
    }
    let branch = source.branch()?;
    if let Some(text) = source.head_repository()? {
        let revision = source.revision()?.filter(|revision| !revision.is_empty());
        let repo = VcsUrl::parse(text)
            .ok()
            .and_then(|url| url.repo(&inputs.settings.vcs_hosts).ok());
        place(
            inputs,
            evidence,
            id,
            text,
            repo,
            revision,
            branch,
            &mut judged,
        );
    }
    let text = source.source_text()?;
    let url = VcsUrl::parse(text).ok();
    // a branch with slashes is no revision, and has not landed (S31)
    let (repo, revision) = url.map_or((None, None), |url| {
        url.file_place(&inputs.settings.vcs_hosts)
    });
    if revision.is_none() {
        let found = finding(
            id,
            format!("a source without a revision: {text:.300}"),
            "/metadata/source",
        );
        judged.findings.push(found);
    }
    place(
        inputs,
        evidence,
        id,
        text,
        repo,
        revision.as_deref(),
        branch,
        &mut judged,
    );
    Ok(judged)
}

#[expect(
    clippy::too_many_arguments,
    reason = "the two places of V89 differ in all of them"
)]
fn place(
    inputs: &Inputs,
    evidence: &Evidence,
    id: TaskId,
    text: &str,
    repo: Option<Repo>,
    revision: Option<&str>,
    branch: Option<&str>,
    judged: &mut Judged,
) {
    let Some(repo @ (Repo::Github { .. } | Repo::Hosted(_))) = repo else {
        judged.findings.push(finding(
            id,
            format!("a repository outside GitHub: {text:.300}"),
            "/metadata/source",
        ));
        return;
    };
    let owner = official_name(&repo);
    let official = &inputs.policy.official_github_owners;
    if !official.contains(&owner) {
        judged.findings.push(finding(
            id,
            format!("a repository of {owner}"),
            "/metadata/source",
        ));
        return;
    }
    let Some(revision) = revision else { return };
    match landed::judge(inputs, evidence, &repo, revision, branch) {
        Landed::Yes => {}
        Landed::Blocked => judged.blocked = true,
        Landed::No(finding) => judged.findings.push(finding.task(id).build()),
    }
}

/// Returns the owner as `official_github_repos_owner` lists it (V89): GitHub's by name alone, of other hosts with the
/// host before it, so that nobody who takes the same name elsewhere is official.
fn official_name(repo: &Repo) -> String {
    match repo {
        Repo::Github { owner, .. } => owner.to_string(),
        Repo::Hg { host, .. } => host.to_string(),
        Repo::Hosted(hosted) if hosted.owner().is_empty() => hosted.host.to_string(),
        Repo::Hosted(hosted) => format!("{}/{}", hosted.host, hosted.owner()),
    }
}
