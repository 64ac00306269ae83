// SPDX-License-Identifier: MPL-2.0
//! What the queue adds to a definition is completed, and nothing else is (P16, S6, rfc24.md 2).

use catena_core::policy::Profile;
use catena_core::report::{Report, Verdict};
use catena_core::request::Request;
use catena_testkit::{Chain, ChainSpec, Flow};
use serde_json::{Value, json};

use crate::verifier::Verifier;

/// The defaults of a decision task, as the queue answers; `extra` is not among them, since a rebuild needs its
/// `tasks_for` (V58).
fn defaults(chain: &Chain, name: &str) -> Vec<(&'static str, Value)> {
    let definition = chain.json(&chain.definition(name));
    let deadline: jiff::Timestamp = definition["deadline"].as_str().unwrap().parse().unwrap();
    let expires = deadline + jiff::SignedDuration::from_hours(365 * 24);
    vec![
        ("schedulerId", json!("-")),
        ("projectId", json!("none")),
        ("taskGroupId", json!(chain.task(name).id.as_str())),
        ("dependencies", json!([])),
        ("requires", json!("all-completed")),
        ("routes", json!([])),
        ("priority", json!("lowest")),
        ("retries", json!(5)),
        ("scopes", json!([])),
        ("tags", json!({})),
        ("expires", json!(format!("{expires:.3}"))),
    ]
}

/// A push whose template states only what has no default, and `pool` for the worker pool.
fn sparse_template(pool: &[&str]) -> Chain {
    let mut chain = ChainSpec::new(5, Flow::FirefoxPush).build();
    let defaults = defaults(&chain, "decision");
    chain.edit_definition("decision", |task| {
        for (key, value) in &defaults {
            task[*key] = value.clone();
        }
    });
    let mut task = chain.json(&chain.definition("decision"));
    let members = task.as_object_mut().unwrap();
    members.retain(|key, _| !defaults.iter().any(|(name, _)| name == key));
    for key in ["provisionerId", "workerType", "taskQueueId"] {
        if !pool.contains(&key) {
            members.remove(key).unwrap();
        }
    }
    let revision = task["payload"]["env"]["GECKO_HEAD_REV"].as_str().unwrap();
    let is = |request: &&Request| matches!(request, Request::Template { revision: at, .. } if at.as_str() == revision);
    let request = chain.documents.keys().find(is).unwrap().clone();
    let template = json!({"version": 1, "tasks": [task]});
    chain.replace(&request, template.to_string().into_bytes());
    chain
}

fn verify(chain: &Chain) -> Report {
    Verifier::new(chain).verify(Profile::Strict)
}

fn ids(report: &Report) -> Vec<(&'static str, &str)> {
    let findings = report.findings.iter();
    findings
        .map(|finding| (finding.id, finding.found.as_str()))
        .collect()
}

/// Another value of the same type.
fn changed(value: &Value) -> Value {
    match value {
        Value::Array(_) => json!(["index.other"]),
        Value::Number(_) => json!(4),
        Value::Object(_) => json!({"other": "x"}),
        _ => json!("other"),
    }
}

#[test]
fn a_template_that_omits_every_defaultable_member_passes_p16() {
    for pool in [&["taskQueueId"][..], &["provisionerId", "workerType"]] {
        let report = verify(&sparse_template(pool));
        assert_eq!(
            report.verdict,
            Verdict::Trusted,
            "{pool:?} {:#?}",
            ids(&report)
        );
    }
}

#[test]
fn a_runtime_value_that_is_not_the_default_fails_per_member_p16() {
    let chain = sparse_template(&["taskQueueId"]);
    for (key, default) in defaults(&chain, "decision") {
        let value = match key {
            "taskGroupId" => json!(chain.task("build-0").id.as_str()),
            "dependencies" => json!([chain.task("build-0").id.as_str()]),
            "requires" => json!("all-resolved"),
            "expires" => json!("2027-01-01T00:00:00.000Z"),
            _ => changed(&default),
        };
        let mut other = chain.clone();
        other.edit_definition("decision", |task| task[key] = value.clone());
        let report = verify(&other);
        if key == "priority" {
            assert_eq!(report.verdict, Verdict::Trusted, "P3: {:#?}", ids(&report));
            continue;
        }
        let place = format!("/{key}");
        let found = report.findings.iter().any(|finding| {
            finding.id == "rebuild-mismatch" && finding.expected.starts_with(&place)
        });
        assert_eq!(report.verdict, Verdict::Rejected, "{key}");
        // a decision in another's group is rebuilt from there, which fails earlier
        assert!(found || key == "taskGroupId", "{key} {:#?}", ids(&report));
    }
}

#[test]
fn a_worker_pool_other_than_the_templates_fails_in_either_form_p16() {
    for pool in [&["taskQueueId"][..], &["provisionerId", "workerType"]] {
        let mut chain = sparse_template(pool);
        chain.edit_definition("decision", |task| {
            task["workerType"] = "decision-other".into();
            task["taskQueueId"] = "gecko-3/decision-other".into();
        });
        let report = verify(&chain);
        let ids: Vec<_> = ids(&report).into_iter().map(|(id, _)| id).collect();
        assert_eq!(report.verdict, Verdict::Rejected, "{pool:?}");
        assert!(ids.contains(&"rebuild-mismatch"), "{pool:?} {ids:?}");
    }
}

#[test]
fn members_that_no_table_knows_are_refused_on_both_sides_p16() {
    let mut chain = ChainSpec::new(5, Flow::FirefoxPush).build();
    chain.edit_definition("decision", |task| task["novelty"] = "x".into());
    chain.edit_definition("build-1", |task| task["novelty"] = "x".into());
    let report = verify(&chain);
    let of = |id: &str| {
        let mut findings = report.findings.iter();
        findings
            .find(|finding| finding.id == id)
            .and_then(|f| f.task)
    };
    assert_eq!(of("rebuild-mismatch"), Some(chain.task("decision").id));
    assert_eq!(of("graph-runtime-keys"), Some(chain.task("build-1").id));
}

/// A push whose graph leaves to the queue whatever S6 allows for one build, and its members there.
fn sparse_entry() -> Chain {
    let mut chain = ChainSpec::new(5, Flow::FirefoxPush).build();
    let open = ["extra", "requires", "retries", "routes", "tags"];
    let ignored = [
        "created",
        "deadline",
        "expires",
        "priority",
        "projectId",
        "schedulerId",
    ];
    chain.edit_definition("build-1", |task| {
        task["requires"] = "all-completed".into();
        task["retries"] = 5.into();
        task["routes"] = json!([]);
        task["extra"] = json!({});
        task["tags"] = json!({});
    });
    chain.edit_graph_entry("build-1", |entry| {
        let members = entry["task"].as_object_mut().unwrap();
        for key in open
            .iter()
            .chain(&ignored)
            .chain(&["provisionerId", "workerType"])
        {
            members.remove(*key);
        }
        members.insert("taskQueueId".to_owned(), "gecko-3/b-win2022".into());
    });
    chain
}

#[test]
fn a_graph_that_leaves_every_default_to_the_queue_passes_s6() {
    let report = verify(&sparse_entry());
    assert_eq!(report.verdict, Verdict::Trusted, "{:#?}", ids(&report));
}

#[test]
fn a_runtime_value_that_the_queue_would_not_write_fails_per_member_s6() {
    let chain = sparse_entry();
    let cases = [
        ("requires", json!("all-resolved")),
        ("retries", json!(4)),
        ("retries", json!(true)),
        ("routes", json!(["index.other"])),
        (
            "extra",
            json!({"parent": chain.task("decision").id.as_str()}),
        ),
        ("tags", json!({"worker-implementation": "generic-worker"})),
        ("taskGroupId", json!(chain.task("build-0").id.as_str())),
        ("workerType", json!("b-linux")),
    ];
    for (key, value) in cases {
        let mut other = chain.clone();
        other.edit_definition("build-1", |task| {
            task[key] = value.clone();
            task["taskQueueId"] =
                format!("gecko-3/{}", task["workerType"].as_str().unwrap()).into();
        });
        let report = verify(&other);
        assert_eq!(report.verdict, Verdict::Rejected, "{key}");
        // another group has no graph that has the task
        let due = ids(&report)
            .iter()
            .any(|(id, _)| *id == "graph-runtime-keys");
        assert!(due || key == "taskGroupId", "{key} {:#?}", ids(&report));
    }
    for (key, value) in [
        ("projectId", "other"),
        ("priority", "high"),
        ("schedulerId", "x"),
    ] {
        let mut other = chain.clone();
        other.edit_definition("build-1", |task| task[key] = value.into());
        let report = verify(&other);
        assert_eq!(
            report.verdict,
            Verdict::Trusted,
            "V55: {key} {:#?}",
            ids(&report)
        );
    }
}
