// SPDX-License-Identifier: MPL-2.0
//! Digests and ed25519 signatures: bytes in, proof out.
//!
//! Nothing here knows documents, policies or time: which key may sign what is decided in the core. Private keys
//! are read in [`keyfile`] and used through the trait [`signer::Signer`]; signers whose keys lie elsewhere reach them under
//! [`signer`]. Nothing else here does I/O.

pub mod digest;
pub mod ed25519;
pub mod keyfile;
pub mod public;
pub mod signer;
