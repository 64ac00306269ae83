// SPDX-License-Identifier: MPL-2.0
//! Answers of claimWork and reclaimTask (worker.md 12.1).

use std::fmt;

use catena_core::model::ids::{RunId, TaskId};
use catena_core::policy::{Credentials, Secret};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::generate::Claim;
use crate::json;

/// A run that is ours until the claim ends. It holds secrets, hence no derived `Debug`.
pub struct Claimed {
    /// The task.
    pub task: Task,
    /// When the claim ends.
    pub taken_until: Timestamp,
    /// What the run may do, until then.
    pub credentials: Credentials,
}

/// The task of a claim.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// The run.
    pub run: RunId,
    /// The definition; or why it is none, in words that may be shown.
    pub claim: Result<Claim, String>,
}

impl fmt::Debug for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claimed")
            .field("task", &self.task.id)
            .field("run", &self.task.run)
            .field("taken_until", &self.taken_until)
            .finish_non_exhaustive()
    }
}

/// What a reclaim changes.
pub struct Reclaimed {
    /// When the claim ends now.
    pub taken_until: Timestamp,
    /// What the run may do, until then.
    pub credentials: Credentials,
}

impl fmt::Debug for Reclaimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reclaimed")
            .field("taken_until", &self.taken_until)
            .finish_non_exhaustive()
    }
}

/// Reads the answer of claimWork. A definition that is not fit for anything does not lose the others, nor itself: it can
/// still be reported.
pub(super) fn claims(answer: &[u8]) -> Result<Vec<Claimed>, String> {
    let answer: RawClaims = serde_json::from_slice(answer).map_err(|why| place(&why))?;
    Ok(answer.tasks.into_iter().map(Claimed::from).collect())
}

/// Reads the answer of reclaimTask.
pub(super) fn reclaimed(answer: &[u8]) -> Result<Reclaimed, String> {
    let answer: RawReclaim = serde_json::from_slice(answer).map_err(|why| place(&why))?;
    Ok(Reclaimed {
        taken_until: answer.taken_until,
        credentials: answer.credentials.into(),
    })
}

/// Says where an answer is wrong, and quotes nothing of it.
fn place(why: &serde_json::Error) -> String {
    let (line, column) = (why.line(), why.column());
    format!("{:?} at {line}:{column}", why.classify()).to_lowercase()
}

#[derive(Deserialize)]
struct RawClaims {
    tasks: Vec<RawClaim>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawClaim {
    status: RawStatus,
    run_id: RunId,
    worker_group: Option<String>,
    worker_id: Option<String>,
    taken_until: Timestamp,
    task: Box<RawValue>,
    credentials: RawCredentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawStatus {
    task_id: TaskId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawReclaim {
    taken_until: Timestamp,
    credentials: RawCredentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawCredentials {
    client_id: String,
    access_token: String,
    certificate: Option<String>,
}

impl From<RawCredentials> for Credentials {
    fn from(raw: RawCredentials) -> Self {
        Self {
            client_id: raw.client_id,
            access_token: Secret::new(raw.access_token),
            certificate: raw.certificate.map(Secret::new),
        }
    }
}

impl From<RawClaim> for Claimed {
    fn from(raw: RawClaim) -> Self {
        let (id, run) = (raw.status.task_id, raw.run_id);
        let claim = definition(raw.task.get(), id, run);
        Self {
            task: Task {
                id,
                run,
                claim: claim.map(|claim| Claim {
                    worker_group: raw.worker_group,
                    worker_id: raw.worker_id,
                    ..claim
                }),
            },
            taken_until: raw.taken_until,
            credentials: raw.credentials.into(),
        }
    }
}

fn definition(text: &str, id: TaskId, run: RunId) -> Result<Claim, String> {
    let task = json::parse(text.as_bytes()).map_err(|why| format!("task: {why}"))?;
    if task.as_object().is_none() {
        let found = task.kind();
        return Err(format!("task: expected an object, found {found}"));
    }
    Ok(Claim {
        task_id: id,
        run: run.0,
        task,
        worker_group: None,
        worker_id: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(task: &str) -> String {
        format!(
            r#"{{"tasks": [{{"status": {{"taskId": "oS9Kaq7zSSyZxl7bAS9HVQ"}}, "runId": 2, "workerGroup": "g", "workerId": "i",
                "takenUntil": "2026-01-01T00:20:00.000Z", "task": {task},
                "credentials": {{"clientId": "c", "accessToken": "s3cret", "certificate": "{{}}"}}}}]}}"#
        )
    }

    #[test]
    fn a_claim_keeps_numbers_of_any_size_p37() {
        let text = answer(r#"{"n": 36893488147419103233}"#);
        let claims = claims(text.as_bytes()).unwrap();
        let claim = claims[0].task.claim.as_ref().unwrap();
        assert_eq!(claim.task.to_line(), r#"{"n":36893488147419103233}"#);
        assert_eq!(claim.worker_group.as_deref(), Some("g"));
        assert_eq!(claim.worker_id.as_deref(), Some("i"));
        assert_eq!((claims[0].task.run.0, claim.run), (2, 2));
    }

    #[test]
    fn an_unfit_definition_can_still_be_reported_section_3() {
        for task in ["[]", r#"{"a": "\ud800"}"#, r#"{"a": 1, "a": 2}"#] {
            let claims = claims(answer(task).as_bytes()).unwrap();
            assert!(claims[0].task.claim.is_err(), "{task}");
            assert_eq!(claims[0].task.id.as_str(), "oS9Kaq7zSSyZxl7bAS9HVQ");
        }
    }

    #[test]
    fn errors_and_debug_show_no_secret() {
        let text = answer("{}");
        let claims = claims(text.as_bytes()).unwrap();
        assert!(!format!("{claims:?}").contains("s3cret"));
        let broken = text.replace("\"runId\": 2", "\"runId\": \"s3cret\"");
        let error = super::claims(broken.as_bytes()).unwrap_err();
        assert!(!error.contains("s3cret"), "{error}");
    }
}
