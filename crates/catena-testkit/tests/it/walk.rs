// SPDX-License-Identifier: MPL-2.0
//! Valid chains are trusted, in every order of supply.

use catena_core::policy::Profile;
use catena_core::report::{Asserter, Report, Verdict};
use catena_core::request::Request;
use catena_core::walk::Walk;
use catena_testkit::{ChainSpec, DecisionWorker, Flow, Presence, Random, RootRun};

use crate::verifier::Verifier;

const PROFILES: [Profile; 2] = [Profile::Compat, Profile::Strict];

fn text(report: &Report) -> String {
    serde_json::to_string_pretty(report).unwrap()
}

#[test]
fn every_flow_is_trusted_in_both_profiles() {
    for spec in ChainSpec::all(1) {
        let verifier = Verifier::new(&spec.build());
        for profile in PROFILES {
            let report = verifier.verify(profile);
            assert_eq!(
                report.verdict,
                Verdict::Trusted,
                "{:?} {profile:?}\n{:#?}",
                spec.flow,
                report.findings
            );
        }
    }
}

#[test]
fn variants_are_trusted() {
    let base = ChainSpec::new(5, Flow::FirefoxPromotion);
    let variants = [
        ChainSpec {
            root_run: RootRun::Completed,
            builds: 5,
            artifacts: 3,
            ..base.clone()
        },
        ChainSpec {
            decision_worker: DecisionWorker::D2g,
            images: 2,
            builds: 7,
            ..base.clone()
        },
        ChainSpec {
            optional: Presence::Present,
            rerun: Presence::Present,
            graph_filler: 0,
            ..base
        },
        ChainSpec {
            upstream_signing: Presence::Present,
            artifact_size: 0,
            ..ChainSpec::new(6, Flow::AdhocPromotion)
        },
        ChainSpec {
            root_run: RootRun::Running,
            images: 1,
            ..ChainSpec::new(7, Flow::XpiPullRequest)
        },
    ];
    for spec in variants {
        let report = Verifier::new(&spec.build()).verify(Profile::Strict);
        assert_eq!(
            report.verdict,
            Verdict::Trusted,
            "{spec:?}\n{:#?}",
            report.findings
        );
    }
}

#[test]
fn the_order_of_supply_does_not_matter() {
    let mut random = Random::new(11);
    for spec in ChainSpec::all(1) {
        let chain = spec.build();
        let mut broken = chain.clone();
        broken.edit_json(&chain.definition("build-0"), |task| {
            task["payload"]["maxRunTime"] = 1.into()
        });
        let decision = broken.cot("decision");
        broken.documents.remove(&decision);
        for chain in [chain, broken] {
            let verifier = Verifier::new(&chain);
            let expected = text(&verifier.verify(Profile::Strict));
            for _ in 0..6 {
                assert_eq!(
                    text(&verifier.verify_shuffled(Profile::Strict, &mut random)),
                    expected
                );
            }
        }
    }
}

#[test]
fn every_missing_document_is_missed() {
    for spec in ChainSpec::all(1) {
        let chain = spec.build();
        let mut verifier = Verifier::new(&chain);
        for request in verifier.requests(Profile::Strict) {
            let Some(bytes) = verifier.source.remove(&request) else {
                assert!(chain.absent.contains(&request), "{:?} {request}", spec.flow);
                continue;
            };
            let report = verifier.verify(Profile::Strict);
            assert_ne!(
                report.verdict,
                Verdict::Trusted,
                "{:?} {request}",
                spec.flow
            );
            verifier.source.insert(request, bytes);
        }
    }
}

#[test]
fn a_status_of_the_root_that_cannot_be_read_leaves_it_open_p7_p12() {
    let mut chain = ChainSpec::new(1, Flow::FirefoxPush).build();
    let status = Request::Status { task: chain.root };
    let states = [
        &b"{"[..],
        br#"{"status": {"runs": [{"runId": 0, "state": "complEted"}]}}"#,
    ];
    for answer in states {
        chain.replace(&status, answer.to_vec());
        let report = Verifier::new(&chain).verify(Profile::Strict);
        assert_eq!(
            report.verdict,
            Verdict::Undetermined,
            "{:#?}",
            report.findings
        );
    }
}

#[test]
fn what_was_proven_is_named_for_the_work_directory_v30() {
    let chain = ChainSpec::new(1, Flow::FirefoxPush).build();
    let verifier = Verifier::new(&chain);
    let mut walk = Walk::new(verifier.inputs(Profile::Strict));
    loop {
        let named = walk.needs();
        if named.is_empty() {
            break;
        }
        for request in named {
            let answer = verifier.source.answer(&request);
            walk.supply(request, answer);
        }
    }
    let outcome = walk.finish();
    for link in outcome
        .report
        .links
        .iter()
        .filter(|link| link.run.is_some())
    {
        let of = |is: fn(&Request) -> bool| {
            let mut accepted = outcome.accepted.iter();
            accepted.any(|(task, _, request)| *task == link.task && is(request))
        };
        assert!(
            of(|request| matches!(request, Request::CotBody { .. })),
            "{link:?}"
        );
        assert!(
            of(|request| matches!(request, Request::CotSignature { .. })),
            "{link:?}"
        );
    }
    let build = chain.task("build-0").id;
    assert!(outcome.accepted.iter().any(|(task, name, request)| {
        *task == build && matches!(request, Request::Artifact { name: asked, .. } if asked == name)
    }));
}

#[test]
fn every_document_is_listed_with_its_digest_p26() {
    let chain = ChainSpec::new(1, Flow::XpiPush).build();
    let verifier = Verifier::new(&chain);
    let report = verifier.verify(Profile::Strict);
    let asked = verifier.requests(Profile::Strict);
    assert_eq!(report.requests.len(), asked.len());
    for request in asked {
        let text = request.to_string();
        let mut records = report.requests.iter();
        let record = records.find(|record| record.request == text).unwrap();
        let received = chain.documents.contains_key(&request);
        assert_eq!(record.sha256.is_some(), received, "{text}");
    }
}

#[test]
fn a_status_that_is_none_is_the_queue_s_word_p26() {
    let mut chain = ChainSpec::new(1, Flow::XpiPush).build();
    let status = chain.status("build-0");
    chain.replace(&status, b"{".to_vec());
    let report = Verifier::new(&chain).verify(Profile::Strict);
    let finding = report.findings.iter().find(|finding| {
        let evidence = finding.evidence.as_ref();
        evidence.is_some_and(|evidence| evidence.request == status.to_string())
    });
    let finding = finding.unwrap();
    assert_eq!(finding.asserters, [Asserter::Queue], "{finding:#?}");
}
