// SPDX-License-Identifier: MPL-2.0
//! `exec:` with scripts as commands.

use std::fs;
use std::io::Read as _;
use std::time::Duration;

use catena_crypto::ed25519::PublicKey;
use catena_crypto::signer::exec::ExecSigner;
use catena_crypto::signer::reference::{OpenError, SignerRef};
use catena_crypto::signer::{SignError, Signer, SigningKey};
use tempfile::TempDir;

const MESSAGE: &[u8] = b"{\"chainOfTrustVersion\": 1}\n\0\xff";

/// More than any script here takes.
const PATIENCE: Duration = Duration::from_secs(60);

struct Script {
    dir: TempDir,
    key: SigningKey,
}

impl Script {
    /// A script that finds the public key and a signature of MESSAGE beside it.
    fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = SigningKey::from_seed([7; 32]);
        let write = |name, content: &[u8]| fs::write(dir.path().join(name), content).unwrap();
        write("script", text.as_bytes());
        write("key", key.public_key().to_base64().as_bytes());
        write("signature", &key.sign(MESSAGE).unwrap());
        Self { dir, key }
    }

    fn command(&self) -> Vec<String> {
        let script = self.dir.path().join("script");
        let dir = self.dir.path();
        ["/bin/sh", script.to_str().unwrap(), dir.to_str().unwrap()]
            .map(str::to_owned)
            .to_vec()
    }

    fn open(&self) -> Result<ExecSigner, SignError> {
        ExecSigner::open(self.command(), None, PATIENCE)
    }

    /// Opens it with the key given, and signs.
    fn sign(&self, patience: Duration) -> Result<[u8; 64], SignError> {
        let public = Some(self.key.public_key().clone());
        ExecSigner::open(self.command(), public, patience)?.sign(MESSAGE)
    }

    fn complaint(&self) -> String {
        self.sign(PATIENCE).unwrap_err().to_string()
    }
}

const GOOD: &str = "cd $1; case $2 in pub) cat key;; sign) cat >message; cat signature;; esac";

#[test]
fn a_command_tells_its_key_and_signs() {
    let script = Script::new(GOOD);
    let signer = script.open().unwrap();
    assert_eq!(signer.public_key(), script.key.public_key());
    assert_eq!(signer.sign(MESSAGE), script.key.sign(MESSAGE));
    let seen = fs::read(script.dir.path().join("message")).unwrap();
    assert_eq!(seen, MESSAGE);
}

#[test]
fn the_reference_runs_it_without_a_shell() {
    let script = Script::new(GOOD);
    let [sh, path, dir] = script.command().try_into().unwrap();
    let text = format!("exec:{sh} '{path}' \"{dir}\"");
    let signer = text.parse::<SignerRef>().ok().unwrap();
    let signer = signer.open(&|_| None).unwrap();
    assert_eq!(signer.public_key(), script.key.public_key());
    let text = format!("exec:{sh} {path};true {dir}");
    let signer = text.parse::<SignerRef>().ok().unwrap();
    let error = signer.open(&|_| None).err().unwrap();
    assert!(matches!(
        error,
        OpenError::Sign(SignError::Unavailable { .. })
    ));
}

#[test]
fn a_long_message_passes_a_command_that_answers_before_it_reads() {
    let script = Script::new("cd $1; head -c 200000 /dev/zero >&2; cat signature; cat >/dev/null");
    let public = Some(script.key.public_key().clone());
    let signer = ExecSigner::open(script.command(), public, PATIENCE).unwrap();
    let error = signer.sign(&vec![7; 1 << 20]).unwrap_err();
    assert!(matches!(error, SignError::Forged { .. }), "{error}");
    assert_eq!(script.sign(PATIENCE), script.key.sign(MESSAGE));
}

#[test]
fn wrong_signatures_are_never_passed_on() {
    for (text, found) in [
        ("true", "0 bytes instead of 64"),
        ("head -c 64 /dev/zero", "one that does not verify"),
        ("cat $1/signature; echo", "65 bytes instead of 64"),
    ] {
        let complaint = Script::new(text).complaint();
        assert!(complaint.ends_with(found), "{complaint}");
    }
    let complaint = Script::new("head -c 5000 /dev/zero").complaint();
    assert!(
        complaint.contains("expected at most 4096 bytes"),
        "{complaint}"
    );
    let script = Script::new(GOOD);
    let error = script.open().unwrap().sign(b"another message").unwrap_err();
    assert!(matches!(error, SignError::Forged { .. }), "{error}");
}

#[test]
fn complaints_are_shown_cleaned() {
    let script =
        Script::new("printf 'no \\033[31mtoken\\n\\nhere\\r' >&2; cat $1/signature; exit 3");
    let complaint = script.complaint();
    assert!(
        complaint.contains("exit status: 3: no [31mtoken here"),
        "{complaint}"
    );
    assert!(!complaint.contains(char::is_control), "{complaint:?}");
    assert!(
        Script::new("exit 1")
            .complaint()
            .contains("nothing on stderr")
    );
    assert!(Script::new("kill -9 $$").complaint().contains("signal: 9"));
}

#[test]
fn commands_are_not_waited_for_for_ever() {
    let patience = Duration::from_millis(200);
    // the shell itself waits, so that nothing survives it
    let hanging = Script::new("while :; do :; done");
    let complaint = hanging.sign(patience).unwrap_err().to_string();
    assert!(
        complaint.contains("no answer to sign within 0.2 s"),
        "{complaint}"
    );
    let closed = Script::new("exec >&- 2>&-; while :; do :; done");
    let complaint = closed.sign(patience).unwrap_err().to_string();
    assert!(complaint.contains("no answer"), "{complaint}");
}

#[test]
fn a_command_without_a_key_is_no_signer() {
    for text in ["echo hunter2", "true", "head -c 5000 /dev/zero", "exit 1"] {
        let error = Script::new(text).open().err().unwrap().to_string();
        assert!(
            error.starts_with("signing key is not available: /bin/sh: "),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
    }
    let absent = vec!["/nonexistent/signer".to_owned()];
    assert!(ExecSigner::open(absent, None, PATIENCE).is_err());
    assert!(ExecSigner::open(Vec::new(), None, PATIENCE).is_err());
}

#[test]
fn keys_may_be_told_in_any_form() {
    let script = Script::new("cat $1/key");
    fs::write(
        script.dir.path().join("key"),
        script.key.public_key().to_pem(),
    )
    .unwrap();
    let found: PublicKey = script.open().unwrap().public_key().clone();
    assert_eq!(&found, script.key.public_key());
}

/// A pipe that everybody holds whom a script started; returns what was written to it once nobody holds it any more.
fn held(script: &str, patience: Duration) -> (Result<ExecSigner, SignError>, String) {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    // so that neither side waits for the other to open it
    let both = fs::File::options()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    let mut reader = fs::File::open(&pipe).unwrap();
    let script = format!("exec 3>'{}'; {script}", pipe.display());
    let command = vec!["/bin/sh".to_owned(), "-c".to_owned(), script];
    let signer = ExecSigner::open(command, None, patience);
    drop(both);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    (signer, text)
}

#[test]
fn a_command_that_is_not_waited_for_leaves_nothing_behind() {
    let (signer, text) = held("echo up >&3; sleep 600", Duration::from_secs(3));
    assert!(signer.is_err());
    assert_eq!(text, "up\n");
}

#[test]
fn a_command_that_answered_leaves_nothing_behind() {
    let key = SigningKey::from_seed([7; 32]).public_key().to_base64();
    let script = format!("sleep 600 >&- 2>&- & echo up >&3; echo '{key}'");
    let (signer, text) = held(&script, PATIENCE);
    assert_eq!(signer.unwrap().public_key().to_base64(), key);
    assert_eq!(text, "up\n");
}

#[test]
fn a_command_that_never_stops_is_stopped_at_once() {
    let before = std::time::Instant::now();
    let complaint = Script::new("exec yes").complaint();
    assert!(
        complaint.contains("sign: expected at most 4096 bytes on stdout, found more"),
        "{complaint}"
    );
    assert!(before.elapsed() < PATIENCE);
}
