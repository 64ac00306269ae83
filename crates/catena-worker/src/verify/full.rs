// SPDX-License-Identifier: MPL-2.0
//! `public/full-cot.json`: the verified chain in one file, schema `full-cot/1` (R-03, P31).
//!
//! A record of what was verified, never an input to another decision. Two verifications of one chain give the same file,
//! `verifiedAt` apart.

use catena_core::model::ids::ArtifactName;
use catena_core::report::{Image, Link, Report, RequestRecord};
use catena_core::request::Request;
use serde_json::{Value, json};

use crate::config::WorkerConfig;

/// Renders the record of a chain.
pub(super) fn render(config: &WorkerConfig, report: &Report) -> String {
    let mut links: Vec<&Link> = report.links.iter().collect();
    links.sort_by_key(|link| link.task);
    let links: Vec<Value> = links
        .into_iter()
        .map(|found| link(config, report, found))
        .collect();
    let verified = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    let root = report.links.first();
    let page = json!({
        "schema": "full-cot/1",
        "rootUrl": config.root_url,
        "target": {
            "taskId": report.subject.task,
            "taskType": report.subject.task_type,
            "product": report.subject.product,
            "runId": root.and_then(|root| root.run),
        },
        "verifiedAt": verified.to_string(),
        "verifier": format!("catena {}", env!("CARGO_PKG_VERSION")),
        "verdict": report.verdict,
        "relaxations": report.relaxations,
        "links": links,
    });
    format!("{page:#}\n")
}

fn link(config: &WorkerConfig, report: &Report, link: &Link) -> Value {
    let task = link.task;
    let definition = record(report, &Request::Definition { task });
    let cot = link.run.map(|run| {
        let body = record(report, &Request::CotBody { task, run });
        let signature = record(report, &Request::CotSignature { task, run });
        json!({
            "url": url(config, link, ArtifactName::COT),
            "sha256": body.and_then(|record| record.sha256.as_deref()),
            "sigSha256": signature.and_then(|record| record.sha256.as_deref()),
            "keyId": link.key,
        })
    });
    let artifacts: Vec<Value> = link
        .artifacts
        .iter()
        .map(|artifact| {
            json!({
                "name": artifact.name,
                "url": url(config, link, artifact.name.as_str()),
                "sha256": artifact.sha256,
                "verified": artifact.verified,
            })
        })
        .collect();
    json!({
        "taskId": task,
        "runId": link.run,
        "name": link.label,
        "names": link.names,
        "taskType": link.types,
        "workerImplementation": link.worker,
        "definitionSha256": definition.and_then(|record| record.sha256.as_deref()),
        "cot": cot,
        "artifacts": artifacts,
        "image": link.image.as_ref().map(image),
        "parents": link.needs,
        "source": {"repository": link.repository, "revision": link.revision, "tree": link.tree},
        "checks": link.checks,
    })
}

fn image(image: &Image) -> Value {
    serde_json::to_value(image).unwrap_or_default()
}

fn record<'a>(report: &'a Report, request: &Request) -> Option<&'a RequestRecord> {
    let words = request.to_string();
    report
        .requests
        .iter()
        .find(|record| record.request == words)
}

/// Where an artifact is, by run.
fn url(config: &WorkerConfig, link: &Link, name: &str) -> Option<String> {
    let (root, task, run) = (&config.root_url, link.task, link.run?);
    Some(format!(
        "{root}/api/queue/v1/task/{task}/runs/{run}/artifacts/{name}"
    ))
}
