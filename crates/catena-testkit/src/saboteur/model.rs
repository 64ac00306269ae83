// SPDX-License-Identifier: MPL-2.0
//! Documents that do not read as what they should be, and chains without end (P2, S17, sections B, C and L).

use catena_core::model::ids::ArtifactName;
use catena_core::request::Request;
use serde_json::{Value, json};

use super::{Compat, Saboteur, artifacts::upstream, drop_member, saboteur};
use crate::chain::Chain;
use crate::spec::Flow;

#[rustfmt::skip] // a table: one attack, a few lines
pub(super) const ALL: &[Saboteur] = &[
    saboteur("upstream-type-unknown", "task-type", &["V12"],
        "The root claims a build as a type that no check applies to.",
        Flow::FirefoxPush, |chain| upstream(chain, |entries| entries[1]["taskType"] = "foo".into())),
    saboteur("upstream-type-with-number", "task-type", &["V12"],
        "The root claims a signing task as signing0, which begins like a known type.",
        Flow::FirefoxPush, |chain| upstream(chain, |entries| entries[2]["taskType"] = "signing0".into())),
    saboteur("upstream-type-in-capitals", "task-type", &["V12"],
        "The root claims a build as a type in capitals.",
        Flow::FirefoxPush, |chain| upstream(chain, |entries| entries[1]["taskType"] = "Build".into())),
    saboteur("upstream-type-empty", "task-type", &["V12"],
        "The root claims a build as no type.",
        Flow::FirefoxPush, |chain| upstream(chain, |entries| entries[1]["taskType"] = "".into())),
    saboteur("second-type-unknown", "claimed-type", &["S5", "V12"],
        "A second claim on a build is of a type that no check applies to; the reference looks at the first only.",
        Flow::FirefoxPush, |chain| input(chain, "zzz", "build-1")),
    saboteur("image-claimed-as-nothing", "claimed-type", &["S5", "V12"],
        "The root claims the docker image of its build under a name that is no type.",
        Flow::AdhocPromotion, |chain| {
            let image = chain.task("image-0").id;
            chain.edit_task("build-0", |task| task["extra"]["chainOfTrust"]["inputs"]["zzz"] = image.as_str().into());
        }),
    saboteur("chain-too-deep", "chain-length", &["V17"],
        "The chain goes deeper than the operator allows.",
        Flow::FirefoxPush, |chain| chain.settings.push("max_chain_length: 2".into())),
    saboteur("chain-without-any-depth", "chain-length", &["V17"],
        "The operator allows no chain at all.",
        Flow::XpiPush, |chain| chain.settings.push("max_chain_length: 0".into())),
    saboteur("type-with-colon", "chain-length", &["S17", "V17"],
        "The root claims a build under a type with a colon, whose last part alone the reference reads.",
        Flow::FirefoxPush, |chain| upstream(chain, |entries| entries[1]["taskType"] = "x:build".into()))
        .compat(Compat::Trusted),
    saboteur("input-with-colon", "chain-length", &["S17", "V17"],
        "The root names an input with a colon, whose last part alone the reference reads.",
        Flow::FirefoxPush, |chain| input(chain, "a:b:build", "build-1")).compat(Compat::Trusted),
    saboteur("input-no-id", "named-tasks", &["S13", "V15"],
        "An input of a build is no task id, but a path that leads elsewhere.",
        Flow::FirefoxPush, |chain| chain.edit_task("build-1", |task| {
            task["extra"]["chainOfTrust"] = json!({"inputs": {"build": "../../etc"}});
        })),
    saboteur("upstream-no-id", "named-tasks", &["S13", "V15"],
        "An upstream task of the root is no task id, but a path that leads elsewhere.",
        Flow::FirefoxPush, |chain| upstream(chain, |entries| entries[1]["taskId"] = "../build".into())),
    saboteur("inputs-in-a-list", "named-tasks", &["V15", "P2"],
        "The inputs of a build are a list, in which nobody looks.",
        Flow::FirefoxPush, |chain| chain.edit_task("build-1", |task| {
            task["extra"]["chainOfTrust"] = json!({"inputs": []});
        })),
    saboteur("upstream-in-an-object", "named-tasks", &["V15", "P2"],
        "The root's upstream artifacts are an object, in which nobody looks.",
        Flow::FirefoxPush, |chain| upstream(chain, |entries| *entries = json!({}))),
    saboteur("upstream-without-type", "named-tasks", &["V15"],
        "An entry of the root's upstream artifacts has no type.",
        Flow::FirefoxPush, |chain| upstream(chain, |entries| drop_member(&mut entries[1], "taskType"))),
    saboteur("upstream-a-text", "named-tasks", &["V15", "P2"],
        "An entry of the root's upstream artifacts is a text.",
        Flow::FirefoxPush, |chain| upstream(chain, |entries| entries[1] = "build".into())),
    saboteur("signing-upstream-without-type", "named-tasks", &["V15"],
        "An entry of an upstream task's own upstream artifacts has no type.",
        Flow::FirefoxPush, |chain| chain.edit_task("signing-0", |task| {
            drop_member(&mut task["payload"]["upstreamArtifacts"][0], "taskType");
        })),
    saboteur("extra-missing", "named-tasks", &["V15", "V101"],
        "A build has no member extra, which names inputs and parent.",
        Flow::FirefoxPush, |chain| chain.edit_task("build-1", |task| drop_member(task, "extra"))),
    saboteur("upstream-paths-a-text", "typed-model", &["P2", "V40"],
        "The paths of an upstream artifact are a text, of which some readers take the letters.",
        Flow::FirefoxPush, |chain| upstream(chain, |entries| entries[1]["paths"] = "public/build/target-0.zip".into())),
    saboteur("upstream-without-paths", "typed-model", &["P2", "V40"],
        "An upstream artifact has no paths.",
        Flow::FirefoxPush, |chain| upstream(chain, |entries| drop_member(&mut entries[1], "paths"))),
    saboteur("scopes-a-text", "typed-model", &["P2", "V13"],
        "The scopes of a build are a text.",
        Flow::FirefoxPush, |chain| chain.edit_task("build-1", |task| task["scopes"] = "project:releng:x".into())),
    saboteur("scope-a-number", "typed-model", &["P2", "V13"],
        "A scope of the root is a number.",
        Flow::FirefoxPush, |chain| chain.edit_task("root", |task| {
            task["scopes"].as_array_mut().into_iter().for_each(|scopes| scopes.push(7.into()));
        })),
    saboteur("environment-a-list", "named-tasks", &["P2", "V9", "V11"],
        "The environment of a build is a list.",
        Flow::FirefoxPush, |chain| chain.edit_task("build-1", |task| task["payload"]["env"] = json!(["A=b"]))),
    saboteur("repository-a-number", "typed-model", &["P2", "V11"],
        "The head repository of a build is a number.",
        Flow::FirefoxPush, |chain| chain.edit_task("build-1", |task| task["payload"]["env"]["GECKO_HEAD_REPOSITORY"] = 5.into())),
    saboteur("source-missing", "typed-model", &["V72", "V101"],
        "A build does not say where it is from.",
        Flow::FirefoxPush, |chain| chain.edit_task("build-1", |task| drop_member(&mut task["metadata"], "source"))),
    saboteur("source-a-list", "typed-model", &["P2", "V72"],
        "The source of a build is a list.",
        Flow::FirefoxPush, |chain| chain.edit_task("build-1", |task| task["metadata"]["source"] = json!(["https://hg.mozilla.org/x"]))),
    saboteur("metadata-missing", "typed-model", &["V72", "V101"],
        "A build has no metadata.",
        Flow::FirefoxPush, |chain| chain.edit_task("build-1", |task| drop_member(task, "metadata"))),
    saboteur("provisioner-missing", "typed-model", &["V10", "V13"],
        "A build does not say on which pool it ran.",
        Flow::FirefoxPush, |chain| chain.edit_task("build-1", |task| {
            drop_member(task, "provisionerId");
            drop_member(task, "taskQueueId");
        })),
    saboteur("dependencies-missing", "typed-model", &["V55"],
        "A build has no list of dependencies.",
        Flow::FirefoxPush, |chain| chain.edit_definition("build-1", |task| drop_member(task, "dependencies"))),
    saboteur("graph-dependencies-missing", "typed-model", &["V55"],
        "The graph's entry of a build has no list of dependencies.",
        Flow::FirefoxPush, |chain| chain.edit_graph_entry("build-1", |entry| drop_member(&mut entry["task"], "dependencies"))),
    saboteur("payload-missing", "typed-model", &["V21"],
        "The queue has a build without a payload.",
        Flow::FirefoxPush, |chain| chain.edit_json(&chain.definition("build-1"), |task| drop_member(task, "payload"))),
    saboteur("definition-a-list", "typed-model", &["V21"],
        "The queue's definition of a build is a list.",
        Flow::FirefoxPush, |chain| chain.replace(&chain.definition("build-1"), b"[]".to_vec())),
    saboteur("scheduler-missing", "typed-model", &["V88"],
        "A build of a release does not say who scheduled it.",
        Flow::FirefoxPush, |chain| chain.edit_task("build-1", |task| drop_member(task, "schedulerId"))),
    saboteur("tasks-for-missing", "typed-model", &["V58"],
        "A decision task does not say which event started it.",
        Flow::FirefoxPush, |chain| chain.edit_definition("decision", |task| drop_member(&mut task["extra"], "tasks_for"))),
    saboteur("cron-missing", "typed-model", &["V64"],
        "A scheduled decision task does not describe its job.",
        Flow::FirefoxCron, |chain| chain.edit_definition("decision", |task| drop_member(&mut task["extra"], "cron"))),
    saboteur("owner-missing", "typed-model", &["V65"],
        "The decision task of a push to GitHub has no owner.",
        Flow::XpiPush, |chain| chain.edit_definition("decision", |task| drop_member(&mut task["metadata"], "owner"))),
    saboteur("created-missing", "typed-model", &["V60"],
        "A decision task does not say when it was created.",
        Flow::FirefoxPush, |chain| chain.edit_definition("decision", |task| drop_member(task, "created"))),
    saboteur("action-without-input", "typed-model", &["V68"],
        "An action does not record its input.",
        Flow::FirefoxPromotion, |chain| chain.edit_definition("action", |task| {
            drop_member(&mut task["extra"]["action"]["context"], "input");
        })),
    saboteur("action-without-context", "typed-model", &["V64", "V65"],
        "An action does not record what it was given.",
        Flow::AdhocPromotion, |chain| chain.edit_definition("action", |task| drop_member(&mut task["extra"]["action"], "context"))),
    saboteur("image-path-missing", "typed-model", &["V76"],
        "A build does not say which file its image is.",
        Flow::FirefoxPush, |chain| chain.edit_task("build-0", |task| drop_member(&mut task["payload"]["image"], "path"))),
    saboteur("digest-a-number", "typed-model", &["V43", "P2"],
        "A worker signed a number as a digest.",
        Flow::FirefoxPush, |chain| chain.edit_cot("build-0", |cot| cot["artifacts"]["public/build/target-0.zip"]["sha256"] = 7.into())),
    saboteur("entry-no-object", "typed-model", &["V43", "P2"],
        "A worker signed a digest without its algorithm.",
        Flow::FirefoxPush, |chain| chain.edit_cot("build-0", |cot| {
            cot["artifacts"]["public/build/target-0.zip"] = cot["artifacts"]["public/build/target-0.zip"]["sha256"].clone();
        })),
    saboteur("record-a-text", "typed-model", &["R-04", "P2"],
        "A worker signed a text where the task's definition is due.",
        Flow::FirefoxPush, |chain| chain.edit_cot("build-0", |cot| cot["task"] = "see the queue".into()))
        .compat(Compat::Trusted),
    saboteur("actions-without-list", "typed-model", &["V68"],
        "The decision task's actions.json has no list of actions.",
        Flow::FirefoxPromotion, |chain| {
            let request = chain.artifact("decision", ArtifactName::ACTIONS);
            chain.replace_sealed("decision", &request, b"{}".to_vec());
        }),
    saboteur("actions-no-json", "document-malformed", &["P7", "V102"],
        "The decision task's worker signed an actions.json that is no JSON.",
        Flow::FirefoxPromotion, |chain| {
            let request = chain.artifact("decision", ArtifactName::ACTIONS);
            chain.replace_sealed("decision", &request, b"actions:\n".to_vec());
        }),
    saboteur("actions-with-duplicate-keys", "json-strict", &["S45"],
        "The decision task's actions.json has its list of actions twice.",
        Flow::FirefoxPromotion, |chain| {
            let request = chain.artifact("decision", ArtifactName::ACTIONS);
            let mut bytes = b"{\"actions\": [], ".to_vec();
            bytes.extend_from_slice(&chain.bytes(&request)[1..]);
            chain.replace_sealed("decision", &request, bytes);
        }),
    saboteur("parameters-no-yaml", "yaml-safe", &["V97", "V102"],
        "The decision task's worker signed parameters that cannot be read.",
        Flow::FirefoxPromotion, |chain| {
            let request = chain.artifact("decision", ArtifactName::PARAMETERS);
            chain.replace_sealed("decision", &request, b"project: [".to_vec());
        }),
    saboteur("definition-no-json", "document-malformed", &["P7", "V21"],
        "The queue's definition of a build is no JSON.",
        Flow::FirefoxPush, |chain| chain.replace(&chain.definition("build-1"), b"<html></html>".to_vec())),
    saboteur("definition-empty", "document-malformed", &["P7", "V21"],
        "The queue's definition of a build is empty.",
        Flow::FirefoxPush, |chain| chain.replace(&chain.definition("build-1"), Vec::new())),
    saboteur("root-definition-cut", "document-malformed", &["P7", "V21"],
        "The queue's definition of the root ends in the middle.",
        Flow::FirefoxPush, |chain| {
            let bytes = chain.bytes(&chain.definition("root")).to_vec();
            chain.replace(&chain.definition("root"), bytes[..bytes.len() / 2].to_vec());
        }),
    saboteur("definition-with-nan", "json-strict", &["P2", "S45"],
        "The queue's definition of a build has a number that is none.",
        Flow::FirefoxPush, |chain| {
            let mut bytes = b"{\"retries\": NaN, ".to_vec();
            bytes.extend_from_slice(&chain.bytes(&chain.definition("build-1"))[1..]);
            chain.replace(&chain.definition("build-1"), bytes);
        }),
    saboteur("chain-without-end", "limit-exceeded", &["S17", "P5"],
        "The root names more upstream tasks than any release has.",
        Flow::XpiPush, |chain| {
            let mut random = crate::random::Random::new(9);
            let inputs: serde_json::Map<_, _> = (0..10_001)
                .map(|at| (format!("build-{at}"), Value::from(random.task_id().as_str())))
                .collect();
            chain.edit_json(&chain.definition("root"), |task| {
                task["extra"]["chainOfTrust"] = json!({"inputs": inputs});
            });
        }).undetermined(),
    saboteur("git-template-no-base64", "host-answer", &["P7", "V66"],
        "GitHub's answer for the template is in another encoding than its API promises.",
        Flow::XpiPush, |chain| chain.edit_json(&chain.template("decision"), |answer| answer["encoding"] = "none".into()))
        .undetermined(),
    saboteur("git-template-no-json", "host-answer", &["P7", "V66"],
        "GitHub answers with a page of its own where the template was due.",
        Flow::XpiPush, |chain| chain.replace(&chain.template("decision"), b"<html>".to_vec())).undetermined(),
    saboteur("pushlog-no-json", "host-answer", &["P7", "V62"],
        "The pushlog answers with a page of its own.",
        Flow::FirefoxPush, |chain| answer(chain, |request| matches!(request, Request::Pushlog { .. }), b"<html>")).undetermined(),
    saboteur("pushlog-without-pushes", "host-answer", &["P7", "V62"],
        "The pushlog answers with an error in JSON.",
        Flow::FirefoxPush, |chain| answer(chain, |request| matches!(request, Request::Pushlog { .. }), b"{\"error\": \"unknown revision\"}")).undetermined(),
    saboteur("commit-of-another-shape", "host-answer", &["P7", "V65"],
        "GitHub answers with a list where a commit was due.",
        Flow::XpiPush, |chain| answer(chain, |request| matches!(request, Request::Commit { .. }), b"[]")).undetermined(),
    saboteur("release-without-author", "host-answer", &["P7", "V65"],
        "GitHub answers with a release that nobody made.",
        Flow::VpnRelease, |chain| answer(chain, |request| matches!(request, Request::Release { .. }), b"{}")).undetermined(),
    saboteur("pull-request-without-head", "host-answer", &["P7", "V65"],
        "GitHub answers with a pull request that has no head.",
        Flow::XpiPullRequest, |chain| answer(chain, |request| matches!(request, Request::PullRequest { .. }), b"{}")).undetermined(),
    saboteur("compare-without-count", "host-answer", &["P7", "P15"],
        "GitHub answers a comparison without saying how far apart the two are.",
        Flow::XpiPush, |chain| answer(chain, |request| matches!(request, Request::Landed { .. }), b"{}"))
        .undetermined().compat(Compat::Trusted),
    saboteur("repository-without-name", "host-answer", &["P7", "S27"],
        "GitHub answers with a repository that has no name.",
        Flow::XpiPush, |chain| answer(chain, |request| matches!(request, Request::Repository { .. }), b"{}")).undetermined(),
    saboteur("status-of-another-shape", "host-answer", &["P7", "P10"],
        "The queue answers with a status that has no runs.",
        Flow::FirefoxPush, |chain| chain.replace(&chain.status("build-0"), b"{}".to_vec())).undetermined(),
    saboteur("status-runs-not-counted", "host-answer", &["P7", "P10"],
        "The queue answers with a status whose runs are not numbered.",
        Flow::FirefoxPush, |chain| chain.edit_json(&chain.status("build-0"), |answer| {
            answer["status"]["runs"][0]["runId"] = 4.into();
        })).undetermined(),
    saboteur("root-status-unreadable", "host-answer", &["P7", "P12"],
        "The queue's answer does not tell whether the root has run.",
        Flow::FirefoxPush, |chain| chain.replace(&chain.status("root"), b"{}".to_vec())).undetermined(),
    saboteur("listing-unreadable", "host-answer", &["P7", "V42"],
        "The queue's list of a build's artifacts cannot be read.",
        Flow::FirefoxPush, |chain| answer(chain, |request| matches!(request, Request::ArtifactList { .. }), b"{}")).undetermined(),
    saboteur("host-answer-with-nan", "json-strict", &["P2", "P7"],
        "GitHub's commit has a number that is none, which says nothing against the chain.",
        Flow::XpiPush, |chain| answer(chain, |request| matches!(request, Request::Commit { .. }), b"{\"stats\": NaN}")).undetermined(),
    saboteur("projects-no-yaml", "yaml-safe", &["P7", "V107"],
        "The answer for projects.yml cannot be read, which says nothing against the chain.",
        Flow::FirefoxPush, |chain| chain.replace(&Request::Projects, b"a: [".to_vec())).undetermined(),
];

/// Adds an input of the root, in all that states it.
fn input(chain: &mut Chain, name: &str, task: &str) {
    let id = chain.task(task).id;
    chain.edit_task("root", |root| {
        root["extra"]["chainOfTrust"] = json!({"inputs": {name: id.as_str()}})
    });
}

/// Sets what a host says to every request of a kind.
fn answer(chain: &mut Chain, is: fn(&Request) -> bool, bytes: &[u8]) {
    let all: Vec<_> = chain
        .documents
        .keys()
        .filter(|request| is(request))
        .cloned()
        .collect();
    for request in all {
        chain.replace(&request, bytes.to_vec());
    }
}
