// SPDX-License-Identifier: MPL-2.0
//! What a definition asks its worker for: an interactive session, a chain-of-trust document.

use catena_core::policy::Profile;
use catena_core::report::{Report, Verdict};
use catena_core::request::Request;
use catena_testkit::{Chain, ChainSpec, Flow};
use serde_json::{Value, json};

use crate::verifier::Verifier;

const PROFILES: [Profile; 2] = [Profile::Compat, Profile::Strict];
const DOCKER: &str = "build-0";
const NATIVE: &str = "build-1";

fn push() -> Chain {
    ChainSpec::new(3, Flow::FirefoxPush).build()
}

fn ids(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.id).collect()
}

fn pointers(report: &Report) -> Vec<&str> {
    let findings = report.findings.iter();
    findings
        .filter_map(|finding| Some(finding.evidence.as_ref()?.pointer.as_str()))
        .collect()
}

/// Sets a member of a task everywhere.
fn with(name: &str, pointer: &str, value: &Value) -> Chain {
    let mut chain = push();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    chain.edit_task(name, |task| {
        task.pointer_mut(parent).unwrap()[key] = value.clone()
    });
    chain
}

#[test]
fn every_interactive_marker_is_refused_r06() {
    let (features, env, rdp) = (
        "/payload/features/interactive",
        "/payload/env/TASKCLUSTER_INTERACTIVE",
        "/payload/rdpInfo",
    );
    for (name, pointer, value, id) in [
        (NATIVE, features, json!(true), "interactive"),
        (NATIVE, features, json!("1"), "interactive"),
        (NATIVE, features, json!("false"), "interactive"),
        (NATIVE, features, json!(1), "interactive"),
        (NATIVE, features, json!(0.5), "interactive"),
        (NATIVE, features, json!([0]), "interactive"),
        (NATIVE, features, json!({"enabled": false}), "interactive"),
        (DOCKER, features, json!(true), "interactive"),
        (DOCKER, env, json!("true"), "interactive"),
        (NATIVE, env, json!("true"), "interactive-marker"),
        (NATIVE, rdp, json!("login.json"), "interactive"),
        (DOCKER, rdp, json!("login.json"), "interactive-marker"),
        ("signing-0", rdp, json!({"a": 1}), "interactive-marker"),
    ] {
        let chain = with(name, pointer, &value);
        for profile in PROFILES {
            let report = Verifier::new(&chain).verify(profile);
            assert_eq!(ids(&report), [id], "{name} {pointer} {value}");
            assert_eq!(pointers(&report), [pointer], "{name} {value}");
        }
    }
    for falsy in [
        json!(false),
        json!(0),
        json!(""),
        json!([]),
        json!({}),
        json!(null),
    ] {
        let report = Verifier::new(&with(NATIVE, features, &falsy)).verify(Profile::Strict);
        assert_eq!(
            report.verdict,
            Verdict::Trusted,
            "{falsy} {:?}",
            ids(&report)
        );
    }
}

#[test]
fn scopes_for_remote_desktops_are_refused_on_every_worker_r06() {
    for (name, id) in [
        (NATIVE, "interactive"),
        (DOCKER, "interactive-marker"),
        ("signing-0", "interactive-marker"),
    ] {
        let mut chain = push();
        chain.edit_task(name, |task| {
            let scopes = task["scopes"].as_array_mut().unwrap();
            scopes.insert(1, "generic-worker:allow-rdp:gecko-3/b-win2022".into());
        });
        let report = Verifier::new(&chain).verify(Profile::Strict);
        assert_eq!(ids(&report), [id], "{name}");
        assert_eq!(pointers(&report), ["/scopes/1"], "{name}");
    }
}

#[test]
fn features_are_denied_by_configuration_r06() {
    let chain = with(DOCKER, "/payload/features/dind", &json!("yes"));
    let report = Verifier::new(&chain).verify(Profile::Strict);
    assert_eq!(report.verdict, Verdict::Trusted, "{:?}", ids(&report));
    let denied = Verifier::with(&chain, "x_cot: {denied_features: [dind, interactive]}\n");
    let report = denied.verify(Profile::Compat);
    assert_eq!(ids(&report), ["interactive-marker"]);
    assert_eq!(pointers(&report), ["/payload/features/dind"]);
    assert!(report.findings[0].found.contains("x_cot.denied_features"));
    // the images of the chain state the flag, switched off
    let off = Verifier::with(&push(), "x_cot: {denied_features: [dind]}\n").verify(Profile::Strict);
    assert_eq!(off.verdict, Verdict::Trusted, "{:?}", ids(&off));
}

/// Takes the chain-of-trust document of a task away, or only its signature.
fn without_cot(chain: &mut Chain, name: &str, body: bool) {
    let (task, run) = (chain.task(name).id, chain.task(name).run);
    chain
        .documents
        .remove(&Request::CotSignature { task, run })
        .unwrap();
    if body {
        chain
            .documents
            .remove(&Request::CotBody { task, run })
            .unwrap();
    }
}

#[test]
fn a_link_that_did_not_ask_for_the_document_is_told_so_r08() {
    let flag = "/payload/features/chainOfTrust";
    for name in [DOCKER, NATIVE, "decision"] {
        for value in [json!(false), json!(null), json!("")] {
            let mut chain = with_flag(name, flag, &value);
            without_cot(&mut chain, name, true);
            for profile in PROFILES {
                let report = Verifier::new(&chain).verify(profile);
                let first = &report.findings[0];
                assert_eq!(report.verdict, Verdict::Rejected);
                assert_eq!(
                    (first.id, first.task),
                    ("cot-feature", Some(chain.task(name).id))
                );
                assert_eq!(pointers(&report)[0], flag, "{name}");
                assert!(report.headline.contains("payload.features.chainOfTrust"));
            }
        }
    }
}

/// Decisions are in no graph.
fn with_flag(name: &str, pointer: &str, value: &Value) -> Chain {
    if name != "decision" {
        return with(name, pointer, value);
    }
    let mut chain = push();
    chain.edit_definition(name, |task| {
        *task.pointer_mut(pointer).unwrap() = value.clone()
    });
    chain
}

#[test]
fn a_document_that_is_missing_for_another_reason_stays_cot_missing_v30() {
    let flag = "/payload/features/chainOfTrust";
    let mut asked = push();
    without_cot(&mut asked, NATIVE, true);
    let mut scriptworker = push();
    without_cot(&mut scriptworker, "signing-0", true);
    let mut unsigned = with(NATIVE, flag, &json!(false));
    without_cot(&mut unsigned, NATIVE, false);
    for chain in [asked, scriptworker, unsigned] {
        let report = Verifier::new(&chain).verify(Profile::Strict);
        assert_eq!(report.verdict, Verdict::Rejected);
        assert!(
            ids(&report).iter().all(|id| *id == "cot-missing"),
            "{:?}",
            ids(&report)
        );
    }
}
