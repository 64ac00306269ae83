// SPDX-License-Identifier: MPL-2.0
//! Answers: JSON with two spaces, and the headers that the real service sends.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Reply {
    /// 200 with JSON.
    pub(crate) fn json(body: &impl Serialize) -> Self {
        // what is serialized here has text keys only, so this does not fail
        let body = serde_json::to_string_pretty(body).unwrap_or_default();
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body,
        }
    }

    /// 200 with `{}`.
    pub(crate) fn empty_object() -> Self {
        Self::json(&serde_json::json!({}))
    }

    /// 204.
    pub(crate) fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            headers: HeaderMap::new(),
            body: String::new(),
        }
    }

    /// 303 to a URL, with a body for clients that do not follow.
    pub(crate) fn see_other(url: &str, body: &impl Serialize) -> Self {
        Self::json(body)
            .with_status(StatusCode::SEE_OTHER)
            .with_header(LOCATION, url)
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Adds a header; a value that cannot be one is left out.
    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if self.status != StatusCode::NO_CONTENT {
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            headers.insert(CONTENT_TYPE, json);
        }
        headers.insert(
            CACHE_CONTROL,
            HeaderValue::from_static("no-store no-cache must-revalidate"),
        );
        headers.extend(self.headers);
        common(headers);
        response
    }
}

/// Headers of every answer: no sniffing, and pages of any origin may call (they need credentials all the same).
pub(super) fn common(headers: &mut HeaderMap) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        (
            "content-security-policy",
            "default-src 'none';frame-ancestors 'none';",
        ),
        ("access-control-allow-origin", "*"),
        ("access-control-max-age", "900"),
        (
            "access-control-allow-methods",
            "OPTIONS,GET,HEAD,POST,PUT,DELETE,TRACE,CONNECT",
        ),
        (
            "access-control-allow-headers",
            "X-Requested-With,Content-Type,Authorization,Accept,Origin,Cache-Control",
        ),
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
}
