// SPDX-License-Identifier: MPL-2.0
//! URLs of the bucket, signed with a key of the server (worker.md §12.3). The signature covers the method, the artifact
//! and the time it ends, as in the real service not the content type.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use catena_core::model::ids::{RunId, TaskId};
use hawk::mac::Mac;
use hawk::{Key, SHA256};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::error::ApiError;

/// Signs and checks; has no `Debug`.
pub(super) struct UrlKey(Key);

impl UrlKey {
    pub(super) fn new(secret: &[u8]) -> Result<Self, ApiError> {
        Key::new(secret, SHA256)
            .map(Self)
            .map_err(ApiError::internal)
    }

    /// Path and query of an artifact's content, signed for a method until a time.
    pub(super) fn signed(
        &self,
        method: &str,
        at: (TaskId, RunId, &str),
        until: Timestamp,
    ) -> Result<String, ApiError> {
        let until = until.as_second();
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.mac(method, at, until)?);
        Ok(format!(
            "{}?expires={until}&signature={signature}",
            plain(at)
        ))
    }

    /// Whether a query signs this.
    pub(super) fn is_signed(
        &self,
        method: &str,
        at: (TaskId, RunId, &str),
        query: &[(String, String)],
        now: Timestamp,
    ) -> bool {
        let find = |key: &str| {
            query
                .iter()
                .find(|(k, _)| k == key)
                .map(|(_, v)| v.as_str())
        };
        let until: Option<i64> = find("expires").and_then(|text| text.parse().ok());
        let signature = find("signature").and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok());
        let (Some(until), Some(signature)) = (until, signature) else {
            return false;
        };
        until > now.as_second()
            && self
                .mac(method, at, until)
                .is_ok_and(|mac| Mac::from(mac) == Mac::from(signature))
    }

    fn mac(
        &self,
        method: &str,
        (task, run, name): (TaskId, RunId, &str),
        until: i64,
    ) -> Result<Vec<u8>, ApiError> {
        // names have no line ends
        let text = format!("{method}\n{task}\n{run}\n{name}\n{until}");
        self.0.sign(text.as_bytes()).map_err(ApiError::internal)
    }
}

/// Path of an artifact's content, unsigned.
pub(super) fn plain((task, run, name): (TaskId, RunId, &str)) -> String {
    let name = utf8_percent_encode(name, PATH);
    format!("/bucket/{task}/{run}/{name}")
}

/// All but RFC 3986's unreserved characters and `/`.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');
