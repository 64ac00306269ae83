// SPDX-License-Identifier: MPL-2.0
//! The GPG era, tested with a real document of 2017 and with the real `gpg` and `git`, which must be installed.
#![expect(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod forged;
mod git;
mod gpg;
mod interop;
mod refused;
mod sample;
mod tags;
mod vectors;
