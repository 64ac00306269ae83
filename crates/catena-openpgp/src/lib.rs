// SPDX-License-Identifier: MPL-2.0
//! The GPG era of Chain of Trust: cleartext-signed documents, the keys of that time, and who certified them.
//!
//! In go bytes: a signed text, key files, a [`time::Moment`]. Out comes `verify::Verified`, or a
//! [`refusal::Refusal`] with a stable code. Nothing here knows tasks or chains, and nothing calls `gpg`.
//!
//! Reading the text ([`clear`], [`armour`]) and the file of keys ([`snapshot`]) needs no library. Everything that
//! verifies, signs or reads keys stands behind the feature `openpgp`, because the library that does it is LGPL
//! (P40, ADR 0013). Without the feature this package links nothing of it, and no signature can be verified.
//!
//! # Security
//! The library's arithmetic is variable-time. That is harmless for verifying; `sign` is for the command
//! line alone, never for the worker (P40).

pub mod armour;
#[cfg(feature = "openpgp")]
mod certify;
pub mod clear;
#[cfg(feature = "openpgp")]
pub mod in_force;
#[cfg(feature = "openpgp")]
pub mod keys;
#[cfg(feature = "openpgp")]
mod profile;
pub mod refusal;
#[cfg(feature = "openpgp")]
pub mod sign;
pub mod snapshot;
#[cfg(feature = "openpgp")]
pub mod tags;
pub mod time;
#[cfg(feature = "openpgp")]
pub mod verify;
