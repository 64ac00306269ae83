// SPDX-License-Identifier: MPL-2.0
//! How GitHub answers: status codes, error bodies, entity tags, pages, and what is left of the rate limit.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::vcs::{Host, VcsError};

/// An answer before it is bytes.
pub(super) enum Answer {
    /// A document.
    Json(Value),
    /// A document that was made by a POST.
    Created(Value),
    /// One page of a list, and the URL of the next.
    Page(Value, Option<String>),
    /// Bytes of a file.
    Raw(Vec<u8>),
}

/// Makes the response: 304 if the client has it already.
pub(super) fn respond(
    host: &Host,
    asked: &HeaderMap,
    answer: Result<Answer, VcsError>,
) -> Response {
    let mut response = match answer {
        Ok(answer) => document(asked, answer),
        Err(why) => refuse(&why),
    };
    limits(host, response.headers_mut());
    response
}

fn document(asked: &HeaderMap, answer: Answer) -> Response {
    let json_type = "application/json; charset=utf-8";
    let (status, kind, body, next) = match answer {
        Answer::Json(value) => (
            StatusCode::OK,
            json_type,
            value.to_string().into_bytes(),
            None,
        ),
        Answer::Created(value) => (
            StatusCode::CREATED,
            json_type,
            value.to_string().into_bytes(),
            None,
        ),
        Answer::Page(value, next) => (
            StatusCode::OK,
            json_type,
            value.to_string().into_bytes(),
            next,
        ),
        Answer::Raw(bytes) => (
            StatusCode::OK,
            "application/vnd.github.raw; charset=utf-8",
            bytes,
            None,
        ),
    };
    let digest: String = Sha256::digest(&body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let tag = format!("W/\"{digest}\"");
    let mut response = Response::builder()
        .header(header::ETAG, &tag)
        .header(header::VARY, "Accept, Authorization");
    if let Some(next) = next {
        response = response.header(header::LINK, format!("<{next}>; rel=\"next\""));
    }
    let built = if status == StatusCode::OK && matches(asked, &tag) {
        response
            .status(StatusCode::NOT_MODIFIED)
            .body(Body::empty())
    } else {
        response
            .status(status)
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body))
    };
    built.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn matches(asked: &HeaderMap, tag: &str) -> bool {
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let given = asked
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    given.is_some_and(|given| {
        given.trim() == "*" || given.split(',').any(|one| strong(one) == strong(tag))
    })
}

/// An error body in GitHub's words.
pub(super) fn refuse(why: &VcsError) -> Response {
    let (status, message) = match why {
        VcsError::NotFound(_) => (StatusCode::NOT_FOUND, "Not Found".to_owned()),
        VcsError::Invalid(why) | VcsError::Conflict(why) => {
            (StatusCode::UNPROCESSABLE_ENTITY, why.clone())
        }
        VcsError::Broken { .. } => {
            tracing::error!(error = %why, "the VCS host failed");
            (StatusCode::INTERNAL_SERVER_ERROR, "Server Error".to_owned())
        }
    };
    error(status, &message)
}

/// An error body with a text of its own.
pub(super) fn error(status: StatusCode, message: &str) -> Response {
    let body = json!({"message": message, "documentation_url": "https://docs.github.com/rest", "status": status.as_str()});
    (
        status,
        [(header::CONTENT_TYPE, "application/json; charset=utf-8")],
        body.to_string(),
    )
        .into_response()
}

/// The headers that clients count on; nobody is ever refused.
fn limits(host: &Host, headers: &mut HeaderMap) {
    let used = host.count_request();
    let reset = host.options().clock.now().as_second().saturating_add(3600);
    let left = 5000_u64.saturating_sub(used % 5000);
    for (name, value) in [
        ("x-ratelimit-limit", "5000".to_owned()),
        ("x-ratelimit-remaining", left.to_string()),
        ("x-ratelimit-used", (5000 - left).to_string()),
        ("x-ratelimit-reset", reset.to_string()),
        ("x-ratelimit-resource", "core".to_owned()),
        ("x-github-media-type", "github.v3; format=json".to_owned()),
    ] {
        if let Ok(value) = value.parse() {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}
