// SPDX-License-Identifier: MPL-2.0
//! The verifier over a chain in memory.

pub(crate) use catena_testkit::Verifier;
