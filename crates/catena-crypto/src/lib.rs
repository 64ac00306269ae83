// SPDX-License-Identifier: MPL-2.0
//! Digests and ed25519 signatures: bytes in, proof out.

pub mod digest;
