// SPDX-License-Identifier: MPL-2.0
//! An embedded Taskcluster: queue, artifacts, index, secrets, authentication and a VCS host in one process, for
//! demonstrations, for authors of scripts and for tests (DESIGN §9, worker.md §12).
//!
//! ```text
//! http     one router for each service: JSON in, JSON out, status codes and error bodies of the real service
//!  │ auth  who calls (Hawk, temporary credentials, bewit), and what they may (scopes, roles)
//!  ▼
//! queue    tasks, runs, claims, artifacts: a state machine over data; the clock is an argument
//!  ▼
//! store    what was acknowledged, on disk: one embedded database, commits in groups
//!
//! vcs      real git repositories, read and written in process; GitHub, hg and git endpoints over them
//! client   calls the services, for the workers and the demo
//! worker   claims through HTTP like any worker, runs shell scripts, writes and signs Chain of Trust
//! page     shows tasks, artifacts and logs to a browser, and verifies a task on request
//! server   puts them on loopback addresses
//! ```
//!
//! It is not for production: one process, loopback addresses only.

pub mod auth;
pub mod client;
pub mod clock;
pub mod demo;
mod hosts;
pub mod http;
mod locks;
pub mod page;
pub mod queue;
mod server;
mod slug;
pub mod store;
pub mod vcs;
pub mod worker;

pub use server::{Credentials, Local, LocalError, LocalOptions};
