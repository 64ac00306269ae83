// SPDX-License-Identifier: MPL-2.0
//! The index: tasks by names that people and tools know.

use std::collections::BTreeSet;
use std::time::Duration;

use catena_core::model::ids::TaskId;
use indexmap::IndexMap;
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::Call;
use super::error::ApiError;
use super::reply::Reply;
use super::route::{Endpoint, bad};
use super::schema::Schema;
use crate::auth::{QUEUE, bewit, covers};
use crate::locks::Held;
use crate::queue::is_public;
use crate::store::{Change, Table};

pub(super) const TABLE: &[Endpoint] = &[
    (
        "GET",
        "task/<indexPath>/artifacts/<name*>",
        "findArtifactFromTask",
    ),
    ("GET", "task/<indexPath>", "findTask"),
    ("PUT", "task/<namespace>", "insertTask"),
    ("DELETE", "task/<namespace>", "deleteTask"),
    ("GET", "namespaces/<namespace>", "listNamespaces"),
    ("POST", "namespaces/<namespace>", "listNamespaces"),
    ("GET", "tasks/<namespace>", "listTasks"),
    ("POST", "tasks/<namespace>", "listTasks"),
    ("GET", "namespaces/", "listNamespaces"),
    ("GET", "tasks/", "listTasks"),
];

pub(super) async fn call(name: &str, call: &Call) -> Result<Reply, ApiError> {
    match name {
        "findTask" => find_task(call),
        "insertTask" => insert_task(call).await,
        "deleteTask" => delete_task(call).await,
        "findArtifactFromTask" => find_artifact(call),
        "listNamespaces" => list_namespaces(call),
        _ => list_tasks(call),
    }
}

/// A task in the index.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    namespace: String,
    task_id: TaskId,
    rank: f64,
    data: Value,
    #[serde(with = "crate::queue::time")]
    expires: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    task_id: TaskId,
    rank: f64,
    data: Value,
    expires: Timestamp,
}

fn namespace<'a>(call: &'a Call, key: &str) -> Result<&'a str, ApiError> {
    let text = call.param(key);
    let fits = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_!~*'()%-".contains(&b))
    };
    if text.len() <= 255 && text.split('.').all(fits) {
        Ok(text)
    } else {
        Err(bad(key, text, "words with dots between them"))
    }
}

/// A namespace to list below, which may be empty.
fn parent(call: &Call) -> Result<&str, ApiError> {
    match call.param("namespace") {
        "" => Ok(""),
        _ => namespace(call, "namespace"),
    }
}

fn find(call: &Call, path: &str) -> Result<Entry, ApiError> {
    let missing = || ApiError::not_found("Indexed task not found");
    let bytes = call.services.store().get(Table::Index, path)?;
    let entry: Entry =
        serde_json::from_slice(&bytes.ok_or_else(missing)?).map_err(ApiError::internal)?;
    if entry.expires > call.now() {
        Ok(entry)
    } else {
        Err(missing())
    }
}

fn find_task(call: &Call) -> Result<Reply, ApiError> {
    let path = namespace(call, "indexPath")?;
    call.require(format!("index:find-task:{path}"))?;
    Ok(Reply::json(&find(call, path)?))
}

/// A task of a lower rank does not replace one that is there.
async fn insert_task(call: &Call) -> Result<Reply, ApiError> {
    let path = namespace(call, "namespace")?;
    let body: Body = call.body(Schema::InsertTask)?;
    call.require(format!("index:insert-task:{path}"))?;
    let entry = Entry {
        namespace: path.to_owned(),
        task_id: body.task_id,
        rank: body.rank,
        data: body.data,
        expires: body.expires,
    };
    let held = hold(call, path).await;
    match find(call, path) {
        Ok(before) if before.rank > entry.rank => return Ok(Reply::json(&before)),
        _ => {}
    }
    let value = serde_json::to_vec(&entry).map_err(ApiError::internal)?;
    let change = Change {
        table: Table::Index,
        key: path.to_owned(),
        value: Some(value),
    };
    call.services.commit(change, held).await?;
    Ok(Reply::json(&entry))
}

/// A name in the index is looked at and changed by one call at a time.
async fn hold(call: &Call, path: &str) -> Held {
    call.services.locks().hold(&format!("index/{path}")).await
}

async fn delete_task(call: &Call) -> Result<Reply, ApiError> {
    let path = namespace(call, "namespace")?;
    call.require(format!("index:delete-task:{path}"))?;
    let held = hold(call, path).await;
    let change = Change {
        table: Table::Index,
        key: path.to_owned(),
        value: None,
    };
    call.services.commit(change, held).await?;
    Ok(Reply::empty_object())
}

/// 303 to the latest artifact of the task; to a private one with a bewit, which may read what the caller may read and no more:
/// what it turns out to be a link to needs other scopes of the caller, or is closed to them.
fn find_artifact(call: &Call) -> Result<Reply, ApiError> {
    let path = namespace(call, "indexPath")?;
    let name = call.artifact_name()?;
    let needed = format!("queue:get-artifact:{name}");
    call.require(needed)?;
    let entry = find(call, path)?;
    let encoded = utf8_percent_encode(name, NON_ALPHANUMERIC);
    let place = format!("/api/queue/v1/task/{}/artifacts/{encoded}", entry.task_id);
    let services = &call.services;
    let mut url = format!("{}{place}", services.root_url());
    if !is_public(name) {
        let host = services.root_url().strip_prefix("http://").unwrap_or("");
        let (host, port) = host.rsplit_once(':').unwrap_or((host, "80"));
        let port = port.parse().map_err(ApiError::internal)?;
        let until = services.later(Duration::from_secs(15 * 60))?;
        let scopes = reading(&call.caller.scopes);
        let address = (host, port);
        let signature = bewit(services.registry(), QUEUE, address, &place, &scopes, until)
            .map_err(ApiError::internal)?;
        url = format!("{url}?bewit={signature}");
    }
    Ok(Reply::see_other(&url, &json!({ "url": url })))
}

/// What scopes allow of reading artifacts.
fn reading(scopes: &[String]) -> Vec<String> {
    let part = |scope: &String| {
        if scope.starts_with(READ) {
            return Some(scope.clone());
        }
        // more than reading stays behind
        covers(scope, READ).then(|| format!("{READ}*"))
    };
    let parts: BTreeSet<String> = scopes.iter().filter_map(part).collect();
    parts.into_iter().collect()
}

const READ: &str = "queue:get-artifact:";

/// What is below a namespace and alive, by its name.
fn below(call: &Call, parent: &str) -> Result<Vec<Entry>, ApiError> {
    let prefix = match parent {
        "" => String::new(),
        parent => format!("{parent}."),
    };
    let mut entries = Vec::new();
    for (_, bytes) in call.services.store().scan(Table::Index, &prefix)? {
        let entry: Entry = serde_json::from_slice(&bytes).map_err(ApiError::internal)?;
        if entry.expires > call.now() {
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// Limit and the name to go on after: of the query for GET, of the body for POST.
fn page(call: &Call) -> Result<(usize, String), ApiError> {
    if call.payload.is_none() {
        let (limit, token) = call.page()?;
        return Ok((limit, token.unwrap_or_default().to_owned()));
    }
    let body = call.checked(Schema::ListPage)?;
    let limit = body.get("limit").and_then(Value::as_u64).unwrap_or(1000);
    let token = body.get("continuationToken").and_then(Value::as_str);
    let limit = usize::try_from(limit).map_err(ApiError::internal)?;
    Ok((limit, token.unwrap_or_default().to_owned()))
}

/// Up to `limit` items whose names follow the token.
fn cut<T: Serialize>(
    call: &Call,
    key: &'static str,
    items: Vec<(String, T)>,
) -> Result<Reply, ApiError> {
    let (limit, after) = page(call)?;
    let mut rest = items.into_iter().filter(|(name, _)| *name > after);
    let shown: Vec<(String, T)> = rest.by_ref().take(limit).collect();
    let more = rest.next().is_some();
    let token = shown.last().filter(|_| more).map(|(name, _)| json!(name));
    let shown: Vec<T> = shown.into_iter().map(|(_, item)| item).collect();
    let mut answer = IndexMap::from([(key, json!(shown))]);
    if let Some(token) = token {
        answer.insert("continuationToken", token);
    }
    Ok(Reply::json(&answer))
}

fn list_tasks(call: &Call) -> Result<Reply, ApiError> {
    let parent = parent(call)?;
    call.require(format!("index:list-tasks:{parent}"))?;
    let start = if parent.is_empty() {
        0
    } else {
        parent.len() + 1
    };
    let direct = |entry: &Entry| !entry.namespace.get(start..).unwrap_or("").contains('.');
    let entries = below(call, parent)?.into_iter().filter(direct);
    let named = entries.map(|entry| (entry.namespace.clone(), entry));
    cut(call, "tasks", named.collect())
}

fn list_namespaces(call: &Call) -> Result<Reply, ApiError> {
    let parent = parent(call)?;
    call.require(format!("index:list-namespaces:{parent}"))?;
    let start = if parent.is_empty() {
        0
    } else {
        parent.len() + 1
    };
    let mut names = BTreeSet::new();
    for entry in below(call, parent)? {
        let rest = entry.namespace.get(start..).unwrap_or("");
        if let Some((name, _)) = rest.split_once('.') {
            let length = start.saturating_add(name.len());
            names.insert(entry.namespace.get(..length).unwrap_or("").to_owned());
        }
    }
    let named = names.into_iter().map(|full| {
        let name = full.get(start..).unwrap_or("").to_owned();
        (full.clone(), json!({"namespace": full, "name": name}))
    });
    cut(call, "namespaces", named.collect())
}
