// SPDX-License-Identifier: MPL-2.0
//! A VCS host: real git repositories on disk, read and written in process, served as git over HTTP and as the GitHub
//! and hg endpoints that a verification uses. A push creates a decision task.
//!
//! ```text
//! github_api  https://api.github.com   what verification asks (V65, V66, V94, P15), and POSTs for local use
//! github_site https://github.com       branch_commits, raw files, git over HTTP
//! hg          https://hg.mozilla.org   raw-file, json-pushes (V62, V66)
//!  │ deliver  a push, a pull request or a release becomes tasks: event → `.taskcluster.yml` → `TaskSink`
//!  ▼
//! host        creates, commits, tags, forks, records pushes, pull requests and releases
//!  ▼
//! repos       one repository: revisions, files, ancestry
//! ```
//!
//! Answers name canonical URLs, whatever address the routers are served on: `x_cot.endpoints` maps them (P24). Only git over
//! HTTP runs the git program.

mod cgi;
mod deliver;
mod error;
mod event;
mod git_http;
mod github;
mod group;
mod hg;
mod host;
mod login;
mod names;
mod offers;
mod outstanding;
mod pushlog;
mod record;
mod render;
mod repos;
mod write;

pub use deliver::{DeliverError, Event, NotCreated, Task, TaskSink, deliver, deliver_one, tasks};

pub use error::VcsError;
pub use github::{github_api, github_site};
pub use hg::hg;
pub use host::{Host, HostOptions, Mount, Protection};
pub use names::RepoName;
pub use offers::NewRelease;
pub use outstanding::{Recovered, deliver_outstanding};
pub use record::{Pull, Push, Release};
pub use repos::{Change, Commit, Comparison, File, Person, Repo, Tag};
pub use write::NewCommit;
