// SPDX-License-Identifier: MPL-2.0
//! One document of each program, of our own making, in that program's layout (generation.md 6.5). They are written anew
//! by `UPDATE_GOLDEN=1 cargo test -p catena-worker --test it`.

use std::path::PathBuf;

use catena_crypto::digest::{Algorithm, Digest};
use catena_crypto::signer::Signer as _;
use catena_testkit::Producer as Layout;
use catena_worker::documents::{Document, Producer};
use serde_json::{Value, json};

use super::key;

const IMAGE: &str = "sha256:f2ca1bb6c7e907d06dafe4687e579fce76b37e4e93b7605022da52e6ccc26fd2";
const ARCHIVE: &str = "3fdba35f04dc8c462986c992bcf875546257113072a909c162f7e470e581e278";
const LISTED: [(&str, &[u8]); 2] = [
    ("public/build/app.zip", b"abc"),
    ("public/logs/certified.log", b""),
];

/// File, layout, the program that is to be recognised, and the document.
fn documents() -> [(&'static str, Layout, Producer, Value); 5] {
    let image = json!({"path": "public/image.tar.zst", "taskId": "UudF3Bj1SMmIFY4xL2LieQ", "type": "task-image"});
    let mut scriptworker = document(json!({"maxRunTime": 3600}), json!({}));
    scriptworker["workerType"] = "gecko-3-signing".into();
    let native = json!({
        "publicIpAddress": "192.0.2.10", "privateIpAddress": "<nil>", "instanceId": "4242424242",
        "instanceType": "n2-standard-32", "region": "",
    });
    let native_payload = json!({"command": ["build.cmd <a> & b"], "osGroups": [], "mounts": []});
    let mut merged = document(native_payload.clone(), native.clone());
    // a task may add what the worker did not set, also an image that it never ran in
    merged["environment"]["imageHash"] = "sha256:forged".into();
    let docker = json!({
        "publicIpAddress": "192.0.2.12", "privateIpAddress": "10.0.0.7", "imageHash": IMAGE,
        "imageArtifactHash": format!("sha256:{ARCHIVE}"), "instanceId": "i-0abc", "instanceType": "m5.4xlarge",
        "region": "us-west-2",
    });
    let in_image = document(json!({"image": image, "env": {"A": "<&>"}}), docker);
    [
        (
            "scriptworker",
            Layout::Scriptworker,
            Producer::Scriptworker,
            scriptworker,
        ),
        (
            "generic-worker",
            Layout::GenericWorker,
            Producer::GenericWorker,
            document(native_payload, native),
        ),
        (
            "generic-worker-merged",
            Layout::D2g,
            Producer::GenericWorker,
            merged,
        ),
        (
            "docker-worker",
            Layout::DockerWorker,
            Producer::DockerWorker,
            in_image.clone(),
        ),
        ("d2g", Layout::D2g, Producer::D2g, in_image),
    ]
}

fn document(payload: Value, environment: Value) -> Value {
    let listed = LISTED.map(|(name, content)| {
        (
            name.to_owned(),
            json!({"sha256": Digest::of(Algorithm::Sha256, content).hex()}),
        )
    });
    json!({
        "chainOfTrustVersion": 1, "artifacts": serde_json::Map::from_iter(listed), "taskId": "MS4kukUGRKiDDt22gp5Vbg",
        "runId": 3, "workerGroup": "us-east1", "workerId": "4242424242", "environment": environment,
        "task": {
            "provisionerId": "gecko-3", "workerType": "b", "taskQueueId": "gecko-3/b", "schedulerId": "gecko-level-3",
            "projectId": "none", "taskGroupId": "YyxNNh7mTAmwDhB4Itm0jg", "dependencies": ["YyxNNh7mTAmwDhB4Itm0jg"],
            "requires": "all-completed", "routes": [], "priority": "low", "retries": 5, "scopes": [],
            "created": "2026-03-01T08:00:00.000Z", "deadline": "2026-03-02T08:00:00.000Z",
            "expires": "2027-03-01T08:00:00.000Z", "payload": payload, "tags": {}, "extra": {},
            "metadata": {"name": "build", "description": "d — ü\u{2028}", "owner": "dev@example.com", "source": "https://example.com"},
        },
    })
}

#[test]
fn g65_documents_of_every_program_are_read_alike() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for (name, layout, producer, document) in documents() {
        let (body, signature) = (
            folder.join(format!("{name}.json")),
            folder.join(format!("{name}.json.sig")),
        );
        let expected = layout.layout(&document);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&body, &expected).unwrap();
            std::fs::write(&signature, key().sign(&expected).unwrap()).unwrap();
        }
        let bytes = std::fs::read(&body).unwrap();
        assert!(bytes == expected, "{name}: the layout changed");
        let signature: [u8; 64] = std::fs::read(&signature).unwrap().try_into().unwrap();
        assert!(
            key().public_key().verify(&bytes, &signature.into()).is_ok(),
            "{name}"
        );
        let read = Document::read(&bytes).unwrap();
        assert_eq!(read.producer, producer, "{name}");
        assert_eq!(
            (read.task_id.as_str(), read.run),
            ("MS4kukUGRKiDDt22gp5Vbg", 3)
        );
        assert_eq!(
            (read.worker_group.as_str(), read.worker_id.as_str()),
            ("us-east1", "4242424242")
        );
        assert_eq!(read.artifacts.len(), LISTED.len());
        for (artifact, content) in LISTED {
            let digest = Digest::of(Algorithm::Sha256, content);
            assert_eq!(
                read.artifacts[artifact][&Algorithm::Sha256],
                digest,
                "{name}"
            );
        }
    }
}

fn golden(name: &str) -> Document {
    let (_, layout, _, document) = documents()
        .into_iter()
        .find(|known| known.0 == name)
        .unwrap();
    Document::read(&layout.layout(&document)).unwrap()
}

#[test]
fn g33_what_generic_worker_does_not_know_is_nothing() {
    let environment = golden("generic-worker").environment;
    assert_eq!(environment.private_ip, None, "<nil>");
    assert_eq!(environment.region, None, "an empty text");
    assert_eq!(environment.public_ip.as_deref(), Some("192.0.2.10"));
}

#[test]
fn g34_an_image_counts_only_where_the_task_has_one() {
    assert_eq!(golden("generic-worker-merged").environment.image_id, None);
    for name in ["docker-worker", "d2g"] {
        let environment = golden(name).environment;
        assert_eq!(environment.image_id.as_deref(), Some(IMAGE));
        assert_eq!(environment.image_archive.unwrap().hex(), ARCHIVE);
    }
}

#[test]
fn g12_other_texts_are_no_documents() {
    let (_, layout, _, document) = documents().into_iter().next().unwrap();
    let text = String::from_utf8(layout.layout(&document)).unwrap();
    for (from, to, why) in [
        (
            "\"chainOfTrustVersion\": 1",
            "\"chainOfTrustVersion\": 1.0",
            "/chainOfTrustVersion: expected 1",
        ),
        (
            "\"chainOfTrustVersion\": 1",
            "\"chainOfTrustVersion\": 2",
            "/chainOfTrustVersion: expected 1",
        ),
        (
            "\"runId\": 3",
            "\"runId\": \"3\"",
            "an integer from 0 at /runId",
        ),
        (
            "\"runId\": 3",
            "\"runId\": 3, \"runId\": 3",
            "a second time",
        ),
        (
            "MS4kukUGRKiDDt22gp5Vbg",
            "../../../../etc/passwd",
            "/taskId",
        ),
        (
            "ba7816bf",
            "BA7816BF",
            "lower-case hex for \"public/build/app.zip\"",
        ),
        (
            "\"sha256\": \"ba7816bf",
            "\"md5\": \"ba7816bf",
            "expected sha256 or sha512",
        ),
        ("\"workerGroup\"", "\"group\"", "a string at /workerGroup"),
    ] {
        assert!(text.contains(from), "{from}");
        let error = Document::read(text.replace(from, to).as_bytes())
            .unwrap_err()
            .to_string();
        assert!(error.contains(why), "{error}");
    }
    assert!(Document::read(b"[]").is_err() && Document::read(b"").is_err());
}
