// SPDX-License-Identifier: MPL-2.0
//! The real `git`, with tags that the real `gpg` signs, at times of our choosing.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use catena_openpgp::keys::KeyFile;
use catena_openpgp::time::UnixTime;
use tempfile::TempDir;

use crate::gpg::Gpg;

/// A repository.
pub(crate) struct Git<'a> {
    dir: TempDir,
    gpg: &'a Gpg,
}

impl<'a> Git<'a> {
    pub(crate) fn new(gpg: &'a Gpg) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let git = Self { dir, gpg };
        git.run(
            crate::gpg::hour(0),
            &["init", "--quiet", "--initial-branch=master"],
        );
        git
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn run(&self, at: UnixTime, words: &[&str]) -> String {
        self.input(at, words, "")
    }

    /// Runs `git` with an input.
    pub(crate) fn input(&self, at: UnixTime, words: &[&str], input: &str) -> String {
        let date = format!("{} +0000", at.seconds());
        let wrapper = self.gpg.home().join("at-a-time");
        let script = format!(
            "#!/bin/sh\nexec gpg --batch --pinentry-mode loopback --passphrase '' --faked-system-time '{}!' \"$@\"\n",
            at.seconds()
        );
        std::fs::write(&wrapper, script).unwrap();
        std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();
        let given = self.gpg.home().join("given");
        std::fs::write(&given, input).unwrap();
        let done = Command::new("git")
            .current_dir(self.path())
            .args(["-c", &format!("gpg.program={}", wrapper.display())])
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.gpg.home())
            .env("GNUPGHOME", self.gpg.home())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs([
                ("GIT_AUTHOR_NAME", "A"),
                ("GIT_AUTHOR_EMAIL", "a@example.org"),
            ])
            .envs([
                ("GIT_COMMITTER_NAME", "A"),
                ("GIT_COMMITTER_EMAIL", "a@example.org"),
            ])
            .envs([("GIT_AUTHOR_DATE", &date), ("GIT_COMMITTER_DATE", &date)])
            .stdin(std::fs::File::open(&given).unwrap())
            .output()
            .map_err(|error| format!("these tests need git: {error}"))
            .unwrap();
        assert!(
            done.status.success(),
            "git {words:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    /// Commits files; one without bytes is removed.
    pub(crate) fn commit(&self, at: UnixTime, files: &[(&str, &[u8])]) -> String {
        for (path, bytes) in files {
            let path = self.path().join(path);
            if bytes.is_empty() {
                std::fs::remove_file(path).unwrap();
                continue;
            }
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        self.run(at, &["add", "--all"]);
        self.run(
            at,
            &["commit", "--quiet", "--allow-empty", "--message", "keys"],
        );
        self.run(at, &["rev-parse", "HEAD"])
    }

    /// Makes a signed tag on a commit.
    pub(crate) fn tag(&self, at: UnixTime, name: &str, by: &str, commit: &str) {
        self.run(
            at,
            &[
                "tag",
                "--message",
                name,
                "--sign",
                "--local-user",
                by,
                name,
                commit,
            ],
        );
    }
}

/// A key file as the repository holds it.
pub(crate) fn text(file: &KeyFile) -> &[u8] {
    &file.bytes
}
