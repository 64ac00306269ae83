// SPDX-License-Identifier: MPL-2.0
//! `catena workdir`: what is written, and what is said about it (V20, V31, P8, P28).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use catena_core::request::Request;
use serde_json::Value;

use crate::run::Run;
use crate::world::{DOWN, World};

fn workdir(world: &World, path: &Path, arguments: &[&str]) -> Run {
    let config = world.config();
    let path = path.to_str().unwrap();
    let common = ["workdir", "--config", &config, "--path", path];
    let task = ["--", world.chain.root.as_str()];
    Run::of(&[&common[..], arguments, &task].concat())
}

/// All files below a directory.
fn files(dir: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => dirs.push(entry.path()),
                false => {
                    let path = entry.path().strip_prefix(dir).unwrap().to_owned();
                    found.insert(path.to_str().unwrap().to_owned());
                }
            }
        }
    }
    found
}

/// The files that the root names.
fn named(world: &World) -> BTreeSet<String> {
    let value = world.chain.json(&Request::Definition {
        task: world.chain.root,
    });
    let mut names = BTreeSet::from(["task.json".to_owned()]);
    for upstream in value["payload"]["upstreamArtifacts"].as_array().unwrap() {
        // the testkit's optional artifacts are those that are not there
        let optional = upstream["optional"] == true;
        for path in upstream["paths"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|_| !optional)
        {
            let task = upstream["taskId"].as_str().unwrap();
            names.insert(format!("cot/{task}/{}", path.as_str().unwrap()));
        }
    }
    names
}

#[test]
fn definition_and_artifacts_stand_where_scripts_expect_them() {
    let world = World::of(|_| {});
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("work");
    let run = workdir(&world, &path, &[]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.stderr.contains("NOTHING IS VERIFIED"), "{}", run.stderr);
    assert!(
        run.stderr.contains("is optional, and absent"),
        "{}",
        run.stderr
    );
    assert_eq!(files(&path), named(&world));
    let task: Value = serde_json::from_slice(&fs::read(path.join("task.json")).unwrap()).unwrap();
    assert!(task["payload"]["upstreamArtifacts"].is_array());

    let again = workdir(&world, &path, &[]);
    assert_eq!(again.status, 64, "{}", again.stderr);
    fs::write(path.join("stale"), "").unwrap();
    assert_eq!(workdir(&world, &path, &["--overwrite"]).status, 0);
    assert_eq!(files(&path), named(&world));
}

#[test]
fn with_verify_only_a_trusted_chain_leaves_files_p28() {
    let dir = tempfile::tempdir().unwrap();
    let good = World::of(|_| {});
    let path = dir.path().join("good");
    let told = [
        "--verify",
        "--type",
        good.chain.task_type,
        "--product",
        good.chain.product,
    ];
    let run = workdir(&good, &path, &told);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.starts_with("TRUSTED "), "{}", run.stdout);
    assert!(
        !run.stderr.contains("NOTHING IS VERIFIED"),
        "{}",
        run.stderr
    );
    let left = files(&path);
    assert!(named(&good).is_subset(&left), "{left:?}");

    let bad = World::of(|chain| chain.sign_with("build-0", "nobody"));
    let path = dir.path().join("bad");
    let run = workdir(&bad, &path, &told);
    assert_eq!(run.status, 1, "{}", run.stdout);
    assert!(run.stderr.contains("nothing was written"), "{}", run.stderr);
    assert!(!path.exists());
}

#[test]
fn what_cannot_be_fetched_is_status_4() {
    let world = World::of(|chain| {
        let definition = Request::Definition { task: chain.root };
        chain.replace(&definition, DOWN.to_vec());
    });
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("work");
    let run = workdir(&world, &path, &[]);
    assert_eq!(run.status, 4, "{}", run.stderr);
    assert!(!path.exists());
}

#[test]
fn names_that_lead_elsewhere_are_refused_s12() {
    for (key, bad) in [
        ("paths", "[\"public/../../../x\"]"),
        ("taskId", "\"../../etc\""),
    ] {
        let world = World::of(|chain| {
            let request = Request::Definition { task: chain.root };
            chain.edit_json(&request, |value| {
                value["payload"]["upstreamArtifacts"][0][key] = serde_json::from_str(bad).unwrap();
            });
        });
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("work");
        let run = workdir(&world, &path, &[]);
        assert_eq!(run.status, 1, "{}", run.stderr);
        assert_eq!(
            files(dir.path()),
            BTreeSet::from(["work/task.json".to_owned()])
        );
    }
}

#[test]
fn flags_of_a_verification_need_one() {
    let run = Run::of(&["workdir", "YyxNNh7mTAmwDhB4Itm0jg", "--product", "firefox"]);
    assert_eq!(run.status, 64, "{}", run.stderr);
}
