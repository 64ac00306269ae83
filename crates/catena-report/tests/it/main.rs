// SPDX-License-Identifier: MPL-2.0
//! The same reports as text and as JSON, side by side (B7).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod json;
mod reports;
mod text;
