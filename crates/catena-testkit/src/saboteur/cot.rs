// SPDX-License-Identifier: MPL-2.0
//! Attacks on signatures, on signed documents and on runs (section D).

use catena_core::request::Request;
use serde_json::{Value, json};

use super::{Compat, Saboteur, drop_member, saboteur};
use crate::chain::{Chain, ChainTask};
use crate::spec::{Flow, RootRun};

#[rustfmt::skip] // a table: one attack, a few lines
pub(super) const ALL: &[Saboteur] = &[
    saboteur("cot-flipped", "cot-signature", &["V33", "V34"],
        "Somebody with access to the artifact storage changed one bit of a signed document.",
        Flow::FirefoxPush, |chain| chain.flip(&chain.cot("build-0"))),
    saboteur("cot-digest-replaced", "cot-signature", &["V33", "V34"],
        "An attacker replaced an artifact and its digest in the signed document, but cannot sign it again.",
        Flow::FirefoxPush, |chain| {
            let artifact = chain.artifact("build-0", "public/build/target-0.zip");
            chain.flip(&artifact);
            let signature = chain.bytes(&chain.signature("build-0")).to_vec();
            chain.reseal("build-0");
            chain.replace(&chain.signature("build-0"), signature);
        }),
    saboteur("cot-reformatted", "cot-signature", &["V33"],
        "A proxy wrote a signed document anew: the same values, other white space.",
        Flow::XpiPush, |chain| {
            let value = chain.json(&chain.cot("build-0"));
            chain.replace(&chain.cot("build-0"), value.to_string().into_bytes());
        }),
    saboteur("signature-flipped", "cot-signature", &["V33", "V34"],
        "One bit of a signature was changed in storage.",
        Flow::FirefoxPush, |chain| chain.flip(&chain.signature("signing-0"))),
    saboteur("signature-of-another-task", "cot-signature", &["V33"],
        "The signature of one task was served for another.",
        Flow::FirefoxPush, |chain| {
            let other = chain.bytes(&chain.signature("decision")).to_vec();
            chain.replace(&chain.signature("build-0"), other);
        }),
    saboteur("signature-of-zeros", "cot-signature", &["S20", "V34"],
        "A signature of 64 zero bytes was uploaded, which a lenient verifier takes for one by a weak key.",
        Flow::FirefoxPush, |chain| chain.replace(&chain.signature("build-0"), vec![0; 64])),
    saboteur("signature-of-small-order", "cot-signature", &["S20"],
        "A signature whose point has small order was uploaded, which a lenient verifier may take for any message.",
        Flow::FirefoxPush, |chain| {
            let mut identity = vec![0; 64];
            identity[0] = 1;
            chain.replace(&chain.signature("build-0"), identity);
        }),
    saboteur("signature-not-reduced", "cot-signature", &["S20"],
        "The group order was added to the scalar of a genuine signature, so that it has two forms.",
        Flow::FirefoxPush, |chain| {
            let mut bytes = chain.bytes(&chain.signature("build-0")).to_vec();
            add_group_order(&mut bytes);
            chain.replace(&chain.signature("build-0"), bytes);
        }),
    saboteur("signature-cut", "cot-signature", &["S21"],
        "The signature file lost its last byte.",
        Flow::FirefoxPush, |chain| {
            let mut bytes = chain.bytes(&chain.signature("build-0")).to_vec();
            bytes.pop();
            chain.replace(&chain.signature("build-0"), bytes);
        }),
    saboteur("signature-with-newline", "cot-signature", &["S21"],
        "An editor added a newline to the signature file.",
        Flow::FirefoxPush, |chain| {
            let mut bytes = chain.bytes(&chain.signature("build-0")).to_vec();
            bytes.push(b'\n');
            chain.replace(&chain.signature("build-0"), bytes);
        }),
    saboteur("signature-empty", "cot-signature", &["S21", "V34"],
        "The signature file is empty.",
        Flow::XpiPush, |chain| chain.replace(&chain.signature("build-0"), Vec::new())),
    saboteur("signed-by-nobody-we-know", "cot-signature", &["V34"],
        "A worker of another deployment ran the task and signed with its own key.",
        Flow::FirefoxPush, |chain| chain.sign_with("build-0", "nobody")),
    saboteur("signed-by-another-family", "cot-signature", &["V33", "S19"],
        "A stolen key of the build workers signed the document of a signing task.",
        Flow::FirefoxPush, |chain| chain.sign_with("signing-0", "generic-worker")),
    saboteur("signed-by-docker-worker", "cot-signature", &["V33", "S19"],
        "A stolen docker-worker key signed the document of a native generic-worker task.",
        Flow::FirefoxPush, |chain| chain.sign_with("build-1", "docker-worker")),
    saboteur("decision-signed-by-nobody", "cot-signature", &["V34"],
        "The decision task's document carries a signature of a key that is not ours.",
        Flow::FirefoxPush, |chain| chain.sign_with("decision", "nobody")),
    saboteur("image-signed-by-nobody", "cot-signature", &["V34"],
        "The docker image was built on a worker that is not ours.",
        Flow::FirefoxPush, |chain| chain.sign_with("image-0", "nobody")),
    saboteur("root-signed-by-nobody", "cot-signature", &["V34", "P12"],
        "The root itself has run, on a signing worker that is not ours.",
        Flow::FirefoxPush, |chain| chain.sign_with("root", "nobody")),
    saboteur("cot-of-another-task", "cot-task", &["V5"],
        "The genuine signed document of one task was served in place of another's.",
        Flow::FirefoxPush, |chain| serve_document(chain, "build-1", "build-0")),
    saboteur("cot-without-task-id", "cot-task", &["V5"],
        "A worker signed a document that does not say which task it is about.",
        Flow::FirefoxPush, |chain| edit(chain, "build-0", |cot| { drop_member(cot, "taskId"); })),
    saboteur("cot-task-id-in-a-list", "cot-task", &["V5"],
        "A worker signed a document whose task id is a list of ids.",
        Flow::FirefoxPush, |chain| edit(chain, "build-0", |cot| {
            let id = cot["taskId"].clone();
            cot["taskId"] = json!([id]);
        })),
    saboteur("cot-not-json", "cot-malformed", &["V36"],
        "A worker signed a document that is no JSON.",
        Flow::FirefoxPush, |chain| sign_bytes(chain, "build-0", b"-----BEGIN PGP SIGNED MESSAGE-----\n")),
    saboteur("cot-empty", "cot-malformed", &["V36"],
        "A worker signed an empty document.",
        Flow::FirefoxPush, |chain| sign_bytes(chain, "build-0", b"")),
    saboteur("cot-with-trailing-data", "cot-malformed", &["V36", "V105"],
        "A worker signed a document followed by another one.",
        Flow::FirefoxPush, |chain| {
            let mut bytes = chain.bytes(&chain.cot("build-0")).to_vec();
            bytes.extend_from_slice(b"{}");
            sign_bytes(chain, "build-0", &bytes);
        }),
    saboteur("cot-with-byte-order-mark", "cot-malformed", &["V105"],
        "A worker signed a document that begins with a byte order mark.",
        Flow::FirefoxPush, |chain| {
            let mut bytes = b"\xef\xbb\xbf".to_vec();
            bytes.extend_from_slice(chain.bytes(&chain.cot("build-0")));
            sign_bytes(chain, "build-0", &bytes);
        }),
    saboteur("cot-is-a-list", "cot-malformed", &["V36", "S9"],
        "A worker signed a list of documents.",
        Flow::FirefoxPush, |chain| {
            let bytes = json!([chain.json(&chain.cot("build-0"))]).to_string().into_bytes();
            sign_bytes(chain, "build-0", &bytes);
        }),
    saboteur("cot-artifacts-null", "cot-malformed", &["S9"],
        "A worker signed a document whose list of artifacts is null.",
        Flow::FirefoxPush, |chain| edit(chain, "build-0", |cot| cot["artifacts"] = Value::Null)),
    saboteur("cot-artifacts-in-a-list", "cot-malformed", &["S9"],
        "A worker signed a document that lists artifacts without their names.",
        Flow::FirefoxPush, |chain| edit(chain, "build-0", |cot| cot["artifacts"] = json!([]))),
    saboteur("cot-environment-missing", "cot-malformed", &["S9"],
        "A worker signed a document that says nothing about where the task ran.",
        Flow::FirefoxPush, |chain| edit(chain, "build-1", |cot| { drop_member(cot, "environment"); })),
    saboteur("cot-environment-a-text", "cot-malformed", &["S9"],
        "A worker signed a document whose environment is a text.",
        Flow::FirefoxPush, |chain| edit(chain, "signing-0", |cot| cot["environment"] = "production".into())),
    saboteur("cot-version-2", "cot-version", &["P2"],
        "A worker signed a document of a format that this verifier does not know.",
        Flow::FirefoxPush, |chain| edit(chain, "build-0", |cot| cot["chainOfTrustVersion"] = 2.into())),
    saboteur("cot-version-a-text", "cot-version", &["P2"],
        "A worker signed a document whose version is a text.",
        Flow::FirefoxPush, |chain| edit(chain, "build-0", |cot| cot["chainOfTrustVersion"] = "1".into())),
    saboteur("cot-version-missing", "cot-version", &["P2"],
        "A worker signed a document without a version.",
        Flow::FirefoxPush, |chain| edit(chain, "build-0", |cot| { drop_member(cot, "chainOfTrustVersion"); })),
    saboteur("cot-of-a-later-run", "cot-run", &["P10", "S10", "R-14"],
        "The task was run again while the chain was verified, and the documents of the new run were served for the old.",
        Flow::FirefoxPush, |chain| edit(chain, "build-0", |cot| cot["runId"] = 1.into()))
        .compat(Compat::Trusted),
    saboteur("cot-of-the-failed-run", "cot-run", &["P10", "S10"],
        "The documents of a run that failed were served for the one that succeeded.",
        Flow::FirefoxCron, |chain| edit(chain, "build-0", |cot| cot["runId"] = 0.into()))
        .compat(Compat::Trusted),
    saboteur("cot-without-run", "cot-run", &["P10"],
        "A worker signed a document that does not say which run it is about.",
        Flow::FirefoxPush, |chain| edit(chain, "build-0", |cot| { drop_member(cot, "runId"); }))
        .compat(Compat::Trusted),
    saboteur("cot-run-a-text", "cot-run", &["P10"],
        "A worker signed a document whose run is a text.",
        Flow::FirefoxPush, |chain| edit(chain, "build-0", |cot| cot["runId"] = "0".into()))
        .compat(Compat::Trusted),
    saboteur("cot-feature-off", "cot-feature", &["V30", "R-08"],
        "A build ran without the chain-of-trust feature, so its worker made no document.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("build-0", |task| { drop_member(&mut task["payload"]["features"], "chainOfTrust"); });
            chain.remove(&chain.cot("build-0"));
            chain.remove(&chain.signature("build-0"));
        }),
    saboteur("cot-absent", "cot-missing", &["V30", "R-08"],
        "A build asked for the chain-of-trust feature, and its document was deleted from storage.",
        Flow::FirefoxPush, |chain| chain.remove(&chain.cot("build-0"))),
    saboteur("signature-absent", "cot-missing", &["V30"],
        "The signature of a build was deleted from storage.",
        Flow::FirefoxPush, |chain| chain.remove(&chain.signature("build-0"))),
    saboteur("decision-cot-absent", "cot-missing", &["V30"],
        "The decision task ran on a worker that makes no chain-of-trust document.",
        Flow::FirefoxPush, |chain| chain.remove(&chain.cot("decision"))),
    saboteur("link-failed", "run-state", &["P7", "P10"],
        "A build failed, and its artifacts are taken all the same.",
        Flow::FirefoxPush, |chain| set_state(chain, "build-0", "failed")),
    saboteur("link-exception", "run-state", &["P7", "P10"],
        "A build was cancelled, and its artifacts are taken all the same.",
        Flow::FirefoxPush, |chain| set_state(chain, "build-0", "exception")),
    saboteur("decision-failed", "run-state", &["P7", "P10"],
        "The decision task failed after it had created some tasks.",
        Flow::FirefoxPush, |chain| set_state(chain, "decision", "failed")),
    saboteur("link-rerunning", "run-state", &["P7", "P10", "R-14"],
        "Somebody started another run of a build while the chain was verified.",
        Flow::FirefoxPush, |chain| {
            chain.edit_json(&chain.status("build-0"), |answer| {
                let runs = answer["status"]["runs"].as_array_mut();
                runs.into_iter().for_each(|runs| runs.push(json!({"runId": 1, "state": "running"})));
            });
        }).undetermined(),
    saboteur("link-pending", "run-state", &["P7"],
        "A build has not been claimed by any worker yet.",
        Flow::FirefoxPush, |chain| set_state(chain, "build-1", "pending")).undetermined(),
    saboteur("link-unscheduled", "run-state", &["P7"],
        "A build waits for its dependencies and has no run yet.",
        Flow::FirefoxPush, |chain| {
            chain.edit_json(&chain.status("build-0"), |answer| answer["status"]["runs"] = json!([]));
        }).undetermined(),
    saboteur("recorded-scopes-differ", "recorded-task", &["R-04", "P13"],
        "The worker ran a definition with other scopes than the queue has now.",
        Flow::FirefoxPush, |chain| edit(chain, "build-0", |cot| {
            cot["task"]["scopes"] = json!(["secrets:get:project/gecko/level-1/build"]);
        })).compat(Compat::Trusted),
    saboteur("recorded-command-differs", "recorded-task", &["R-04", "P13"],
        "The worker ran another command than the queue has now.",
        Flow::FirefoxPush, |chain| edit(chain, "build-0", |cot| {
            cot["task"]["payload"]["command"] = json!(["curl", "https://evil.example.org"]);
        })).compat(Compat::Trusted),
    saboteur("recorded-member-injected", "recorded-task", &["R-04"],
        "A task on generic-worker merged a member of its own into the signed record.",
        Flow::FirefoxPush, |chain| edit(chain, "build-1", |cot| cot["task"]["attestations"] = json!({})))
        .compat(Compat::Trusted),
    saboteur("recorded-payload-missing", "recorded-task", &["R-04"],
        "A worker signed a record that leaves out the payload.",
        Flow::FirefoxPush, |chain| edit(chain, "build-0", |cot| { drop_member(&mut cot["task"], "payload"); }))
        .compat(Compat::Trusted),
    saboteur("recorded-group-missing", "recorded-task", &["R-04"],
        "A worker signed a record that leaves out the task group.",
        Flow::XpiPush, |chain| edit(chain, "build-0", |cot| { drop_member(&mut cot["task"], "taskGroupId"); }))
        .compat(Compat::Trusted),
    saboteur("recorded-time-differs", "recorded-task", &["R-04"],
        "The worker ran the task with another deadline than the queue has now.",
        Flow::FirefoxPush, |chain| edit(chain, "build-1", |cot| {
            cot["task"]["deadline"] = "2026-03-09T09:00:00.000Z".into();
        })).compat(Compat::Trusted),
    saboteur("recorded-decision-differs", "recorded-task", &["R-04"],
        "The decision task's worker ran another image than the queue has now.",
        Flow::FirefoxPush, |chain| edit(chain, "decision", |cot| {
            cot["task"]["payload"]["image"] = "evil/decision:1".into();
        })).compat(Compat::Trusted),
    saboteur("recorded-root-differs", "recorded-task", &["R-04", "P12"],
        "The root ran with another list of upstream artifacts than the queue has now.",
        Flow::FirefoxPush, |chain| edit(chain, "root", |cot| {
            cot["task"]["payload"]["upstreamArtifacts"] = json!([]);
        })).compat(Compat::Trusted),
    saboteur("definition-changed-after-the-run", "graph-match", &["V55", "R-04"],
        "Somebody with access to the queue's database changed the command of a build after it had run.",
        Flow::FirefoxPush, |chain| chain.edit_json(&chain.definition("build-0"), |task| {
            task["payload"]["command"] = json!(["true"]);
        })),
    saboteur("cot-with-duplicate-keys", "json-strict", &["S45", "P23"],
        "A worker signed a document that lists an artifact twice, with two digests.",
        Flow::FirefoxPush, |chain| insert_member(chain, "build-0", r#""artifacts": {}, "#)),
    saboteur("cot-with-nan", "json-strict", &["S45", "P2"],
        "A worker signed a document with a number that is none.",
        Flow::FirefoxPush, |chain| insert_member(chain, "build-0", r#""load": NaN, "#)),
    saboteur("cot-with-infinity", "json-strict", &["S45", "P2"],
        "A worker signed a document with an infinite number.",
        Flow::FirefoxPush, |chain| insert_member(chain, "build-0", r#""load": -Infinity, "#)),
    saboteur("cot-with-lone-surrogate", "json-strict", &["P2", "P23"],
        "A worker signed a document with half of a character.",
        Flow::FirefoxPush, |chain| insert_member(chain, "build-0", r#""note": "\ud83d", "#)),
    saboteur("cot-with-huge-number", "json-strict", &["P2", "P23"],
        "A worker signed a document with a number beyond 64 bits.",
        Flow::FirefoxPush, |chain| insert_member(chain, "build-0", r#""size": 18446744073709551616, "#)),
    saboteur("cot-nested-deeply", "json-strict", &["P2", "P23"],
        "A worker signed a document with 200 lists in one another.",
        Flow::FirefoxPush, |chain| {
            let nested = format!("\"deep\": {}{}, ", "[".repeat(200), "]".repeat(200));
            insert_member(chain, "build-0", &nested);
        }),
    saboteur("cot-not-utf-8", "json-strict", &["P23", "V105"],
        "A worker signed a document with a text in Latin-1.",
        Flow::FirefoxPush, |chain| {
            let mut bytes = b"{\"note\": \"d\xe9j\xe0\", ".to_vec();
            bytes.extend_from_slice(&chain.bytes(&chain.cot("build-0"))[1..]);
            sign_bytes(chain, "build-0", &bytes);
        }),
    saboteur("root-run-failed", "run-state", &["P7", "P12"],
        "The chain names its own root as an input, and the root's run failed.",
        Flow::FirefoxPush, |chain| {
            let id = chain.root;
            chain.edit_task("root", |task| task["extra"]["chainOfTrust"] = json!({"inputs": {"signing": id.as_str()}}));
            set_state(chain, "root", "failed");
        }).on(|spec| spec.root_run = RootRun::Completed),
];

fn edit(chain: &mut Chain, name: &str, edit: fn(&mut Value)) {
    chain.edit_cot(name, edit);
}

/// Signs other bytes as a task's document.
fn sign_bytes(chain: &mut Chain, name: &str, bytes: &[u8]) {
    chain.replace(&chain.cot(name), bytes.to_vec());
    chain.sign(name);
}

/// Writes a member before all others, as text.
fn insert_member(chain: &mut Chain, name: &str, member: &str) {
    let mut bytes = format!("{{{member}").into_bytes();
    bytes.extend_from_slice(&chain.bytes(&chain.cot(name))[1..]);
    sign_bytes(chain, name, &bytes);
}

/// Serves document and signature of one task for another.
fn serve_document(chain: &mut Chain, from: &str, to: &str) {
    let (body, signature) = (chain.cot(from), chain.signature(from));
    let (body, signature) = (
        chain.bytes(&body).to_vec(),
        chain.bytes(&signature).to_vec(),
    );
    chain.replace(&chain.cot(to), body);
    chain.replace(&chain.signature(to), signature);
}

/// Sets the state of a task's last run.
fn set_state(chain: &mut Chain, name: &str, state: &str) {
    let ChainTask { id, .. } = *chain.task(name);
    chain.edit_json(&Request::Status { task: id }, |answer| {
        answer["status"]["state"] = state.into();
        let last = answer["status"]["runs"]
            .as_array_mut()
            .and_then(|runs| runs.last_mut());
        if let Some(last) = last {
            last["state"] = state.into();
        }
    });
}

/// Adds the order of the group to the second half of a signature (RFC 8032, 5.1.7).
fn add_group_order(signature: &mut [u8]) {
    const ORDER: [u8; 16] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14,
    ];
    let order = ORDER.into_iter().chain([0; 15]).chain([0x10]);
    let mut carry = 0;
    for (byte, add) in signature.iter_mut().skip(32).zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        carry = sum >> 8;
        *byte = sum.to_le_bytes()[0];
    }
}
