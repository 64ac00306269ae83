// SPDX-License-Identifier: MPL-2.0
//! Why the VCS host did not do what was asked.

use std::fmt::Display;

/// A refusal or a failure. The routers make 404, 422, 409 and 500 of it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum VcsError {
    /// There is no such repository, revision, file or record.
    #[error("{0}")]
    NotFound(String),
    /// A name, a path or a record that cannot be.
    #[error("{0}")]
    Invalid(String),
    /// Something else is already there, or changed in the meantime.
    #[error("{0}")]
    Conflict(String),
    /// The disk or a repository on it failed.
    #[error("{what}: {why}")]
    Broken {
        /// What was tried.
        what: &'static str,
        /// What was said about it.
        why: String,
    },
}

/// Turns a failure below into [`VcsError::Broken`].
pub(crate) fn broken<E: Display>(what: &'static str) -> impl FnOnce(E) -> VcsError {
    move |why| VcsError::Broken {
        what,
        why: why.to_string(),
    }
}
