// SPDX-License-Identifier: MPL-2.0
//! The REST API of GitHub, as far as a verification asks it (V65, V66, V94, P15), and POSTs for local use: repositories,
//! forks, pull requests and releases.

mod answer;
mod links;
mod post;
pub(crate) mod shape;
mod site;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::{get, post as posting};

use self::answer::Answer;
pub use self::site::github_site;
pub(crate) use self::site::{bytes, plain, refuse};
use super::deliver::TaskSink;
use super::{Host, RepoName, VcsError};
use crate::hosts;

/// What the routers work on.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) host: Host,
    pub(crate) sink: Arc<dyn TaskSink>,
}

/// The router for `https://api.github.com`. Pull requests and releases that are posted to it become tasks in the sink.
pub fn github_api(host: Host, sink: Arc<dyn TaskSink>) -> Router {
    let router = Router::new()
        .route("/orgs/{owner}/repos", posting(post::repository))
        .route("/repos/{owner}/{name}", get(read))
        .route("/repos/{owner}/{name}/forks", posting(post::fork))
        .route("/repos/{owner}/{name}/pulls", posting(post::pull))
        .route("/repos/{owner}/{name}/releases", posting(post::release))
        .route("/repos/{owner}/{name}/{*place}", get(read))
        .fallback(nothing)
        .with_state(Service { host, sink });
    hosts::only(router, ["api.github.com".to_owned()])
}

async fn nothing() -> Response {
    answer::error(StatusCode::NOT_FOUND, "Not Found")
}

/// All GETs: what is below the repository decides.
async fn read(
    State(service): State<Service>,
    Path(parts): Path<HashMap<String, String>>,
    Query(query): Query<HashMap<String, String>>,
    uri: Uri,
    asked: HeaderMap,
) -> Response {
    let host = service.host;
    let work = move || {
        let part = |name: &str| parts.get(name).map_or("", String::as_str);
        let question = Question {
            host: &host,
            name: RepoName::new(part("owner"), part("name")).map_err(|_| not_found()),
            query: &query,
            path: uri.path(),
            raw: wants_raw(&asked),
        };
        let answer = question.answer(part("place"));
        answer::respond(&host, &asked, answer)
    };
    blocking(work).await
}

/// Runs what reads the disk where it may block.
pub(crate) async fn blocking(work: impl FnOnce() -> Response + Send + 'static) -> Response {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| answer::error(StatusCode::INTERNAL_SERVER_ERROR, "Server Error"))
}

fn not_found() -> VcsError {
    VcsError::NotFound("Not Found".to_owned())
}

fn wants_raw(asked: &HeaderMap) -> bool {
    let accept = asked
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| {
        let mut kinds = accept
            .split(',')
            .map(|kind| kind.split(';').next().unwrap_or_default().trim());
        kinds.any(|kind| {
            kind.starts_with("application/vnd.github.")
                && (kind.ends_with(".raw") || kind.ends_with(".raw+json"))
        })
    })
}

struct Question<'a> {
    host: &'a Host,
    name: Result<RepoName, VcsError>,
    query: &'a HashMap<String, String>,
    path: &'a str,
    raw: bool,
}

impl Question<'_> {
    fn answer(self, place: &str) -> Result<Answer, VcsError> {
        let name = self.name.clone()?;
        let (kind, rest) = place.split_once('/').unwrap_or((place, ""));
        let json = match (kind, rest) {
            ("", "") => shape::repository(self.host, &name)?,
            ("branches", "") => return self.branches(&name),
            ("branches", branch) => self.branch(&name, branch)?,
            ("commits", revision) if !revision.is_empty() => self.commit(&name, revision)?,
            ("compare", range) => self.compare(&name, range)?,
            ("contents", path) => return self.contents(&name, path),
            ("git", reference) => self.tag_ref(&name, reference)?,
            ("pulls", number) => self.pull(&name, number)?,
            ("releases", tag) => self.release(&name, tag)?,
            ("tags", "") => return self.tags(&name),
            _ => return Err(not_found()),
        };
        Ok(Answer::Json(json))
    }

    fn contents(&self, name: &RepoName, path: &str) -> Result<Answer, VcsError> {
        let repo = self.host.repo(name)?;
        let reference = match self.query.get("ref") {
            Some(reference) => reference.clone(),
            None => repo.default_branch()?,
        };
        let path = path.to_owned();
        // a path that cannot be is a file that is not
        let file = repo.read(&reference, &path).map_err(absent)?;
        if self.raw {
            return Ok(Answer::Raw(file.content));
        }
        Ok(Answer::Json(shape::contents(
            name, &reference, &path, &file,
        )))
    }

    fn commit(&self, name: &RepoName, revision: &str) -> Result<serde_json::Value, VcsError> {
        let repo = self.host.repo(name)?;
        shape::commit(&repo, revision).map_err(|why| match why {
            VcsError::NotFound(_) => {
                VcsError::Invalid(format!("No commit found for SHA: {revision:.200}"))
            }
            other => other,
        })
    }

    fn compare(&self, name: &RepoName, range: &str) -> Result<serde_json::Value, VcsError> {
        let repo = self.host.repo(name)?;
        let (base, head) = range.split_once("...").ok_or_else(not_found)?;
        let found = repo.compare(base, head)?;
        shape::compare(&repo, base, head, &found)
    }

    fn pull(&self, name: &RepoName, number: &str) -> Result<serde_json::Value, VcsError> {
        let number = number.parse().map_err(|_| not_found())?;
        let pull = self.host.pull(name, number)?;
        shape::pull(self.host, name, &pull)
    }

    fn release(&self, name: &RepoName, rest: &str) -> Result<serde_json::Value, VcsError> {
        let tag = rest.strip_prefix("tags/").ok_or_else(not_found)?;
        Ok(shape::release(name, &self.host.release(name, tag)?))
    }

    fn tag_ref(&self, name: &RepoName, rest: &str) -> Result<serde_json::Value, VcsError> {
        let tag = rest.strip_prefix("ref/tags/").ok_or_else(not_found)?;
        let tags = self.host.repo(name)?.tags()?;
        let tag = tags
            .iter()
            .find(|known| known.name == tag)
            .ok_or_else(not_found)?;
        Ok(shape::tag_ref(name, tag))
    }

    fn branch(&self, name: &RepoName, branch: &str) -> Result<serde_json::Value, VcsError> {
        let repo = self.host.repo(name)?;
        let tip = repo.branch(branch).map_err(absent)?.ok_or_else(not_found)?;
        let protected = self.host.protected(name)?;
        shape::branch(
            &repo,
            branch,
            &tip,
            protected.iter().any(|one| one == branch),
        )
    }

    fn branches(&self, name: &RepoName) -> Result<Answer, VcsError> {
        let (repo, protected) = (self.host.repo(name)?, self.host.protected(name)?);
        let wanted = self.query.get("protected").map(String::as_str);
        let mut list = Vec::new();
        for (branch, tip) in repo.branches()? {
            let is = protected.contains(&branch);
            if wanted.is_none_or(|wanted| wanted == if is { "true" } else { "false" }) {
                list.push(shape::listed_branch(name, &branch, &tip, is));
            }
        }
        Ok(self.page(list))
    }

    /// Newest names first, as GitHub lists tags.
    fn tags(&self, name: &RepoName) -> Result<Answer, VcsError> {
        let tags = self.host.repo(name)?.tags()?;
        let list = tags.iter().rev().map(|tag| shape::listed_tag(name, tag));
        Ok(self.page(list.collect()))
    }

    fn page(&self, list: Vec<serde_json::Value>) -> Answer {
        let number = |key: &str| {
            self.query
                .get(key)
                .and_then(|text| text.parse::<usize>().ok())
        };
        let size = number("per_page").unwrap_or(30).clamp(1, 100);
        let page = number("page").unwrap_or(1).max(1);
        let start = (page - 1).saturating_mul(size);
        let more = list.len() > start.saturating_add(size);
        let items: Vec<_> = list.into_iter().skip(start).take(size).collect();
        let protected = self
            .query
            .get("protected")
            .filter(|text| matches!(text.as_str(), "true" | "false"));
        let rest = protected.map_or_else(String::new, |text| format!("&protected={text}"));
        let next = format!(
            "https://api.github.com{}?per_page={size}&page={}{rest}",
            self.path,
            page.saturating_add(1)
        );
        Answer::Page(items.into(), more.then_some(next))
    }
}

/// What cannot be asked for is not there.
fn absent(why: VcsError) -> VcsError {
    match why {
        VcsError::Invalid(text) => VcsError::NotFound(text),
        other => other,
    }
}
