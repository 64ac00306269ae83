// SPDX-License-Identifier: MPL-2.0
//! Integration tests of the core: whole walks over documents in memory.

mod legacy_rebuild;
mod legacy_world;
