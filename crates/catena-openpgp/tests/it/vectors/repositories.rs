// SPDX-License-Identifier: MPL-2.0
//! `repositories.json`: key repositories, judged by who may sign their tags. The objects of all lie in one bundle of git.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use catena_openpgp::keys::{KeyFile, KeySet};
use catena_openpgp::snapshot::Snapshot;
use catena_openpgp::tags::build;
use serde::{Deserialize, Serialize};

use super::{place, read};

pub(super) const SCHEMA: &str = "catena-gpg-era-repositories/1";

/// `repositories.json`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Repositories {
    pub(super) schema: String,
    pub(super) bundle: String,
    pub(super) cases: BTreeMap<String, Case>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// The tags of the repository, and the objects that they name.
    pub(super) tags: BTreeMap<String, String>,
    /// The tags that it had when the snapshot before was made, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) previous: Option<BTreeMap<String, String>>,
    /// The key of who may sign tags.
    pub(super) git_key: String,
    /// The code of the refusal, or `built`.
    pub(super) expected: String,
}

fn git(dir: &Path, words: &[&str]) {
    let done = Command::new("git")
        .current_dir(dir)
        .args(words)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", dir)
        .output()
        .map_err(|error| format!("this test needs git: {error}"))
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "git {words:?}: {said}");
}

/// Builds the snapshot of a repository that has just these tags.
fn snapshot(
    dir: &Path,
    tags: &BTreeMap<String, String>,
    keys: &KeySet,
) -> Result<Snapshot, &'static str> {
    let _ = std::fs::remove_dir_all(dir.join("refs/tags"));
    for (name, object) in tags {
        git(dir, &["update-ref", &format!("refs/tags/{name}"), object]);
    }
    build(dir, keys).map_err(|error| error.code())
}

#[test]
fn every_repository_has_its_answer() {
    let list: Repositories = serde_json::from_slice(&read("repositories.json")).unwrap();
    assert_eq!(list.schema, SCHEMA);
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "--quiet", "--bare"]);
    let bundle = place().join(&list.bundle);
    let fetch = [
        "fetch",
        "--quiet",
        bundle.to_str().unwrap(),
        "refs/vectors/*:refs/vectors/*",
    ];
    git(dir.path(), &fetch);
    let mut codes = BTreeSet::new();
    for (name, case) in &list.cases {
        let file = KeyFile {
            path: case.git_key.clone(),
            bytes: read(&case.git_key),
        };
        let keys = KeySet::people(&[file]).unwrap();
        let previous = case
            .previous
            .as_ref()
            .map(|tags| snapshot(dir.path(), tags, &keys).unwrap());
        let built = snapshot(dir.path(), &case.tags, &keys).and_then(|made| match previous {
            Some(previous) => made.follows(&previous).map_err(|error| error.code()),
            None => Ok(()),
        });
        let answer = built.map_or_else(str::to_owned, |()| "built".to_owned());
        assert_eq!(answer, case.expected, "{name}");
        codes.insert(answer);
    }
    // one for each reason; objects that are broken, and no clone at all, are no vectors
    for code in [
        "keys-unsigned",
        "keys-renamed",
        "keys-misdated",
        "keys-rolled-back",
        "keys-no-tags",
        "pgp-key-file",
    ] {
        assert!(codes.contains(code), "{code}");
    }
}
