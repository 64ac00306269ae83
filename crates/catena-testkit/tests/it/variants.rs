// SPDX-License-Identifier: MPL-2.0
//! What looks odd and is valid: the rows of the decision table that are accepted, and the mixes of products, images and
//! workers that the flows leave out. All are trusted in both profiles.

use catena_core::model::task_type::TaskType;
use catena_core::policy::Profile;
use catena_core::report::Verdict;
use catena_testkit::{Chain, ChainSpec, DecisionWorker, Flow, Presence, RootRun};
use serde_json::{Value, json};

use crate::verifier::Verifier;

const PROFILES: [Profile; 2] = [Profile::Compat, Profile::Strict];

fn trusted(what: &str, chain: &Chain) {
    for profile in PROFILES {
        let report = Verifier::new(chain).verify(profile);
        assert_eq!(
            report.verdict,
            Verdict::Trusted,
            "{what} {profile:?}\n{:#?}",
            report.findings
        );
    }
}

fn push() -> Chain {
    ChainSpec::new(2, Flow::FirefoxPush).build()
}

fn upstream(chain: &mut Chain, entry: &Value) {
    chain.edit_task("root", |task| {
        task["payload"]["upstreamArtifacts"]
            .as_array_mut()
            .unwrap()
            .push(entry.clone());
    });
}

#[test]
fn odd_but_valid_dependencies_v55() {
    let mut chain = push();
    let decision = chain.task("decision").id;
    chain.edit_definition("root", |task| {
        task["dependencies"]
            .as_array_mut()
            .unwrap()
            .push(decision.as_str().into());
    });
    trusted("a dependency on the decision task", &chain);
    let mut chain = push();
    chain.edit_definition("root", |task| task["dependencies"] = json!([]));
    trusted("no dependencies", &chain);
}

#[test]
fn tasks_under_several_names_v19_s5() {
    let mut chain = push();
    let root = chain.root;
    chain.edit_task("root", |task| {
        task["extra"]["chainOfTrust"] = json!({"inputs": {"signing": root.as_str()}})
    });
    trusted("the root as its own input", &chain);
    let mut chain = push();
    let build = chain.task("build-1").id;
    chain.edit_task("root", |task| {
        task["extra"]["chainOfTrust"] = json!({"inputs": {"l10n": build.as_str()}})
    });
    trusted("a build as l10n as well", &chain);
    let mut chain = push();
    let decision = chain.task("decision").id;
    let path = "public/parameters.yml";
    upstream(
        &mut chain,
        &json!({"taskId": decision.as_str(), "taskType": "decision", "paths": [path], "formats": []}),
    );
    trusted("the decision as upstream", &chain);
}

#[test]
fn odd_but_valid_upstream_artifacts_v40_v41() {
    let mut chain = push();
    let build = chain.task("build-0").id;
    let private = chain.artifact("build-0", "private/build/map.zip");
    chain.replace_sealed("build-0", &private, b"a map".to_vec());
    upstream(
        &mut chain,
        &json!({"taskId": build.as_str(), "taskType": "build", "paths": ["private/build/map.zip"], "formats": []}),
    );
    trusted("a private artifact", &chain);
    let mut chain = push();
    chain.edit_task("root", |task| {
        task["payload"]["upstreamArtifacts"][1]["optional"] = true.into()
    });
    chain.remove(&chain.artifact("build-1", "public/build/target-0.zip"));
    trusted("an optional artifact that is gone", &chain);
    let mut chain = push();
    let target = chain.artifact("build-0", "public/build/target-0.zip");
    let sha512 = catena_crypto::digest::Digest::of(
        catena_crypto::digest::Algorithm::Sha512,
        chain.bytes(&target),
    )
    .hex();
    chain.edit_cot("build-0", |cot| {
        cot["artifacts"]["public/build/target-0.zip"]["sha512"] = sha512.as_str().into()
    });
    trusted("two right digests", &chain);
}

#[test]
fn a_decision_task_as_the_root_v20() {
    for (flow, name) in [
        (Flow::FirefoxPush, "decision"),
        (Flow::XpiCron, "decision"),
        (Flow::FirefoxPromotion, "action"),
    ] {
        let mut chain = ChainSpec::new(2, flow).build();
        chain.root = chain.task(name).id;
        chain.task_type = name;
        assert!(chain.task_type.parse::<TaskType>().is_ok());
        trusted(name, &chain);
    }
}

#[test]
fn images_that_no_task_of_the_chain_built_v76() {
    let images = [
        json!({"type": "indexed-image", "namespace": "xpi.cache.level-1.docker-images.v2", "path": "public/image.tar.zst"}),
        json!("examplehub/builder:3"),
        json!(null),
    ];
    for image in images {
        let mut chain = ChainSpec::new(2, Flow::XpiPullRequest).build();
        chain.edit_task("build-0", |task| task["payload"]["image"] = image.clone());
        trusted(&image.to_string(), &chain);
    }
}

#[test]
fn mixes_of_workers_v13() {
    for flow in [
        Flow::FirefoxPush,
        Flow::AdhocPromotion,
        Flow::ThunderbirdPush,
    ] {
        for decision_worker in [DecisionWorker::D2g, DecisionWorker::DockerWorker] {
            let spec = ChainSpec {
                decision_worker,
                images: 2,
                builds: 6,
                upstream_signing: Presence::Present,
                rerun: Presence::Present,
                ..ChainSpec::new(3, flow)
            };
            trusted(&format!("{spec:?}"), &spec.build());
        }
    }
}

#[test]
fn roots_that_have_run_and_that_run_p12() {
    for flow in Flow::ALL {
        for root_run in [RootRun::Completed, RootRun::Running] {
            let spec = ChainSpec {
                root_run,
                ..ChainSpec::new(4, flow)
            };
            trusted(&format!("{spec:?}"), &spec.build());
        }
    }
}

#[test]
fn a_release_with_an_annotated_tag_v94() {
    let spec = ChainSpec {
        annotated_tag: Presence::Present,
        ..ChainSpec::new(2, Flow::VpnRelease)
    };
    trusted("an annotated tag", &spec.build());
}

#[test]
fn the_second_repository_of_the_enterprise_product_is_in_use_v72() {
    let chain = ChainSpec::new(1, Flow::EnterpriseComm).build();
    for name in ["root", "decision", "build-0", "build-1"] {
        let task = chain.json(&chain.definition(name));
        let source = task["metadata"]["source"].as_str().unwrap();
        assert!(
            source.starts_with("https://github.com/thunderbird/thunderbird-desktop/"),
            "{name}: {source}"
        );
    }
    trusted("a second repository", &chain);
}

#[test]
fn what_the_reference_ignores_is_ignored_p3() {
    let mut chain = push();
    for name in ["root", "build-0", "decision"] {
        chain.edit_json(&chain.definition(name), |task| {
            task["priority"] = "highest".into()
        });
    }
    trusted("another priority", &chain);
    let mut chain = push();
    chain.edit_template("decision", "            retries: 5\n", "");
    trusted("a default that the template leaves to the queue", &chain);
    let mut chain = push();
    chain.edit_cot("build-1", |cot| {
        for key in ["expires", "projectId", "taskQueueId"] {
            cot["task"].as_object_mut().unwrap().remove(key);
        }
    });
    trusted("a record of an older worker", &chain);
}

#[test]
fn a_version_that_is_written_as_a_float_is_that_version_v36() {
    for (version, due) in [
        (json!(1.0), Verdict::Trusted),
        (json!(1.5), Verdict::Rejected),
    ] {
        let mut chain = push();
        chain.edit_cot("build-0", |cot| cot["chainOfTrustVersion"] = version);
        for profile in [Profile::Compat, Profile::Strict] {
            let report = Verifier::new(&chain).verify(profile);
            assert_eq!(report.verdict, due, "{:#?}", report.findings);
        }
    }
}

#[test]
fn a_recording_has_every_member_of_the_definition_r_04() {
    let chain = push();
    let members = chain.json(&chain.definition("build-0"));
    for member in members.as_object().unwrap().keys() {
        let mut chain = chain.clone();
        chain.edit_cot("build-0", |cot| {
            cot["task"].as_object_mut().unwrap().remove(member);
        });
        let report = Verifier::new(&chain).verify(Profile::Strict);
        // what the queue may change, and what old workers do not know, may be missing
        let due = match member.as_str() {
            "priority" | "expires" | "projectId" | "taskQueueId" => Verdict::Trusted,
            _ => Verdict::Rejected,
        };
        assert_eq!(report.verdict, due, "{member}: {:#?}", report.findings);
    }
}

#[test]
fn a_second_claim_of_no_known_type_counts_v12_s5() {
    let mut chain = push();
    let build = chain.task("build-1").id;
    chain.edit_task("root", |task| {
        task["extra"]["chainOfTrust"] = json!({"inputs": {"nonsense": build.as_str()}})
    });
    let report = Verifier::new(&chain).verify(Profile::Strict);
    assert_eq!(report.verdict, Verdict::Rejected, "{:#?}", report.findings);
}

#[test]
fn a_recorded_time_may_be_written_anew_r_04() {
    let mut chain = push();
    chain.edit_cot("build-0", |cot| {
        let created = cot["task"]["created"].as_str().unwrap();
        cot["task"]["created"] = created.replace('Z', "000+00:00").into();
    });
    trusted("a time with another precision and zone", &chain);
}

#[test]
fn an_optional_artifact_of_a_decision_may_be_absent_v42() {
    let mut chain = push();
    let decision = chain.task("decision").id;
    upstream(
        &mut chain,
        &json!({"taskId": decision.as_str(), "taskType": "decision", "paths": ["public/absent.json"], "formats": [], "optional": true}),
    );
    trusted("a decision without what it may lack", &chain);
}
