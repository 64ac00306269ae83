// SPDX-License-Identifier: MPL-2.0
//! `catena check-sig` (S20, S21, P8).

use std::fs;
use std::path::Path;

use catena_crypto::signer::form::KeyForm;
use catena_crypto::signer::{Signer as _, SigningKey};
use serde_json::Value;
use tempfile::TempDir;

use crate::run::Run;

const MESSAGE: &[u8] = b"{\n  \"chainOfTrustVersion\": 1\n}\n";

struct Signed {
    dir: TempDir,
    key: SigningKey,
}

impl Signed {
    fn new() -> Self {
        let key = SigningKey::from_seed([7; 32]);
        let signed = Self {
            dir: tempfile::tempdir().unwrap(),
            key,
        };
        signed.file("doc", MESSAGE);
        signed.file("doc.sig", &signed.key.sign(MESSAGE).unwrap());
        signed
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    fn check(&self, status: i32, sig: &str, arguments: &[&str]) -> Run {
        let common = ["check-sig", &self.path("doc"), &self.path(sig)];
        let run = Run::of(&[&common[..], arguments].concat());
        assert_eq!(
            run.status, status,
            "{arguments:?}: {}{}",
            run.stdout, run.stderr
        );
        run
    }
}

#[test]
fn the_key_that_verified_is_named() {
    let signed = Signed::new();
    let key = signed.key.public_key();
    let files = [
        key.to_base64(),
        signed.file("pub", key.to_base64().as_bytes()),
        signed.file("pub.pem", key.to_pem().as_bytes()),
    ];
    for text in &files {
        let run = signed.check(0, "doc.sig", &["--pub", text]);
        assert_eq!(
            run.stdout,
            format!("good: signed by key {} (--pub)\n", key.id())
        );
    }
    let other = SigningKey::from_seed([8; 32]).public_key().to_base64();
    let run = signed.check(
        0,
        "doc.sig",
        &["--pub", &other, "--pub", &files[0], "--json"],
    );
    let verdict: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(verdict["good"], true);
    assert_eq!(verdict["tried"], 2);
    assert_eq!(verdict["keyId"], key.id().to_string().as_str());
}

#[test]
fn a_given_key_is_the_only_one_s38() {
    let signed = Signed::new();
    let config = format!(
        "ed25519_public_keys:\n  scriptworker: ['{}']\n  docker-worker: []\n  generic-worker: []\n",
        signed.key.public_key()
    );
    let config = signed.file("scriptworker.yaml", config.as_bytes());
    let run = signed.check(0, "doc.sig", &["--config", &config]);
    assert!(run.stdout.ends_with("(scriptworker)\n"), "{}", run.stdout);
    signed.check(
        0,
        "doc.sig",
        &["--config", &config, "--family", "scriptworker"],
    );
    let other = SigningKey::from_seed([8; 32]).public_key().to_base64();
    let run = signed.check(1, "doc.sig", &["--config", &config, "--pub", &other]);
    assert!(
        run.stdout.starts_with("bad: not signed by key "),
        "{}",
        run.stdout
    );
}

#[test]
fn built_in_keys_did_not_sign_this() {
    let signed = Signed::new();
    let all = signed.check(1, "doc.sig", &[]).stdout;
    assert!(all.starts_with("bad: not signed by any of "), "{all}");
    signed.check(1, "doc.sig", &["--family", "scriptworker"]);
}

#[test]
fn any_change_is_a_bad_signature() {
    let signed = Signed::new();
    let key = signed.key.public_key().to_base64();
    let good = signed.key.sign(MESSAGE).unwrap();
    for at in [0, 31, 32, 63] {
        let mut bad = good;
        bad[at] ^= 1;
        signed.file("bad.sig", &bad);
        signed.check(1, "bad.sig", &["--pub", &key]);
    }
    signed.file("doc", &[MESSAGE, b"\n"].concat());
    signed.check(1, "doc.sig", &["--pub", &key]);
}

#[test]
fn other_encodings_are_refused_by_name_s21() {
    let signed = Signed::new();
    let key = signed.key.public_key().to_base64();
    let raw = signed.key.sign(MESSAGE).unwrap();
    let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    for (content, said) in [
        (hex.as_bytes(), "found 128 bytes that look like hex"),
        (
            &[&raw[..], b"\n"].concat(),
            "found 65 bytes that look like a signature with a newline behind it",
        ),
        (&raw[..63], "found 63 bytes\n"),
        (b"", "found 0 bytes\n"),
        (&[7; 10_000], "found more than 4 KiB\n"),
    ] {
        signed.file("bad.sig", content);
        let run = signed.check(1, "bad.sig", &["--pub", &key]);
        assert!(run.stdout.contains(said), "{}", run.stdout);
    }
}

#[test]
fn mistakes_are_usage_p8() {
    let signed = Signed::new();
    let weak = format!("AQ{}=", "A".repeat(41));
    let run = signed.check(64, "doc.sig", &["--pub", &weak]);
    assert!(run.stderr.contains("small order"), "{}", run.stderr);
    signed.check(64, "doc.sig", &["--pub", "nonsense"]);
    let run = signed.check(64, "doc.sig", &["--family", "hook"]);
    assert!(
        run.stderr.contains("expected one of docker-worker"),
        "{}",
        run.stderr
    );
    signed.check(64, "absent.sig", &[]);
    let private = signed.file("private.pem", signed.key.encode(KeyForm::Pem).as_bytes());
    let run = signed.check(64, "doc.sig", &["--pub", &private]);
    assert!(
        run.stderr.contains("expected an ed25519 public key"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_public_key_may_come_through_a_pipe() {
    let signed = Signed::new();
    let public = signed.file("pub", signed.key.public_key().to_base64().as_bytes());
    let script = format!(
        "'{}' check-sig doc doc.sig --pub <(cat '{public}')",
        env!("CARGO_BIN_EXE_catena")
    );
    let run = Run::program(
        Path::new("/bin/bash"),
        signed.dir.path(),
        &["-c", &script],
        &[("PATH", "/usr/bin:/bin")],
    );
    assert_eq!(run.status, 0, "{}", run.stderr);
}
