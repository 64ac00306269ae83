// SPDX-License-Identifier: MPL-2.0
//! Where the content of an artifact is (worker.md §12.3, §12.5).

use std::time::Duration;

use axum::http::{HeaderName, StatusCode};
use catena_core::model::ids::{RunId, TaskId};
use indexmap::IndexMap;
use serde_json::json;

use super::super::call::Call;
use super::super::error::ApiError;
use super::super::object;
use super::super::reply::Reply;
use super::super::services::Services;
use super::super::signed::plain;
use super::claims::credentials_json;
use crate::queue::{Artifact, ArtifactContent, is_public};

/// The run of the path, or the latest one.
pub(super) fn run_of(call: &Call) -> Result<RunId, ApiError> {
    if call.params.contains_key("runId") {
        call.run()
    } else {
        Ok(call.services.queue().latest_run(call.task()?)?)
    }
}

/// `getArtifact`, `getLatestArtifact`: a redirect to the content.
pub(super) fn get(call: &Call) -> Result<Reply, ApiError> {
    let (task, run, artifact) = target(call)?;
    let (kind, url) = match &artifact.content {
        ArtifactContent::Error { reason, message } => {
            let body = IndexMap::from([("reason", reason), ("message", message)]);
            let reply = Reply::json(&body).with_status(StatusCode::FAILED_DEPENDENCY);
            return Ok(reply.with_header(STORAGE_TYPE, "error"));
        }
        ArtifactContent::Reference { url } => ("reference", url.clone()),
        ArtifactContent::Object { .. } => (
            "object",
            content_url(&call.services, (task, run, &artifact.name))?,
        ),
        ArtifactContent::S3 | ArtifactContent::Link { .. } => (
            "s3",
            content_url(&call.services, (task, run, &artifact.name))?,
        ),
    };
    let body = IndexMap::from([("storageType", kind), ("url", url.as_str())]);
    Ok(Reply::see_other(&url, &body).with_header(STORAGE_TYPE, kind))
}

/// `artifact`, `latestArtifact`: the same, told in the body of a 200.
pub(super) fn locate(call: &Call) -> Result<Reply, ApiError> {
    let (task, run, artifact) = target(call)?;
    let at = (task, run, artifact.name.as_str());
    let body = match &artifact.content {
        ArtifactContent::Error { reason, message } => IndexMap::from([
            ("storageType", json!("error")),
            ("reason", json!(reason)),
            ("message", json!(message)),
        ]),
        ArtifactContent::Reference { url } => {
            IndexMap::from([("storageType", json!("reference")), ("url", json!(url))])
        }
        ArtifactContent::Object { .. } => {
            let name = format!("t/{task}/{run}/{}", artifact.name);
            let until = call.services.later(READ)?;
            let scopes = vec![format!("object:download:{name}")];
            let given = object::credentials(&call.services, "download", &name, scopes, until)?;
            IndexMap::from([
                ("storageType", json!("object")),
                ("name", json!(name)),
                ("credentials", json!(credentials_json(&given))),
            ])
        }
        ArtifactContent::S3 | ArtifactContent::Link { .. } => IndexMap::from([
            ("storageType", json!("s3")),
            ("url", json!(content_url(&call.services, at)?)),
        ]),
    };
    Ok(Reply::json(&body))
}

/// The artifact that a call means, links followed; each name on the way needs its scope.
fn target(call: &Call) -> Result<(TaskId, RunId, Artifact), ApiError> {
    let (task, mut name) = (call.task()?, call.artifact_name()?.to_owned());
    call.require(format!("queue:get-artifact:{name}"))?;
    let run = run_of(call)?;
    let mut seen = Vec::new();
    loop {
        let artifact = call.services.queue().artifact(task, run, &name)?;
        let ArtifactContent::Link { artifact: next } = &artifact.content else {
            return Ok((task, run, artifact));
        };
        seen.push(name);
        if seen.contains(next) {
            return Err(ApiError::input("Artifact link cycle"));
        }
        if seen.len() >= LINKS {
            return Err(ApiError::input("Too many artifact links"));
        }
        call.require(format!("queue:get-artifact:{next}"))?;
        name = next.clone();
    }
}

/// The URL of the content in the bucket; of a private artifact it is signed.
pub(in crate::http) fn content_url(
    services: &Services,
    at: (TaskId, RunId, &str),
) -> Result<String, ApiError> {
    let path = if is_public(at.2) {
        plain(at)
    } else {
        services.urls().signed("GET", at, services.later(READ)?)?
    };
    Ok(format!("{}{path}", services.root_url()))
}

const STORAGE_TYPE: HeaderName = HeaderName::from_static("x-taskcluster-artifact-storage-type");
/// How long a URL gives content.
const READ: Duration = Duration::from_secs(30 * 60);
/// Longest way of links.
const LINKS: usize = 32;
