// SPDX-License-Identifier: MPL-2.0
//! Continuation tokens: opaque to clients, checked when they come back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::QueueError;

/// Longest token that is looked at: an artifact's name is at most 1,024 bytes.
const LONGEST: usize = 2048;

/// A token of a kind of list that says where the next page begins.
pub(super) fn write(kind: &str, place: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{kind}:{place}"))
}

/// The place in a token; `Input` for a text that [`write`] did not make for this kind of list.
pub(super) fn read(kind: &str, token: &str) -> Result<String, QueueError> {
    Some(token)
        .filter(|token| token.len() <= LONGEST)
        .and_then(|token| URL_SAFE_NO_PAD.decode(token).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| {
            let place = text.strip_prefix(kind)?.strip_prefix(':')?;
            Some(place.to_owned())
        })
        .ok_or_else(unknown)
}

/// What a bad token is answered with.
pub(super) fn unknown() -> QueueError {
    QueueError::Input(
        "Expected the continuationToken of the page before; found another text".to_owned(),
    )
}
