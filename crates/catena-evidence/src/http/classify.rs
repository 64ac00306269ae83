// SPDX-License-Identifier: MPL-2.0
//! What an answer means (P7): the document, its certain absence, or a failure that may pass.

use std::error::Error;
use std::time::Duration;

use catena_core::document::ErrorKind;
use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};

use super::guard::RefusedAddress;
use crate::spool::IntakeError;

/// Why one attempt gave no document.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) detail: String,
    pub(crate) again: Again,
}

/// Whether another attempt may help.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Again {
    /// No: the answer is final.
    Never,
    /// Yes; the host may have asked for a pause.
    Later(Option<Duration>),
}

impl Failure {
    /// A failure that may pass.
    pub(crate) fn passing(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            again: Again::Later(None),
        }
    }

    /// A failure that is final.
    pub(crate) fn lasting(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            again: Again::Never,
        }
    }

    /// A failure of ours to ask, which another attempt does not change.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::lasting(ErrorKind::Unavailable, detail)
    }

    /// Judges a status other than 200 and those of redirects.
    pub(crate) fn status(status: StatusCode, headers: &HeaderMap) -> Self {
        let detail = format!("status {}", status.as_u16());
        match status.as_u16() {
            404 | 410 | 424 => Self::lasting(ErrorKind::Absent, detail),
            401 | 403 => Self::lasting(ErrorKind::Forbidden, detail),
            408 | 429 | 500.. => Self {
                kind: ErrorKind::Unavailable,
                detail,
                again: Again::Later(retry_after(headers, Timestamp::now())),
            },
            400..500 => Self::lasting(ErrorKind::Malformed, detail),
            _ => Self::passing(ErrorKind::Malformed, format!("{detail} where 200 was due")),
        }
    }

    /// Judges a failure below HTTP: name resolution, connection, TLS, time-out, truncated body.
    pub(crate) fn transport(error: reqwest::Error) -> Self {
        let refused = causes(&error).any(|cause| cause.is::<RefusedAddress>());
        let error = error.without_url(); // the origin is reported beside it
        let detail = causes(&error)
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(": ");
        if refused {
            Self::lasting(ErrorKind::Malformed, detail)
        } else {
            Self::passing(ErrorKind::Unavailable, detail)
        }
    }

    /// Judges a body that was not taken in.
    pub(crate) fn intake(error: &IntakeError) -> Self {
        let detail = causes(error)
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(": ");
        Self::lasting(error.kind(), detail)
    }
}

/// Returns whether the answer calls itself a page for people.
pub(crate) fn is_html(headers: &HeaderMap) -> bool {
    let essence = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let essence = essence.split(';').next().unwrap_or("").trim();
    ["text/html", "application/xhtml+xml"]
        .iter()
        .any(|html| essence.eq_ignore_ascii_case(html))
}

/// Reads `Retry-After`: seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_p7() {
        use ErrorKind::{Absent, Forbidden, Malformed, Unavailable};
        for (status, kind, again) in [
            (404, Absent, false),
            (410, Absent, false),
            (424, Absent, false),
            (401, Forbidden, false),
            (403, Forbidden, false),
            (408, Unavailable, true),
            (429, Unavailable, true),
            (500, Unavailable, true),
            (503, Unavailable, true),
            (599, Unavailable, true),
            (400, Malformed, false),
            (409, Malformed, false),
            (451, Malformed, false),
            (204, Malformed, true),
            (206, Malformed, true),
            (304, Malformed, true),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let failure = Failure::status(status, &HeaderMap::new());
            assert_eq!(
                (failure.kind, failure.again != Again::Never),
                (kind, again),
                "{status}"
            );
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "1994-11-06T08:49:07Z".parse().unwrap();
        for (text, expected) in [
            ("7", Some(7)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(
                retry_after(&headers, now),
                expected.map(Duration::from_secs),
                "{text}"
            );
        }
    }
}
