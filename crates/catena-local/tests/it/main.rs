// SPDX-License-Identifier: MPL-2.0
//! The embedded Taskcluster, part by part, over real databases and files.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests and their helpers may fail loudly"
)]

mod demo;
mod http_artifacts;
mod http_auth;
mod http_errors;
mod http_expiry;
mod http_round;
mod http_services;
mod http_world;
mod page;
mod page_world;
mod queue_artifacts;
mod queue_crash;
mod queue_create;
mod queue_dependencies;
mod queue_expiry;
mod queue_groups;
mod queue_load;
mod queue_priority;
mod queue_properties;
mod queue_runs;
mod queue_world;
mod store;
mod vcs_git;
mod vcs_github;
mod vcs_outstanding;
mod vcs_repos;
mod vcs_sites;
mod vcs_world;
mod worker;
