// SPDX-License-Identifier: MPL-2.0
//! The help pages are snapshots, so that no document can drift from them.

use crate::run::Run;

fn help(arguments: &[&str]) -> String {
    let run = Run::of(arguments);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    run.stdout
}

#[test]
fn catena() {
    insta::assert_snapshot!(help(&["--help"]));
}

#[test]
fn verify() {
    insta::assert_snapshot!(help(&["verify", "--help"]));
}

#[test]
fn explain() {
    insta::assert_snapshot!(help(&["explain", "--help"]));
}

#[test]
fn demo() {
    insta::assert_snapshot!(help(&["demo", "--help"]));
}

#[test]
fn local_up() {
    insta::assert_snapshot!(help(&["local", "up", "--help"]));
}

#[test]
fn lint() {
    insta::assert_snapshot!(help(&["lint", "--help"]));
}

#[test]
fn check_sig() {
    insta::assert_snapshot!(help(&["check-sig", "--help"]));
}

#[test]
fn keys() {
    insta::assert_snapshot!(help(&["keys", "--help"]));
}

#[test]
fn workdir() {
    insta::assert_snapshot!(help(&["workdir", "--help"]));
}

#[test]
fn version() {
    assert_eq!(
        help(&["--version"]),
        format!("catena {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn every_check_has_a_page() {
    let list = help(&["checks"]);
    assert!(list.lines().count() > 30, "{list}");
    for line in list.lines() {
        let id = line.split(' ').next().unwrap();
        let page = help(&["explain", id]);
        assert!(
            page.starts_with(&format!("{id}\n")) && page.contains("What to do: "),
            "{page}"
        );
    }
}

#[test]
fn every_innocent_cause_has_a_page() {
    for cause in catena_core::patterns::ALL {
        let page = help(&["explain", cause.id]);
        assert!(page.starts_with(&format!("{}\n", cause.id)), "{page}");
        assert!(page.contains(cause.text), "{page}");
    }
}

#[test]
fn generate() {
    insta::assert_snapshot!(help(&["generate", "--help"]));
}

#[test]
fn log_header() {
    insta::assert_snapshot!(help(&["log-header", "--help"]));
}

#[test]
fn worker() {
    insta::assert_snapshot!(help(&["worker", "--help"]));
}
