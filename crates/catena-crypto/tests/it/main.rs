// SPDX-License-Identifier: MPL-2.0
//! Signers that hold no key of their own, against real commands, a socket and a token.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod agent;
mod exec;
#[cfg(feature = "pkcs11")]
mod token;
