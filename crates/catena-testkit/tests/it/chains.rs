// SPDX-License-Identifier: MPL-2.0
//! The chains are what they claim to be, judged without the verifier.

use std::collections::BTreeSet;

use catena_core::model::ids::ArtifactName;
use catena_core::request::Request;
use catena_crypto::digest::{Algorithm, Digest};
use catena_crypto::ed25519::{PublicKey, Signature};
use catena_testkit::{Chain, ChainSpec, DecisionWorker, Flow, Producer, RootRun};
use serde_json::Value;

fn chains() -> impl Iterator<Item = (Flow, Chain)> {
    ChainSpec::all(1)
        .into_iter()
        .map(|spec| (spec.flow, spec.build()))
}

/// Chain-of-trust documents with the task that they are of.
fn bodies(chain: &Chain) -> impl Iterator<Item = (&str, Value)> {
    let exists = |name: &&String| chain.documents.contains_key(&chain.cot(name));
    chain
        .tasks
        .keys()
        .filter(exists)
        .map(|name| (name.as_str(), chain.json(&chain.cot(name))))
}

#[test]
fn same_seed_same_bytes() {
    for (spec, (_, chain)) in ChainSpec::all(1).into_iter().zip(chains()) {
        assert_eq!(spec.build().documents, chain.documents);
        let other = ChainSpec {
            seed: 2,
            ..spec.clone()
        }
        .build();
        assert_ne!(other.documents, chain.documents);
        assert_ne!(other.keys.public(), chain.keys.public());
    }
}

#[test]
fn every_signature_verifies_with_a_listed_key_v33() {
    for (flow, chain) in chains() {
        let keys = chain.keys.public();
        for (name, _) in bodies(&chain) {
            let task = chain.task(name);
            let request = Request::CotSignature {
                task: task.id,
                run: task.run,
            };
            let signature = Signature::try_from(chain.bytes(&request)).unwrap();
            let body = chain.bytes(&chain.cot(name));
            let verifies = |key: &String| {
                PublicKey::from_base64(key)
                    .unwrap()
                    .verify(body, &signature)
                    .is_ok()
            };
            assert!(
                keys[task.producer.implementation()].iter().any(verifies),
                "{flow:?} {name}"
            );
        }
    }
}

#[test]
fn every_artifact_has_its_signed_digest_v43() {
    for (flow, chain) in chains() {
        let mut seen = 0;
        for (request, bytes) in &chain.documents {
            let Request::Artifact { task, run, name } = request else {
                continue;
            };
            let cot = chain.json(&Request::CotBody {
                task: *task,
                run: *run,
            });
            let digest = Digest::of(Algorithm::Sha256, bytes).hex();
            assert_eq!(
                cot["artifacts"][name.as_str()]["sha256"],
                digest.as_str(),
                "{flow:?} {name}"
            );
            seen += 1;
            if name.as_str() == ArtifactName::TASK_GRAPH {
                assert_eq!(
                    chain.bytes(&Request::TaskGraph {
                        task: *task,
                        run: *run
                    }),
                    bytes
                );
            }
        }
        assert!(seen >= 4, "{flow:?}");
    }
}

#[test]
fn every_record_equals_the_queue_p13() {
    for (flow, chain) in chains() {
        for (name, cot) in bodies(&chain) {
            let definition = chain.json(&chain.definition(name));
            assert_eq!(cot["task"], definition, "{flow:?} {name}");
            assert_eq!(definition.as_object().unwrap().len(), 19, "{flow:?} {name}");
            assert_eq!(cot["taskId"], chain.task(name).id.as_str());
            let status = chain.json(&Request::Status {
                task: chain.task(name).id,
            });
            let runs = status["status"]["runs"].as_array().unwrap();
            assert_eq!(cot["runId"], runs.last().unwrap()["runId"]);
            assert_eq!(
                chain.task(name).run.0,
                u32::try_from(runs.len()).unwrap() - 1
            );
        }
    }
}

#[test]
fn task_images_are_the_images_v76() {
    let mut seen = 0;
    for (flow, chain) in chains() {
        for (name, cot) in bodies(&chain) {
            let image = &cot["task"]["payload"]["image"];
            let Some(id) = image["taskId"].as_str() else {
                continue;
            };
            let builder = chain
                .tasks
                .values()
                .find(|task| task.id.as_str() == id)
                .unwrap();
            let built = chain.json(&Request::CotBody {
                task: builder.id,
                run: builder.run,
            });
            let digest = built["artifacts"][image["path"].as_str().unwrap()]["sha256"]
                .as_str()
                .unwrap();
            assert_eq!(
                cot["environment"]["imageArtifactHash"],
                format!("sha256:{digest}"),
                "{flow:?} {name}"
            );
            assert_eq!(
                cot["task"]["extra"]["chainOfTrust"]["inputs"]["docker-image"],
                id
            );
            seen += 1;
        }
    }
    assert!(seen >= 5);
}

#[test]
fn the_flows_together_have_every_part() {
    let mut producers = BTreeSet::new();
    let (mut reruns, mut running, mut absent, mut lists) = (0, 0, 0, 0);
    for (_, chain) in chains() {
        producers.extend(chain.tasks.values().map(|task| task.producer));
        reruns += chain.tasks.values().filter(|task| task.run.0 == 1).count();
        running += usize::from(!chain.documents.contains_key(&chain.cot("root")));
        absent += chain.absent.len();
        lists += chain
            .documents
            .keys()
            .filter(|request| matches!(request, Request::ArtifactList { .. }))
            .count();
    }
    assert_eq!(producers.len(), 4);
    assert!(reruns >= 2 && running >= 2 && absent >= 2 && lists >= 2);
}

#[test]
fn edits_are_consistent() {
    let mut chain = ChainSpec::new(3, Flow::FirefoxPush).build();
    let before = chain.clone();
    chain.edit_task("build-0", |task| task["payload"]["maxRunTime"] = 1.into());
    let changed: BTreeSet<_> = before
        .documents
        .iter()
        .filter(|(request, bytes)| chain.documents[*request] != **bytes)
        .map(|(request, _)| request.clone())
        .collect();
    let (build, decision) = (
        chain.task("build-0").clone(),
        chain.task("decision").clone(),
    );
    let signature = |task: &catena_testkit::ChainTask| Request::CotSignature {
        task: task.id,
        run: task.run,
    };
    let expected = BTreeSet::from([
        chain.definition("build-0"),
        chain.cot("build-0"),
        signature(&build),
        Request::TaskGraph {
            task: decision.id,
            run: decision.run,
        },
        chain.artifact("decision", ArtifactName::TASK_GRAPH),
        chain.cot("decision"),
        signature(&decision),
    ]);
    assert_eq!(changed, expected);
    chain.sign_with("build-0", "nobody");
    assert_ne!(
        chain.bytes(&signature(&build)),
        before.bytes(&signature(&build))
    );
}

#[test]
fn specs_can_be_changed() {
    let spec = ChainSpec {
        builds: 6,
        artifacts: 2,
        images: 2,
        graph_filler: 40,
        root_run: RootRun::Running,
        decision_worker: DecisionWorker::D2g,
        ..ChainSpec::new(1, Flow::FirefoxPromotion)
    };
    let chain = spec.build();
    assert_eq!(chain.task("decision").producer, Producer::D2g);
    let graph = |name| {
        chain
            .json(&chain.artifact(name, ArtifactName::TASK_GRAPH))
            .as_object()
            .unwrap()
            .len()
    };
    // builds 0, 2 and 4; builds 1, 3 and 5 and the root
    assert_eq!((graph("decision"), graph("action")), (43, 44));
    let yaml = chain.scriptworker_yaml();
    assert!(
        yaml.contains("cot_product: firefox")
            && yaml.contains(&chain.keys.public()["scriptworker"][1])
    );
}
