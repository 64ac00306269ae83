// SPDX-License-Identifier: MPL-2.0
//! Mistakes of the operator: status 64, a message on stderr, nothing on stdout (P8, P29).

use std::fs;

use crate::run::Run;

const TASK: &str = "YyxNNh7mTAmwDhB4Itm0jg";

fn refused(arguments: &[&str]) -> String {
    let run = Run::of(arguments);
    assert_eq!(
        (run.status, run.stdout.as_str()),
        (64, ""),
        "{arguments:?}: {}",
        run.stderr
    );
    run.stderr
}

#[test]
fn a_command_is_due() {
    refused(&[]);
    refused(&["frobnicate"]);
}

#[test]
fn task_ids_are_slugs_s13() {
    for bad in [
        "",
        "../../etc/passwd",
        "YyxNNh7mXAmwDhB4Itm0jg",
        "YyxNNh7mTAmwDhB4Itm0jg\n",
    ] {
        let said = refused(&["verify", bad, "--type", "signing", "--product", "firefox"]);
        assert!(said.contains("a task id of 22 characters"), "{said}");
    }
    refused(&["verify"]);
}

#[test]
fn types_and_profiles_are_known() {
    assert!(refused(&["verify", TASK, "--type", "sign"]).contains("14 task types"));
    assert!(refused(&["verify", TASK, "--profile", "lenient"]).contains("strict"));
}

#[test]
fn products_have_a_policy() {
    let said = refused(&["verify", TASK, "--type", "signing", "--product", "netscape"]);
    assert!(
        said.contains("firefox") && said.contains("netscape"),
        "{said}"
    );
}

#[test]
fn flags_that_contradict_each_other() {
    refused(&["verify", TASK, "--check-task", "--no-check-task"]);
    refused(&["verify", TASK, "--quiet", "--verbose"]);
    refused(&["verify", TASK, "--json", "--quiet"]);
}

#[test]
fn root_urls_are_https_p24() {
    let common = ["verify", TASK, "--type", "signing", "--product", "firefox"];
    for bad in [
        "http://tc.example.org",
        "tc.example.org",
        "https://u@tc.example.org",
        "file:///etc",
    ] {
        let said = refused(&[&common[..], &["--root-url", bad]].concat());
        assert!(said.contains("--root-url") && said.contains(bad), "{said}");
        let run = Run::with(&common, &[("TASKCLUSTER_ROOT_URL", bad)]);
        assert!(
            run.status == 64 && run.stderr.contains("TASKCLUSTER_ROOT_URL"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn configurations_are_read_strictly_p29() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("scriptworker.yaml");
    let path = file.to_str().unwrap();
    let common = [
        "verify",
        TASK,
        "--type",
        "signing",
        "--product",
        "firefox",
        "--config",
        path,
    ];
    assert!(refused(&common).contains(path));
    for (text, message) in [
        (
            "max_chain_lenght: 3\n",
            ":1: unknown key \"max_chain_lenght\", did you mean \"max_chain_length\"?",
        ),
        (
            "\nmax_chain_length: deep\n",
            ":2: max_chain_length: expected",
        ),
        ("x_cot:\n  relax:\n    limits: ''\n", "expected a reason"),
        ("a: [\n", "scriptworker.yaml:"),
    ] {
        fs::write(&file, text).unwrap();
        let said = refused(&common);
        assert!(said.contains(message), "{text}: {said}");
    }
}

#[test]
fn work_dirs_are_empty_or_absent_p28() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("x"), "").unwrap();
    let common = [
        "verify",
        TASK,
        "--type",
        "signing",
        "--product",
        "firefox",
        "--work-dir",
    ];
    let full = dir.path().to_str().unwrap().to_owned();
    assert!(
        refused(&[&common[..], &[&full]].concat())
            .contains("expected an empty or absent directory")
    );
    refused(&[&common[..], &[&format!("{full}/x")]].concat());
}

#[test]
fn evidence_is_a_directory_with_an_index_p27() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    assert!(refused(&["verify", "--evidence", path]).contains("--evidence"));
    refused(&["verify", "--evidence", &format!("{path}/absent")]);
}

#[test]
fn unknown_checks_have_neighbours() {
    assert!(refused(&["explain", "artifact-digset"]).contains("artifact-digest"));
    let said = refused(&["explain", "\u{1b}[2J"]);
    assert!(!said.contains('\u{1b}'), "{said:?}");
}
