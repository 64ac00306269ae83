// SPDX-License-Identifier: MPL-2.0
//! What was acknowledged, on disk: one embedded database in one directory, or in memory. A table is a set of named records;
//! writes of concurrent callers are committed in groups, and a write returns when it would survive the death of the process.
//! Contents of artifacts are files beside the database, whole or not there.

use std::path::Path;

/// The store failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct StoreError {
    what: String,
    why: String,
}

/// Kinds of records, each with keys of its own.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Table {
    Tasks,
    Artifacts,
    Index,
    Secrets,
    Clients,
    Roles,
    Settings,
}

/// One change: the record's new bytes, or `None` to remove it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Change {
    pub table: Table,
    pub key: String,
    pub value: Option<Vec<u8>>,
}

/// The store. A clone is the same store.
#[derive(Clone, Debug)]
pub struct Store {}

impl Store {
    /// Opens or creates the database in a directory of its own.
    ///
    /// # Errors
    /// It cannot be created, is of another program, or in use by another process.
    pub fn open(_dir: &Path) -> Result<Self, StoreError> {
        Ok(Self {})
    }

    /// A store that ends with the process; its files are in a temporary directory.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn ephemeral() -> Result<Self, StoreError> {
        Ok(Self {})
    }

    /// Writes all or none of the changes; returns when they are committed.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn commit(&self, _changes: Vec<Change>) -> Result<(), StoreError> {
        Ok(())
    }

    /// One record.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn get(&self, _table: Table, _key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    /// The records of a table whose keys begin so, by key.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn scan(&self, _table: Table, _prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        Ok(Vec::new())
    }

    /// The directory for contents of artifacts.
    #[must_use]
    pub fn blobs(&self) -> &Path {
        Path::new("")
    }
}
