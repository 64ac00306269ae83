// SPDX-License-Identifier: MPL-2.0
//! Runs the task script (worker.md 5).
//!
//! It gets a process group of its own, no descriptors but its output and the credentials, and no secrets of the worker.
//! It is over when both pipes and the process have ended, or when it is stopped: TERM to the whole group, a second, KILL.
//! What left the group is killed when it is over (`household`).

mod credentials;
mod dead;
mod environment;
mod exit;
pub(crate) mod household;
pub(crate) mod leftover;
mod lines;
mod run;
mod task_log;

pub use credentials::CredentialsFile;
pub use environment::{Variables, environment};
pub use exit::Exit;
pub use run::{Ended, Script, run};
pub use task_log::{Held, TaskLog};
pub(crate) use task_log::{place, remove};
