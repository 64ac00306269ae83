// SPDX-License-Identifier: MPL-2.0
//! The sources against real servers and real directories.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests and their helpers may fail loudly"
)]

mod chain;
mod directory;
#[cfg(feature = "git")]
mod forge;
#[cfg(feature = "git")]
mod git;
mod github;
#[cfg(feature = "git")]
mod hosts;
mod http;
#[cfg(feature = "git")]
mod mirror;
mod place;
mod redirects;
mod server;
mod shared;
mod signed;
mod taskcluster;
