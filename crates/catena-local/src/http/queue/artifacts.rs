// SPDX-License-Identifier: MPL-2.0
//! Creating, finishing and listing artifacts (worker.md §12.3, §12.5).

use std::time::Duration;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::call::{Call, check_name};
use super::super::error::{ApiError, Code};
use super::super::object;
use super::super::reply::Reply;
use super::super::schema::Schema;
use super::claims::credentials_json;
use super::content::run_of;
use crate::queue::{Artifact, ArtifactContent, ArtifactRequest};
use crate::slug::slug;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    storage_type: String,
    expires: Timestamp,
    content_type: Option<String>,
    content_length: Option<u64>,
    url: Option<String>,
    artifact: Option<String>,
    reason: Option<String>,
    message: Option<String>,
}

pub(super) async fn create(call: &Call) -> Result<Reply, ApiError> {
    let (task, run, name) = (call.task()?, call.run()?, call.artifact_name()?);
    let body: Body = call.body(Schema::CreateArtifact)?;
    call.require(format!("queue:create-artifact:{task}/{run}"))?;
    let request = request(body, call)?;
    let queue = call.services.queue();
    let artifact = queue.create_artifact(task, run, name, request).await?;
    match &artifact.content {
        ArtifactContent::S3 => put_url(call, &artifact),
        ArtifactContent::Object { upload_id, .. } => upload(call, &artifact, upload_id),
        ArtifactContent::Reference { .. } => Ok(storage_type("reference")),
        ArtifactContent::Link { .. } => Ok(storage_type("link")),
        ArtifactContent::Error { .. } => Ok(storage_type("error")),
    }
}

fn request(body: Body, call: &Call) -> Result<ArtifactRequest, ApiError> {
    // the schema asks for what each type needs
    let need = |text: Option<String>| {
        text.ok_or_else(|| ApiError::new(Code::InputValidationError, "a member is missing"))
    };
    let limit = call.services.caps().artifact;
    if body.content_length.is_some_and(|length| length > limit) {
        let text = format!("The content may have {limit} bytes");
        return Err(ApiError::new(Code::InputTooLarge, text));
    }
    let content = match body.storage_type.as_str() {
        "s3" => ArtifactContent::S3,
        "object" => ArtifactContent::Object {
            upload_id: slug().map_err(ApiError::internal)?,
            finished: false,
        },
        "reference" => ArtifactContent::Reference {
            url: need(body.url)?,
        },
        "link" => {
            let artifact = need(body.artifact)?;
            check_name(&artifact)?;
            ArtifactContent::Link { artifact }
        }
        _ => ArtifactContent::Error {
            reason: need(body.reason)?,
            message: need(body.message)?,
        },
    };
    let content_type = match content {
        ArtifactContent::Error { .. } => Some("application/json".to_owned()),
        _ => body
            .content_type
            .or_else(|| Some("application/binary".to_owned())),
    };
    Ok(ArtifactRequest {
        content,
        content_type,
        content_length: body.content_length,
        expires: body.expires,
    })
}

/// An URL that takes the content for 45 minutes (and ten seconds, for slow clocks).
fn put_url(call: &Call, artifact: &Artifact) -> Result<Reply, ApiError> {
    let services = &call.services;
    let at = (call.task()?, call.run()?, artifact.name.as_str());
    let until = services.later(PUT + Duration::from_secs(10))?;
    let url = services.urls().signed("PUT", at, until)?;
    let answer = IndexMap::from([
        ("storageType", json!("s3")),
        ("contentType", json!(artifact.content_type)),
        ("expires", json!(format!("{:.3}", services.later(PUT)?))),
        ("putUrl", json!(format!("{}{url}", services.root_url()))),
    ]);
    Ok(Reply::json(&answer))
}

/// Credentials for the object service.
fn upload(call: &Call, artifact: &Artifact, upload_id: &str) -> Result<Reply, ApiError> {
    let (task, run) = (call.task()?, call.run()?);
    let until = call.services.later(DAY)?;
    let project = call.services.queue().status(task)?.project_id;
    let name = format!("t/{task}/{run}/{}", artifact.name);
    let scopes = vec![format!("object:upload:{project}:{name}")];
    let credentials = object::credentials(&call.services, "upload", &name, scopes, until)?;
    let answer = IndexMap::from([
        ("storageType", json!("object")),
        ("name", json!(name)),
        ("projectId", json!(project)),
        ("uploadId", json!(upload_id)),
        ("expires", json!(format!("{until:.3}"))),
        ("credentials", json!(credentials_json(&credentials))),
    ]);
    Ok(Reply::json(&answer))
}

fn storage_type(name: &str) -> Reply {
    Reply::json(&json!({ "storageType": name }))
}

pub(super) async fn finish(call: &Call) -> Result<Reply, ApiError> {
    let (task, run, name) = (call.task()?, call.run()?, call.artifact_name()?);
    let body = call.checked(Schema::FinishArtifact)?;
    call.require(format!("queue:create-artifact:{task}/{run}"))?;
    let upload_id = body.get("uploadId").and_then(Value::as_str).unwrap_or("");
    let queue = call.services.queue();
    queue.finish_artifact(task, run, name, upload_id).await?;
    Ok(Reply::no_content())
}

/// An artifact as lists have it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    storage_type: &'static str,
    name: &'a str,
    expires: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_length: Option<u64>,
}

fn listed(artifact: &Artifact) -> Listed<'_> {
    let storage_type = match artifact.content {
        ArtifactContent::S3 => "s3",
        ArtifactContent::Object { .. } => "object",
        ArtifactContent::Reference { .. } => "reference",
        ArtifactContent::Link { .. } => "link",
        ArtifactContent::Error { .. } => "error",
    };
    Listed {
        storage_type,
        name: &artifact.name,
        expires: format!("{:.3}", artifact.expires),
        content_type: artifact.content_type.as_deref(),
        content_length: artifact.content_length,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listing<'a> {
    artifacts: Vec<Listed<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continuation_token: Option<String>,
}

pub(super) fn list(call: &Call) -> Result<Reply, ApiError> {
    let task = call.task()?;
    require_list(call)?;
    let run = run_of(call)?;
    let (limit, token) = call.page()?;
    let page = call.services.queue().artifacts(task, run, token, limit)?;
    Ok(Reply::json(&Listing {
        artifacts: page.items.iter().map(listed).collect(),
        continuation_token: page.continuation,
    }))
}

pub(super) fn info(call: &Call) -> Result<Reply, ApiError> {
    let (task, name) = (call.task()?, call.artifact_name()?);
    require_list(call)?;
    let artifact = call.services.queue().artifact(task, run_of(call)?, name)?;
    Ok(Reply::json(&listed(&artifact)))
}

fn require_list(call: &Call) -> Result<(), ApiError> {
    let task = call.task()?;
    let scope = if call.params.contains_key("runId") {
        format!("queue:list-artifacts:{task}:{}", call.run()?)
    } else {
        format!("queue:list-artifacts:{task}")
    };
    call.require(scope)
}

/// How long a URL takes content.
const PUT: Duration = Duration::from_secs(45 * 60);
/// How long an upload to the object service may take.
const DAY: Duration = Duration::from_secs(24 * 3600);
