// SPDX-License-Identifier: MPL-2.0
//! What a configuration must be to follow another one while tasks run, and who may use which directories.

use std::fs;
use std::path::Path;

use catena_crypto::signer::SigningKey;
use catena_worker::config::WorkerConfig;
use catena_worker::worker::{StartError, Worker};
use serde_json::{Value, json};

use crate::house::{config, pace};

/// A configuration with two slots below `dir`, changed.
fn load(dir: &Path, change: impl FnOnce(&mut Value)) -> WorkerConfig {
    let mut page = config(dir, "https://tc.example", "exit 0");
    let at = |name: &str| json!(dir.join(name).display().to_string());
    page["work_dir"] = at("work{slot}");
    page["artifact_dir"] = at("artifacts{slot}");
    page["task_log_dir"] = at("artifacts{slot}/public/logs");
    page["task_script"] = json!(["/bin/sh", "{slot}"]);
    page["x_cot"] = json!({"capacity": 2});
    change(&mut page);
    let key = dir.join("key");
    if !key.exists() {
        SigningKey::from_seed([7; 32]).write_new_file(key).unwrap();
    }
    let file = dir.join("scriptworker.yaml");
    fs::write(&file, page.to_string()).unwrap();
    WorkerConfig::load(&file, &|_| None).unwrap_or_else(|why| panic!("{why}"))
}

fn new(config: WorkerConfig) -> Result<Worker, StartError> {
    Worker::new(config, pace())
}

fn follow(old: &Worker, config: WorkerConfig) -> Result<Worker, String> {
    old.followed(config, pace()).map_err(|why| why.to_string())
}

#[test]
fn what_cannot_follow_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let old = new(load(dir.path(), |_| ())).unwrap();
    // the same, and other policies
    let again = follow(
        &old,
        load(dir.path(), |page| page["poll_interval"] = json!(9)),
    )
    .unwrap();
    assert_eq!(again.config.poll_interval.as_secs(), 9);
    drop(again);
    let at = |name: &str| json!(dir.path().join(name).display().to_string());
    let one = |page: &mut Value| page["x_cot"] = json!({"capacity": 1});
    let why = follow(&old, load(dir.path(), one)).unwrap_err();
    assert!(
        why.starts_with("x_cot.capacity: expected 2, which"),
        "{why}"
    );
    let other = |page: &mut Value| page["work_dir"] = at("work1/{slot}");
    let why = follow(&old, load(dir.path(), other)).unwrap_err();
    assert!(why.contains("no other slot uses"), "{why}");
    let nowhere = |page: &mut Value| page["work_dir"] = json!("/proc/nope/work{slot}");
    let why = follow(&old, load(dir.path(), nowhere)).unwrap_err();
    assert!(why.starts_with("/proc/nope"), "{why}");
    // a file stands where a directory is due
    fs::write(dir.path().join("file0"), "").unwrap();
    let file = |page: &mut Value| page["artifact_dir"] = at("file{slot}");
    let why = follow(&old, load(dir.path(), file)).unwrap_err();
    assert!(why.contains("file0"), "{why}");
}

#[test]
fn directories_belong_to_one_worker() {
    let dir = tempfile::tempdir().unwrap();
    let first = new(load(dir.path(), |_| ())).unwrap();
    for key in ["work_dir", "artifact_dir"] {
        // everything else is its own
        let at = |name: &str| json!(dir.path().join("other").join(name).display().to_string());
        let change = |page: &mut Value| {
            page["log_dir"] = at("log");
            for (name, path) in [("work_dir", "work"), ("artifact_dir", "artifacts")] {
                if name != key {
                    page[name] = at(&format!("{path}{{slot}}"));
                }
            }
        };
        let why = new(load(dir.path(), change)).unwrap_err();
        assert!(matches!(why, StartError::Lock(_)), "{key}: {why}");
        let due = format!("in use by process {}, group/worker", std::process::id());
        assert!(why.to_string().contains(&due), "{why}");
    }
    drop(first);
    drop(new(load(dir.path(), |_| ())).unwrap());
}

/// As in two containers that have one directory mounted, each with a file of its own beside it.
#[test]
fn a_directory_is_locked_whatever_lies_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("work0")).unwrap();
    let first = new(load(dir.path(), |_| ())).unwrap();
    for entry in fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "lock") {
            fs::remove_file(path).unwrap();
        }
    }
    let why = new(load(dir.path(), |_| ())).unwrap_err().to_string();
    let due = format!("{} is locked", dir.path().join("work0").display());
    assert!(
        why.contains("in use by another worker") && why.ends_with(&due),
        "{why}"
    );
    drop(first);
    drop(new(load(dir.path(), |_| ())).unwrap());
}

/// Locks follow a configuration; those of the old one hold while a task uses it.
#[test]
fn locks_follow_the_directories() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = |page: &mut Value| {
        page["work_dir"] = json!(dir.path().join("elsewhere{slot}").display().to_string());
    };
    let old = new(load(dir.path(), |_| ())).unwrap();
    let next = follow(&old, load(dir.path(), elsewhere)).unwrap();
    assert!(dir.path().join("elsewhere1").is_dir());
    let held = |config| matches!(new(config), Err(StartError::Lock(_)));
    let own = |page: &mut Value| {
        let at = |name: &str| json!(dir.path().join("own").join(name).display().to_string());
        page["artifact_dir"] = at("artifacts{slot}");
        page["task_log_dir"] = at("artifacts{slot}/logs");
    };
    assert!(held(load(dir.path(), own)), "a task may be in the old one");
    drop(old);
    assert!(!held(load(dir.path(), own)), "nobody uses it any more");
    let both = |page: &mut Value| {
        own(page);
        elsewhere(page);
    };
    assert!(held(load(dir.path(), both)));
    drop(next);
    assert!(!held(load(dir.path(), both)));
}
