// SPDX-License-Identifier: MPL-2.0
//! What `catena worker --check-config` refuses: places that would be emptied, programs that are not there, slips.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::run::Run;
use crate::worker::{check, valid};

/// The configuration in the directory itself, changed.
fn check_in(dir: &Path, change: impl FnOnce(&mut Value)) -> Run {
    let mut page = valid(dir);
    change(&mut page);
    let path = dir.join("scriptworker.yaml");
    fs::write(&path, page.to_string()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let variables = [("HOME", "/nonexistent")];
    Run::with(
        &["worker", "--check-config", path.to_str().unwrap()],
        &variables,
    )
}

/// worker.md 2: the three directories are emptied.
#[test]
fn nothing_but_scratch_lies_in_a_directory_that_is_emptied() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    assert_eq!(check_in(dir.path(), |_| ()).status, 0);
    for (key, path, due) in [
        ("work_dir", at(""), "where the configuration is"),
        ("work_dir", at(""), "where ed25519_private_key_path is"),
        ("work_dir", at(""), "where log_dir is"),
        ("work_dir", "/".to_owned(), "where the configuration is"),
        (
            "work_dir",
            String::new(),
            "work_dir: expected a path, found \"\"",
        ),
        (
            "artifact_dir",
            at("log"),
            "artifact_dir: expected a directory that may be emptied",
        ),
        (
            "work_dir",
            at("artifacts"),
            "artifact_dir: expected a directory apart from work_dir",
        ),
        (
            "work_dir",
            at("artifacts/work"),
            "artifact_dir: expected a directory apart from work_dir",
        ),
        (
            "task_log_dir",
            at("work/logs"),
            "task_log_dir: expected a directory apart from work_dir",
        ),
        ("log_dir", at("artifacts/log"), "where log_dir is"),
    ] {
        let run = check_in(dir.path(), |page| page[key] = json!(path));
        assert_eq!(run.status, 64, "{path}: {}", run.stdout);
        assert!(run.stderr.contains(due), "{due} in {}", run.stderr);
    }
    let run = check_in(dir.path(), |page| {
        page["x_cot"] = json!({"cache_dir": at("work/cache")});
    });
    assert!(
        run.stderr.contains("where x_cot.cache_dir is"),
        "{}",
        run.stderr
    );
}

/// One relative path is two directories for two workers, and one process's variable must not name the other's.
#[test]
fn relative_paths_are_made_absolute() {
    let dir = tempfile::tempdir().unwrap();
    let run = check_in(dir.path(), |page| page["work_dir"] = json!("no-such/work"));
    let here = std::env::current_dir().unwrap();
    let due = format!("work_dir = {:?}  # ", here.join("no-such/work"));
    assert!(run.stdout.contains(&due), "{due} in {}", run.stdout);
}

#[test]
fn the_script_must_be_there_for_every_slot() {
    let dir = tempfile::tempdir().unwrap();
    let script = |name: &str| dir.path().join(name).display().to_string();
    for (name, mode) in [
        ("good-0", 0o755),
        ("good-1", 0o755),
        ("bad-0", 0o755),
        ("plain", 0o644),
    ] {
        fs::write(script(name), "").unwrap();
        fs::set_permissions(script(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let slots = |page: &mut Value| {
        for key in ["work_dir", "artifact_dir", "task_log_dir"] {
            page[key] = json!(script(&format!("{key}-{{slot}}")));
        }
        page["x_cot"] = json!({"capacity": 2});
    };
    for (program, due) in [
        ("sh", ""),
        (&*script("good-{slot}"), ""),
        (&*script("bad-{slot}"), "bad-1"),
        (&*script("plain"), "plain"),
        ("no-such-program", "no-such-program"),
        (&*script(""), "it is no file"),
    ] {
        let run = check_in(dir.path(), |page| {
            slots(page);
            page["task_script"] = json!([program, "{slot}"]);
        });
        assert_eq!(
            run.status,
            if due.is_empty() { 0 } else { 64 },
            "{program}: {}",
            run.stderr
        );
        if !due.is_empty() {
            let expected = "task_script: expected a program that this user can execute";
            assert!(run.stderr.contains(expected), "{}", run.stderr);
            assert!(run.stderr.contains(due), "{due} in {}", run.stderr);
        }
    }
}

#[test]
fn slots_have_an_upper_bound() {
    let dir = tempfile::tempdir().unwrap();
    for (count, due) in [
        (json!(65), "x_cot.capacity: expected 1 to 64, found 65"),
        (json!(99_999_999), "x_cot.capacity: expected 1 to 64"),
        (json!(0), "x_cot.capacity: expected an integer from 1"),
    ] {
        let run = check_in(dir.path(), |page| {
            page["x_cot"] = json!({"capacity": count})
        });
        assert_eq!(run.status, 64);
        assert!(run.stderr.contains(due), "{due} in {}", run.stderr);
    }
}

/// A slip in one key is no reason to work with other credentials (C5).
#[test]
fn misspelt_credentials_are_no_other_ones() {
    let dir = tempfile::tempdir().unwrap();
    let mut page = valid(dir.path());
    page["credentials"] = json!({"clientId": "c", "accesToken": "s3cret"});
    let variables = [
        ("TASKCLUSTER_CLIENT_ID", "v"),
        ("TASKCLUSTER_ACCESS_TOKEN", "s"),
    ];
    let run = check(&page, &variables);
    assert_eq!(run.status, 64, "{}", run.stdout);
    assert!(
        run.stderr.contains("found the key \"accesToken\""),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains("s3cret"));
}

/// R-05: a file with credentials is judged as the configuration is.
#[test]
fn a_file_with_credentials_has_an_owner_r05() {
    let dir = tempfile::tempdir().unwrap();
    let mut page = valid(dir.path());
    page.as_object_mut().unwrap().remove("credentials");
    let file = dir.path().join(".scriptworker");
    fs::write(
        &file,
        r#"{"credentials": {"clientId": "h", "accessToken": "s3cret"}}"#,
    )
    .unwrap();
    let home = [("HOME", dir.path().to_str().unwrap())];
    for (mode, status, due) in [
        (0o600, 0, "clientId: \"h\""),
        (0o644, 0, "others can read it (mode 0644)"),
        (0o606, 64, "not everybody can write, found mode 0606"),
    ] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let run = check(&page, &home);
        let said = format!("{}{}", run.stdout, run.stderr);
        assert_eq!(run.status, status, "{said}");
        assert!(said.contains(due), "{due} in {said}");
        assert!(!said.contains("s3cret"));
    }
    // it would be emptied, too
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    page["work_dir"] = json!(dir.path().display().to_string());
    let run = check(&page, &home);
    assert!(
        run.stderr
            .contains("where the file with the credentials is"),
        "{}",
        run.stderr
    );
}

#[test]
fn slips_and_types_are_told_together() {
    let dir = tempfile::tempdir().unwrap();
    let mut page = valid(dir.path());
    page["work_dri"] = json!("x");
    page["verbose"] = json!("yes");
    page["taskcluster_root_url"] = json!("https://user:s3cret@tc.example");
    page["x_cot"] = json!({"capasity": 2, "monitor": 7});
    let run = check(&page, &[]);
    assert_eq!(run.status, 64);
    for due in [
        "work_dri",
        "verbose: expected a boolean",
        "capasity",
        "x_cot.monitor: expected a string",
    ] {
        assert!(run.stderr.contains(due), "{due} in {}", run.stderr);
    }
    assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
    assert!(run.stderr.lines().count() >= 4, "{}", run.stderr);
}

/// What is shown as a default is what would be read.
#[test]
fn every_default_is_shown_and_valid() {
    let dir = tempfile::tempdir().unwrap();
    let mut page = valid(dir.path());
    let run = check(&page, &[]);
    let missing: Vec<_> = run
        .stdout
        .lines()
        .filter(|line| line.starts_with("x_cot.") && line.contains("(not set)"))
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, _)| key)
        .collect();
    assert_eq!(
        missing,
        ["x_cot.cache_dir", "x_cot.cache_store", "x_cot.monitor"]
    );
    let mut own = json!({});
    for line in run.stdout.lines().filter(|line| line.starts_with("x_cot.")) {
        let (key, value) = line
            .trim_end_matches("  # default")
            .split_once(" = ")
            .unwrap();
        let path = key.trim_start_matches("x_cot.").replace('.', "/");
        if let Ok(value) = serde_json::from_str::<Value>(value) {
            match path.split_once('/') {
                Some((outer, inner)) => own[outer][inner] = value,
                None => own[path] = value,
            }
        }
    }
    assert!(own.as_object().unwrap().len() > 12, "{own}");
    page["x_cot"] = own;
    let run = check(&page, &[]);
    assert_eq!(run.status, 0, "{}", run.stderr);
}
