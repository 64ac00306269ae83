// SPDX-License-Identifier: MPL-2.0
//! The official specification: every case, error messages and their places included.

use std::path::PathBuf;

use catena_jsone::{Error, Limits, Template, Value};
use serde::Deserialize;

use crate::json::Json;

const SPECIFICATION: &str = include_str!("../specification/specification.yml");

#[derive(Deserialize)]
struct Case {
    title: Option<String>,
    context: Option<Json>,
    template: Option<Json>,
    #[serde(default)]
    result: Json,
    error: Option<Json>,
}

/// Returns template and context of every case.
pub(crate) fn cases() -> impl Iterator<Item = (String, Value, Json)> {
    read().map(|(title, case)| {
        let template = exact(case.template.unwrap_or_default().0);
        (title, template, Json(exact(case.context.unwrap().0)))
    })
}

fn read() -> impl Iterator<Item = (String, Case)> {
    SPECIFICATION
        .split("\n---\n")
        .skip(1)
        .filter_map(|document| {
            let mut case: Case = serde_saphyr::from_str(document).unwrap();
            Some((case.title.take()?, case))
        })
}

#[test]
fn every_case_passes_s46_v67() {
    let mut count = 0;
    let mut failures = Vec::new();
    for (title, case) in read() {
        count += 1;
        let template = exact(case.template.unwrap_or_default().0);
        let limits = Limits::default();
        let context = Json(exact(case.context.unwrap().0)).into_context();
        let answer = Template::parse(&template, &limits).and_then(|t| t.render(&context, &limits));
        let good = match (&answer, &case.error) {
            (Ok(value), None) => value.equals(&exact(case.result.0.clone())),
            (Err(error), Some(Json(Value::String(expected)))) => {
                *reference_text(error, &template) == **expected
            }
            (Err(_), Some(_)) => true,
            _ => false,
        };
        if !good {
            failures.push(format!(
                "{title}: expected {:?} {:?}, got {answer:?}",
                case.result, case.error
            ));
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert_eq!(count, 1175);
}

/// Returns the value with integers for what the YAML reader made floats of because 64 bits do not hold it.
fn exact(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(exact).collect::<Vec<_>>().into(),
        Value::Float(number) if number.abs() > 1e18 => {
            Value::Int(format!("{number:.0}").parse().unwrap())
        }
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(key, item)| (key, exact(item)))
                .collect(),
        ),
        other => other,
    }
}

/// Returns an error as the reference prints it: its place leaves out operators.
fn reference_text(error: &Error, template: &Value) -> String {
    let mut place = String::new();
    let mut value = Some(template);
    let mut parts = error.pointer.split('/').skip(1);
    while let (Some(part), Some(here)) = (parts.next(), value) {
        let operator = here.as_object().and_then(|map| {
            map.keys().find(|key| {
                key.starts_with('$') && !key.starts_with("$$") && !key.starts_with("${")
            })
        });
        value = here.pointer(&format!("/{part}"));
        match (operator, here) {
            (Some(name), _) => {
                if matches!(&**name, "$match" | "$switch") {
                    value = parts
                        .next()
                        .and_then(|part| value?.pointer(&format!("/{part}")));
                }
            }
            (None, Value::Array(_)) => place += &format!("[{part}]"),
            _ if part.starts_with(|c: char| c.is_ascii_digit()) => {
                place += &format!("[\"{part}\"]")
            }
            _ => place += &format!(".{part}"),
        }
    }
    let place = if place.is_empty() {
        place
    } else {
        format!(" at template{place}")
    };
    format!("{}{place}: {}", error.kind, error.message)
}

/// The copy is the file that the published crate carries, wherever cargo keeps its sources.
#[test]
fn copy_equals_the_published_file() {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let Some(Ok(registries)) = home.map(|home| home.join("registry/src").read_dir()) else {
        return;
    };
    for registry in registries {
        let published = registry
            .unwrap()
            .path()
            .join("json-e-4.8.4/specification.yml");
        if let Ok(text) = std::fs::read_to_string(published) {
            assert!(text == SPECIFICATION, "the copy was changed");
        }
    }
}
