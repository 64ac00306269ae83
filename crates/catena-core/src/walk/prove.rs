// SPDX-License-Identifier: MPL-2.0
//! From fetched bytes to proofs: signatures, signed documents, digests (sections D and E).

use std::collections::BTreeMap;

use super::artifacts::{self, Wanted};
use super::book::Book;
use super::chain::{Chain, Object};
use super::{Inputs, Signatures};
use crate::checks::{
    Applied, artifact_digest, artifact_name, artifact_not_listed, cot_malformed, cot_run,
    cot_signature, cot_task, cot_version, hollow_digest, json_strict, optional_digest,
    parent_artifact, typed_model,
};
use crate::document::{Body, Stored};
use crate::evidence::{Evidence, Miss};
use crate::graph::VerifiedGraph;
use crate::model::cot::EntryError;
use crate::model::ids::{ArtifactName, RunId, TaskId};
use crate::model::link::{BindFailure, Bound, DigestFailure, Link};
use crate::model::shape::describe;
use crate::model::task_type::TaskType;
use crate::policy::Switch;
use crate::report::{Artifact, Asserter, Check, Finding, FindingBuilder};
use crate::request::Request;
use catena_crypto::digest::Algorithm;
use catena_jsone::Value;

/// Verifies signature and binding of every link, and enters what fails.
pub(super) fn links(inputs: &Inputs, evidence: &Evidence, chain: &mut Chain<'_>, book: &mut Book) {
    for object in chain.objects.values_mut().filter(|object| object.is_link) {
        let id = object.id;
        match signed(inputs, evidence, object) {
            Some(Ok(link)) => {
                book.record(id, cot_signature::META.id, Applied::Ran(Vec::new()));
                book.record(id, cot_task::META.id, Applied::Ran(Vec::new()));
                let findings = inspect(inputs, &link);
                book.record(id, cot_malformed::META.id, Applied::Ran(findings));
                object.cot = Some(link);
            }
            Some(Err(finding)) => {
                book.record(id, cot_signature::META.id, Applied::Ran(vec![finding]))
            }
            None => book.record(id, cot_signature::META.id, Applied::Blocked),
        }
    }
}

/// Returns the bound link, or what speaks against it; `None` when something is missing.
fn signed(
    inputs: &Inputs,
    evidence: &Evidence,
    object: &Object<'_>,
) -> Option<Result<Link<Bound>, Finding>> {
    let (task, run, worker) = (object.id, object.run?, object.worker.as_ref()?);
    let body = evidence
        .bytes(&Request::CotBody { task, run }, u64::MAX)
        .ok()?;
    let fetched = Link::fetched(task, run, worker.clone(), body);
    let verified = match inputs.signatures {
        Signatures::Ignore => fetched.danger_unsigned(),
        Signatures::Verify => {
            let request = Request::CotSignature { task, run };
            let signature = evidence.bytes(&request, u64::MAX).ok()?;
            match fetched.verify_signature(&signature, inputs.keyring.keys(worker.as_str())) {
                Ok(verified) => verified,
                Err(failure) => {
                    let expected = format!("a signature by a key of {:.100}", worker.as_str());
                    let finding = cot_signature::META.reject(expected, failure.to_string());
                    return Some(Err(finding
                        .task(task)
                        .says(Asserter::Operator)
                        .at(&request, "")
                        .build()));
                }
            }
        }
    };
    let request = Request::CotBody { task, run };
    Some(verified.bind().map_err(|failure| {
        let finding = match failure {
            BindFailure::Json(error) if error.strictness => {
                json_strict::finding(&request, &error.to_string(), false)
            }
            BindFailure::Json(error) => {
                cot_malformed::META.reject("a JSON document", error.to_string())
            }
            BindFailure::Shape(shape) => cot_malformed::META.reject(shape.expected, shape.found),
            BindFailure::Task(found) => {
                cot_task::META.reject(format!("a document about task {task}"), found)
            }
        };
        finding.task(task).at(&request, "").build()
    }))
}

/// Inspects a bound document: version, run, and the members that rules read (S9, P2, P10).
fn inspect(inputs: &Inputs, link: &Link<Bound>) -> Vec<Finding> {
    let (task, run) = (link.task(), link.run());
    let request = Request::CotBody { task, run };
    let at = |finding: FindingBuilder, pointer: &str| {
        finding
            .task(task)
            .says(Asserter::SignedCot(task))
            .at(&request, pointer)
            .build()
    };
    let Ok(fields) = link.document().fields() else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for key in ["artifacts", "environment"] {
        if let Err(shape) = fields.object(key) {
            findings.push(at(
                cot_malformed::META.reject(shape.expected, shape.found),
                &shape.pointer,
            ));
        }
    }
    let is = |key: &str, expected: i128| match fields.get(key) {
        Some(Value::Int(number)) => *number == expected,
        #[expect(
            clippy::float_cmp,
            clippy::as_conversions,
            reason = "exact for such small numbers"
        )]
        Some(Value::Float(number)) => *number == expected as f64,
        _ => false,
    };
    if !is("chainOfTrustVersion", 1) {
        let found = describe(fields.get("chainOfTrustVersion"));
        findings.push(at(
            cot_version::META.reject("chainOfTrustVersion 1", found),
            "/chainOfTrustVersion",
        ));
    }
    if !inputs.relaxations.allows(Switch::RunPinning) && !is("runId", run.0.into()) {
        let finding = cot_run::META.reject(format!("runId {run}"), describe(fields.get("runId")));
        findings.push(at(finding.says(Asserter::Queue), "/runId"));
    }
    findings
}

/// An artifact whose bytes are what was signed.
pub(super) type Accepted = (TaskId, ArtifactName, Request);

/// Compares the artifacts that the root lists with their signed digests (V43).
pub(super) fn upstream(
    inputs: &Inputs,
    evidence: &Evidence,
    chain: &Chain<'_>,
    wanted: &BTreeMap<TaskId, Wanted>,
    book: &mut Book,
) -> (Vec<Accepted>, BTreeMap<TaskId, Vec<Artifact>>) {
    let (mut accepted, mut listed) = (Vec::new(), BTreeMap::new());
    for (task, wanted) in wanted {
        if !wanted.unlisted.is_empty() {
            book.record(*task, artifact_digest::META.id, Applied::Blocked);
            for (request, miss) in &wanted.unlisted {
                if let Some(finding) = crate::checks::miss_finding(request, miss) {
                    book.add(finding.task(*task).build());
                }
            }
        }
        let Some(link) = chain.get(*task) else {
            continue;
        };
        for (name, optional) in &wanted.names {
            let parsed = match name.parse::<ArtifactName>() {
                Ok(parsed) if name != "task.json" => parsed,
                Ok(_) => {
                    let error = crate::model::ids::InvalidId {
                        expected: "another name",
                        found: name.clone(),
                    };
                    book.add(artifact_name::finding(inputs.task, &error).build());
                    continue;
                }
                Err(error) => {
                    book.add(artifact_name::finding(inputs.task, &error).build());
                    continue;
                }
            };
            let Some(run) = link.run else { continue };
            let Some(request) = artifacts::request(*task, run, name) else {
                continue;
            };
            let check = if *optional {
                &optional_digest::META
            } else {
                &artifact_digest::META
            };
            let verified = one(
                inputs, evidence, link, name, &request, *optional, check, book,
            );
            let entries: &mut Vec<Artifact> = listed.entry(*task).or_default();
            entries.push(describe_artifact(evidence, &parsed, &request, verified));
            if verified {
                accepted.push((*task, parsed, request));
            }
        }
    }
    (accepted, listed)
}

#[expect(
    clippy::too_many_arguments,
    reason = "one artifact and everything that judges it"
)]
fn one(
    inputs: &Inputs,
    evidence: &Evidence,
    link: &Object<'_>,
    name: &str,
    request: &Request,
    optional: bool,
    check: &'static Check,
    book: &mut Book,
) -> bool {
    let Some(cot) = &link.cot else {
        book.record(link.id, check.id, Applied::Blocked);
        return false;
    };
    if optional && !cot.document().lists(name) {
        book.note(
            "optional-artifact",
            link.id,
            format!("{name:.200} is not in the signed document"),
        );
        return false;
    }
    if optional && matches!(evidence.document(request), Err(Miss::Failed(_))) {
        return false; // absent, or entered as unavailable
    }
    let applied = match compare(inputs, evidence, cot, name, request, check) {
        None => Applied::Blocked,
        Some(Ok(())) => Applied::Ran(Vec::new()),
        Some(Err(finding)) => {
            if optional && inputs.relaxations.allows(Switch::OptionalHashMismatchWarn) {
                book.note(
                    "optional-artifact",
                    link.id,
                    format!("{name:.200}: {}", finding.clone().build().found),
                );
                return false;
            }
            Applied::found(Some(finding.task(link.id).build()))
        }
    };
    let verified = matches!(&applied, Applied::Ran(findings) if findings.is_empty());
    book.record(link.id, check.id, applied);
    verified
}

/// Compares one artifact with its signed digests; `None` when its bytes are missing.
fn compare(
    inputs: &Inputs,
    evidence: &Evidence,
    cot: &Link<Bound>,
    name: &str,
    request: &Request,
    check: &'static Check,
) -> Option<Result<(), FindingBuilder>> {
    let signed = Request::CotBody {
        task: cot.task(),
        run: cot.run(),
    };
    let allowed = allowed(inputs);
    if let Err(error) = cot.digests(name, &allowed) {
        return Some(Err(entry(&error, cot.task(), name, &signed, check)));
    }
    let stored = evidence.document(request).ok()?.body.stored()?;
    match cot.verify_artifact(name, stored, &allowed) {
        Ok(_) => Some(Ok(())),
        Err(failure) => failed(&failure, cot.task(), name, &signed, request, check).map(Err),
    }
}

fn allowed(inputs: &Inputs) -> Vec<Algorithm> {
    inputs
        .settings
        .valid_hash_algorithms
        .iter()
        .copied()
        .collect()
}

fn failed(
    failure: &DigestFailure,
    task: TaskId,
    name: &str,
    signed: &Request,
    request: &Request,
    check: &'static Check,
) -> Option<FindingBuilder> {
    match failure {
        DigestFailure::Entry(error) => Some(entry(error, task, name, signed, check)),
        DigestFailure::Mismatch { expected, found } => Some(
            check
                .reject(format!("{name:.200} with {expected}"), found.to_string())
                .says(Asserter::SignedCot(task))
                .at(request, ""),
        ),
        DigestFailure::Unreadable(_) => None,
    }
}

fn entry(
    error: &EntryError,
    task: TaskId,
    name: &str,
    signed: &Request,
    check: &'static Check,
) -> FindingBuilder {
    let expected = format!("{name:.200} with a digest in the signed document");
    let pointer = format!("/artifacts/{}", name.replace('~', "~0").replace('/', "~1"));
    let finding = match error {
        EntryError::NotListed => artifact_not_listed::META.reject(expected, "no entry"),
        EntryError::Empty | EntryError::Foreign(_) => {
            hollow_digest::META.reject(expected, error.to_string())
        }
        EntryError::Shape(shape) => {
            return typed_model::finding(shape, signed, Asserter::SignedCot(task));
        }
        EntryError::Algorithm(_) | EntryError::Digest(..) => {
            check.reject(expected, error.to_string())
        }
    };
    finding.says(Asserter::SignedCot(task)).at(signed, pointer)
}

fn describe_artifact(
    evidence: &Evidence,
    name: &ArtifactName,
    request: &Request,
    verified: bool,
) -> Artifact {
    let document = evidence.document(request).ok();
    let size = document
        .and_then(|document| document.body.stored())
        .map(Stored::size);
    let sha256 = size
        .and_then(|_| evidence.sha256(request))
        .map(|digest| digest.hex());
    Artifact {
        name: name.clone(),
        verified,
        sha256,
        size,
    }
}

/// Verifies the artifacts that every parent has (V40, S3): mandatory, whatever the root says of them.
pub(super) fn parents(
    inputs: &Inputs,
    evidence: &Evidence,
    chain: &mut Chain<'_>,
    book: &mut Book,
) -> (Vec<Accepted>, BTreeMap<TaskId, Vec<Artifact>>) {
    let (mut accepted, mut listed) = (Vec::new(), BTreeMap::new());
    for object in chain
        .objects
        .values_mut()
        .filter(|object| object.is_link && object.is_parent())
    {
        let (id, check) = (object.id, &parent_artifact::META);
        let Some(run) = object.run else { continue };
        let mut names = vec![ArtifactName::TASK_GRAPH];
        if object.types.contains(&TaskType::Decision) {
            names.extend([ArtifactName::ACTIONS, ArtifactName::PARAMETERS]);
        }
        for name in names {
            let Some(request) = artifacts::request(id, run, name) else {
                continue;
            };
            let Some(cot) = &object.cot else {
                book.record(id, check.id, Applied::Blocked);
                continue;
            };
            let applied = match compare(inputs, evidence, cot, name, &request, check) {
                None => Applied::Blocked,
                Some(Ok(())) => Applied::Ran(Vec::new()),
                Some(Err(finding)) => Applied::found(Some(finding.task(id).build())),
            };
            let verified = matches!(&applied, Applied::Ran(findings) if findings.is_empty());
            if verified && name == ArtifactName::TASK_GRAPH {
                object.graph = graph(inputs, evidence, cot, &request);
            }
            if let Ok(parsed) = name.parse::<ArtifactName>() {
                let entries: &mut Vec<Artifact> = listed.entry(id).or_default();
                entries.push(describe_artifact(evidence, &parsed, &request, verified));
                if verified {
                    accepted.push((id, parsed, request));
                }
            }
            book.record(id, check.id, applied);
        }
    }
    (accepted, listed)
}

fn graph(
    inputs: &Inputs,
    evidence: &Evidence,
    cot: &Link<Bound>,
    request: &Request,
) -> Option<VerifiedGraph> {
    match &evidence.document(request).ok()?.body {
        Body::Graph(graph) => VerifiedGraph::verify(cot, graph.clone(), &allowed(inputs)).ok(),
        Body::Bytes(_) | Body::Stored(_) => None,
    }
}

/// Returns D's artifacts for the rebuild of an action, if they were verified.
pub(super) fn for_rebuild(
    inputs: &Inputs,
    evidence: &Evidence,
    run: Option<RunId>,
    accepted: &BTreeMap<(TaskId, &str), &Request>,
    decision: TaskId,
) -> crate::rebuild::Artifacts {
    let bytes = |name: &str| {
        let request = accepted.get(&(decision, name))?;
        evidence.bytes(request, inputs.limits.parsed_bytes).ok()
    };
    crate::rebuild::Artifacts {
        run,
        actions: bytes(ArtifactName::ACTIONS),
        parameters: bytes(ArtifactName::PARAMETERS),
    }
}
