// SPDX-License-Identifier: MPL-2.0
//! What a generic-worker task can merge into its own signed document is never believed (generation.md 3.4).

use catena_core::policy::Profile;
use catena_core::report::{Report, Verdict};
use catena_crypto::digest::{Algorithm, Digest};
use catena_testkit::{Chain, ChainSpec, Flow};
use serde_json::{Value, json};

use crate::verifier::Verifier;

/// The second build of a push runs on generic-worker with a payload of its own.
const NATIVE: &str = "build-1";
const ARTIFACT: &str = "public/build/target-0.zip";

fn push() -> Chain {
    ChainSpec::new(3, Flow::FirefoxPush).build()
}

fn verify(chain: &Chain) -> Report {
    Verifier::new(chain).verify(Profile::Compat)
}

fn ids(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.id).collect()
}

fn with_entry(name: &str, artifact: &str, entry: impl Fn(&[u8]) -> Value) -> Report {
    let mut chain = push();
    let entry = entry(chain.bytes(&chain.artifact(name, artifact)));
    chain.edit_cot(name, |cot| cot["artifacts"][artifact] = entry);
    verify(&chain)
}

fn hex(algorithm: Algorithm, bytes: &[u8]) -> String {
    Digest::of(algorithm, bytes).hex()
}

#[test]
fn an_entry_without_the_workers_own_digest_is_hollow_s9() {
    let sha512 = |bytes: &[u8]| json!({"sha512": hex(Algorithm::Sha512, bytes)});
    for name in [NATIVE, "build-0"] {
        let report = with_entry(name, ARTIFACT, sha512);
        assert_eq!(report.verdict, Verdict::Rejected, "{name}");
        assert_eq!(ids(&report), ["hollow-digest"], "{name}");
        assert!(report.findings[0].found.contains("no sha256"));
    }
    // a scriptworker's algorithm is configured
    let report = with_entry("signing-0", "public/build/target.signed", sha512);
    assert_eq!(report.verdict, Verdict::Trusted, "{:?}", ids(&report));
}

#[test]
fn an_added_digest_must_be_known_and_match_p14() {
    let both = |bytes: &[u8], other: &[u8]| json!({"sha256": hex(Algorithm::Sha256, bytes), "sha512": hex(Algorithm::Sha512, other)});
    let report = with_entry(NATIVE, ARTIFACT, |bytes| both(bytes, bytes));
    assert_eq!(report.verdict, Verdict::Trusted, "{:?}", ids(&report));
    let report = with_entry(NATIVE, ARTIFACT, |bytes| both(bytes, b"other"));
    assert_eq!(ids(&report), ["artifact-digest"]);
    let report = with_entry(
        NATIVE,
        ARTIFACT,
        |bytes| json!({"sha256": hex(Algorithm::Sha256, bytes), "md5": "0".repeat(32)}),
    );
    assert_eq!(ids(&report), ["artifact-digest"]);
}

#[test]
fn image_hashes_of_a_native_task_are_not_read_v76() {
    let mut chain = push();
    chain.edit_cot(NATIVE, |cot| {
        cot["environment"]["imageHash"] = json!({"sha256": 7});
        cot["environment"]["imageArtifactHash"] = "md5".into();
    });
    let report = verify(&chain);
    assert_eq!(report.verdict, Verdict::Trusted, "{:?}", ids(&report));
    let mut chain = push();
    chain.edit_cot("build-0", |cot| {
        cot["environment"]["imageArtifactHash"] = "md5".into()
    });
    assert_eq!(ids(&verify(&chain)), ["image-link"]);
}

#[test]
fn top_level_members_that_no_worker_sets_decide_nothing_p32() {
    let claims = json!({
        "attestations": [{"artifact": "public/cot-attestation.json", "sha256": "0".repeat(64), "subjectTaskId": "x", "subjectRunId": 0}],
        "is_commit_trusted": true,
        "attestation": {"claims": {"definition_rebuilt": true, "commit_in_official_repo": true}},
        "verdict": "trusted",
        "verified": true,
        "relax": {"recorded_task": "we ask for it"},
    });
    let inject = |chain: &mut Chain, claims: &Value| {
        for name in ["decision", "build-0", NATIVE, "signing-0"] {
            chain.edit_cot(name, |cot| {
                for (key, value) in claims.as_object().unwrap() {
                    cot[key] = value.clone();
                }
            });
        }
    };
    let mut chain = push();
    inject(&mut chain, &claims);
    assert_eq!(verify(&chain).verdict, Verdict::Trusted);
    // neither does a denial, nor the claims for a chain that is not to be trusted
    let mut chain = push();
    inject(
        &mut chain,
        &json!({"is_commit_trusted": false, "attestations": null}),
    );
    assert_eq!(verify(&chain).verdict, Verdict::Trusted);
    let mut chain = push();
    chain.edit_definition("decision", |task| {
        task["payload"]["env"]["EVIL"] = "1".into()
    });
    let before = verify(&chain);
    inject(&mut chain, &claims);
    let after = verify(&chain);
    assert_eq!(ids(&before), ["rebuild-mismatch"]);
    assert_eq!(ids(&after), ids(&before));
}

#[test]
fn members_merged_into_the_recorded_task_are_refused_r04() {
    type Edit = fn(&mut Value);
    let cases: [(&str, Edit); 5] = [
        ("/payload/merged", |task| {
            task["payload"]["merged"] = 1.into()
        }),
        ("/payload/env/MERGED", |task| {
            task["payload"]["env"]["MERGED"] = "1".into()
        }),
        ("/extra/merged", |task| {
            task["extra"]["merged"] = json!({"a": null})
        }),
        ("/tags/merged", |task| task["tags"]["merged"] = "x".into()),
        ("/merged", |task| task["merged"] = json!([])),
    ];
    for (pointer, edit) in cases {
        let mut chain = push();
        chain.edit_cot(NATIVE, |cot| edit(&mut cot["task"]));
        let report = Verifier::new(&chain).verify(Profile::Strict);
        assert_eq!(ids(&report), ["recorded-task"], "{pointer}");
        assert!(
            report.findings[0].expected.starts_with(pointer),
            "{:?}",
            report.findings
        );
    }
}
