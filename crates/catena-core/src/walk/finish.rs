// SPDX-License-Identifier: MPL-2.0
//! The end of a walk: build the chain, prove, check, report. The steps are those of V3, over all that has arrived.

use std::collections::BTreeMap;

use super::artifacts;
use super::book::Book;
use super::chain::{Chain, Object};
use super::image::image;
use super::{Inputs, Outcome, Signatures, fetched, prove};
use crate::checks::{self, Cx, evidence_unavailable, limit_exceeded, rebuild_mismatch};
use crate::document::{Body, Document};
use crate::evidence::Evidence;
use crate::model::ids::{ArtifactName, TaskId};
use crate::model::task_type::TaskType;
use crate::patterns;
use crate::rebuild;
use crate::report::{
    Artifact, Basis, Fact, Finding, Link, Report, RequestRecord, Subject, Verdict,
};
use crate::request::Request;
use crate::source::Source;

pub(super) type Listed = BTreeMap<TaskId, Vec<Artifact>>;

pub(super) fn finish(inputs: &Inputs, evidence: &Evidence, over_limit: bool) -> Outcome {
    let mut book = Book::default();
    let mut chain = Chain::build(inputs, evidence);
    if over_limit {
        let found = format!("more than {} tasks", inputs.limits.links);
        let expected = format!("at most {} tasks in the chain", inputs.limits.links);
        book.add(
            limit_exceeded::META
                .undetermined(expected, found)
                .task(inputs.task)
                .build(),
        );
        let report = report(inputs, evidence, &chain, book, Vec::new(), &Listed::new());
        return Outcome {
            report,
            accepted: Vec::new(),
        };
    }
    let wanted = match artifacts::wanted(inputs, evidence) {
        Ok(wanted) => wanted,
        Err(miss) => {
            let request = Request::Definition { task: inputs.task };
            if let Some(finding) = checks::miss_finding(&request, &miss) {
                book.add(finding.task(inputs.task).build());
            }
            BTreeMap::new()
        }
    };
    let may_lack = |task: &TaskId, name: &str| {
        wanted.get(task).and_then(|wanted| wanted.names.get(name)) == Some(&true)
    };
    let optional = |request: &Request| match request {
        Request::Artifact { task, name, .. } => {
            let parent = chain
                .get(*task)
                .is_some_and(|object| object.types.contains(&TaskType::Decision))
                && matches!(
                    name.as_str(),
                    ArtifactName::ACTIONS | ArtifactName::PARAMETERS
                );
            !parent && may_lack(task, name.as_str())
        }
        Request::TaskGraph { task, .. } => {
            !chain.get(*task).is_some_and(Object::is_parent)
                && may_lack(task, ArtifactName::TASK_GRAPH)
        }
        _ => false,
    };
    fetched::judge(inputs, evidence, optional, &mut book);
    fetched::runs(evidence, &chain, &mut book);
    prove::links(inputs, evidence, &mut chain, &mut book);
    let (mut accepted, mut listed) = prove::parents(inputs, evidence, &mut chain, &mut book);
    let (upstream, more) = prove::upstream(inputs, evidence, &chain, &wanted, &mut book);
    let parents = accepted.clone();
    accepted.extend(upstream);
    for (task, artifacts) in more {
        listed.entry(task).or_default().extend(artifacts);
    }
    let cx = Cx {
        inputs,
        evidence,
        chain: &chain,
    };
    apply_rules(&cx, &mut book);
    let facts = rebuild_parents(&cx, &parents, &mut book);
    accepted.extend(signed_documents(&chain));
    accepted.sort();
    accepted.dedup();
    let report = report(inputs, evidence, &chain, book, facts, &listed);
    Outcome { report, accepted }
}

/// Runs every rule over every object (V51): the root, whether or not it is a link, and all links (V4). No rule keeps
/// another from running, so their order does not decide (V99, S53).
pub(super) fn apply_rules(cx: &Cx<'_>, book: &mut Book) {
    for object in cx.chain.objects.values() {
        for (check, rule) in checks::RULES {
            book.record(object.id, check.id, rule(cx, object));
        }
    }
}

/// Rebuilds every parent; returns the facts that nobody but tasks assert (S36).
pub(super) fn rebuild_parents(
    cx: &Cx<'_>,
    accepted: &[prove::Accepted],
    book: &mut Book,
) -> Vec<Fact> {
    let accepted = accepted
        .iter()
        .map(|(task, name, request)| ((*task, name.as_str()), request))
        .collect();
    let mut facts = Vec::new();
    for object in cx
        .chain
        .objects
        .values()
        .filter(|object| object.is_parent())
    {
        let decision = object.decision.unwrap_or(object.id);
        let run = cx.chain.get(decision).and_then(|decision| decision.run);
        let artifacts = prove::for_rebuild(cx.inputs, cx.evidence, run, &accepted, decision);
        let rebuilt = rebuild::run(cx, object, &artifacts);
        book.record(object.id, rebuild_mismatch::META.id, rebuilt.applied);
        facts.extend(rebuilt.facts);
        book.notes.extend(rebuilt.notes);
    }
    facts.sort();
    facts.dedup();
    facts
}

/// Returns the chain-of-trust documents of proven links: they get their final names as well (V30).
fn signed_documents(chain: &Chain<'_>) -> Vec<prove::Accepted> {
    let proven = chain
        .objects
        .values()
        .filter_map(|object| object.cot.as_ref());
    proven
        .flat_map(|link| {
            let (task, run) = (link.task(), link.run());
            let name = |name: &str| name.parse::<ArtifactName>().ok();
            [
                name(ArtifactName::COT).map(|name| (task, name, Request::CotBody { task, run })),
                name(ArtifactName::COT_SIGNATURE)
                    .filter(|_| link.key().is_some())
                    .map(|name| (task, name, Request::CotSignature { task, run })),
            ]
        })
        .flatten()
        .collect()
}

fn report(
    inputs: &Inputs,
    evidence: &Evidence,
    chain: &Chain<'_>,
    mut book: Book,
    facts: Vec<Fact>,
    listed: &Listed,
) -> Report {
    let proven = is_proven(chain);
    if book.findings.is_empty() && (!proven || book.is_blocked()) {
        let finding =
            evidence_unavailable::META.undetermined("a proof for every link", "some are missing");
        book.add(finding.task(inputs.task).build());
    }
    order(&mut book, chain);
    book.notes.sort();
    book.notes.dedup();
    let requests = requests(evidence);
    seal(&mut book.findings, &requests);
    let verdict = verdict(inputs, &book);
    Report {
        verdict,
        headline: headline(inputs, verdict, &book, chain),
        subject: subject(inputs),
        profile: inputs.relaxations.profile().as_str(),
        basis: inputs.basis,
        relaxations: inputs.relaxations.list(),
        links: links(inputs, chain, &book, listed),
        findings: book.findings,
        notes: book.notes,
        self_asserted: facts,
        requests,
        timing: None,
    }
}

/// Enters the digest of each document that a finding points at (P26).
fn seal(findings: &mut [Finding], requests: &[RequestRecord]) {
    let digests: BTreeMap<&str, &str> = requests
        .iter()
        .filter_map(|record| Some((record.request.as_str(), record.sha256.as_deref()?)))
        .collect();
    for place in findings.iter_mut().flat_map(Finding::places_mut) {
        place.sha256 = digests
            .get(place.request.as_str())
            .map(|digest| (*digest).to_owned());
    }
}

/// Names the roles of each finding's task, and sorts the findings, the most specific rejection first.
pub(super) fn order(book: &mut Book, chain: &Chain<'_>) {
    for finding in &mut book.findings {
        if let Some(object) = finding.task.and_then(|task| chain.get(task)) {
            finding.roles = object.names.iter().cloned().collect();
        }
        finding.pattern = finding
            .pattern
            .or_else(|| patterns::of_rerun(finding, chain));
        finding.asserters.sort();
        finding.asserters.dedup();
    }
    book.findings.sort();
    book.findings.dedup();
    book.findings
        .sort_by_key(|finding| finding.verdict != Verdict::Rejected);
}

/// Returns what was verified.
pub(super) fn subject(inputs: &Inputs) -> Subject {
    Subject {
        task: inputs.task,
        task_type: inputs.task_type.to_string(),
        product: inputs.policy.product.clone(),
        root_url: inputs.settings.root_url.to_string(),
        inferred: inputs.inferred.clone(),
    }
}

/// Returns the objects of the chain, the root first, then by distance and name.
pub(super) fn links(inputs: &Inputs, chain: &Chain<'_>, book: &Book, listed: &Listed) -> Vec<Link> {
    let mut objects: Vec<_> = chain.objects.values().collect();
    objects.sort_by_key(|object| {
        (
            !object.is_root,
            object.depth,
            object.name.clone(),
            object.id,
        )
    });
    objects
        .into_iter()
        .map(|object| Link {
            image: image(inputs, chain, object),
            ..link(inputs, object, book, listed)
        })
        .collect()
}

/// Returns whether every link has its signed document, and every parent among them its verified graph.
fn is_proven(chain: &Chain<'_>) -> bool {
    let links = || chain.objects.values().filter(|object| object.is_link);
    chain.root().is_some_and(|root| root.known().is_some())
        && links().next().is_some()
        && links().all(|link| link.cot.is_some() && (!link.is_parent() || link.graph.is_some()))
}

fn verdict(inputs: &Inputs, book: &Book) -> Verdict {
    if book
        .findings
        .iter()
        .any(|finding| finding.verdict == Verdict::Rejected)
    {
        Verdict::Rejected
    } else if !book.findings.is_empty() || book.is_blocked() {
        Verdict::Undetermined
    } else if inputs.signatures == Signatures::Ignore {
        Verdict::Unsigned
    } else {
        Verdict::Trusted
    }
}

fn headline(inputs: &Inputs, verdict: Verdict, book: &Book, chain: &Chain<'_>) -> String {
    let basis = match inputs.basis {
        Basis::Live => "",
        Basis::Recorded => "; basis: recorded",
    };
    let Some(finding) = book.findings.first() else {
        let signed = chain
            .objects
            .values()
            .filter(|object| object.cot.is_some())
            .count();
        let parents = chain
            .objects
            .values()
            .filter(|object| object.is_parent())
            .count();
        let tasks = chain.objects.len();
        return if verdict == Verdict::Unsigned {
            format!(
                "{tasks} tasks, signatures NOT verified, {parents} parents rebuilt from their repositories{basis}"
            )
        } else {
            format!(
                "{tasks} tasks, {signed} signatures verified, {parents} parents rebuilt from their repositories{basis}"
            )
        };
    };
    let place = finding.task.map_or_else(String::new, |task| {
        let name = chain.get(task).map_or("", |object| object.name.as_str());
        format!(" ({name} {task})")
    });
    format!(
        "{}: expected {}, found {}{place}{basis}",
        finding.id, finding.expected, finding.found
    )
}

fn link(inputs: &Inputs, object: &Object<'_>, book: &Book, listed: &Listed) -> Link {
    let definition = object.known();
    let source = definition.map(|definition| Source::new(definition, &inputs.policy));
    let text = |pointer: &str| {
        let value = definition?.value().pointer(pointer)?.as_str()?;
        Some(value.chars().take(300).collect())
    };
    let head = source.and_then(|source| source.head_repository().ok().flatten());
    let source_text = source.and_then(|source| source.source_text().ok());
    Link {
        task: object.id,
        names: names(object),
        types: object
            .types
            .iter()
            .map(ToString::to_string)
            .chain(object.unknown_types.iter().cloned())
            .collect(),
        label: text("/metadata/name"),
        worker: object.worker.as_ref().map(ToString::to_string),
        pool: definition.and_then(|definition| definition.worker_pool().ok()),
        run: object.run.filter(|_| object.is_link),
        repository: head.or(source_text).map(str::to_owned),
        revision: source
            .and_then(|source| source.revision().ok().flatten())
            .map(str::to_owned),
        tree: source.and_then(|source| source.tree(inputs).ok().flatten()),
        parent: object.parent,
        decision: object.decision,
        needs: object.claims.clone(),
        key: object
            .cot
            .as_ref()
            .and_then(|cot| cot.key())
            .map(ToString::to_string),
        image: None,
        artifacts: listed.get(&object.id).cloned().unwrap_or_default(),
        checks: book.results(object.id),
    }
}

/// Returns the names of an object, the shortest path first.
fn names(object: &Object<'_>) -> Vec<String> {
    let others = object.names.iter().filter(|name| **name != object.name);
    std::iter::once(&object.name)
        .chain(others)
        .cloned()
        .collect()
}

fn requests(evidence: &Evidence) -> Vec<RequestRecord> {
    let mut records: Vec<_> = evidence
        .answers()
        .map(|(request, answer)| {
            let (origin, outcome) = match answer {
                Ok(Document { origin, .. }) => (origin, "received".to_owned()),
                Err(error) => (&error.origin, error.kind.to_string()),
            };
            let size = match answer.as_ref().map(|document| &document.body) {
                Ok(Body::Bytes(bytes)) => u64::try_from(bytes.len()).ok(),
                Ok(Body::Graph(graph)) => Some(graph.size()),
                Ok(Body::Stored(stored)) => Some(stored.size()),
                Err(_) => None,
            };
            RequestRecord {
                request: request.to_string(),
                origin: (!origin.is_empty()).then(|| origin.to_string()),
                outcome,
                sha256: evidence.sha256(request).map(|digest| digest.hex()),
                size,
            }
        })
        .collect();
    records.sort_by(|a, b| a.request.cmp(&b.request));
    records
}
