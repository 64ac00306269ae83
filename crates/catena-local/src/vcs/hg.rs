// SPDX-License-Identifier: MPL-2.0
//! What `https://hg.mozilla.org` serves of a branch: files at a revision (V66) and the push log (V62). Changesets are git commits.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::github::{blocking, bytes, refuse};
use super::repos::Repo;
use super::{Host, Mount, Push, RepoName, VcsError};
use crate::hosts;

/// The router for `https://hg.mozilla.org`. An hg repository is a [`Mount`]; any repository is also there as `/owner/name`, its
/// default branch at level 1.
pub fn hg(host: Host) -> Router {
    let router = Router::new().route("/{*path}", get(serve)).with_state(host);
    hosts::only(router, ["hg.mozilla.org".to_owned()])
}

async fn serve(
    State(host): State<Host>,
    Path(path): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let path = format!("/{path}");
    blocking(move || answer(&host, &path, &query).unwrap_or_else(|why| refuse(&why))).await
}

fn answer(host: &Host, path: &str, query: &HashMap<String, String>) -> Result<Response, VcsError> {
    if let Some((place, rest)) = path.split_once("/raw-file/") {
        let (revision, file) = rest.split_once('/').ok_or_else(|| missing(path))?;
        let mount = mount(host, place)?;
        let repo = host.repo(&mount.repo)?;
        let revision = if revision == "tip" {
            &mount.branch
        } else {
            revision
        };
        return Ok(bytes(repo.read(revision, file)?.content));
    }
    if let Some(place) = path.strip_suffix("/json-pushes") {
        return json_pushes(host, &mount(host, place)?, query);
    }
    Err(missing(path))
}

fn missing(path: &str) -> VcsError {
    VcsError::NotFound(format!("there is no {path:.300}"))
}

fn mount(host: &Host, path: &str) -> Result<Mount, VcsError> {
    if let Some(mount) = host.settings()?.mounts.remove(path) {
        return Ok(mount);
    }
    let name: RepoName = path
        .trim_start_matches('/')
        .parse()
        .map_err(|_| missing(path))?;
    Ok(Mount {
        branch: host.repo(&name)?.default_branch()?,
        project: name.name().to_owned(),
        repo: name,
        level: "1".to_owned(),
    })
}

/// `json-pushes`: `changeset`, or the range after `startID` up to `endID`; `version` 1 or 2; `full`.
fn json_pushes(
    host: &Host,
    mount: &Mount,
    query: &HashMap<String, String>,
) -> Result<Response, VcsError> {
    let repo = host.repo(&mount.repo)?;
    let reference = format!("refs/heads/{}", mount.branch);
    let mut pushes = host.pushes(&mount.repo)?;
    pushes.retain(|push| push.reference == reference && push.after.is_some());
    let last = pushes.last().map_or(0, |push| push.id);
    let number = |key: &str| query.get(key).map(|text| text.parse::<u64>());
    match (query.get("changeset"), number("startID"), number("endID")) {
        (Some(changeset), None, None) => {
            let wanted = if changeset == "tip" {
                &mount.branch
            } else {
                changeset
            };
            let node = repo.resolve(wanted).ok();
            let has = |push: &Push| {
                node.as_ref()
                    .is_some_and(|node| push.changesets.contains(node))
            };
            let Some(push) = pushes.into_iter().find(has) else {
                return Ok(error(
                    StatusCode::NOT_FOUND,
                    &format!("unknown revision '{changeset:.200}'"),
                ));
            };
            pushes = vec![push];
        }
        (None, start, end) => {
            let (Ok(start), Ok(end)) = (start.unwrap_or(Ok(0)), end.unwrap_or(Ok(u64::MAX))) else {
                return Ok(error(
                    StatusCode::BAD_REQUEST,
                    "startID and endID are numbers",
                ));
            };
            pushes.retain(|push| push.id > start && push.id <= end);
        }
        (Some(_), ..) => {
            return Ok(error(
                StatusCode::BAD_REQUEST,
                "changeset does not go with startID and endID",
            ));
        }
    }
    let mut out = Map::new();
    for push in &pushes {
        let changesets = if query.contains_key("full") {
            let sets = push.changesets.iter().map(|node| changeset(&repo, node));
            sets.collect::<Result<Vec<_>, _>>()?
        } else {
            push.changesets
                .iter()
                .map(|node| node.as_str().into())
                .collect()
        };
        let push_json =
            json!({"changesets": changesets, "date": push.time.as_second(), "user": push.email});
        out.insert(push.id.to_string(), push_json);
    }
    let version = query.get("version").map_or("1", String::as_str);
    match version {
        "1" => Ok(document(StatusCode::OK, &Value::Object(out))),
        "2" => Ok(document(
            StatusCode::OK,
            &json!({"lastpushid": last, "pushes": out}),
        )),
        _ => Ok(error(
            StatusCode::BAD_REQUEST,
            "version parameter must be 1 or 2",
        )),
    }
}

fn changeset(repo: &Repo, node: &str) -> Result<Value, VcsError> {
    let commit = repo.commit(node)?;
    let files = repo.changed_files(node)?;
    Ok(json!({
        "author": format!("{} <{}>", commit.author.name, commit.author.email), "branch": "default",
        "desc": commit.message.trim_end_matches('\n'), "files": files.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "node": commit.revision, "parents": parents(&commit.parents), "tags": [],
    }))
}

/// hg gives a first changeset the null revision as its parent.
fn parents(parents: &[String]) -> Vec<String> {
    if parents.is_empty() {
        vec!["0".repeat(40)]
    } else {
        parents.to_vec()
    }
}

fn error(status: StatusCode, text: &str) -> Response {
    document(status, &json!({"error": text}))
}

fn document(status: StatusCode, value: &Value) -> Response {
    let headers = [(axum::http::header::CONTENT_TYPE, "application/json")];
    (status, headers, value.to_string()).into_response()
}
