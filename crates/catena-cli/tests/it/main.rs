// SPDX-License-Identifier: MPL-2.0
//! Runs the binary itself: no network, no environment, no files but its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod check_sig;
mod compat;
mod compat_chain;
mod demo;
mod evidence;
mod examples;
mod front;
mod generate;
#[cfg(feature = "openpgp")]
#[expect(dead_code, reason = "shared with the tests of catena-openpgp")]
#[path = "../../../catena-openpgp/tests/it/git.rs"]
mod git;
#[cfg(feature = "openpgp")]
#[expect(dead_code, reason = "shared with the tests of catena-openpgp")]
#[path = "../../../catena-openpgp/tests/it/gpg.rs"]
mod gpg;
mod help;
mod http;
mod interrupt;
mod keys;
#[cfg(feature = "openpgp")]
mod legacy;
#[cfg(feature = "openpgp")]
mod legacy_chains;
#[cfg(feature = "openpgp")]
mod legacy_rules;
#[cfg(feature = "openpgp")]
mod legacy_vectors;
#[cfg(feature = "openpgp")]
mod legacy_world;
mod lint;
mod local;
mod run;
mod screens;
mod secrets;
mod usage;
mod workdir;
mod worker;
mod worker_chain;
mod worker_config;
mod worker_logs;
mod worker_machine;
mod worker_operations;
mod worker_orphans;
mod worker_phases;
mod worker_strays;
mod world;
