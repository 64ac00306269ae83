// SPDX-License-Identifier: MPL-2.0
//! `catena lint` over graphs that the published taskgraph made.

use crate::run::Run;

const CONFIG: &str = "tests/fixtures/taskgraph/catena.toml";
const GRAPH: &str = "tests/fixtures/taskgraph/task-graph.json";
const FULL: &str = "tests/fixtures/taskgraph/full-task-graph.json";
const SIGNING: &str = "tests/fixtures/taskgraph/PS9MUbPVS4auDxgQWPOdxw.json";

fn lint(status: i32, arguments: &[&str]) -> String {
    let arguments = [&["lint", "--config", CONFIG], arguments].concat();
    let run = Run::of(&arguments);
    assert_eq!(
        (run.status, run.stderr.as_str()),
        (status, ""),
        "{}",
        run.stdout
    );
    run.stdout
}

fn refused(arguments: &[&str]) -> String {
    let run = Run::of(&[&["lint"], arguments].concat());
    assert_eq!(
        (run.status, run.stdout.as_str()),
        (64, ""),
        "{}",
        run.stderr
    );
    run.stderr
}

#[test]
fn every_release_task_of_a_graph() {
    insta::assert_snapshot!(lint(1, &[GRAPH]));
}

#[test]
fn one_task_of_a_graph_that_knows_labels_only() {
    insta::assert_snapshot!(lint(0, &[FULL, "--task", "signing-linux64"]));
}

#[test]
fn a_definition_that_stands_alone() {
    insta::assert_snapshot!(lint(0, &[SIGNING]));
    lint(1, &[SIGNING, "--deny-warnings"]);
}

#[test]
fn json() {
    let text = lint(
        0,
        &[
            GRAPH,
            "--json",
            "--task",
            "signing-linux64",
            "--type",
            "signing",
        ],
    );
    let version = format!("\"catena\": \"{}\"", env!("CARGO_PKG_VERSION"));
    insta::assert_snapshot!(text.replace(&version, "\"catena\": \"[version]\""));
}

#[test]
fn one_line_for_each_task() {
    let text = lint(1, &[GRAPH, "--quiet"]);
    let lines: Vec<_> = text
        .lines()
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>())
        .collect();
    assert_eq!(lines, [["FINDINGS", "beetmover"], ["CLEAN", "signing"]]);
}

#[test]
fn mistakes_are_usage_errors_p8() {
    let with = |more: &[&'static str]| refused(&[&["--config", CONFIG], more].concat());
    assert!(with(&["absent.json"]).contains("absent.json"));
    assert!(with(&[CONFIG]).contains("catena.toml: expected JSON"));
    assert!(with(&[GRAPH, "--task", "nobody"]).contains("unique label"));
    assert!(with(&[GRAPH, GRAPH]).contains("expected one definition of"));
    let infer = with(&[GRAPH, "--task", "build-linux64"]);
    assert!(
        infer.contains("--type") && infer.contains("build-linux64"),
        "{infer}"
    );
    assert!(
        refused(&[GRAPH]).contains("--type and --product"),
        "no policy knows the repository"
    );
    assert!(refused(&[]).contains("FILE"));
}

#[test]
fn what_only_lint_says_has_pages() {
    for check in catena_core::lint::ALL {
        let run = Run::of(&["explain", check.id]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        let page = include_str!("../../../../docs/lint.md");
        assert!(page.contains(&format!("`{}`", check.id)), "{}", check.id);
    }
}
