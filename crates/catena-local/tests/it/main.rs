// SPDX-License-Identifier: MPL-2.0
//! Tests of the embedded Taskcluster against its own services.

mod vcs_git;
mod vcs_github;
mod vcs_repos;
mod vcs_sites;
mod vcs_world;
