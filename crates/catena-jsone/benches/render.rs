// SPDX-License-Identifier: MPL-2.0
//! Renders a decision task's template with a small and a large push event, here and with the published crate.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot start should say why"
)]

use std::hint::black_box;

use catena_jsone::{Context, Function, Limits, Map, Template, Value, to_json};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json;

const TEMPLATE: &str = include_str!("taskcluster.yml");
const NOW: &str = "2026-01-01T00:00:00.000Z";

/// Returns the context of a push of `commits` commits.
fn context(commits: usize) -> serde_json::Value {
    let commit = |i: usize| {
        json!({
            "id": format!("{i:040x}"),
            "message": "Bug 1 - Teach the anvil to ring\n\nIt did not.",
            "timestamp": "2026-01-01T00:00:00Z",
            "author": {"name": "A. Smith", "email": "smith@example.com"},
            "added": [], "removed": [], "modified": ["src/anvil.rs", "src/bellows.rs"],
        })
    };
    json!({
        "tasks_for": "github-push",
        "repository": {"url": "https://github.com/example/anvil", "project": "anvil", "level": "3"},
        "event": {
            "ref": "refs/heads/main",
            "before": format!("{:040x}", 0),
            "after": format!("{commits:040x}"),
            "pusher": {"name": "smith", "email": "smith@example.com"},
            "commits": (0..commits).map(commit).collect::<Vec<_>>(),
        },
    })
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Array(items) => items.iter().map(value).collect::<Vec<_>>().into(),
        serde_json::Value::Bool(flag) => Value::Bool(*flag),
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Number(number) => number.as_i64().map_or(Value::Null, Value::from),
        serde_json::Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, item)| (key.as_str().into(), value(item)))
                .collect::<Map>(),
        ),
        serde_json::Value::String(text) => text.as_str().into(),
    }
}

fn bench(criterion: &mut Criterion) {
    let template: serde_json::Value = serde_saphyr::from_str(TEMPLATE).unwrap();
    // the published crate has no functions and its own clock: it gets the text, and reads the clock
    let theirs: serde_json::Value = serde_json::from_str(
        &template
            .to_string()
            .replace(r#"as_slugid(\"decision\")"#, "'AAAAAAAAAAAAAAAAAAAAAA'"),
    )
    .unwrap();
    let limits = Limits::default();
    for (name, commits) in [("1 kB", 2), ("500 kB", 2050)] {
        let plain = context(commits);
        let slugid = Function::new("as_slugid", |_| Ok("AAAAAAAAAAAAAAAAAAAAAA".into()));
        let Value::Object(names) = value(&plain) else {
            return;
        };
        let context = Context::new(NOW)
            .with_all(names)
            .with("as_slugid", Value::Function(slugid));
        let parsed = Template::parse(&value(&template), &limits).unwrap();
        let rendered = to_json(&parsed.render(&context, &limits).unwrap());
        assert!(
            rendered.contains("forge-level-3") && rendered.len() > 1500,
            "{rendered}"
        );
        let other = json_e::render(&theirs, &plain).unwrap();
        assert_eq!(
            other["tasks"][0]["metadata"]["owner"], "smith@example.com",
            "{other}"
        );

        let mut group = criterion.benchmark_group(format!(
            "context of {name} ({} bytes)",
            plain.to_string().len()
        ));
        group.bench_function("catena-jsone, parsed once", |bencher| {
            bencher.iter(|| parsed.render(black_box(&context), &limits));
        });
        let raw = value(&template);
        group.bench_function("catena-jsone, parsed each time", |bencher| {
            bencher.iter(|| {
                Template::parse(black_box(&raw), &limits)
                    .and_then(|parsed| parsed.render(&context, &limits))
            });
        });
        group.bench_function("json-e", |bencher| {
            bencher.iter(|| json_e::render(black_box(&theirs), &plain));
        });
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
