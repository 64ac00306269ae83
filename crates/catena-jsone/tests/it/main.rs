// SPDX-License-Identifier: MPL-2.0
//! The language seen from outside: the official specification, the Python implementation's answers, the published
//! crate's answers, and hostile templates.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests are tests"
)]

mod hostile;
mod json;
mod locate;
mod python;
mod random;
mod specification;
