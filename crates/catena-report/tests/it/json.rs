// SPDX-License-Identifier: MPL-2.0
//! The report for programs, and its published schema.

use catena_report::json::{render, render_lint};
use serde_json::Value;

use crate::reports;

fn schema() -> jsonschema::Validator {
    let text = include_str!("../../../../docs/report-v1.schema.json");
    let schema: Value = serde_json::from_str(text).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn trusted() {
    insta::assert_snapshot!(render(&reports::trusted(), &reports::versions()).unwrap());
}

#[test]
fn rejected() {
    insta::assert_snapshot!(render(&reports::rejected(), &reports::versions()).unwrap());
}

#[test]
fn undetermined() {
    insta::assert_snapshot!(render(&reports::undetermined(), &reports::versions()).unwrap());
}

#[test]
fn unsigned_p19() {
    insta::assert_snapshot!(render(&reports::unsigned(), &reports::versions()).unwrap());
}

#[test]
fn explained_s36() {
    let text = render(&reports::explained(), &reports::versions()).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    insta::assert_json_snapshot!(report["findings"]);
}

#[test]
fn reports_obey_the_published_schema() {
    let schema = schema();
    let reports = [
        reports::trusted(),
        reports::rejected(),
        reports::undetermined(),
        reports::unsigned(),
        reports::explained(),
        reports::hostile(),
    ];
    for report in reports {
        let document: Value =
            serde_json::from_str(&render(&report, &reports::versions()).unwrap()).unwrap();
        let errors: Vec<String> = schema
            .iter_errors(&document)
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn lint_obeys_its_published_schema_r07() {
    let read = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let report = read(include_str!("../../../../docs/report-v1.schema.json"));
    let schema = read(include_str!("../../../../docs/lint-v1.schema.json"));
    let reports = jsonschema::Registry::new()
        .add("urn:catena:report:1", &report)
        .and_then(|builder| builder.prepare())
        .unwrap();
    let schema = jsonschema::options()
        .with_registry(&reports)
        .build(&schema)
        .unwrap();
    let text = render_lint(&[reports::lint()], &reports::versions()).unwrap();
    insta::assert_snapshot!(&text);
    let mut document = read(&text);
    let errors: Vec<_> = schema
        .iter_errors(&document)
        .map(|e| e.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    document["tasks"][0]["warnings"][0]["id"] = "cot-feature".into();
    assert!(!schema.is_valid(&document), "a warning is lint's own");
}

#[test]
fn the_schema_refuses_what_is_not_a_report() {
    let schema = schema();
    let good: Value =
        serde_json::from_str(&render(&reports::explained(), &reports::versions()).unwrap())
            .unwrap();
    for (pointer, value) in [
        ("/verdict", Value::from("fine")),
        ("/schema", Value::from("catena-report/2")),
        ("/subject/task", Value::from("not a task")),
        ("/links/0/run", Value::from("0")),
        ("/findings/0/verdict", Value::from("trusted")),
        ("/findings/0/asserters/0", Value::from("nobody")),
        ("/findings/0/difference", Value::from("yes")),
        ("/findings/0/pattern", Value::from("merge-bot")),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert!(!schema.is_valid(&bad), "{pointer}");
    }
    for member in good.as_object().unwrap().keys() {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove(member);
        assert!(!schema.is_valid(&bad), "{member}");
    }
}

#[test]
fn hostile_text_reaches_no_terminal() {
    let text = render(&reports::hostile(), &reports::versions()).unwrap();
    assert!(
        !text
            .chars()
            .any(|c| (c.is_control() && c != '\n') || c == '\u{202e}')
    );
}
