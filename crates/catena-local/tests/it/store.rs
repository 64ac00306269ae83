// SPDX-License-Identifier: MPL-2.0
//! The store: records, groups of writes, files.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use catena_core::model::ids::RunId;
use catena_local::store::{Change, Store, Table};
use redb::{Database, TableDefinition, WriteTransaction};
use tokio::task::JoinSet;

use crate::queue_world::id;

/// Directory that the child opens.
const DIR: &str = "CATENA_TEST_STORE_DIR";

fn change(table: Table, key: &str, value: Option<&[u8]>) -> Change {
    Change {
        table,
        key: key.to_owned(),
        value: value.map(<[u8]>::to_vec),
    }
}

#[tokio::test]
async fn records_are_kept_by_table_and_key() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let changes = [
        change(Table::Index, "a/1", Some(b"one")),
        change(Table::Index, "a/2", Some(b"two")),
        change(Table::Index, "b/1", Some(b"other")),
        change(Table::Secrets, "a/1", Some(b"secret")),
        change(Table::Index, "a/2", None),
        change(Table::Index, "a/3", Some(b"")),
    ];
    store.commit(changes.to_vec()).await.unwrap();
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    let found = store.scan(Table::Index, "a/").unwrap();
    let expected = [
        ("a/1".to_owned(), b"one".to_vec()),
        ("a/3".to_owned(), vec![]),
    ];
    assert_eq!(found, expected);
    assert_eq!(
        store.get(Table::Secrets, "a/1").unwrap(),
        Some(b"secret".to_vec())
    );
    assert_eq!(store.get(Table::Index, "a/2").unwrap(), None);
    assert_eq!(store.scan(Table::Roles, "").unwrap(), []);
}

#[tokio::test]
async fn a_store_in_memory_works_the_same_and_leaves_no_files() {
    let store = Store::ephemeral().unwrap();
    let blobs = store.blobs().to_owned();
    store
        .commit(vec![change(Table::Roles, "r", Some(b"x"))])
        .await
        .unwrap();
    assert_eq!(store.get(Table::Roles, "r").unwrap(), Some(b"x".to_vec()));
    store.write_blob(id(1), RunId(0), "a", b"bytes").unwrap();
    assert!(blobs.is_dir());
    drop(store);
    assert!(!blobs.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_of_many_callers_are_all_there() {
    let store = Store::ephemeral().unwrap();
    let mut writers = JoinSet::new();
    for number in 0..500_u32 {
        let store = store.clone();
        writers.spawn(async move {
            let key = format!("{number:03}");
            let write = store.commit(vec![change(Table::Index, &key, Some(b"x"))]);
            write.await.unwrap();
            // acknowledged means readable
            assert!(store.get(Table::Index, &key).unwrap().is_some());
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    assert_eq!(store.scan(Table::Index, "").unwrap().len(), 500);
}

#[tokio::test]
async fn a_value_does_not_show_in_debug_output() {
    let shown = format!("{:?}", change(Table::Secrets, "name", Some(b"hunter2")));
    assert!(shown.contains("name"), "{shown}");
    assert!(!shown.contains("104"), "no bytes of the value: {shown}");
}

#[test]
#[ignore = "run as a child process by the test below"]
fn opens_what_another_process_has_open() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let refusal = Store::open(dir.as_ref()).unwrap_err().to_string();
    println!("\nrefused: {refusal}");
}

#[test]
fn a_directory_in_use_by_another_process_is_refused_with_advice() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "store::opens_what_another_process_has_open",
            "--ignored",
            "--nocapture",
        ])
        .env(DIR, dir.path())
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(child.stdout).unwrap();
    assert!(said.contains("refused: "), "{said}");
    assert!(said.contains("another process has it open"), "{said}");
    drop(store);
    assert!(Store::open(dir.path()).is_ok());
}

/// Opens a database with this in it, which must fail with this text.
fn refused(fill: impl Fn(&WriteTransaction), expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    let database = Database::create(dir.path().join("catena.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    fill(&transaction);
    transaction.commit().unwrap();
    drop(database);
    let refusal = Store::open(dir.path()).unwrap_err().to_string();
    assert!(refusal.contains(expected), "{refusal}");
}

#[test]
fn databases_of_others_and_of_other_layouts_are_refused() {
    let meta = TableDefinition::<&str, &str>::new("meta");
    let other = TableDefinition::<u64, u64>::new("other");
    let later = |transaction: &WriteTransaction| {
        let mut table = transaction.open_table(meta).unwrap();
        table.insert("schema", "catena-local/2").unwrap();
    };
    let foreign = |transaction: &WriteTransaction| {
        transaction.open_table(other).unwrap().insert(1, 1).unwrap();
    };
    refused(later, "found \"catena-local/2\"");
    refused(foreign, "another program");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catena.redb");
    std::fs::write(&path, "not a database at all").unwrap();
    assert!(Store::open(dir.path()).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"not a database at all");
}

#[test]
fn the_directory_is_the_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new");
    let _store = Store::open(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn contents_are_whole_or_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let path = store.blob_path(id(1), RunId(2), "public/a");
    let mut writer = store.blob_writer().unwrap();
    writer.write(b"half").unwrap();
    assert!(!path.exists());
    writer.write(b", and the other").unwrap();
    assert_eq!(writer.written(), 19);
    writer.finish(&path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"half, and the other");
    store
        .write_blob(id(1), RunId(2), "public/a", b"new")
        .unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
    let unfinished = store.blobs().join("unfinished");
    let mut writer = store.blob_writer().unwrap();
    writer.write(b"abandoned").unwrap();
    drop(writer);
    assert_eq!(std::fs::read_dir(&unfinished).unwrap().count(), 0);
    // what a killed process left is removed
    std::fs::write(unfinished.join("left"), "x").unwrap();
    drop(store);
    let _store = Store::open(dir.path()).unwrap();
    assert_eq!(std::fs::read_dir(&unfinished).unwrap().count(), 0);
}

#[test]
fn no_text_of_a_client_gets_into_a_path() {
    let store = Store::ephemeral().unwrap();
    for name in ["../../../etc/passwd", "/abs", "a/b", "", "a\0b", "ä"] {
        let path = store.blob_path(id(1), RunId(0), name);
        let rest = path.strip_prefix(store.blobs()).unwrap();
        let parts: Vec<_> = rest.iter().map(|part| part.to_str().unwrap()).collect();
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[..2], [id(1).as_str(), "0"]);
        assert_eq!(parts[2].len(), 64);
        assert!(
            parts[2].bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{name:?}"
        );
    }
}

#[test]
fn a_file_that_never_got_its_content_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catena.redb");
    std::fs::write(&path, "").unwrap();
    assert!(Store::open(dir.path()).is_err());
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
}

#[test]
fn opening_leaves_only_the_database_and_the_contents() {
    let dir = tempfile::tempdir().unwrap();
    let _store = Store::open(dir.path()).unwrap();
    let entries = std::fs::read_dir(dir.path()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["blobs", "catena.redb"]);
}
