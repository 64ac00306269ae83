// SPDX-License-Identifier: MPL-2.0
//! Tests of the chains themselves, and of the verifier with them.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, which the lint's setting for tests does not reach"
)]

mod chains;
mod defaults;
mod evidence;
mod examples;
mod examples_of_checks;
mod explain;
mod features;
mod flips;
mod github;
mod hostile;
mod injected;
mod lint;
mod matters;
mod mutations;
mod page;
mod rules;
mod saboteurs;
mod variants;
mod vectors;
mod verifier;
mod walk;
mod world;
