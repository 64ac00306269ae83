// SPDX-License-Identifier: MPL-2.0
//! Real git repositories, made by the program `git`.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A repository with a work tree, and what is in it.
#[derive(Debug)]
pub(crate) struct Repository {
    dir: TempDir,
    /// A commit of `main` that is not its last.
    pub(crate) landed: String,
    /// The last commit of `main`.
    pub(crate) head: String,
    /// A commit of the branch `feature/x`, which is not on `main`. A tag of the name `main` stands there, too.
    pub(crate) feature: String,
    /// A commit that only `refs/pull/1/head` leads to: a fork's.
    pub(crate) fork: String,
    /// As `fork`, without any history in common with `main`.
    pub(crate) orphan: String,
}

impl Repository {
    /// Makes one whose commits all hold this template.
    pub(crate) fn new(template: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| run(dir.path(), args);
        let commit = |text: &str| {
            std::fs::write(dir.path().join("README"), text).unwrap();
            git(&["add", "."]);
            git(&["commit", "--quiet", "--message", text]);
            git(&["rev-parse", "HEAD"])
        };
        git(&["init", "--quiet", "--initial-branch=main"]);
        std::fs::write(dir.path().join(".taskcluster.yml"), template).unwrap();
        commit("first");
        let landed = commit("landed");
        git(&["checkout", "--quiet", "-b", "feature/x"]);
        let feature = commit("feature");
        git(&["tag", "main", "feature/x"]);
        git(&["tag", "--annotate", "--message", "release", "v1", &landed]);
        git(&["checkout", "--quiet", "--detach"]);
        let fork = commit("fork");
        git(&["update-ref", "refs/pull/1/head", &fork]);
        git(&["checkout", "--quiet", "--orphan", "lonely"]);
        let orphan = commit("orphan");
        git(&["update-ref", "refs/pull/2/head", &orphan]);
        git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
        git(&["reset", "--quiet", "--hard"]);
        git(&["update-ref", "-d", "refs/heads/lonely"]);
        let head = commit("head");
        Self {
            dir,
            landed,
            head,
            feature,
            fork,
            orphan,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Runs git, which must succeed.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        run(self.path(), args)
    }

    /// Runs git; `None` when it fails.
    pub(crate) fn try_git(&self, args: &[&str]) -> Option<Vec<u8>> {
        try_run(self.path(), args)
    }

    /// Mirrors it to `{root}/{path}.git`.
    pub(crate) fn mirror(&self, root: &Path, path: &str) -> PathBuf {
        let place = root.join(format!("{path}.git"));
        let to = place.to_str().unwrap();
        self.git(&["clone", "--quiet", "--mirror", ".", to]);
        place
    }
}

/// Runs git in a folder; it must succeed.
pub(crate) fn run(dir: &Path, args: &[&str]) -> String {
    let out = try_run(dir, args).unwrap_or_else(|| panic!("git {args:?} failed"));
    String::from_utf8(out).unwrap().trim().to_owned()
}

fn try_run(dir: &Path, args: &[&str]) -> Option<Vec<u8>> {
    let out = Command::new("git")
        .args([
            "-c",
            "commit.gpgSign=false",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs([
            ("GIT_AUTHOR_NAME", "A Dev"),
            ("GIT_AUTHOR_EMAIL", "dev@example.org"),
            ("GIT_AUTHOR_DATE", "2026-03-02T08:58:40Z"),
            ("GIT_COMMITTER_NAME", "A Dev"),
            ("GIT_COMMITTER_EMAIL", "dev@example.org"),
            ("GIT_COMMITTER_DATE", "2026-03-02T08:58:40Z"),
        ])
        .output()
        .unwrap();
    out.status.success().then_some(out.stdout)
}
