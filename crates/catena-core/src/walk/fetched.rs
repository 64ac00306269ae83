// SPDX-License-Identifier: MPL-2.0
//! What failures to fetch mean (P7), and what the queue says of each run (P10).

use super::Inputs;
use super::book::Book;
use super::chain::{Chain, Object};
use crate::checks::{
    Applied, cot_feature, cot_missing, evidence_absent, evidence_unavailable, limit_exceeded,
    miss_finding, optional_unavailable, run_state,
};
use crate::document::{ErrorKind, EvidenceError};
use crate::evidence::{Evidence, Miss};
use crate::model::ids::TaskId;
use crate::model::status::RunPin;
use crate::report::{Asserter, FindingBuilder};
use crate::request::Request;

/// Enters a finding for every document that could not be had, but for absences that a rule tolerates.
/// `is_optional` tells the artifacts that may be absent (V41).
pub(super) fn judge(
    inputs: &Inputs,
    evidence: &Evidence,
    is_optional: impl Fn(&Request) -> bool,
    book: &mut Book,
) {
    for (request, answer) in evidence.answers() {
        let Err(error) = answer else { continue };
        if let Some(finding) = unasked(inputs, evidence, request, error) {
            book.add(finding.says(Asserter::Queue).build());
            continue;
        }
        let optional = is_optional(request);
        if optional && error.kind == ErrorKind::Absent {
            if let Some(task) = request.task() {
                book.note(
                    "optional-artifact",
                    task,
                    format!("{request}: {}", error.kind),
                );
            }
            continue;
        }
        let classified = if optional {
            Some(optional_unavailable::META.undetermined(request.to_string(), error.to_string()))
        } else {
            classify(inputs, request, error)
        };
        let Some(finding) = classified else { continue };
        let finding = finding.says(asserter(request)).at(request, "");
        book.add(match request.task() {
            Some(task) => finding.task(task).build(),
            None => finding.build(),
        });
    }
}

/// Returns the finding for a chain-of-trust document that does not exist because the definition did not ask for it
/// the signature that it lacks as well is left to `cot-missing`.
fn unasked(
    inputs: &Inputs,
    evidence: &Evidence,
    request: &Request,
    error: &EvidenceError,
) -> Option<FindingBuilder> {
    let (Request::CotBody { task, .. }, ErrorKind::Absent) = (request, error.kind) else {
        return None;
    };
    let definition = evidence.definition(*task).ok()?;
    let claims = definition.worker_claims(&inputs.settings.scriptworker_provisioners);
    let claims = claims.ok().filter(|claims| claims.len() == 1)?;
    cot_feature::inspect(definition, claims.first()?)
}

const fn asserter(request: &Request) -> Asserter {
    if request.task().is_some() {
        Asserter::Queue
    } else {
        Asserter::VcsHost
    }
}

/// The table of P7.
fn classify(inputs: &Inputs, request: &Request, error: &EvidenceError) -> Option<FindingBuilder> {
    let root = inputs.task;
    // what these credentials cannot read in a private repository looks as if it were not there
    let private = request.task().is_none() && inputs.policy.requires_secret();
    let found = error.to_string();
    let unavailable =
        || evidence_unavailable::META.undetermined(request.to_string(), found.clone());
    let absent = || evidence_absent::META.reject(request.to_string(), found.clone());
    Some(match (error.kind, request) {
        (
            ErrorKind::Absent,
            Request::Branch { .. } | Request::Landed { .. } | Request::TagRef { .. },
        ) => {
            return None;
        }
        (ErrorKind::Absent, _) if private => unavailable(),
        (ErrorKind::Absent, Request::CotBody { .. } | Request::CotSignature { .. }) => {
            cot_missing::META.reject(request.to_string(), found)
        }
        (ErrorKind::Absent, Request::Definition { task } | Request::Status { task })
            if *task != root =>
        {
            absent()
        }
        (
            ErrorKind::Absent,
            Request::Artifact { .. }
            | Request::Commit { .. }
            | Request::PullRequest { .. }
            | Request::Pushlog { .. }
            | Request::Release { .. }
            | Request::TaskGraph { .. }
            | Request::Template { .. },
        ) => absent(),
        (ErrorKind::TooLarge, _) => limit_exceeded::META.undetermined(request.to_string(), found),
        _ => unavailable(),
    })
}

/// Enters what the queue says of each link's last run (P10), and definitions and statuses that are none.
pub(super) fn runs(evidence: &Evidence, chain: &Chain<'_>, book: &mut Book) {
    for object in chain.objects.values() {
        let id = object.id;
        definition(object, book);
        let request = Request::Status { task: id };
        let pin = match evidence.run(id) {
            Ok(pin) => pin,
            Err(miss) => {
                // the root's too: it says whether the root is a link (P12)
                unreadable(&request, &miss, id, book);
                if object.is_link {
                    book.record(id, run_state::META.id, Applied::Blocked);
                }
                continue;
            }
        };
        if !object.is_link {
            continue;
        }
        let expected = "a last run that is completed";
        let finding = match pin {
            RunPin::Completed(_) => None,
            RunPin::Failed(run, state) => {
                Some(run_state::META.reject(expected, format!("run {run} is {state}")))
            }
            RunPin::Unfinished(state) => {
                Some(run_state::META.undetermined(expected, state.clone()))
            }
        };
        let finding = finding.map(|finding| {
            finding
                .task(id)
                .says(Asserter::Queue)
                .at(&request, "/status/runs")
                .build()
        });
        book.record(id, run_state::META.id, Applied::found(finding));
    }
}

/// Enters what is wrong with a definition that was received and is none.
pub(super) fn definition(object: &Object<'_>, book: &mut Book) {
    if let Err(miss) = &object.definition {
        unreadable(
            &Request::Definition { task: object.id },
            miss,
            object.id,
            book,
        );
    }
}

fn unreadable(request: &Request, miss: &Miss, task: TaskId, book: &mut Book) {
    if let Some(finding) = miss_finding(request, miss) {
        book.add(finding.task(task).build());
    }
}
