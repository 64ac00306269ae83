// SPDX-License-Identifier: MPL-2.0
//! Integration tests of the core: whole walks over documents in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod legacy_commands;
mod legacy_faults;
mod legacy_rebuild;
mod legacy_rules;
mod legacy_world;
