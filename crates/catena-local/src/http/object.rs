// SPDX-License-Identifier: MPL-2.0
//! The object service (worker.md §12.4), for the objects that the queue names: `t/<taskId>/<runId>/<name>`.

use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use catena_core::model::ids::{RunId, TaskId};
use catena_crypto::digest::{Algorithm, Hasher};
use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::AsyncReadExt as _;

use super::bucket::{self, Head};
use super::call::{Call, check_name};
use super::error::ApiError;
use super::queue::content::content_url;
use super::reply::Reply;
use super::route::{Endpoint, bad};
use super::schema::Schema;
use super::services::Services;
use crate::Credentials;
use crate::auth::{QUEUE, temporary};
use crate::locks::Held;
use crate::store::{Change, Table};

pub(super) const TABLE: &[Endpoint] = &[
    ("PUT", "upload/<name*>", "createUpload"),
    ("POST", "finish-upload/<name*>", "finishUpload"),
    ("PUT", "start-download/<name*>", "startDownload"),
    ("GET", "download/<name*>", "download"),
    ("GET", "metadata/<name*>", "object"),
];

pub(super) async fn call(name: &str, call: &Call) -> Result<Reply, ApiError> {
    match name {
        "createUpload" => create_upload(call).await,
        "finishUpload" => finish_upload(call).await,
        "startDownload" => start_download(call),
        "download" => download(call),
        _ => metadata(call),
    }
}

/// What is kept of an object.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    project_id: String,
    upload_id: String,
    expires: Timestamp,
    finished: bool,
    hashes: IndexMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UploadBody {
    project_id: String,
    upload_id: String,
    expires: Timestamp,
    #[serde(default)]
    hashes: IndexMap<String, String>,
    proposed_upload_methods: Methods,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Methods {
    data_inline: Option<Inline>,
    put_url: Option<Put>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inline {
    content_type: String,
    object_data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Put {
    content_type: String,
}

async fn create_upload(call: &Call) -> Result<Reply, ApiError> {
    let body: UploadBody = call.body(Schema::CreateUpload)?;
    let name = call.param("name");
    let at = parts(name)?;
    call.require(format!("object:upload:{}:{name}", body.project_id))?;
    // scopes alone must not reach the content of another artifact
    if call.services.queue().upload_id(at.0, at.1, at.2).as_ref() != Some(&body.upload_id) {
        let text = "No artifact awaits this upload: create it first, and give the uploadId that createArtifact returned";
        return Err(ApiError::input(text));
    }
    let held = hold(&call.services, at).await;
    let mut record = Record {
        project_id: body.project_id,
        upload_id: body.upload_id,
        expires: body.expires,
        finished: false,
        hashes: body.hashes,
    };
    if let Some(before) = find(&call.services, name)? {
        let same = before.upload_id == record.upload_id && before.project_id == record.project_id;
        if !same || before.finished {
            let text = "The object exists already, or is being uploaded by another call";
            return Err(ApiError::conflict(text));
        }
        record.hashes.extend(before.hashes);
    }
    let (method, held) = if let Some(inline) = body.proposed_upload_methods.data_inline {
        let bytes = BASE64_STANDARD
            .decode(inline.object_data)
            .map_err(|_| ApiError::input("objectData must be base64"))?;
        let head = Head {
            content_type: Some(inline.content_type),
            content_encoding: None,
        };
        let content = bucket::receive(&call.services, &head, Body::from(bytes)).await?;
        let (_, held) = content.keep(&call.services, at, held).await?;
        (json!({"dataInline": true}), held)
    } else if let Some(put) = body.proposed_upload_methods.put_url {
        let services = &call.services;
        let until = services.later(PUT)?;
        let url = services.urls().signed("PUT", at, until)?;
        let method = json!({"putUrl": {
            "url": format!("{}{url}", services.root_url()),
            "expires": format!("{until:.3}"),
            "headers": {"content-type": put.content_type},
        }});
        (method, held)
    } else {
        (json!({}), held)
    };
    keep(&call.services, name, &record, held).await?;
    Ok(Reply::json(&json!({
        "projectId": record.project_id,
        "uploadId": record.upload_id,
        "expires": format!("{:.3}", record.expires),
        "uploadMethod": method,
    })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FinishBody {
    project_id: String,
    upload_id: String,
    #[serde(default)]
    hashes: IndexMap<String, String>,
}

/// Given hashes must be those of what was uploaded.
async fn finish_upload(call: &Call) -> Result<Reply, ApiError> {
    let body: FinishBody = call.body(Schema::FinishUpload)?;
    let name = call.param("name");
    let at = parts(name)?;
    call.require(format!("object:upload:{}:{name}", body.project_id))?;
    let held = hold(&call.services, at).await;
    let mut record = found(&call.services, name)?;
    if record.upload_id != body.upload_id || record.project_id != body.project_id {
        return Err(ApiError::conflict("The object is uploaded by another call"));
    }
    let actual = hashes(&call.services, at).await?;
    let given = body.hashes.iter().chain(&record.hashes);
    for (algorithm, hash) in given {
        if actual.get(algorithm).is_some_and(|actual| actual != hash) {
            let text = format!("The {algorithm} of what was uploaded is another");
            return Err(ApiError::input(text));
        }
    }
    record.hashes = actual;
    record.finished = true;
    keep(&call.services, name, &record, held).await?;
    Ok(Reply::empty_object())
}

fn start_download(call: &Call) -> Result<Reply, ApiError> {
    let body = call.checked(Schema::StartDownload)?;
    let accepted = body.get("acceptDownloadMethods");
    let accepts = |method: &str| accepted.and_then(|all| all.get(method)) == Some(&json!(true));
    let name = call.param("name");
    let at = parts(name)?;
    call.require(format!("object:download:{name}"))?;
    let record = finished(call, name)?;
    let url = content_url(&call.services, at)?;
    let until = call.services.later(Duration::from_secs(30 * 60))?;
    if accepts("getUrl") {
        return Ok(Reply::json(&json!({
            "method": "getUrl",
            "url": url,
            "expires": format!("{until:.3}"),
            "hashes": record.hashes,
        })));
    }
    if accepts("simple") {
        return Ok(Reply::json(&json!({"method": "simple", "url": url})));
    }
    let text = "None of the accepted download methods is known: use getUrl or simple";
    Err(ApiError::input(text))
}

fn download(call: &Call) -> Result<Reply, ApiError> {
    let name = call.param("name");
    let at = parts(name)?;
    call.require(format!("object:download:{name}"))?;
    finished(call, name)?;
    let url = content_url(&call.services, at)?;
    Ok(Reply::see_other(&url, &json!({ "url": url })))
}

fn metadata(call: &Call) -> Result<Reply, ApiError> {
    let name = call.param("name");
    parts(name)?;
    call.require(format!("object:download:{name}"))?;
    let record = finished(call, name)?;
    Ok(Reply::json(&json!({
        "projectId": record.project_id,
        "expires": format!("{:.3}", record.expires),
    })))
}

/// Which artifact an object's name means.
fn parts(name: &str) -> Result<(TaskId, RunId, &str), ApiError> {
    let unfit = || bad("name", name, "t/<taskId>/<runId>/<artifact>");
    let rest = name.strip_prefix("t/").ok_or_else(unfit)?;
    let (task, rest) = rest.split_once('/').ok_or_else(unfit)?;
    let (run, artifact) = rest.split_once('/').ok_or_else(unfit)?;
    check_name(artifact)?;
    let task = task.parse().map_err(|_| unfit())?;
    let number = run.parse().map(RunId).map_err(|_| unfit())?;
    // one name for one object
    if number.to_string() != run {
        return Err(unfit());
    }
    Ok((task, number, artifact))
}

/// An object whose upload is complete and that has not expired.
fn finished(call: &Call, name: &str) -> Result<Record, ApiError> {
    let record = found(&call.services, name)?;
    if record.finished && record.expires > call.now() {
        Ok(record)
    } else {
        Err(ApiError::not_found(format!("Object {name} not found")))
    }
}

/// Whether an artifact is an object whose upload is complete. Of others the store is not asked.
pub(super) fn is_finished(
    services: &Services,
    (task, run, name): (TaskId, RunId, &str),
) -> Result<bool, ApiError> {
    if services.queue().upload_id(task, run, name).is_none() {
        return Ok(false);
    }
    let record = find(services, &format!("t/{task}/{run}/{name}"))?;
    Ok(record.is_some_and(|record| record.finished))
}

fn found(services: &Services, name: &str) -> Result<Record, ApiError> {
    find(services, name)?.ok_or_else(|| ApiError::not_found(format!("Object {name} not found")))
}

fn find(services: &Services, name: &str) -> Result<Option<Record>, ApiError> {
    let bytes = services.store().get(Table::Settings, &key(name))?;
    let record = bytes.map(|bytes| serde_json::from_slice(&bytes));
    record.transpose().map_err(ApiError::internal)
}

/// The content and the record of an object are looked at and changed by one call at a time.
pub(super) async fn hold(services: &Services, (task, run, name): (TaskId, RunId, &str)) -> Held {
    let key = key(&format!("t/{task}/{run}/{name}"));
    services.locks().hold(&key).await
}

async fn keep(
    services: &Services,
    name: &str,
    record: &Record,
    held: Held,
) -> Result<(), ApiError> {
    let value = serde_json::to_vec(record).map_err(ApiError::internal)?;
    let change = Change {
        table: Table::Settings,
        key: key(name),
        value: Some(value),
    };
    services.commit(change, held).await
}

/// Key of the record of an object.
pub(super) fn key(name: &str) -> String {
    format!("object/{name}")
}

/// SHA-256 and SHA-512 of a content.
async fn hashes(
    services: &Services,
    at: (TaskId, RunId, &str),
) -> Result<IndexMap<String, String>, ApiError> {
    let (_, _, mut file) = bucket::open(services, at).await?;
    let mut hashers = [Algorithm::Sha256, Algorithm::Sha512].map(Hasher::new);
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut piece).await.map_err(ApiError::internal)?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        for hasher in &mut hashers {
            hasher.update(bytes);
        }
    }
    let named = ["sha256", "sha512"].into_iter().zip(hashers);
    Ok(named
        .map(|(name, hasher)| (name.to_owned(), hasher.finish().hex()))
        .collect())
}

/// Credentials of the queue for one object.
pub(super) fn credentials(
    services: &Services,
    what: &str,
    name: &str,
    scopes: Vec<String>,
    until: Timestamp,
) -> Result<Credentials, ApiError> {
    let client_id = format!("{QUEUE}/{what}/{name}");
    temporary(
        services.registry(),
        QUEUE,
        &client_id,
        scopes,
        services.now(),
        until,
    )
    .map_err(ApiError::internal)
}

/// How long a URL takes content.
const PUT: Duration = Duration::from_secs(45 * 60);
