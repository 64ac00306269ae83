// SPDX-License-Identifier: MPL-2.0
//! `catena keys`: files that are made, shown and converted (generation.md §1.4, S38, P42).

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use catena_core::policy::Config;
use catena_crypto::signer::form::KeyForm;
use catena_crypto::signer::{Signer as _, SigningKey};
use serde_json::Value;
use tempfile::TempDir;

use crate::run::Run;

fn key() -> SigningKey {
    SigningKey::from_seed([0x5a; 32])
}

/// A directory and files in it.
struct Dir(TempDir);

impl Dir {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn file(&self, name: &str, mode: u32, content: &str) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn run(status: i32, arguments: &[&str]) -> Run {
    let run = Run::of(&[&["keys"], arguments].concat());
    assert_eq!(
        run.status, status,
        "{arguments:?}: {}{}",
        run.stdout, run.stderr
    );
    run
}

fn json(status: i32, arguments: &[&str]) -> Value {
    let run = run(status, &[arguments, &["--json"]].concat());
    serde_json::from_str(&run.stdout).unwrap()
}

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_pair_is_made_and_never_replaced_unasked_s38() {
    let dir = Dir::new();
    let prefix = dir.path("release");
    let made = json(0, &["gen", &prefix]);
    assert_eq!(dir.names(), ["release_private_key", "release_public_key"]);
    let private = dir.path("release_private_key");
    assert_eq!(mode(&private), 0o600);
    let read = SigningKey::read_file(&private).unwrap();
    let public = fs::read_to_string(dir.path("release_public_key")).unwrap();
    assert_eq!(public, read.public_key().to_base64());
    assert_eq!(made["publicKey"], public.as_str());
    assert_eq!(made["keyId"], read.public_key().id().to_string().as_str());

    let refused = run(64, &["gen", &prefix]);
    assert!(
        refused.stderr.contains("found one, which is not replaced"),
        "{}",
        refused.stderr
    );
    assert_eq!(
        fs::read_to_string(dir.path("release_public_key")).unwrap(),
        public
    );
    run(0, &["gen", &prefix, "--force"]);
    assert_ne!(
        fs::read_to_string(dir.path("release_public_key")).unwrap(),
        public
    );
    assert_eq!(mode(&private), 0o600);
}

#[test]
fn keys_are_made_in_every_form() {
    let dir = Dir::new();
    for form in KeyForm::ALL {
        let path = dir.path(form.as_str());
        run(0, &["gen", "--out", &path, "--form", form.as_str()]);
        let content = fs::read(&path).unwrap();
        assert_eq!(SigningKey::parse_form(&content).unwrap().1, form);
        assert!(PathBuf::from(format!("{path}.pub")).is_file());
    }
    run(64, &["gen", "prefix", "--out", "file"]);
    run(64, &["gen", "--out", &dir.path("none/key")]);
}

#[test]
fn conversions_keep_the_key() {
    let dir = Dir::new();
    let mut from = dir.file("key", 0o600, &key().encode(KeyForm::Scriptworker));
    for to in ["docker-worker", "pem", "scriptworker"] {
        let out = dir.path(&format!("key.{to}"));
        run(0, &["convert", &from, "--to", to, "--out", &out]);
        assert_eq!(mode(&out), 0o600);
        let said = run(0, &["pub", &out]).stdout;
        assert_eq!(said.trim_end(), key().public_key().to_base64());
        run(64, &["convert", &from, "--to", to, "--out", &out]);
        run(0, &["convert", &from, "--to", to, "--out", &out, "--force"]);
        from = out;
    }
    assert_eq!(
        fs::read_to_string(&from).unwrap(),
        *key().encode(KeyForm::Scriptworker)
    );
    let pem = run(0, &["pub", &from, "--pem"]).stdout;
    assert_eq!(pem, key().public_key().to_pem());
}

#[test]
fn show_tells_what_a_file_holds() {
    let dir = Dir::new();
    let id = key().public_key().id().to_string();
    for form in KeyForm::ALL {
        let path = dir.file(form.as_str(), 0o400, &key().encode(form));
        let shown = json(0, &["show", &path]);
        assert_eq!(shown["kind"], "private");
        assert_eq!(shown["form"], form.as_str());
        assert_eq!(
            (&shown["keyId"], &shown["mode"]),
            (&id.as_str().into(), &"0400".into())
        );
        assert_eq!(shown["problems"].as_array().unwrap().len(), 0);
    }
    let public = dir.file("pub", 0o644, &key().public_key().to_base64());
    let shown = json(0, &["show", "--public", &public]);
    assert_eq!(
        (&shown["kind"], &shown["keyId"]),
        (&"public".into(), &id.as_str().into())
    );
    let pem = dir.file("pub.pem", 0o644, &key().public_key().to_pem());
    let shown = json(0, &["show", &pem]);
    assert_eq!(
        (&shown["kind"], &shown["form"]),
        (&"public".into(), &"pem".into())
    );
    let text = run(0, &["show", &pem]).stdout;
    assert!(
        text.contains(&id) && text.contains("in no built-in family"),
        "{text}"
    );
}

#[test]
fn show_knows_the_built_in_keys() {
    let dir = Dir::new();
    let keyring = Config::builtin().keyring;
    let known = &keyring.keys("scriptworker")[0];
    // nobody could mistake it for a private key
    let path = dir.file("known", 0o644, &known.to_base64());
    let shown = json(0, &["show", &path]);
    assert_eq!(shown["kind"], "public");
    assert_eq!(shown["families"], serde_json::json!(["scriptworker"]));
}

#[test]
fn show_names_what_is_wrong() {
    let dir = Dir::new();
    let open = dir.file("open", 0o644, &key().encode(KeyForm::Scriptworker));
    let shown = json(1, &["show", &open]);
    assert_eq!(shown["kind"], "private");
    let problem = shown["problems"][0].as_str().unwrap();
    assert!(problem.contains("chmod 600"), "{problem}");
    let weak = format!("AQ{}=", "A".repeat(41));
    let weak = dir.file("weak", 0o644, &weak);
    let shown = json(1, &["show", "--public", &weak]);
    assert!(
        shown["problems"][0]
            .as_str()
            .unwrap()
            .contains("small order"),
        "{shown}"
    );
}

#[test]
fn files_that_are_no_sound_private_key_are_refused() {
    let dir = Dir::new();
    let seed = key().encode(KeyForm::Scriptworker);
    let pem = key().encode(KeyForm::Pem);
    let noncanonical = format!("{}v=", &seed[..42]);
    assert_ne!(noncanonical, *seed);
    for (name, content, said) in [
        (
            "truncated",
            &seed[..40],
            "expected a seed of 32 bytes or a key pair of 64, found 30 bytes",
        ),
        (
            "padding",
            seed.trim_end_matches('='),
            "expected a private key in canonical",
        ),
        (
            "stray",
            &noncanonical,
            "expected a private key in canonical",
        ),
        (
            "twice",
            &format!("{}\n{}", *seed, *seed),
            "expected a private key in canonical",
        ),
        ("pem", &pem[..60], "PKCS#8"),
        ("empty", "", "found 0 bytes"),
        ("large", &"A".repeat(5000), "expected at most 4096 bytes"),
    ] {
        let path = dir.file(name, 0o600, content);
        for command in [
            &["pub", &path][..],
            &["convert", &path, "--to", "pem", "--out", &dir.path("out")],
        ] {
            let stderr = run(64, command).stderr;
            assert!(stderr.contains(said), "{name}: {stderr}");
            assert!(!stderr.contains(&seed[..8]), "{name}: {stderr}");
        }
    }
    assert!(!dir.names().contains(&"out".to_owned()));
}

#[test]
fn p42_permissions_are_judged_on_the_target() {
    let dir = Dir::new();
    let target = dir.file("..data", 0o640, &key().encode(KeyForm::Scriptworker));
    let link = dir.path("key");
    symlink(&target, &link).unwrap();
    let refused = run(64, &["pub", &link]).stderr;
    assert!(
        refused.contains(
            "expected a file that only its owner can access (mode 0600), found mode 0640"
        ),
        "{refused}"
    );
    fs::set_permissions(&target, Permissions::from_mode(0o600)).unwrap();
    run(0, &["pub", &link]);
    assert_eq!(json(0, &["show", &link])["mode"], "0600");
}

#[test]
fn signers_are_named_by_one_text() {
    let dir = Dir::new();
    let public = dir.file("pub", 0o644, &key().public_key().to_base64());
    let script = dir.file("signer", 0o600, &format!("cat {public}"));
    let said = run(0, &["pub", &format!("exec:/bin/sh {script}")]).stdout;
    assert_eq!(said.trim_end(), key().public_key().to_base64());
    assert!(run(64, &["pub", "agent:"]).stderr.contains("SSH_AUTH_SOCK"));
    assert!(
        run(64, &["pub", "exec:"])
            .stderr
            .contains("expected a command")
    );
    assert!(
        run(
            64,
            &["pub", "pkcs11:object=k?module-path=/m.so&pin-value=1"]
        )
        .stderr
        .contains("pin-source")
    );
}
