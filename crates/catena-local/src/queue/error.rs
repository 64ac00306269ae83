// SPDX-License-Identifier: MPL-2.0
//! Why the queue did not do what was asked, in the real service's classes (worker.md §12).

use crate::store::StoreError;

/// A refusal. `http` makes the status and the error body of it: 404 `ResourceNotFound`, 409 `RequestConflict`,
/// 400 `InputError`, 410 `ResourceExpired`, 500 `InternalServerError`.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// There is no such task, run or artifact.
    #[error("{0}")]
    NotFound(String),
    /// It is in a state in which that cannot be done, or exists with other properties.
    #[error("{0}")]
    Conflict(String),
    /// The request makes no sense for this task.
    #[error("{0}")]
    Input(String),
    /// It was there, and has expired.
    #[error("{0}")]
    Expired(String),
    /// The store failed; nothing was acknowledged.
    #[error("the store failed")]
    Store(#[from] StoreError),
}
