// SPDX-License-Identifier: MPL-2.0
//! Tasks, runs, claims and artifacts (worker.md §12): a state machine over data. No HTTP, no scopes: those are
//! `http` and `auth`; callers are already allowed to do what they ask for.
//!
//! All changes go through one lock, are decided in memory, written to the [`Store`](crate::store::Store) and
//! acknowledged only when the store has them. Reads never wait for the disk: they see a change as soon as it is decided.

mod definition;
mod error;
mod model;
mod state;
mod token;

pub use definition::{complete, ordered};
pub use error::QueueError;
pub use model::{
    Artifact, ArtifactContent, ArtifactRequest, Claim, Exception, Page, Priority, Requires,
    Resolution, Run, RunState, Status, TaskGroup, TaskState, Worker,
};
pub(crate) use model::{is_public, time};
pub use state::{Expired, Queue, QueueSettings};
