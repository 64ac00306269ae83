// SPDX-License-Identifier: MPL-2.0
//! Which requests are answered, and the headers of all answers.
//!
//! Whoever visits a hostile site has a browser that reaches loopback. Such a site cannot read answers of another origin,
//! but it can rebind its own name to 127.0.0.1 and so become the same origin: hence names other than loopback's are
//! refused. And it can send forms anywhere: hence what changes something needs a token that only our pages have.

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::PageError;
use crate::hosts::is_loopback;

/// The headers of all answers: nothing from elsewhere, no script in pages, no frames, no guessing of types.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

/// Refuses what is not asked under a loopback name, and sets the headers.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let mut response = if is_loopback(request.uri(), request.headers()) {
        next.run(request).await
    } else {
        PageError::Forbidden("The page is only served as localhost, 127.0.0.1 or [::1].")
            .into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Tells our own forms from those of others; drawn for each process. Has no `Debug`.
pub(super) struct Token(String);

impl Token {
    /// Draws one.
    pub(super) fn draw() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(
            bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        ))
    }

    /// The value for a form.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// Refuses a form (`application/x-www-form-urlencoded`) that does not carry the token, or comes from elsewhere by the
    /// browser's own account.
    pub(super) fn check(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), PageError> {
        let site = headers.get("sec-fetch-site");
        let is_ours = site.is_none_or(|site| site == "same-origin");
        let given = body
            .split(|byte| *byte == b'&')
            .find_map(|pair| pair.strip_prefix(b"token="))
            .unwrap_or_default();
        if is_ours && equal(given, self.0.as_bytes()) {
            Ok(())
        } else {
            Err(PageError::Forbidden(
                "The form does not carry the token of this process: it is another site's, or older than the server.",
            ))
        }
    }
}

/// Compares without telling by the time where the first difference is.
fn equal(one: &[u8], other: &[u8]) -> bool {
    let differing = one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_needs_the_token_of_this_process() {
        let (ours, other) = (Token::draw().unwrap(), Token::draw().unwrap());
        let none = HeaderMap::new();
        let form = format!("x=1&token={}", ours.text());
        assert!(ours.check(&none, form.as_bytes()).is_ok());
        assert!(other.check(&none, form.as_bytes()).is_err());
        for bad in ["", "token=", "token", &form[..form.len() - 1]] {
            assert!(ours.check(&none, bad.as_bytes()).is_err(), "{bad}");
        }
        let mut elsewhere = HeaderMap::new();
        elsewhere.insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
        assert!(ours.check(&elsewhere, form.as_bytes()).is_err());
    }
}
