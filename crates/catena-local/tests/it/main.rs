// SPDX-License-Identifier: MPL-2.0
//! The embedded Taskcluster, part by part, over real databases and files.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests and their helpers may fail loudly"
)]

mod page;
mod page_world;
mod queue_artifacts;
mod queue_crash;
mod queue_create;
mod queue_dependencies;
mod queue_expiry;
mod queue_load;
mod queue_properties;
mod queue_runs;
mod queue_world;
mod store;
mod worker;
