// SPDX-License-Identifier: MPL-2.0
//! What was acknowledged, on disk: one embedded database in one directory, or in memory. A table is a set of named
//! records; writes of concurrent callers are committed in groups, and a write returns when it would survive the death of
//! the process. Contents of artifacts are files beside the database, whole or not there.
//!
//! Commits are durable in the database's sense (`fsync` before a commit returns): its other level keeps commits in the
//! process. Contents of artifacts are renamed into place without `fsync`: they survive the process, which is what is
//! promised, but not necessarily the power supply.

mod blobs;
mod database;
mod error;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::Database;
use tempfile::TempDir;

pub use blobs::BlobWriter;
pub use error::StoreError;
pub(crate) use writer::Receipt;

use writer::Writer;

/// Kinds of records, each with keys of its own.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Table {
    Tasks,
    Statuses,
    Artifacts,
    Index,
    Secrets,
    Clients,
    Roles,
    Settings,
}

/// One change: the record's new bytes, or `None` to remove it.
#[derive(Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Change {
    pub table: Table,
    pub key: String,
    pub value: Option<Vec<u8>>,
}

/// Without the value, which may be a secret.
impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Change")
            .field("table", &self.table)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// The store. A clone is the same store; the last one to be dropped closes it.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

/// Dropped in this order: the writer ends, then the database closes, then a temporary directory goes.
#[derive(Debug)]
struct Inner {
    writer: Writer,
    database: Arc<Database>,
    blobs: PathBuf,
    _temporary: Option<TempDir>,
}

impl Store {
    /// Opens or creates the database in a directory of its own.
    ///
    /// # Errors
    /// It cannot be created, is of another program or layout, or in use by another process.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        make_private(dir)?;
        let database = database::open_file(&dir.join("catena.redb"))?;
        Self::over(database, dir, None)
    }

    /// A store that ends with the process; its files are in a temporary directory.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn ephemeral() -> Result<Self, StoreError> {
        let temporary = tempfile::Builder::new()
            .prefix("catena-local-")
            .tempdir()
            .map_err(|error| StoreError::new("make a temporary directory", error))?;
        let dir = temporary.path().to_owned();
        Self::over(database::open_memory()?, &dir, Some(temporary))
    }

    fn over(
        database: Database,
        dir: &Path,
        temporary: Option<TempDir>,
    ) -> Result<Self, StoreError> {
        let blobs = dir.join("blobs");
        blobs::prepare(&blobs)?;
        let database = Arc::new(database);
        Ok(Self(Arc::new(Inner {
            writer: Writer::start(Arc::clone(&database))?,
            database,
            blobs,
            _temporary: temporary,
        })))
    }

    /// Writes all or none of the changes; returns when they are committed. Without changes it returns when everything
    /// that was submitted before is committed.
    ///
    /// # Errors
    /// Nothing was written, and nothing will be: after a failure the store must be opened anew.
    pub async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.submit(changes).wait().await
    }

    /// As [`Store::commit`], in two steps: the order of the calls is the order of the writes.
    pub(crate) fn submit(&self, changes: Vec<Change>) -> Receipt {
        self.0.writer.submit(changes)
    }

    /// One record.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn get(&self, table: Table, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        database::get(&self.0.database, table, key)
            .map_err(|error| StoreError::new(format_args!("read {table}"), error))
    }

    /// The records of a table whose keys begin so, by key.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn scan(&self, table: Table, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        database::scan(&self.0.database, table, prefix)
            .map_err(|error| StoreError::new(format_args!("read {table}"), error))
    }

    /// The directory for contents of artifacts.
    #[must_use]
    pub fn blobs(&self) -> &Path {
        &self.0.blobs
    }
}

/// Makes the directory, for its owner alone: tokens and secrets are kept in it.
fn make_private(dir: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| {
            StoreError::new(format_args!("make the directory {}", dir.display()), error)
        })
}
