// SPDX-License-Identifier: MPL-2.0
//! How fast a task graph is scanned (P21), beside `serde_json` skipping over the same text.

use std::hint::black_box;

use catena_core::graph::{GraphIndex, GraphScanner, ScanError};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde::de::IgnoredAny;
use serde_json::{Map, json};

/// Returns a graph like those that decision tasks write: sorted, indented by two, about 3 kB per task.
fn graph(tasks: u32) -> String {
    let mut entries = Map::new();
    for number in 0..tasks {
        let id = format!("{number:08}RaaaaaaaaaaaaA");
        let variables = 0..24;
        let env: Map<_, _> = variables
            .map(|at| {
                (
                    format!("MOZ_SETTING_{at}"),
                    json!(format!("a \"usual\" value {at}")),
                )
            })
            .collect();
        let command: Vec<_> = (0..12)
            .map(|at| format!("--argument={at}/of/a/long/command/public/build/target.tar.gz"))
            .collect();
        let payload = json!({
            "command": command,
            "env": env,
            "features": {"chainOfTrust": true, "taskclusterProxy": false},
            "maxRunTime": 5400,
            "artifacts": [{"name": "public/é", "type": "file"}],
        });
        let entry = json!({
            "attributes": {"build_platform": "linux64/opt", "shipping_phase": null, "stub": number},
            "dependencies": {"build": id},
            "kind": "test",
            "label": format!("test-linux1804-64-qr/opt-mochitest-{number}"),
            "optimization": null,
            "task": {"created": {"relative-datestamp": "0 seconds"}, "payload": payload, "scopes": []},
        });
        entries.insert(id, entry);
    }
    format!("{:#}\n", serde_json::Value::from(entries))
}

fn scan(text: &[u8], piece: usize) -> Result<GraphIndex, ScanError> {
    let mut scanner = GraphScanner::new();
    text.chunks(piece)
        .try_for_each(|piece| scanner.push(piece))?;
    scanner.finish()
}

fn bench(criterion: &mut Criterion) {
    let text = graph(6_000);
    let text = text.as_bytes();
    assert!(scan(text, 1 << 16).is_ok_and(|index| index.len() == 6_000));
    let mut group = criterion.benchmark_group("graph");
    group.sample_size(20);
    group.throughput(Throughput::Bytes(text.len().try_into().unwrap_or(u64::MAX)));
    for piece in [1 << 10, 1 << 14, 1 << 18] {
        group.bench_function(BenchmarkId::new("scan", piece), |bencher| {
            bencher.iter(|| scan(black_box(text), piece));
        });
    }
    group.bench_function("serde_json/ignored", |bencher| {
        bencher.iter(|| serde_json::from_slice::<IgnoredAny>(black_box(text)));
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
