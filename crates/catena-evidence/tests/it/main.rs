// SPDX-License-Identifier: MPL-2.0
//! The sources against real servers and real directories.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests and their helpers may fail loudly"
)]

mod chain;
mod directory;
mod github;
mod http;
mod place;
mod redirects;
mod server;
mod signed;
mod taskcluster;
