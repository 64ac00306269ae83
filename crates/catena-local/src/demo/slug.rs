// SPDX-License-Identifier: MPL-2.0
//! Task ids: slugs of random UUIDs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use catena_core::model::ids::TaskId;

use super::DemoError;

/// Returns a new task id that does not begin with `-`, so that it is no option on a command line.
pub(crate) fn slug() -> Result<TaskId, DemoError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|why| DemoError::Setup(format!("no random bytes: {why}")))?;
    // version 4, variant 1, and a first bit of zero
    bytes[0] &= 0x7f;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = URL_SAFE_NO_PAD.encode(bytes);
    text.parse()
        .map_err(|_| DemoError::Setup(format!("{text} is no task id")))
}
