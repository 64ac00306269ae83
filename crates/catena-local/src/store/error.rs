// SPDX-License-Identifier: MPL-2.0
//! What can go wrong with the store.

use std::fmt;

/// The store failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct StoreError {
    what: String,
    why: String,
    usage: bool,
}

impl StoreError {
    /// An error that says what was tried, and why it failed or what to do.
    pub(crate) fn new(what: impl fmt::Display, why: impl fmt::Display) -> Self {
        Self {
            what: what.to_string(),
            why: why.to_string(),
            usage: false,
        }
    }

    /// The same, for a directory that was given and cannot be used: another one can.
    pub(crate) fn usage(what: impl fmt::Display, why: impl fmt::Display) -> Self {
        Self {
            usage: true,
            ..Self::new(what, why)
        }
    }

    /// Whether another directory would do: this one is in use, or of another program or version.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        self.usage
    }
}
