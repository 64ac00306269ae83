// SPDX-License-Identifier: MPL-2.0
//! The answers of the Python implementation, recorded by `tests/python/generate.py`: results byte for byte as JSON text,
//! with the order of members and the difference between `1` and `1.0`; errors by class and message.
//!
//! `CATENA_JSONE_CASES` names another file of cases, for longer runs.

use catena_jsone::{Context, Error, Function, Limits, Template, Value, to_json};
use serde::Deserialize;

use crate::json::{Json, NOW};

const CASES: &str = include_str!("../python/cases.json");

#[derive(Deserialize)]
struct Cases {
    contexts: Vec<Json>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    template: Json,
    context: usize,
    result: Option<String>,
    error: Option<String>,
}

#[test]
fn answers_equal_python_s46() {
    let text =
        std::env::var_os("CATENA_JSONE_CASES").map(|path| std::fs::read_to_string(path).unwrap());
    let cases: Cases = serde_json::from_str(text.as_deref().unwrap_or(CASES)).unwrap();
    let contexts: Vec<Context> = cases.contexts.into_iter().map(context).collect();
    let limits = Limits::default();
    let mut failures = Vec::new();
    for case in &cases.cases {
        let template = &case.template.0;
        let answer = Template::parse(template, &limits)
            .and_then(|t| t.render(&contexts[case.context], &limits));
        let good = match (&answer, &case.result, &case.error) {
            (Ok(value), Some(expected), _) => to_json(value) == *expected,
            (Err(error), None, Some(expected)) => explains(error, expected),
            _ => false,
        };
        if !good {
            let expected = case.result.as_ref().or(case.error.as_ref());
            let answer = answer.map(|value| to_json(&value));
            failures.push(format!(
                "{} {}: {expected:?}, we: {answer:?}",
                to_json(template),
                case.context
            ));
        }
    }
    let shown = failures
        .iter()
        .take(40)
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    assert!(failures.is_empty(), "{} failures:\n{shown}", failures.len());
    assert!(cases.cases.len() > 2000);
}

fn explains(ours: &Error, theirs: &str) -> bool {
    match theirs.split_once(": ") {
        Some((class, message)) => {
            class.split(' ').next() == Some(&ours.kind.to_string()) && message == ours.message
        }
        None => true, // an error that Python itself raised
    }
}

fn context(names: Json) -> Context {
    let Json(Value::Object(names)) = names else {
        panic!("context is no object")
    };
    let slug = Function::new("slug", |arguments| match arguments {
        [Value::String(text)] => Ok(format!("slug-{text}").into()),
        _ => Err("slug takes a string".to_owned()),
    });
    Context::new(NOW)
        .with_all(names)
        .with("slug", Value::Function(slug))
}
