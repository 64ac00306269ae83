// SPDX-License-Identifier: MPL-2.0
//! Tests of the chains themselves, and of the verifier with them.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which the lint's setting for tests does not reach"
)]

mod chains;
mod evidence;
mod examples;
mod examples_of_checks;
mod flips;
mod hostile;
mod matters;
mod mutations;
mod page;
mod saboteurs;
mod vectors;
mod verifier;
mod walk;
mod world;
