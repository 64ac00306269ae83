// SPDX-License-Identifier: MPL-2.0
//! What workers call: claim, reclaim, report (worker.md §12.1).

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::call::Call;
use super::super::error::ApiError;
use super::super::reply::Reply;
use super::super::schema::Schema;
use super::create::json_status;
use crate::Credentials;
use crate::auth::{Requirement, task_credentials};
use crate::queue::{Claim, Exception, Resolution, Status, Worker, ordered};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClaimBody {
    worker_group: String,
    worker_id: String,
    tasks: Option<usize>,
}

/// A claim in the order of the real answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Claimed {
    status: Status,
    run_id: u32,
    worker_group: String,
    worker_id: String,
    taken_until: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<IndexMap<String, Value>>,
    credentials: IndexMap<&'static str, String>,
}

/// Waits for work as long as the caller does: when the connection closes, this is dropped.
pub(super) async fn claim_work(call: &Call) -> Result<Reply, ApiError> {
    let queue = call.task_queue()?;
    let body: ClaimBody = call.body(Schema::ClaimWork)?;
    let worker = Worker {
        group: body.worker_group,
        id: body.worker_id,
    };
    call.require(Requirement::all([
        format!("queue:claim-work:{queue}"),
        format!("queue:worker-id:{}/{}", worker.group, worker.id),
    ]))?;
    let services = &call.services;
    let patience = services.caps().poll;
    let tasks = body.tasks.unwrap_or(1);
    let work = services.queue();
    let work = work.claim_work(queue, &worker, tasks, patience);
    let claims = tokio::select! {
        claims = work => claims?,
        () = services.closed() => Vec::new(),
    };
    let mut answer = Vec::new();
    for claim in claims {
        let credentials = task_credentials(services.registry(), &claim, &worker, call.now());
        let credentials = credentials.map_err(ApiError::internal)?;
        let until = offset(claim.taken_until);
        let task = Some(ordered(claim.definition));
        let of = (claim.status, claim.run.0);
        answer.push(claimed(of, &worker, until, task, &credentials));
    }
    Ok(Reply::json(&IndexMap::from([("tasks", answer)])))
}

pub(super) async fn reclaim(call: &Call) -> Result<Reply, ApiError> {
    let (task, run) = (call.task()?, call.run()?);
    call.require(format!("queue:reclaim-task:{task}/{run}"))?;
    let claim = call.services.queue().reclaim(task, run).await?;
    let worker = worker(&claim);
    let credentials = task_credentials(call.services.registry(), &claim, &worker, call.now());
    let credentials = credentials.map_err(ApiError::internal)?;
    let until = format!("{:.3}", claim.taken_until);
    let of = (claim.status, run.0);
    Ok(Reply::json(&claimed(
        of,
        &worker,
        until,
        None,
        &credentials,
    )))
}

pub(super) async fn report(name: &str, call: &Call) -> Result<Reply, ApiError> {
    let (task, run) = (call.task()?, call.run()?);
    let how = match name {
        "reportCompleted" => Resolution::Completed,
        "reportFailed" => Resolution::Failed,
        _ => Resolution::Exception(reason(call)?),
    };
    call.require(format!("queue:resolve-task:{task}/{run}"))?;
    let status = call.services.queue().resolve(task, run, how).await?;
    Ok(Reply::json(&json_status(status)))
}

fn reason(call: &Call) -> Result<Exception, ApiError> {
    #[derive(Deserialize)]
    struct Body {
        reason: Exception,
    }
    Ok(call.body::<Body>(Schema::Exception)?.reason)
}

fn claimed(
    (status, run_id): (Status, u32),
    worker: &Worker,
    taken_until: String,
    task: Option<IndexMap<String, Value>>,
    credentials: &Credentials,
) -> Claimed {
    Claimed {
        status,
        run_id,
        worker_group: worker.group.clone(),
        worker_id: worker.id.clone(),
        taken_until,
        task,
        credentials: credentials_json(credentials),
    }
}

/// Temporary credentials as answers have them: the certificate is text.
pub(in crate::http) fn credentials_json(
    credentials: &Credentials,
) -> IndexMap<&'static str, String> {
    IndexMap::from([
        ("clientId", credentials.client_id.clone()),
        ("accessToken", credentials.access_token.to_string()),
        (
            "certificate",
            credentials.certificate.clone().unwrap_or_default(),
        ),
    ])
}

/// Who has the run; a run that was claimed has a worker.
fn worker(claim: &Claim) -> Worker {
    let run = claim.status.runs.iter().find(|run| run.run_id == claim.run);
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    Worker {
        group: text(run.and_then(|run| run.worker_group.as_ref())),
        id: text(run.and_then(|run| run.worker_id.as_ref())),
    }
}

/// `claimWork` alone writes its times with an offset.
fn offset(time: Timestamp) -> String {
    format!("{}+00:00", format!("{time:.3}").trim_end_matches('Z'))
}
