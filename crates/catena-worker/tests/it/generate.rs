// SPDX-License-Identifier: MPL-2.0
//! What a document says (generation.md 1.2, 2, 6).

use std::num::NonZeroUsize;

use catena_crypto::digest::{Algorithm, Digest};
use catena_crypto::ed25519::PublicKey;
use catena_crypto::signer::{SignError, Signer, SigningKey};
use catena_worker::generate::{
    BODY, Claim, Environment, GenerateError, Inputs, SIGNATURE, TreeError,
};

use super::{CLAIM, claim, generate, generate_with, identity, key, put};

#[test]
fn g24_the_layout_is_that_of_scriptworker() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "public/build/app.zip", b"abc");
    put(dir.path(), "public/logs/chain_of_trust.log", b"");
    put(dir.path(), "ä", b"hello\n");
    let done = generate(dir.path()).unwrap();
    let expected = r#"{
  "artifacts": {
    "public/build/app.zip": {
      "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    },
    "public/logs/chain_of_trust.log": {
      "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    },
    "\u00e4": {
      "sha256": "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    }
  },
  "chainOfTrustVersion": 1,
  "environment": {},
  "runId": 0,
  "task": {
    "dependencies": [
      "MS4kukUGRKiDDt22gp5Vbg"
    ],
    "extra": {
      "big": 36893488147419103233
    },
    "payload": {
      "maxRunTime": 3600
    },
    "scopes": [],
    "taskGroupId": "YyxNNh7mTAmwDhB4Itm0jg",
    "workerType": "gecko-3-signing"
  },
  "taskId": "oS9Kaq7zSSyZxl7bAS9HVQ",
  "workerGroup": "gecko-3-signing",
  "workerId": "gecko-3-signing-abc123",
  "workerType": "gecko-3-signing"
}"#;
    let written = std::fs::read(dir.path().join(BODY)).unwrap();
    assert_eq!(String::from_utf8(written.clone()).unwrap(), expected);
    let signature = std::fs::read(dir.path().join(SIGNATURE)).unwrap();
    let signature: [u8; 64] = signature.try_into().unwrap();
    assert!(
        key()
            .public_key()
            .verify(&written, &signature.into())
            .is_ok()
    );
    assert_eq!(done.signed.body, written);
}

#[test]
fn g61_the_full_environment_names_worker_deployment_and_key() {
    let dir = tempfile::tempdir().unwrap();
    let environment = Environment::Full {
        root_url: "https://tc.example.com".to_owned(),
        version: "1.2.3".to_owned(),
    };
    let done = generate_with(dir.path(), &claim(), &environment).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&done.signed.body).unwrap();
    assert_eq!(
        document["environment"],
        serde_json::json!({
            "interactive": false, "keyId": key().public_key().id().to_string(), "rootUrl": "https://tc.example.com",
            "workerImplementation": "scriptworker", "workerVersion": "1.2.3",
        })
    );
}

#[test]
fn g12_both_algorithms_stand_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "public/a", b"abc");
    let inputs = Inputs {
        artifact_dir: dir.path(),
        claim: &claim(),
        identity: &identity(),
        environment: &Environment::Minimal,
        algorithms: &[Algorithm::Sha256, Algorithm::Sha512],
        threads: NonZeroUsize::MIN,
        own: &[],
        replace: false,
    };
    let done = catena_worker::generate::generate(&inputs, None, &()).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&done.signed.body).unwrap();
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        assert_eq!(
            document["artifacts"]["public/a"][algorithm.as_str()],
            Digest::of(algorithm, b"abc").hex()
        );
    }
    // without a signer there is no signature, and none is made up
    assert!(done.signed.signature.is_none() && !dir.path().join(SIGNATURE).exists());
}

#[test]
fn g62_a_task_that_no_verifier_would_accept_is_refused_before_anything_is_written() {
    for (from, to, at) in [
        (
            r#""dependencies": ["MS4kukUGRKiDDt22gp5Vbg"], "#,
            "",
            "/task/dependencies: expected a list",
        ),
        (
            r#""scopes": []"#,
            r#""scopes": ["a", "a"]"#,
            "/task/scopes: expected a list",
        ),
        (r#""scopes": []"#, r#""scopes": [1]"#, "found [1]"),
        (
            r#""payload": {"maxRunTime": 3600}"#,
            r#""payload": []"#,
            "/task/payload: expected an object, found []",
        ),
        (
            r#""taskGroupId": "YyxNNh7mTAmwDhB4Itm0jg""#,
            r#""taskGroupId": 1"#,
            "/task/taskGroupId",
        ),
        (
            r#""workerType": "gecko-3-signing", "#,
            "",
            "/task/workerType: expected a string, found nothing",
        ),
    ] {
        assert!(CLAIM.contains(from), "{from}");
        let dir = tempfile::tempdir().unwrap();
        let claim = Claim::parse(CLAIM.replace(from, to).as_bytes()).unwrap();
        let error = generate_with(dir.path(), &claim, &Environment::Minimal).unwrap_err();
        assert!(matches!(error, GenerateError::Schema(_)), "{error}");
        assert!(error.to_string().contains(at), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

#[test]
fn claims_are_read_from_every_form_and_their_credentials_are_not_shown() {
    let answer = format!(r#"{{"tasks": [{CLAIM}]}}"#);
    let claim = Claim::parse(answer.as_bytes()).unwrap();
    assert_eq!(
        (claim.task_id.as_str(), claim.run),
        ("oS9Kaq7zSSyZxl7bAS9HVQ", 0)
    );
    assert!(!format!("{claim:?}").contains("hunter2"));
    for (text, why) in [
        (r#"{"tasks": []}"#.to_owned(), "expected one task, found 0"),
        (
            format!(r#"{{"tasks": [{CLAIM}, {CLAIM}]}}"#),
            "expected one task, found 2",
        ),
        (
            CLAIM.replace("oS9Kaq7zSSyZxl7bAS9HVQ", "../../etc/passwd"),
            "/status/taskId: expected a task id",
        ),
        (
            CLAIM.replace("\"runId\": 0", "\"runId\": -1"),
            "/runId: expected an integer from 0, found a number",
        ),
        (
            CLAIM.replace("\"runId\": 0", "\"runId\": 0, \"runId\": 1"),
            "\"runId\" a second time",
        ),
        ("[]".to_owned(), "/status/taskId"),
    ] {
        let error = Claim::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert!(!error.contains("hunter2"));
    }
}

/// A device that signs something else.
struct Broken(PublicKey);

impl Signer for Broken {
    fn public_key(&self) -> &PublicKey {
        &self.0
    }

    fn sign(&self, _: &[u8]) -> Result<[u8; 64], SignError> {
        key().sign(b"another message")
    }
}

#[test]
fn g63_a_signature_that_does_not_verify_is_never_written() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "public/a", b"abc");
    let inputs = Inputs {
        artifact_dir: dir.path(),
        claim: &claim(),
        identity: &identity(),
        environment: &Environment::Minimal,
        algorithms: &[Algorithm::Sha256],
        threads: NonZeroUsize::MIN,
        own: &[],
        replace: false,
    };
    let signer = Broken(key().public_key().clone());
    let error = catena_worker::generate::generate(&inputs, Some(&signer), &()).unwrap_err();
    assert!(matches!(error, GenerateError::Signature { .. }), "{error}");
    assert!(!dir.path().join(BODY).exists() && !dir.path().join(SIGNATURE).exists());
}

/// Signs, and does something to a directory before.
struct Meddler<'a>(SigningKey, &'a (dyn Fn() + Sync));

impl Signer for Meddler<'_> {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        (self.1)();
        self.0.sign(message)
    }
}

#[test]
fn what_changes_until_the_document_is_signed_is_refused() {
    for (name, content) in [
        ("public/a", "abcd"),
        ("public/a", "xyz"),
        ("public/new", ""),
        ("0", ""),
        ("gone", ""),
        ("came and went", ""),
    ] {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "public/a", b"abc");
        put(dir.path(), "public/b", b"abc");
        let meddle = || match name {
            "gone" => std::fs::remove_file(dir.path().join("public/b")).unwrap(),
            // as a file does that moves to and fro, and is missed by both walks
            "came and went" => {
                put(dir.path(), "public/c", b"");
                std::fs::remove_file(dir.path().join("public/c")).unwrap();
            }
            _ => put(dir.path(), name, content.as_bytes()),
        };
        let inputs = Inputs {
            artifact_dir: dir.path(),
            claim: &claim(),
            identity: &identity(),
            environment: &Environment::Minimal,
            algorithms: &[Algorithm::Sha256],
            threads: NonZeroUsize::MIN,
            own: &[],
            replace: false,
        };
        let signer = Meddler(key(), &meddle);
        let error = catena_worker::generate::generate(&inputs, Some(&signer), &()).unwrap_err();
        assert!(
            matches!(error, GenerateError::Tree(TreeError::Changed { .. })),
            "{name}: {error}"
        );
        assert!(!dir.path().join(BODY).exists());
    }
}

#[test]
fn the_workers_own_files_appear_with_the_document_that_lists_them_p36() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "public/a", b"abc");
    let own = [("public/worker-info.json", b"{}".to_vec())];
    let inputs = Inputs {
        artifact_dir: dir.path(),
        claim: &claim(),
        identity: &identity(),
        environment: &Environment::Minimal,
        algorithms: &[Algorithm::Sha256],
        threads: NonZeroUsize::MIN,
        own: &own,
        replace: false,
    };
    let done = catena_worker::generate::generate(&inputs, Some(&key()), &()).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&done.signed.body).unwrap();
    let digest = Digest::of(Algorithm::Sha256, b"{}").hex();
    assert_eq!(
        document["artifacts"]["public/worker-info.json"]["sha256"],
        digest
    );
    assert_eq!(
        std::fs::read(dir.path().join("public/worker-info.json")).unwrap(),
        b"{}"
    );
    // a second time it is there already, and may be the task's
    let error = catena_worker::generate::generate(&inputs, Some(&key()), &()).unwrap_err();
    assert!(
        matches!(error, GenerateError::Tree(TreeError::Reserved { .. })),
        "{error}"
    );
    let again = Inputs {
        replace: true,
        ..inputs
    };
    let done = catena_worker::generate::generate(&again, Some(&key()), &()).unwrap();
    assert_eq!(done.artifacts.len(), 2);
}
