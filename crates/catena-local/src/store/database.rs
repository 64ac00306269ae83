// SPDX-License-Identifier: MPL-2.0
//! The database file: opening, its version, reading.

use std::io;
use std::path::Path;

use redb::backends::{FileBackend, InMemoryBackend};
use redb::{
    Builder, Database, DatabaseError, ReadableDatabase as _, StorageBackend, TableDefinition,
    TableError, TableHandle as _, WriteTransaction,
};
use tempfile::NamedTempFile;

use super::{Change, StoreError, Table};

/// What is known about the file itself.
const META: TableDefinition<'static, &'static str, &'static str> = TableDefinition::new("meta");
/// Key in [`META`]: which program and layout the file is of.
const SCHEMA: &str = "schema";
/// The layout that this code reads and writes.
const CURRENT: &str = "catena-local/1";
/// Bytes of pages that are kept in memory.
const CACHE: usize = 32 << 20;

impl Table {
    /// All tables.
    pub(super) const ALL: [Self; 8] = [
        Self::Tasks,
        Self::Statuses,
        Self::Artifacts,
        Self::Index,
        Self::Secrets,
        Self::Clients,
        Self::Roles,
        Self::Settings,
    ];

    /// Its name in the file.
    const fn definition(self) -> TableDefinition<'static, &'static str, &'static [u8]> {
        TableDefinition::new(match self {
            Self::Tasks => "tasks",
            Self::Statuses => "statuses",
            Self::Artifacts => "artifacts",
            Self::Index => "index",
            Self::Secrets => "secrets",
            Self::Clients => "clients",
            Self::Roles => "roles",
            Self::Settings => "settings",
        })
    }
}

/// Opens or creates the database file; refuses files of another program or layout, and a file in use.
pub(super) fn open_file(path: &Path) -> Result<Database, StoreError> {
    let what = format!("open the database {}", path.display());
    if !path.exists() {
        create_file(path, &what)?;
    }
    let opened = Builder::new().set_cache_size(CACHE).open(path);
    let database = opened.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            StoreError::usage(
                &what,
                "another process has it open; stop that process, or give another directory",
            )
        }
        DatabaseError::UpgradeRequired(found) => StoreError::usage(
            &what,
            format_args!("its file format {found} is of an older version; give another directory"),
        ),
        other => StoreError::new(&what, other),
    })?;
    check_schema(&database, &what)?;
    Ok(database)
}

/// Makes the file under a temporary name, and gives it its own when it is complete: a process that is killed meanwhile
/// leaves nothing that could not be opened. If another process was faster, its file stays.
fn create_file(path: &Path, what: &str) -> Result<(), StoreError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let file = NamedTempFile::new_in(dir).map_err(|error| StoreError::new(what, error))?;
    let handle = file
        .reopen()
        .map_err(|error| StoreError::new(what, error))?;
    let backend = FileBackend::new(handle).map_err(|error| StoreError::new(what, error))?;
    let database = over(backend)?;
    database
        .close()
        .map_err(|error| StoreError::new(what, error))?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => {
            Err(StoreError::new(what, error.error))
        }
        _ => Ok(()),
    }
}

/// A database in memory.
pub(super) fn open_memory() -> Result<Database, StoreError> {
    over(InMemoryBackend::new())
}

/// A new database over some backend.
pub(super) fn over(backend: impl StorageBackend) -> Result<Database, StoreError> {
    let what = "make a database";
    let database = Builder::new()
        .set_cache_size(CACHE)
        .create_with_backend(backend)
        .map_err(|error| StoreError::new(what, error))?;
    initialise(&database).map_err(|error| StoreError::new(what, error))?;
    Ok(database)
}

/// Checks the layout's name.
fn check_schema(database: &Database, what: &str) -> Result<(), StoreError> {
    match schema(database).map_err(|error| StoreError::new(what, error))? {
        Some(found) if found == CURRENT => Ok(()),
        Some(found) => Err(StoreError::usage(
            what,
            format_args!(
                "expected a file of layout {CURRENT:?}, found {found:?}; give another directory"
            ),
        )),
        None => Err(StoreError::usage(
            what,
            "it is the database of another program; give another directory",
        )),
    }
}

fn schema(database: &Database) -> Result<Option<String>, redb::Error> {
    match database.begin_read()?.open_table(META) {
        Ok(table) => Ok(table.get(SCHEMA)?.map(|found| found.value().to_owned())),
        Err(TableError::TableDoesNotExist(_) | TableError::TableTypeMismatch { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The layout's name and all tables.
fn initialise(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(META)?.insert(SCHEMA, CURRENT)?;
    for table in Table::ALL {
        transaction.open_table(table.definition())?;
    }
    transaction.commit()?;
    Ok(())
}

/// Writes all changes of a group in one transaction, in their order.
pub(super) fn write<'a>(
    database: &Database,
    changes: impl Iterator<Item = &'a Change>,
) -> Result<(), redb::Error> {
    // The default durability, `Immediate`: the other one would forget the commit at the death of the process.
    let transaction = database.begin_write()?;
    for change in changes {
        apply(&transaction, change)?;
    }
    transaction.commit()?;
    Ok(())
}

fn apply(transaction: &WriteTransaction, change: &Change) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(change.table.definition())?;
    match &change.value {
        Some(value) => table.insert(change.key.as_str(), value.as_slice())?,
        None => table.remove(change.key.as_str())?,
    };
    Ok(())
}

/// One record.
pub(super) fn get(
    database: &Database,
    table: Table,
    key: &str,
) -> Result<Option<Vec<u8>>, redb::Error> {
    let table = database.begin_read()?.open_table(table.definition())?;
    Ok(table.get(key)?.map(|found| found.value().to_vec()))
}

/// The records whose keys begin so, by key.
pub(super) fn scan(
    database: &Database,
    table: Table,
    prefix: &str,
) -> Result<Vec<(String, Vec<u8>)>, redb::Error> {
    let table = database.begin_read()?.open_table(table.definition())?;
    let mut records = Vec::new();
    for record in table.range(prefix..)? {
        let (key, value) = record?;
        if !key.value().starts_with(prefix) {
            break;
        }
        records.push((key.value().to_owned(), value.value().to_vec()));
    }
    Ok(records)
}

/// The tables' names, for messages and tests.
impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.definition().name())
    }
}
