// SPDX-License-Identifier: MPL-2.0
//! Lint sees the chain that a verification sees, before anything has run (R-07).

use catena_core::lint::{File, Lint, Tasks, lint};
use catena_core::policy::{Config, Profile};
use catena_core::report::Link;
use catena_core::request::Request;
use catena_testkit::{Chain, ChainSpec, Flow};
use serde_json::{Value, json};

use crate::verifier::Verifier;

/// The graphs of a chain, and the definitions of the parents that made them: all that exists before the other tasks
/// have run.
fn files(chain: &Chain) -> Vec<(Request, Vec<u8>)> {
    let is_parent = |request: &&Request| match request {
        Request::TaskGraph { .. } => true,
        Request::Definition { task } => {
            let mut graphs = chain.documents.keys();
            graphs
                .any(|graph| matches!(graph, Request::TaskGraph { task: made, .. } if made == task))
        }
        _ => false,
    };
    let requests = chain.documents.keys().filter(is_parent);
    requests
        .map(|request| (request.clone(), chain.bytes(request).to_vec()))
        .collect()
}

fn read(files: &[(Request, Vec<u8>)]) -> Tasks {
    let named: Vec<_> = files
        .iter()
        .map(|(request, bytes)| (request.to_string(), request, bytes))
        .collect();
    let files: Vec<_> = named
        .iter()
        .map(|(name, request, bytes)| File {
            name,
            task: match request {
                Request::Definition { task } => Some(*task),
                _ => None,
            },
            bytes,
        })
        .collect();
    Tasks::read(&files).unwrap()
}

fn look(chain: &Chain, files: &[(Request, Vec<u8>)]) -> Lint {
    lint(&Verifier::new(chain).inputs(Profile::Strict), &read(files))
}

fn ids(lint: &Lint) -> Vec<&'static str> {
    lint.findings.iter().map(|finding| finding.id).collect()
}

fn warnings(lint: &Lint) -> Vec<(&'static str, &str)> {
    let warnings = lint.warnings.iter();
    warnings
        .map(|warning| (warning.id, warning.pointer.as_str()))
        .collect()
}

/// What a chain is, without what only a run can tell.
fn shape(links: &[Link]) -> Vec<Value> {
    let shape = |link: &Link| {
        json!({
            "task": link.task, "names": link.names, "types": link.types, "label": link.label, "worker": link.worker,
            "pool": link.pool, "repository": link.repository, "revision": link.revision, "tree": link.tree,
            "parent": link.parent, "decision": link.decision, "needs": link.needs,
        })
    };
    links.iter().map(shape).collect()
}

#[test]
fn the_shape_is_the_verifiers_in_every_flow_r07() {
    for spec in ChainSpec::all(4) {
        let chain = spec.build();
        let report = Verifier::new(&chain).verify(Profile::Strict);
        let seen = look(&chain, &files(&chain));
        assert_eq!(shape(&seen.links), shape(&report.links), "{:?}", spec.flow);
        assert_eq!(ids(&seen), [""; 0], "{:?} {:#?}", spec.flow, seen.findings);
        assert_eq!(warnings(&seen), [], "{:?}", spec.flow);
        assert!(seen.later.tasks.is_empty());
        // what is left for later is what evidence decides, and not what definitions do
        let later = &seen.later.checks;
        for (id, due) in [
            ("graph-match", true),
            ("recorded-task", true),
            ("worker-pool", false),
        ] {
            assert_eq!(later.contains(&id), due, "{id} {later:?}");
        }
    }
}

#[test]
fn the_root_alone_shows_what_lies_outside_r07() {
    let chain = ChainSpec::new(4, Flow::FirefoxPush).build();
    let root = chain.definition("root");
    let files = vec![(root.clone(), chain.bytes(&root).to_vec())];
    let seen = look(&chain, &files);
    assert_eq!(ids(&seen), [""; 0], "{:#?}", seen.findings);
    let outside = ["decision", "build-0", "build-1", "signing-0"].map(|name| chain.task(name).id);
    assert_eq!(seen.links.len(), 5);
    // of a task that is not there, nothing is said to be decided later: it is listed itself
    assert!(
        !seen.later.checks.contains(&"task-type"),
        "{:?}",
        seen.later.checks
    );
    assert!(outside.iter().all(|task| seen.later.tasks.contains(task)));
    let found = warnings(&seen);
    assert!(
        found.iter().all(|(id, _)| *id == "lint-outside-graph"),
        "{found:?}"
    );
    assert_eq!(found.len(), 3, "the parent is always outside");
}

#[test]
fn what_lint_refuses_a_verification_refuses_r07() {
    type Edit = fn(&mut Value);
    let cases: [(&str, &str, Edit); 12] = [
        ("build-1", "interactive", |task| {
            task["payload"]["features"]["interactive"] = "1".into()
        }),
        ("build-1", "interactive-marker", |task| {
            task["payload"]["env"]["TASKCLUSTER_INTERACTIVE"] = "1".into();
        }),
        ("build-0", "docker-features", |task| {
            task["payload"]
                .as_object_mut()
                .unwrap()
                .remove("env")
                .unwrap();
        }),
        ("build-0", "image-link", |task| {
            task["extra"]["chainOfTrust"]["inputs"]["docker-image"] =
                "YyxNNh7mTAmwDhB4Itm0jg".into();
        }),
        ("build-1", "source-repository", |task| {
            task["metadata"]["source"] = "https://hg.mozilla.org/mozilla-central/file/tip/x".into();
        }),
        ("build-1", "url-form", |task| {
            task["metadata"]["source"] = "https://hg.mozilla.org/mozilla-central/../try".into();
        }),
        ("build-1", "worker-implementation", |task| {
            task["tags"]["worker-implementation"] = "docker-worker".into();
        }),
        ("build-1", "typed-model", |task| {
            task["scopes"] = "all".into()
        }),
        ("build-1", "parent-id", |task| {
            task["extra"]["parent"] = "".into()
        }),
        ("root", "task-type", |task| {
            task["payload"]["upstreamArtifacts"][1]["taskType"] = "builds".into()
        }),
        ("root", "upstream-screen", |task| {
            task["payload"]["upstreamArtifacts"][0]["paths"] = json!(["../x"])
        }),
        ("root", "star-scope", |task| {
            task["scopes"] = json!(["project:releng:signing:*"])
        }),
    ];
    for (name, id, edit) in cases {
        let mut chain = ChainSpec::new(4, Flow::FirefoxPush).build();
        chain.edit_task(name, edit);
        let seen = look(&chain, &files(&chain));
        assert!(ids(&seen).contains(&id), "{name} {id} {:?}", ids(&seen));
        let report = Verifier::new(&chain).verify(Profile::Strict);
        for finding in &seen.findings {
            let same = report.findings.iter().any(|other| other.id == finding.id);
            assert!(same, "{id}: lint also says {}", finding.id);
        }
    }
}

#[test]
fn a_link_without_the_feature_is_refused_before_it_runs_r08() {
    for name in ["build-0", "build-1"] {
        let mut chain = ChainSpec::new(4, Flow::FirefoxPush).build();
        chain.edit_task(name, |task| task["payload"]["features"] = json!({}));
        let seen = look(&chain, &files(&chain));
        assert_eq!(ids(&seen), ["lint-cot-feature"], "{name}");
        let at = seen.findings[0].evidence.as_ref().unwrap();
        assert_eq!(at.pointer, "/payload/features/chainOfTrust");
    }
}

#[test]
fn entries_must_state_what_the_queue_may_not_choose_s6() {
    for (key, due) in [
        ("scopes", "scopes in the graph"),
        ("workerType", "the worker pool in the graph"),
    ] {
        let mut chain = ChainSpec::new(4, Flow::FirefoxPush).build();
        chain.edit_graph_entry("build-1", |entry| {
            entry["task"].as_object_mut().unwrap().remove(key).unwrap();
        });
        let seen = look(&chain, &files(&chain));
        let found = seen.findings.iter();
        let of_entry: Vec<_> = found
            .filter(|finding| finding.id == "graph-runtime-keys")
            .collect();
        assert_eq!(of_entry.len(), 1, "{key} {:#?}", seen.findings);
        assert_eq!(of_entry[0].expected, due);
    }
}

#[test]
fn odd_images_and_dependencies_are_warned_about_r07() {
    let mut chain = ChainSpec::new(4, Flow::FirefoxPush).build();
    chain.edit_task("root", |task| task["dependencies"] = json!([]));
    chain.edit_task("build-0", |task| {
        task["extra"]
            .as_object_mut()
            .unwrap()
            .remove("chainOfTrust");
    });
    let seen = look(&chain, &files(&chain));
    assert_eq!(ids(&seen), ["image-link"]);
    let found = warnings(&seen);
    let upstream = "/payload/upstreamArtifacts/";
    let dependencies = found
        .iter()
        .filter(|(id, at)| *id == "lint-dependency" && at.starts_with(upstream));
    assert_eq!(dependencies.count(), 3, "{found:?}");
    assert!(found.contains(&("lint-image-input", "/payload/image/taskId")));
    // an input under another name is one, though not the one that V76 wants
    let mut chain = ChainSpec::new(4, Flow::FirefoxPush).build();
    chain.edit_task("build-0", |task| {
        let inputs = task["extra"]["chainOfTrust"]["inputs"]
            .as_object_mut()
            .unwrap();
        let image = inputs.remove("docker-image").unwrap();
        inputs.insert("image".to_owned(), image);
    });
    let seen = look(&chain, &files(&chain));
    assert!(
        !warnings(&seen)
            .iter()
            .any(|(id, _)| *id == "lint-image-input")
    );
    assert!(ids(&seen).contains(&"image-link"));
}

#[test]
fn release_tasks_are_found_by_pool_and_by_scope_r07() {
    let mut chain = ChainSpec::new(4, Flow::FirefoxPush).build();
    let found = |chain: &Chain| {
        let releases = read(&files(chain)).releases(&Config::builtin(), Some("firefox"));
        releases
            .unwrap()
            .into_iter()
            .map(|release| (release.task, release.task_type.map(|kind| kind.to_string())))
            .collect::<Vec<_>>()
    };
    let mut due = [chain.task("root").id, chain.task("signing-0").id]
        .map(|task| (task, None))
        .to_vec();
    due.sort();
    assert_eq!(found(&chain), due);
    chain.edit_task("build-1", |task| {
        task["scopes"] = json!(["project:releng:signing:cert:release-signing"]);
    });
    due.push((chain.task("build-1").id, Some("scriptworker".to_owned())));
    due.sort();
    assert_eq!(found(&chain), due);
}

#[test]
fn files_that_are_neither_graph_nor_definition_are_refused_r07() {
    let id = "YyxNNh7mTAmwDhB4Itm0jg";
    let task = r#"{"payload": {}, "workerType": "w"}"#;
    for (text, due) in [
        (
            "[]",
            "f.json: expected a task definition or a task graph, found a list of 0 items",
        ),
        (r#"{"version": 1}"#, "found an object with version"),
        ("{", "f.json: expected JSON"),
        (
            r#"{"a": {"task": {}}, "a": {"task": {}}}"#,
            "f.json: expected JSON",
        ),
        (
            r#"{"sign": {"dependencies": {}, "task": {"payload": {"x": {"task-reference": "<build>"}}}}}"#,
            "f.json: sign: expected a dependency for <build>, found none",
        ),
    ] {
        let file = File {
            name: "f.json",
            task: None,
            bytes: text.as_bytes(),
        };
        let error = Tasks::read(&[file]).unwrap_err().to_string();
        assert!(error.contains(due), "{error}");
    }
    let file = File {
        name: "f.json",
        task: Some(id.parse().unwrap()),
        bytes: task.as_bytes(),
    };
    let error = Tasks::read(&[file, file]).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("f.json: expected one definition of {id}, found another")
    );
}
