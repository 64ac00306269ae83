// SPDX-License-Identifier: MPL-2.0
//! What catena says to a case, without a network: the case's documents in memory.

use std::collections::{BTreeMap, BTreeSet};

use catena_core::document::ErrorKind;
use catena_core::limits::Limits;
use catena_core::policy::{Config, Profile};
use catena_core::report::{Basis, Report};
use catena_core::request::Request;
use catena_core::walk::{CheckTask, Inputs, Signatures};
use catena_evidence::MemorySource;

use super::case::{Case, Expected, Outcome};
use crate::verify::drive;

/// A case that cannot be judged: its configuration is none, or a document is missing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JudgeError(pub String);

/// Returns what catena says to a case in each profile, and what it asked for that is not there.
///
/// # Errors
/// The configuration cannot be read, or a document is not among the bodies.
pub fn judge(
    case: &Case,
    bodies: &BTreeMap<String, Vec<u8>>,
) -> Result<(Expected, BTreeSet<Request>), JudgeError> {
    let (source, config) = (source(case, bodies)?, config(case)?);
    let mut lacking = BTreeSet::new();
    let mut verify = |profile| {
        let (report, requests) = drive(inputs_of(case, &config, profile)?, &source, |_| 0);
        let absent = requests.into_iter().filter(|request| {
            matches!(source.answer(request), Err(error) if error.kind == ErrorKind::Absent)
        });
        lacking.extend(absent);
        Ok(outcome(&report))
    };
    let expected = Expected {
        strict: verify(Profile::Strict)?,
        compat: verify(Profile::Compat)?,
    };
    Ok((expected, lacking))
}

fn source(case: &Case, bodies: &BTreeMap<String, Vec<u8>>) -> Result<MemorySource, JudgeError> {
    let mut source = MemorySource::new();
    for held in &case.documents {
        let body = bodies
            .get(&held.sha256)
            .ok_or_else(|| JudgeError(format!("{}: no document {}", case.name, held.sha256)))?;
        source.insert(held.request.clone(), body.clone());
    }
    for failure in &case.failures {
        let kind = failure.error_kind().ok_or_else(|| {
            JudgeError(format!(
                "{}: unknown kind of failure {}",
                case.name, failure.kind
            ))
        })?;
        source.fail(failure.request.clone(), kind);
    }
    Ok(source)
}

/// Returns what a verdict on a case depends on besides documents.
///
/// # Errors
/// The configuration cannot be read.
pub fn inputs(case: &Case, profile: Profile) -> Result<Inputs, JudgeError> {
    inputs_of(case, &config(case)?, profile)
}

fn config(case: &Case) -> Result<Config, JudgeError> {
    // JSON is YAML
    let text = serde_json::to_vec(&case.config).map_err(|error| wrong(case, &error))?;
    Config::from_scriptworker_yaml(&text, "scriptworker.yaml").map_err(|error| wrong(case, &error))
}

fn inputs_of(case: &Case, config: &Config, profile: Profile) -> Result<Inputs, JudgeError> {
    let subject = &case.subject;
    Ok(Inputs {
        task: subject.task,
        task_type: subject
            .task_type
            .parse()
            .map_err(|_| wrong(case, &"no type of task"))?,
        inferred: Vec::new(),
        policy: config
            .policy(&subject.product)
            .map_err(|error| wrong(case, &error))?,
        settings: config.settings.clone(),
        keyring: config.keyring.clone(),
        relaxations: config.relaxations.clone().with_profile(profile),
        check_task: CheckTask::Auto,
        signatures: Signatures::Verify,
        basis: Basis::Recorded,
        limits: Limits::default(),
    })
}

fn wrong(case: &Case, error: &dyn ToString) -> JudgeError {
    JudgeError(format!("{}: {}", case.name, error.to_string()))
}

/// Returns what a report says, as cases have it.
#[must_use]
pub fn outcome(report: &Report) -> Outcome {
    let ids: BTreeSet<_> = report
        .findings
        .iter()
        .map(|finding| finding.id.to_owned())
        .collect();
    Outcome {
        verdict: report.verdict.to_string(),
        headline: report.findings.first().map(|finding| finding.id.to_owned()),
        findings: ids.into_iter().collect(),
    }
}
