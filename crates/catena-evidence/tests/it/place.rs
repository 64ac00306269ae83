// SPDX-License-Identifier: MPL-2.0
//! Accepted artifacts under their final names (P28, S12).

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use catena_core::model::ids::{RunId, TaskId};
use catena_core::request::Request;
use catena_evidence::{HttpOptions, HttpSource, MemorySource, PlaceError, Proxy, Source};

use crate::server::{Reply, Server};

const TASK: &str = "YyxNNh7mTAmwDhB4Itm0jg";

fn artifact(name: &str) -> Request {
    let task: TaskId = TASK.parse().unwrap();
    Request::Artifact {
        task,
        run: RunId(0),
        name: name.parse().unwrap(),
    }
}

async fn fetched(names: &[&str]) -> MemorySource {
    let mut source = MemorySource::new();
    for name in names {
        source.insert(artifact(name), (*name).to_owned());
        source.fetch(&artifact(name)).await.unwrap();
    }
    source
}

fn read(work_dir: &Path, name: &str) -> String {
    fs::read_to_string(work_dir.join("cot").join(TASK).join(name)).unwrap()
}

#[tokio::test]
async fn files_appear_whole_under_their_names_p28_v98() {
    let dir = tempfile::tempdir().unwrap();
    let source = fetched(&["public/build/a.zip", "public/b", "c"]).await;
    for name in ["public/build/a.zip", "public/b", "c"] {
        source.place(&artifact(name), dir.path()).unwrap();
        assert_eq!(read(dir.path(), name), name);
    }
    let mode = fs::metadata(dir.path().join("cot").join(TASK).join("c"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o644);
}

#[tokio::test]
async fn nothing_is_replaced_s12() {
    let dir = tempfile::tempdir().unwrap();
    let source = fetched(&["public/a", "public/a/b"]).await;
    source.place(&artifact("public/a"), dir.path()).unwrap();
    let again = source.place(&artifact("public/a"), dir.path());
    assert!(matches!(again, Err(PlaceError::Io { .. })), "{again:?}");
    let below = source.place(&artifact("public/a/b"), dir.path());
    assert!(
        matches!(below, Err(PlaceError::Outside { .. })),
        "{below:?}"
    );
    assert_eq!(read(dir.path(), "public/a"), "public/a");
}

#[tokio::test]
async fn symbolic_links_are_not_followed_p28() {
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let source = fetched(&["public/a"]).await;
    let home = dir.path().join("cot").join(TASK);
    for link in [
        dir.path().join("cot"),
        home.clone(),
        home.join("public"),
        home.join("public/a"),
    ] {
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(outside.path(), &link).unwrap();
        assert!(
            source.place(&artifact("public/a"), dir.path()).is_err(),
            "{}",
            link.display()
        );
        fs::remove_file(&link).unwrap();
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn only_what_was_received_is_placed() {
    let dir = tempfile::tempdir().unwrap();
    let source = fetched(&[]).await;
    let unknown = source.place(&artifact("public/a"), dir.path());
    assert!(matches!(unknown, Err(PlaceError::Unknown { .. })));
    let unplaceable = source.place(&Request::Projects, dir.path());
    assert!(matches!(unplaceable, Err(PlaceError::Unplaceable { .. })));
}

#[tokio::test]
async fn downloads_stay_hidden_until_they_are_placed_p28() {
    let dir = tempfile::tempdir().unwrap();
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let sent = body.clone();
    let server = Server::start(move |_| Reply::ok(sent.clone())).await;
    let mut options = HttpOptions::new(server.root());
    options.proxy = Proxy::Direct;
    options.spool_dir = Some(dir.path().to_owned());
    let source = HttpSource::new(&options).unwrap();
    source.fetch(&artifact("public/large")).await.unwrap();
    let listed = || -> Vec<_> {
        fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap())
            .collect()
    };
    let [incoming] = &listed()[..] else { panic!() };
    assert!(
        incoming
            .file_name()
            .to_str()
            .unwrap()
            .starts_with(".catena-incoming-")
    );
    assert_eq!(
        incoming.metadata().unwrap().permissions().mode() & 0o777,
        0o700
    );
    source.place(&artifact("public/large"), dir.path()).unwrap();
    drop(source);
    assert_eq!(
        fs::read(dir.path().join("cot").join(TASK).join("public/large")).unwrap(),
        body
    );
    assert_eq!(listed().len(), 1, "the spool is gone");
}
