// SPDX-License-Identifier: MPL-2.0
//! Recorded evidence (P27).

use std::fs;
use std::path::Path;

use catena_core::document::{Answer, Body, ErrorKind};
use catena_core::model::ids::{RunId, TaskId};
use catena_core::request::Request;
use catena_crypto::digest::{Algorithm, Digest};
use catena_evidence::{
    DirectorySource, DirectoryWriter, MemorySource, RecordedSubject, Recorder, Source,
};

fn task() -> TaskId {
    "YyxNNh7mTAmwDhB4Itm0jg".parse().unwrap()
}

fn artifact(name: &str) -> Request {
    Request::Artifact {
        task: task(),
        run: RunId(0),
        name: name.parse().unwrap(),
    }
}

fn bytes(answer: Answer) -> Vec<u8> {
    match answer.unwrap().body {
        Body::Bytes(bytes) => bytes.to_vec(),
        Body::Graph(graph) => graph.bytes(u64::MAX).unwrap().to_vec(),
        Body::Stored(stored) => stored.bytes(u64::MAX).unwrap().to_vec(),
    }
}

/// Records one document of each form, one absence and one failure.
async fn record(dir: &Path) {
    let mut memory = MemorySource::new();
    memory.insert(Request::Definition { task: task() }, "{}");
    memory.insert(artifact("public/small"), "small");
    memory.insert(artifact("public/large"), vec![7; 1 << 20]);
    memory.insert(
        Request::TaskGraph {
            task: task(),
            run: RunId(0),
        },
        "{}",
    );
    memory.fail(Request::Projects, ErrorKind::Unavailable);
    let recorder = Recorder::new(memory, DirectoryWriter::create(dir).unwrap());
    for request in [
        Request::Definition { task: task() },
        artifact("public/small"),
        artifact("public/large"),
        Request::TaskGraph {
            task: task(),
            run: RunId(0),
        },
        Request::CotBody {
            task: task(),
            run: RunId(0),
        },
        Request::Projects,
    ] {
        let _answer = recorder.fetch(&request).await;
    }
    recorder
        .finish("2026-11-02T10:00:00Z".parse().unwrap())
        .unwrap();
}

#[tokio::test]
async fn what_is_recorded_is_read_back_p27() {
    let dir = tempfile::tempdir().unwrap();
    record(dir.path()).await;
    let source = DirectorySource::open(dir.path()).unwrap();
    assert_eq!(source.recorded().to_string(), "2026-11-02T10:00:00Z");
    assert_eq!(
        bytes(source.fetch(&Request::Definition { task: task() }).await),
        b"{}"
    );
    assert_eq!(
        bytes(source.fetch(&artifact("public/small")).await),
        b"small"
    );
    let large = source.fetch(&artifact("public/large")).await.unwrap();
    let Body::Stored(large) = large.body else {
        panic!()
    };
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        assert_eq!(
            large.digest(algorithm).unwrap(),
            Digest::of(algorithm, &[7; 1 << 20])
        );
    }
    let graph = source
        .fetch(&Request::TaskGraph {
            task: task(),
            run: RunId(0),
        })
        .await
        .unwrap();
    let Body::Graph(graph) = graph.body else {
        panic!()
    };
    assert!(graph.index().is_ok());
    let kind = |answer: Answer| answer.unwrap_err().kind;
    let absent = source
        .fetch(&Request::CotBody {
            task: task(),
            run: RunId(0),
        })
        .await;
    assert_eq!(kind(absent), ErrorKind::Absent);
    // a failure says nothing about the world, and neither does what nobody asked for
    assert_eq!(
        kind(source.fetch(&Request::Projects).await),
        ErrorKind::Unavailable
    );
    let never = source.fetch(&Request::Status { task: task() }).await;
    assert_eq!(kind(never), ErrorKind::Unavailable);
}

#[tokio::test]
async fn damage_is_noticed_p27() {
    let dir = tempfile::tempdir().unwrap();
    record(dir.path()).await;
    for file in fs::read_dir(dir.path().join("documents")).unwrap() {
        let path = file.unwrap().path();
        let mut body = fs::read(&path).unwrap();
        body[0] ^= 1;
        fs::write(&path, body).unwrap();
    }
    let source = DirectorySource::open(dir.path()).unwrap();
    for request in [
        Request::Definition { task: task() },
        artifact("public/small"),
        artifact("public/large"),
        Request::TaskGraph {
            task: task(),
            run: RunId(0),
        },
    ] {
        assert_eq!(
            source.fetch(&request).await.unwrap_err().kind,
            ErrorKind::Malformed
        );
    }
    fs::remove_dir_all(dir.path().join("documents")).unwrap();
    let gone = source.fetch(&artifact("public/small")).await;
    assert_eq!(gone.unwrap_err().kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_pipe_in_place_of_a_document_is_no_reason_to_wait() {
    let dir = tempfile::tempdir().unwrap();
    record(dir.path()).await;
    let pipe = |path: &Path| {
        fs::remove_file(path).unwrap();
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    };
    let small = Digest::of(Algorithm::Sha256, b"small").hex();
    pipe(&dir.path().join("documents").join(small));
    let source = DirectorySource::open(dir.path()).unwrap();
    let error = source.fetch(&artifact("public/small")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    pipe(&dir.path().join("index.json"));
    assert!(DirectorySource::open(dir.path()).is_err());
}

#[tokio::test]
async fn the_index_is_read_strictly_p29() {
    let dir = tempfile::tempdir().unwrap();
    record(dir.path()).await;
    let at = dir.path().join("index.json");
    let good = fs::read_to_string(&at).unwrap();
    for (from, to) in [
        ("catena-evidence/1", "catena-evidence/2"),
        ("documents/", "../documents/"),
        ("documents/", "/documents/"),
        ("\"status\": \"absent\"", "\"status\": \"lost\""),
        ("\"recorded\"", "\"recorder\""),
        ("2026-11-02T10:00:00Z", "yesterday"),
        ("public/small", "public/large"),
        ("public/small", "../small"),
    ] {
        assert!(good.contains(from), "{from}");
        fs::write(&at, good.replace(from, to)).unwrap();
        assert!(DirectorySource::open(dir.path()).is_err(), "{from} {to}");
    }
}

#[tokio::test]
async fn a_recording_replaces_nothing() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine"), "x").unwrap();
    assert!(DirectoryWriter::create(dir.path()).is_err());
    assert!(DirectorySource::open(dir.path()).is_err());
}

#[test]
fn the_index_says_what_it_is_about_p27() {
    let dir = tempfile::tempdir().unwrap();
    let subject = RecordedSubject {
        task: task(),
        task_type: "signing".to_owned(),
        product: "firefox".to_owned(),
        root_url: "https://tc.example.org".to_owned(),
    };
    let mut writer = DirectoryWriter::create(dir.path()).unwrap();
    writer.about(subject.clone());
    writer
        .finish("2026-11-02T10:00:00Z".parse().unwrap())
        .unwrap();
    let source = DirectorySource::open(dir.path()).unwrap();
    assert_eq!(source.subject(), Some(&subject));
}
