// SPDX-License-Identifier: MPL-2.0
//! What can go wrong with the store.

use std::fmt;

/// The store failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct StoreError {
    what: String,
    why: String,
}

impl StoreError {
    /// An error that says what was tried, and why it failed or what to do.
    pub(crate) fn new(what: impl fmt::Display, why: impl fmt::Display) -> Self {
        Self {
            what: what.to_string(),
            why: why.to_string(),
        }
    }
}
