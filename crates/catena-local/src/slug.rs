// SPDX-License-Identifier: MPL-2.0
//! Slugs: random version 4 UUIDs in URL-safe base64, as task ids are and upload ids look.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Returns a new slug that does not begin with `-`, so that it is no option on a command line.
///
/// # Errors
/// The system has no random bytes.
pub(crate) fn slug() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)?;
    // version 4, variant 1, and a first bit of zero
    bytes[0] &= 0x7f;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
