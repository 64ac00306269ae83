// SPDX-License-Identifier: MPL-2.0
//! Who calls: the host has one token, and believes whoever has it about their name.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::HostOptions;

/// What the `Authorization` header says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Caller {
    /// Nothing.
    Unknown,
    /// Something that is not the token.
    Refused,
    /// The token, and whose it is: the user name of HTTP basic, unless it is one of those that clients put for a token.
    Allowed(Option<String>),
}

impl Caller {
    /// Reads `Basic`, `Bearer` or `token`.
    pub(crate) fn of(headers: &HeaderMap, options: &HostOptions) -> Self {
        let Some(given) = headers.get(header::AUTHORIZATION) else {
            return Self::Unknown;
        };
        let Some((user, secret)) = given.to_str().ok().and_then(credentials) else {
            return Self::Refused;
        };
        match &options.push_token {
            Some(token) if !token.is_empty() && same(token.as_bytes(), secret.as_bytes()) => {
                Self::Allowed(user)
            }
            _ => Self::Refused,
        }
    }
}

fn credentials(header: &str) -> Option<(Option<String>, String)> {
    let (scheme, rest) = header.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" => Some((None, rest.trim().to_owned())),
        "basic" => {
            let text = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
            let (user, secret) = text.split_once(':')?;
            let plain = user.len() <= 39
                && user
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            let named = plain && !matches!(user, "" | "git" | "x-access-token" | "x-oauth-basic");
            Some((named.then(|| user.to_owned()), secret.to_owned()))
        }
        _ => None,
    }
}

/// Compares digests, so that the time tells nothing of the token.
fn same(one: &[u8], two: &[u8]) -> bool {
    Sha256::digest(one) == Sha256::digest(two)
}
