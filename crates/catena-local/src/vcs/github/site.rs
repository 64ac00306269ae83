// SPDX-License-Identifier: MPL-2.0
//! What `https://github.com` serves: the page of the branches that have a commit (V94), files, and git over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;

use super::{Service, blocking};
use crate::hosts;
use crate::vcs::deliver::TaskSink;
use crate::vcs::{Host, RepoName, VcsError, git_http};

/// The router for `https://github.com`. What is pushed to it becomes tasks in the sink.
pub fn github_site(host: Host, sink: Arc<dyn TaskSink>) -> Router {
    let router = Router::new()
        .route("/{owner}/{name}/{*place}", any(serve))
        .with_state(Service { host, sink });
    hosts::only(router, ["github.com".to_owned()])
}

async fn serve(
    State(service): State<Service>,
    Path((owner, name, place)): Path<(String, String, String)>,
    request: Request,
) -> Response {
    let name = name.strip_suffix(".git").unwrap_or(&name);
    let Ok(name) = RepoName::new(&owner, name) else {
        return plain(StatusCode::NOT_FOUND, "Not Found");
    };
    if let Some(service_name) = git_http::Place::of(&place) {
        return git_http::serve(service, name, service_name, request).await;
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return plain(
            StatusCode::METHOD_NOT_ALLOWED,
            "only git's services take other methods than GET",
        );
    }
    blocking(move || page(&service.host, &name, &place)).await
}

fn page(host: &Host, name: &RepoName, place: &str) -> Response {
    let answer = match place.split_once('/') {
        Some(("branch_commits", revision)) => branch_commits(host, name, revision),
        Some(("raw", rest)) => raw(host, name, rest),
        _ => Err(VcsError::NotFound(place.to_owned())),
    };
    answer.unwrap_or_else(|why| refuse(&why))
}

/// The branches that reach a commit; without one, nothing but white space (V94).
fn branch_commits(host: &Host, name: &RepoName, revision: &str) -> Result<Response, VcsError> {
    let repo = host.repo(name)?;
    let revision = repo.resolve(revision)?;
    let mut items = String::new();
    for (branch, tip) in repo.branches()? {
        if repo.is_ancestor(&revision, &tip)? {
            let text = escape(&branch);
            items.push_str(&format!(
                "  <li class=\"branch\"><a href=\"/{name}/tree/{text}\">{text}</a></li>\n"
            ));
        }
    }
    let body = match items.as_str() {
        "" => "\n".to_owned(),
        items => format!("<ul class=\"branches-list\">\n{items}</ul>\n"),
    };
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        INERT,
        NOSNIFF,
    ];
    Ok((headers, body).into_response())
}

/// A text as HTML has it, in quotes too: git takes names of branches with any of these.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// `raw/{revision}/{path}`, where the revision may be `refs/heads/{one segment}`.
fn raw(host: &Host, name: &RepoName, rest: &str) -> Result<Response, VcsError> {
    let depth = if rest.starts_with("refs/") { 3 } else { 1 };
    let cut = rest.match_indices('/').nth(depth - 1).map(|(at, _)| at);
    let (revision, path) = cut
        .and_then(|at| Some((rest.get(..at)?, rest.get(at + 1..)?)))
        .ok_or_else(|| VcsError::NotFound(rest.to_owned()))?;
    let file = host.repo(name)?.read(revision, path)?;
    Ok(bytes(file.content))
}

/// A file as the hosts send it: text, whatever it is, and never run by a browser.
pub(crate) fn bytes(content: Vec<u8>) -> Response {
    let kind = if std::str::from_utf8(&content).is_ok() {
        "text/plain; charset=utf-8"
    } else {
        "application/octet-stream"
    };
    let headers = [(header::CONTENT_TYPE, kind), INERT, NOSNIFF];
    (headers, Body::from(content)).into_response()
}

/// An error in words.
pub(crate) fn refuse(why: &VcsError) -> Response {
    match why {
        VcsError::NotFound(_) | VcsError::Invalid(_) => plain(StatusCode::NOT_FOUND, "Not Found"),
        VcsError::Conflict(text) => plain(StatusCode::CONFLICT, text),
        VcsError::Broken { .. } => {
            tracing::error!(error = %why, "the VCS host failed");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "the host failed")
        }
    }
}

/// A status and a line.
pub(crate) fn plain(status: StatusCode, text: &str) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        format!("{text}\n"),
    )
        .into_response()
}

/// Nothing of what pushers wrote is run, and nothing is loaded for it.
const INERT: (HeaderName, &str) = (
    header::CONTENT_SECURITY_POLICY,
    "default-src 'none'; sandbox",
);
const NOSNIFF: (HeaderName, &str) = (header::X_CONTENT_TYPE_OPTIONS, "nosniff");
