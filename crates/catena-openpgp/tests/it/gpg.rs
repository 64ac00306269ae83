// SPDX-License-Identifier: MPL-2.0
//! The real `gpg`, in a home of its own and at a time of our choosing.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use catena_openpgp::keys::KeyFile;
use catena_openpgp::time::UnixTime;
use tempfile::TempDir;

/// A home with keys.
pub(crate) struct Gpg {
    home: TempDir,
}

/// What a run of `gpg` gave.
pub(crate) struct Ran {
    pub(crate) ok: bool,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Gpg {
    pub(crate) fn new() -> Self {
        let home = tempfile::Builder::new()
            .prefix("g")
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir()
            .unwrap();
        Self { home }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs `gpg` at a time, with words and input.
    pub(crate) fn run(&self, at: UnixTime, words: &[&str], input: &[u8]) -> Ran {
        let time = format!("{}!", at.seconds());
        let mut child = Command::new("gpg")
            .args([
                "--batch",
                "--no-tty",
                "--yes",
                "--quiet",
                "--no-auto-check-trustdb",
            ])
            .args(["--pinentry-mode", "loopback", "--passphrase", ""])
            .args(["--trust-model", "always", "--faked-system-time", &time])
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("LC_ALL", "C")
            .env("GNUPGHOME", self.home())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("these tests need gpg: {error}"))
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let done = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Ran {
            ok: done.status.success(),
            out: done.stdout,
            err: String::from_utf8_lossy(&done.stderr).into_owned(),
        }
    }

    /// Runs `gpg`, which must succeed.
    pub(crate) fn must(&self, at: UnixTime, words: &[&str], input: &[u8]) -> Vec<u8> {
        let ran = self.run(at, words, input);
        assert!(ran.ok, "gpg {words:?}: {}", ran.err);
        ran.out
    }

    /// Makes a key, which expires after so many days (0: never).
    pub(crate) fn key(&self, at: UnixTime, name: &str, algorithm: &str, days: u32) {
        let expires = format!("{days}d");
        let expires = if days == 0 { "0" } else { &expires };
        self.must(
            at,
            &[
                "--quick-generate-key",
                name,
                algorithm,
                "cert,sign",
                expires,
            ],
            b"",
        );
    }

    /// Exports public keys into a file's form.
    pub(crate) fn public(&self, at: UnixTime, name: &str) -> KeyFile {
        KeyFile {
            path: format!("{name}.pub"),
            bytes: self.must(at, &["--armor", "--export", name], b""),
        }
    }

    /// Exports a private key.
    pub(crate) fn private(&self, at: UnixTime, name: &str) -> Vec<u8> {
        self.must(at, &["--armor", "--export-secret-keys", name], b"")
    }

    /// Signs a text in the clear.
    pub(crate) fn clearsign(&self, at: UnixTime, name: &str, digest: &str, text: &str) -> String {
        let words = [
            "--digest-algo",
            digest,
            "--allow-weak-digest-algos",
            "--local-user",
            name,
            "--clearsign",
        ];
        String::from_utf8(self.must(at, &words, text.as_bytes())).unwrap()
    }

    /// Exports public keys with an option of `--export-options`.
    pub(crate) fn public_with(&self, at: UnixTime, name: &str, option: &str) -> KeyFile {
        let words = ["--armor", "--export-options", option, "--export", name];
        KeyFile {
            path: format!("{name}.pub"),
            bytes: self.must(at, &words, b""),
        }
    }

    /// Lets one key certify another.
    pub(crate) fn certify(&self, at: UnixTime, by: &str, whom: &str, digest: &str) {
        let words = [
            "--cert-digest-algo",
            digest,
            "--allow-weak-digest-algos",
            "--allow-weak-key-signatures",
        ];
        self.certify_so(at, by, whom, &words, "--quick-sign-key");
    }

    /// Lets one key certify another for its own use.
    pub(crate) fn certify_locally(&self, at: UnixTime, by: &str, whom: &str) {
        let words = ["--cert-digest-algo", "SHA256"];
        self.certify_so(at, by, whom, &words, "--quick-lsign-key");
    }

    /// Lets one key certify another, with options of `gpg`.
    pub(crate) fn certify_so(
        &self,
        at: UnixTime,
        by: &str,
        whom: &str,
        options: &[&str],
        command: &str,
    ) {
        let fingerprint = self.fingerprint(at, whom);
        let words = ["--local-user", by, command, &fingerprint];
        self.must(at, &[options, &words].concat(), b"");
    }

    /// The fingerprints of the subkeys of a key, in the order in which they were made.
    pub(crate) fn subkeys(&self, at: UnixTime, whom: &str) -> Vec<String> {
        let words = [
            "--with-colons",
            "--with-subkey-fingerprint",
            "--list-keys",
            whom,
        ];
        let listed = String::from_utf8(self.must(at, &words, b"")).unwrap();
        let lines = listed.lines().filter(|line| line.starts_with("fpr:"));
        let all = lines.map(|line| line.split(':').nth(9).unwrap().to_owned());
        all.skip(1).collect()
    }

    /// The fingerprint of a primary key.
    pub(crate) fn fingerprint(&self, at: UnixTime, whom: &str) -> String {
        let listed = self.must(at, &["--with-colons", "--fingerprint", whom], b"");
        let listed = String::from_utf8(listed).unwrap();
        let line = listed
            .lines()
            .find(|line| line.starts_with("fpr:"))
            .unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        // the agent that gpg started for this home
        let _ = Command::new("gpgconf")
            .args(["--kill", "all"])
            .env("GNUPGHOME", self.home())
            .status();
    }
}

/// A fixed time of that era, so many hours after it began here.
pub(crate) fn hour(count: u64) -> UnixTime {
    "2017-06-01T00:00:00Z"
        .parse::<UnixTime>()
        .unwrap()
        .plus(count * 3600)
}
