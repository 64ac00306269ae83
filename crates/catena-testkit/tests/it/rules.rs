// SPDX-License-Identifier: MPL-2.0
//! Rules that say what is done, not what is refused: the refusals are saboteurs.

use std::collections::BTreeSet;

use catena_core::document::ErrorKind;
use catena_core::policy::Profile;
use catena_core::report::{Asserter, Outcome, Report, TaskStatus, Verdict};
use catena_core::request::Request;
use catena_testkit::{Chain, ChainSpec, Flow, Presence, RootRun};
use serde_json::{Value, json};

use crate::verifier::Verifier;

fn built(flow: Flow) -> Chain {
    ChainSpec::new(4, flow).build()
}

fn strict(chain: &Chain) -> Report {
    Verifier::new(chain).verify(Profile::Strict)
}

fn ids(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.id).collect()
}

#[track_caller]
fn assert_trusted(chain: &Chain) {
    for profile in [Profile::Strict, Profile::Compat] {
        let report = Verifier::new(chain).verify(profile);
        assert_eq!(
            report.verdict,
            Verdict::Trusted,
            "{profile:?} {:#?}",
            report.findings
        );
    }
}

/// The type is what the operator says; the definition is not asked (V1).
#[test]
fn the_type_is_the_operators_v1() {
    let mut chain = built(Flow::FirefoxPush);
    chain.task_type = "beetmover";
    assert_trusted(&chain);
    // nothing of it shows in the task, yet as a build it has no signature of a build worker to show
    chain.task_type = "decision";
    assert_eq!(strict(&chain).verdict, Verdict::Rejected);
}

/// Every step leaves its results at every object that it is about (V3, V51).
#[test]
fn every_object_is_checked_in_every_step_v3_v51() {
    let report = strict(&built(Flow::FirefoxPush));
    let passed = |link: &catena_core::report::Link, id: &str| {
        let found = link.checks.iter().find(|result| result.id == id);
        found.is_some_and(|result| result.outcome == Outcome::Pass)
    };
    for link in &report.links {
        for id in [
            "task-type",
            "worker-implementation",
            "recorded-task",
            "cot-signature",
            "run-state",
            "sibling-tree",
            "try-or-pull-request",
            "url-form",
        ] {
            assert!(passed(link, id), "{} {:?}", id, link.names);
        }
        let is_parent = link.types.iter().any(|kind| kind == "decision");
        assert_eq!(
            passed(link, "rebuild-mismatch"),
            is_parent,
            "{:?}",
            link.names
        );
        assert_eq!(
            passed(link, "parent-artifact"),
            is_parent,
            "{:?}",
            link.names
        );
        assert_eq!(passed(link, "graph-match"), !is_parent, "{:?}", link.names);
    }
}

/// The root is among the objects once, whether or not it is a link (V4); only then its own document is read (P12).
#[test]
fn the_root_is_an_object_once_v4_p12() {
    for root_run in [RootRun::Completed, RootRun::Running] {
        let spec = ChainSpec {
            root_run,
            ..ChainSpec::new(4, Flow::FirefoxPush)
        };
        let chain = spec.build();
        let report = strict(&chain);
        assert_eq!(report.verdict, Verdict::Trusted);
        let roots: Vec<_> = report
            .links
            .iter()
            .filter(|link| link.task == chain.root)
            .collect();
        assert_eq!(roots.len(), 1);
        assert_eq!(roots[0].key.is_some(), root_run == RootRun::Completed);
        let reads = |request: &Request| matches!(request, Request::CotBody { task, .. } if *task == chain.root);
        let requests = Verifier::new(&chain).requests(Profile::Strict);
        assert_eq!(requests.iter().any(reads), root_run == RootRun::Completed);
    }
}

/// Type, worker, decision and parent of each object (V14), which a report shows.
#[test]
fn objects_have_type_worker_decision_and_parent_v14_v22() {
    let chain = built(Flow::FirefoxPromotion);
    let report = strict(&chain);
    for (name, kind, worker) in [
        ("root", "signing", "scriptworker"),
        ("decision", "decision", "docker-worker"),
        ("action", "action", "docker-worker"),
        ("image-0", "docker-image", "docker-worker"),
        ("build-1", "build", "generic-worker"),
    ] {
        let task = chain.task(name);
        let found: Vec<_> = report
            .links
            .iter()
            .filter(|link| link.task == task.id)
            .collect();
        let [link] = found.as_slice() else {
            panic!("{name}: {} times", found.len());
        };
        assert_eq!(link.types, [kind], "{name}");
        assert_eq!(link.worker.as_deref(), Some(worker), "{name}");
        let definition = chain.json(&chain.definition(name));
        assert_eq!(
            link.decision.map(|id| id.to_string()).as_deref(),
            definition["taskGroupId"].as_str()
        );
        assert_eq!(link.parent, Some(task.parent), "{name}");
    }
}

/// A task that ran in the image of another task shows who built it, by run.
#[test]
fn images_name_their_builder_r02() {
    let chain = ChainSpec::new(2, Flow::FirefoxPromotion).build();
    let report = strict(&chain);
    let link = |name: &str| {
        let id = chain.task(name).id;
        report.links.iter().find(|link| link.task == id).unwrap()
    };
    let image = link("build-0").image.as_ref().unwrap();
    assert_eq!(image.kind, "task-image");
    let builder = image.builder.as_ref().unwrap();
    assert_eq!(builder.task, chain.task("image-0").id);
    assert_eq!(builder.run, link("image-0").run.unwrap());
    let root_url = report.subject.root_url.trim_end_matches('/');
    let expected = format!(
        "{root_url}/api/queue/v1/task/{}/runs/{}/artifacts/{}",
        builder.task, builder.run, builder.artifact
    );
    assert_eq!(builder.url, expected);
    let signed = chain.json(&chain.cot("image-0"));
    let signed = &signed["artifacts"][builder.artifact.as_str()]["sha256"];
    assert_eq!(image.artifact_sha256.as_deref(), signed.as_str());
    // the builder itself ran in an image of a registry, and no scriptworker in any
    assert_eq!(link("image-0").image.as_ref().unwrap().kind, "docker-image");
    assert!(link("root").image.is_none());
}

/// Where the digests differ nobody is named as the builder, and the chain is rejected (R-02, V76).
#[test]
fn no_builder_is_named_for_another_image_r02() {
    let mut chain = ChainSpec::new(2, Flow::FirefoxPromotion).build();
    chain.edit_cot("build-0", |cot| {
        cot["environment"]["imageArtifactHash"] = format!("sha256:{}", "ab".repeat(32)).into();
    });
    let report = strict(&chain);
    assert_eq!(report.verdict, Verdict::Rejected);
    let id = chain.task("build-0").id;
    let link = report.links.iter().find(|link| link.task == id).unwrap();
    assert!(link.image.as_ref().unwrap().builder.is_none());
}

/// Whoever names a task, it is fetched once, and so is everything of it (V18).
#[test]
fn every_document_is_asked_for_once_v18() {
    for spec in ChainSpec::all(4) {
        for profile in [Profile::Strict, Profile::Compat] {
            let requests = Verifier::new(&spec.build()).requests(profile);
            let distinct: BTreeSet<_> = requests.iter().collect();
            assert_eq!(distinct.len(), requests.len(), "{:?}", spec.flow);
        }
    }
}

/// A task that names the root makes it a link, and so its own document is due (V19).
#[test]
fn a_root_that_is_named_is_a_link_v19() {
    let spec = ChainSpec {
        root_run: RootRun::Running,
        ..ChainSpec::new(4, Flow::XpiPush)
    };
    let mut chain = spec.build();
    let root = chain.root.to_string();
    chain.edit_task("root", |task| {
        task["extra"]["chainOfTrust"] = json!({"inputs": {"again": root}});
    });
    let report = strict(&chain);
    assert_ne!(report.verdict, Verdict::Trusted);
    let names = report.links[0].names.clone();
    assert!(names.contains(&"signing:again".to_owned()), "{names:?}");
    let results = &report.links[0].checks;
    assert!(results.iter().any(|result| result.id == "run-state"));
}

/// Of parents: graph, and for decisions actions and parameters; of other tasks: what the root lists, and nothing that
/// other tasks list (V40).
#[test]
fn only_what_a_rule_reads_is_downloaded_v40() {
    let chain = built(Flow::FirefoxPromotion);
    let requests = Verifier::new(&chain).requests(Profile::Strict);
    let mut wanted = BTreeSet::new();
    for name in ["decision", "image-0-decision"] {
        wanted.insert(chain.artifact(name, "public/actions.json"));
        wanted.insert(chain.artifact(name, "public/parameters.yml"));
    }
    for name in ["build-0", "build-1"] {
        wanted.insert(chain.artifact(name, &format!("public/build/target-{}.zip", &name[6..])));
    }
    let is_artifact = |request: &&Request| matches!(request, Request::Artifact { .. });
    let asked: BTreeSet<_> = requests.iter().filter(is_artifact).cloned().collect();
    let graphs = requests
        .iter()
        .filter(|request| matches!(request, Request::TaskGraph { .. }));
    assert_eq!(graphs.count(), 3);
    let named: BTreeSet<_> = asked.iter().map(ToString::to_string).collect();
    let expected: BTreeSet<_> = wanted
        .iter()
        .map(|request| rename(request, &chain))
        .collect();
    assert_eq!(named, expected);
}

/// The builds' artifacts are numbered by artifact, not by build.
fn rename(request: &Request, chain: &Chain) -> String {
    let text = request.to_string();
    if chain.documents.contains_key(request) {
        text
    } else {
        text.replace("target-1.zip", "target-0.zip")
    }
}

/// An optional artifact may be missing in storage or in the document, and then there is no file; a mandatory one may
/// not (V45, S2).
#[test]
fn optional_artifacts_may_be_absent_v45_s2() {
    let spec = ChainSpec {
        optional: Presence::Present,
        ..ChainSpec::new(4, Flow::FirefoxPush)
    };
    let mut chain = spec.build();
    assert_trusted(&chain);
    chain.edit_task("root", |task| {
        for entry in task["payload"]["upstreamArtifacts"].as_array_mut().unwrap() {
            entry.as_object_mut().unwrap().remove("optional");
        }
    });
    assert_eq!(strict(&chain).verdict, Verdict::Rejected);
}

/// An action is rebuilt from its decision task's repository and revision: there is one template for both (V57, V60).
#[test]
fn an_action_is_rebuilt_from_its_decisions_template_v57_v60() {
    for flow in [
        Flow::FirefoxAction,
        Flow::FirefoxPromotion,
        Flow::AdhocPromotion,
    ] {
        let chain = built(flow);
        let decision = chain.json(&chain.definition("decision"));
        let env = decision["payload"]["env"].as_object().unwrap();
        let (_, revision) = env
            .iter()
            .find(|(key, _)| key.ends_with("_HEAD_REV"))
            .unwrap();
        let templates: Vec<_> = Verifier::new(&chain)
            .requests(Profile::Strict)
            .into_iter()
            .filter(|request| {
                matches!(request, Request::Template { revision: asked, .. } if Some(asked.as_str()) == revision.as_str())
            })
            .collect();
        assert_eq!(templates.len(), 1, "{flow:?}");
        let report = strict(&chain);
        let rebuilt = report.links.iter().filter(|link| {
            let mut results = link.checks.iter();
            results.any(|result| result.id == "rebuild-mismatch" && result.outcome == Outcome::Pass)
        });
        assert!(rebuilt.count() >= 2, "{flow:?}");
    }
}

/// Project and level of an hg repository come from projects.yml, the push from the pushlog; an action reads no pushlog
/// of its own (V61–V64, V91, V92, V107).
#[test]
fn hg_facts_come_from_the_host_v61_v62_v63_v64_v91_v92_v107() {
    for (flow, pushlogs) in [
        (Flow::FirefoxPush, 2),
        (Flow::FirefoxCron, 2),
        (Flow::FirefoxAction, 2),
    ] {
        let chain = built(flow);
        let requests = Verifier::new(&chain).requests(Profile::Strict);
        let of = |is: fn(&Request) -> bool| requests.iter().filter(|request| is(request)).count();
        // one for the decision, one for the decision of the image
        assert_eq!(
            of(|request| matches!(request, Request::Pushlog { .. })),
            pushlogs,
            "{flow:?}"
        );
        assert_eq!(
            of(|request| matches!(request, Request::Projects)),
            1,
            "{flow:?}"
        );
    }
    for (line, entry) in [
        (
            "access: scm_level_3, trust_domain: gecko}\nmozilla-beta",
            "access: scm_level_1, trust_domain: gecko}\nmozilla-beta",
        ),
        (
            "mozilla-beta: {repo: 'https://hg.mozilla.org/releases/mozilla-beta', repo_type: hg, access: scm_level_3",
            "mozilla-beta: {repo: 'https://hg.mozilla.org/releases/mozilla-beta', repo_type: hg, access: scm_level_2",
        ),
        ("mozilla-beta: {", "renamed: {"),
    ] {
        let mut chain = built(Flow::FirefoxPush);
        let text = String::from_utf8(chain.bytes(&Request::Projects).to_vec()).unwrap();
        let changed = text.replace(line, entry);
        assert_ne!(text, changed);
        chain.replace(&Request::Projects, changed.into_bytes());
        assert_eq!(
            ids(&strict(&chain)).first(),
            Some(&"rebuild-mismatch"),
            "{entry}"
        );
    }
}

/// A build from the git mirror counts as the tree that it mirrors (V82, S33); from anywhere else it does not.
#[test]
fn the_mirror_is_the_tree_v81_v82_s33() {
    let mut chain = built(Flow::FirefoxMirror);
    assert_trusted(&chain);
    let report = strict(&chain);
    let trees: BTreeSet<_> = report
        .links
        .iter()
        .filter_map(|link| link.tree.clone())
        .collect();
    assert!(
        trees.contains("/mozilla-firefox/firefox") && trees.len() > 1,
        "{trees:?}"
    );
    chain.edit_task("build-0", |task| {
        let other = "https://hg.mozilla.org/mozilla-central";
        let env = task["payload"]["env"].as_object_mut().unwrap();
        env.insert("GECKO_HEAD_REPOSITORY".into(), other.into());
        task["metadata"]["source"] = format!("{other}/file/abc/taskcluster").into();
    });
    assert!(ids(&strict(&chain)).contains(&"sibling-tree"));
}

/// A chain whose root has no restricted scope may come from anywhere, and nobody asks whether it landed (V86, S26).
#[test]
fn a_root_without_restricted_scopes_may_come_from_anywhere_v86_s26() {
    let chain = built(Flow::XpiPullRequest);
    assert_trusted(&chain);
    let asks = |request: &Request| {
        matches!(
            request,
            Request::Landed { .. } | Request::BranchCommits { .. }
        )
    };
    assert!(
        !Verifier::new(&chain)
            .requests(Profile::Strict)
            .iter()
            .any(asks)
    );
    assert!(strict(&chain).links.iter().any(|link| link.tree.is_none()));
}

/// Signs of try (V88, S25), in the words of the appendix: the first component decides, wherever `try` stands in it.
#[test]
fn try_is_told_by_the_first_component_v87_v88_s25() {
    let judged = |path: &str| {
        let mut chain = built(Flow::FirefoxPush);
        let url = format!("https://hg.mozilla.org{path}");
        chain.edit_task("build-0", |task| {
            task["payload"]["env"]["GECKO_HEAD_REPOSITORY"] = url.as_str().into();
            task["metadata"]["source"] = format!("{url}/file/abc/taskcluster").into();
        });
        ids(&strict(&chain)).contains(&"try-or-pull-request")
    };
    for path in ["/try", "/country/x", "/try-comm-central"] {
        assert!(judged(path), "{path}");
    }
    for path in ["/projects/try", "/mozilla-central"] {
        assert!(!judged(path), "{path}");
    }
}

/// Several defects: all are told, in one order, whatever came first (V99, S53, P6); undetermined ones come last.
#[test]
fn all_findings_are_told_in_one_order_v99_s53_p6() {
    let mut chain = built(Flow::FirefoxPush);
    chain.edit_json(&chain.definition("build-0"), |task| {
        task["payload"]["maxRunTime"] = 1.into()
    });
    chain.edit_cot("build-1", |cot| cot["chainOfTrustVersion"] = 2.into());
    chain.sign_with("image-0", "nobody");
    let signature = chain.cot("decision");
    chain.documents.remove(&signature);
    let report = strict(&chain);
    assert_eq!(report.verdict, Verdict::Rejected);
    let found: BTreeSet<_> = ids(&report).into_iter().collect();
    for id in ["cot-missing", "cot-signature", "cot-version"] {
        assert!(found.contains(id), "{id} in {found:?}");
    }
    // a rejection beats what is missing, and both are told
    chain
        .failures
        .insert(Request::Projects, ErrorKind::Unavailable);
    let report = strict(&chain);
    assert_eq!(report.verdict, Verdict::Rejected);
    let verdicts = report.findings.iter().map(|finding| finding.verdict);
    assert!(verdicts.is_sorted_by_key(|verdict| verdict != Verdict::Rejected));
    let open = report
        .findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Undetermined);
    assert!(open.count() > 0);
}

/// Every finding says what was expected, what was found, who says so, where to look and what to do (P26).
#[test]
fn findings_are_complete_p26() {
    let mut chain = built(Flow::XpiPush);
    let artifact = chain.artifact("build-0", "public/build/target-0.zip");
    chain.replace(&artifact, b"another".to_vec());
    let report = strict(&chain);
    let [finding] = report.findings.as_slice() else {
        panic!("{:#?}", report.findings);
    };
    assert_eq!(
        (finding.id, finding.verdict),
        ("artifact-digest", Verdict::Rejected)
    );
    let build = chain.task("build-0").id;
    assert_eq!(finding.task, Some(build));
    assert_eq!(finding.roles, ["signing:build"]);
    assert!(finding.rules.contains(&"V43"));
    assert!(finding.expected.contains("sha256:") || finding.expected.contains("sha256"));
    assert!(finding.asserters.contains(&Asserter::SignedCot(build)));
    let place = finding.evidence.as_ref().unwrap();
    assert!(place.request.contains("public/build/target-0.zip"));
    assert!(!finding.help.is_empty() && report.headline.starts_with("artifact-digest: "));
}

/// Of several tasks of a template any may match, and its own `taskId` does not count (V69a, S41).
#[test]
fn any_task_of_the_template_may_match_v69a_s41() {
    let mut chain = built(Flow::FirefoxPush);
    let decision = chain.json(&chain.definition("decision"));
    let revision = decision["payload"]["env"]["GECKO_HEAD_REV"]
        .as_str()
        .unwrap()
        .to_owned();
    let template = chain
        .documents
        .keys()
        .find(|request| matches!(request, Request::Template { revision: at, .. } if at.as_str() == revision))
        .unwrap()
        .clone();
    let text = String::from_utf8(chain.bytes(&template).to_vec()).unwrap();
    let other = "  in:\n    - {taskId: something-else, payload: {}, metadata: {name: other}}\n";
    let several = text.replacen("  in:\n", other, 1);
    assert_ne!(several, text);
    chain.replace(&template, several.into_bytes());
    assert_trusted(&chain);
    let none = text.replacen("- $if: 'tasks_for in", "- $if: 'tasks_for not in", 1);
    let none = none.replace(
        "not in [\"action\", \"cron\", \"hg-push\"]",
        "in [\"cron\"]",
    );
    assert_ne!(none, text);
    chain.replace(&template, none.into_bytes());
    assert_eq!(ids(&strict(&chain)), ["rebuild-mismatch"]);
}

/// What only the task itself says is listed (S36): a decision's branch, and whoever pushed.
#[test]
fn self_asserted_facts_are_listed_s36() {
    let chain = built(Flow::XpiPush);
    let report = strict(&chain);
    assert_eq!(report.verdict, Verdict::Trusted);
    let decision = chain.task("decision").id;
    let names: BTreeSet<_> = report
        .self_asserted
        .iter()
        .filter(|fact| fact.task == decision)
        .map(|fact| fact.name.as_str())
        .collect();
    for name in [
        "event.ref",
        "event.before",
        "event.pusher.email",
        "event.repository.pushed_at",
    ] {
        assert!(names.contains(name), "{name} in {names:?}");
    }
    assert!(
        !names.contains("event.sender.login"),
        "GitHub says who pushed"
    );
}

/// An image from a registry is allowed where the product says `any` (V76, S49), and for decisions.
#[test]
fn prebuilt_images_follow_the_policy_v76_s49() {
    let chain = built(Flow::XpiPush);
    let image = |name: &str| chain.json(&chain.definition(name))["payload"]["image"].clone();
    assert!(image("decision").is_string());
    assert_trusted(&chain);
    let mut firefox = built(Flow::FirefoxPush);
    firefox.edit_task("build-0", |task| {
        task["payload"]["image"] = Value::from("examplehub/builder:3");
        task["extra"]["chainOfTrust"] = json!({});
        task["dependencies"] = json!([]);
    });
    assert_eq!(ids(&strict(&firefox)).first(), Some(&"image-prebuilt"));
}

/// A path that is refused is a trust failure of the task like any other, and nothing of the worker's (S35).
#[test]
fn a_refused_path_fails_the_task_only_s35() {
    let mut chain = built(Flow::FirefoxPush);
    chain.edit_task("root", |task| {
        task["payload"]["upstreamArtifacts"][0]["paths"] = json!(["public/../../../blah"]);
    });
    let report = strict(&chain);
    assert!(ids(&report).contains(&"upstream-screen"));
    assert_eq!(TaskStatus::from(report.verdict).code(), 3);
}

/// The classes that are tolerated though the reference refuses them (P3); queue defaults have tests of their own.
#[test]
fn what_is_tolerated_p3() {
    let mut chain = built(Flow::XpiPush);
    chain.edit_definition("decision", |task| task["priority"] = "high".into());
    let repository = |request: &&Request| matches!(request, Request::Repository { .. });
    let request = chain.documents.keys().find(repository).unwrap().clone();
    chain.edit_json(&request, |answer| {
        let answer = answer.as_object_mut().unwrap();
        answer.remove("visibility");
        answer.insert("archived".into(), "perhaps".into());
    });
    assert_trusted(&chain);
}
