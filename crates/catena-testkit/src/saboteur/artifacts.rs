// SPDX-License-Identifier: MPL-2.0
//! Attacks on artifacts and on what the root lists (sections A and E).

use catena_core::document::ErrorKind;
use catena_core::model::ids::ArtifactName;
use catena_core::request::Request;
use catena_crypto::digest::{Algorithm, Digest};
use serde_json::{Value, json};

use super::{Compat, Saboteur, drop_member, saboteur};
use crate::chain::Chain;
use crate::spec::Flow;

#[rustfmt::skip] // a table: one attack, a few lines
pub(super) const ALL: &[Saboteur] = &[
    saboteur("artifact-flipped", "artifact-digest", &["V43"],
        "Somebody with access to the artifact storage changed one bit of a build.",
        Flow::FirefoxPush, |chain| chain.flip(&target(chain, "build-0"))),
    saboteur("artifact-truncated", "artifact-digest", &["V43"],
        "The last bytes of a build were lost in storage.",
        Flow::XpiPush, |chain| change(chain, "build-0", |bytes| { bytes.pop(); })),
    saboteur("artifact-appended", "artifact-digest", &["V43"],
        "Somebody appended a payload to a build.",
        Flow::AdhocPromotion, |chain| change(chain, "build-0", |bytes| bytes.extend_from_slice(b"#!/bin/sh"))),
    saboteur("artifact-emptied", "artifact-digest", &["V43"],
        "A build was replaced by an empty file.",
        Flow::FirefoxCron, |chain| change(chain, "build-1", Vec::clear)),
    saboteur("artifacts-swapped", "artifact-digest", &["V43"],
        "Two builds were exchanged in storage, each under the name of the other.",
        Flow::FirefoxPush, |chain| {
            let (one, two) = (target(chain, "build-0"), target(chain, "build-1"));
            let (first, second) = (chain.bytes(&one).to_vec(), chain.bytes(&two).to_vec());
            chain.replace(&one, second);
            chain.replace(&two, first);
        }),
    saboteur("signed-artifact-flipped", "artifact-digest", &["V43"],
        "What an upstream signing task had signed was replaced afterwards.",
        Flow::FirefoxPush, |chain| chain.flip(&chain.artifact("signing-0", "public/build/target.signed"))),
    saboteur("second-digest-wrong", "artifact-digest", &["V43", "P14"],
        "A worker signed two digests for an artifact, and only the first is right.",
        Flow::FirefoxPush, |chain| entry(chain, "build-0", |entry| entry["sha512"] = "0b".repeat(64).into())),
    saboteur("digest-by-md5", "artifact-digest", &["V43", "P14"],
        "A worker signed nothing but an MD5 digest of an artifact.",
        Flow::FirefoxPush, |chain| entry(chain, "build-0", |entry| *entry = json!({"md5": "0b".repeat(16)}))),
    saboteur("md5-beside-sha256", "artifact-digest", &["V43", "P14"],
        "A worker signed an MD5 digest beside the right one.",
        Flow::FirefoxPush, |chain| entry(chain, "build-0", |entry| entry["md5"] = "0b".repeat(16).into())),
    saboteur("digest-in-capitals", "artifact-digest", &["V43", "S9"],
        "A worker signed a digest in capital letters, which a comparison of texts refuses.",
        Flow::FirefoxPush, |chain| entry(chain, "build-0", |entry| {
            entry["sha256"] = entry["sha256"].as_str().unwrap_or_default().to_uppercase().into();
        })),
    saboteur("digest-cut", "artifact-digest", &["V43", "S9"],
        "A worker signed the first half of a digest.",
        Flow::FirefoxPush, |chain| entry(chain, "build-0", |entry| {
            entry["sha256"] = entry["sha256"].as_str().unwrap_or_default().get(..32).into();
        })),
    saboteur("mandatory-listed-as-optional-too", "artifact-digest", &["S3", "V41"],
        "The root lists a tampered build a second time as optional, so that its digest would only warn.",
        Flow::FirefoxPush, |chain| {
            list(chain, "build-0", "build", "public/build/target-0.zip", true);
            chain.flip(&target(chain, "build-0"));
        }),
    saboteur("optional-by-a-text", "artifact-digest", &["V41"],
        "The root lists a tampered build as optional, with a text in place of true.",
        Flow::FirefoxPush, |chain| {
            upstream(chain, |entries| entries[1]["optional"] = "true".into());
            chain.flip(&target(chain, "build-1"));
        }),
    saboteur("artifact-unlisted", "artifact-not-listed", &["V43"],
        "The worker never hashed an artifact which the root takes; somebody uploaded it later.",
        Flow::FirefoxPush, |chain| unlist(chain, "build-0", "public/build/target-0.zip")),
    saboteur("log-taken-as-artifact", "artifact-not-listed", &["V43"],
        "The root takes a log that workers write after they have signed.",
        Flow::FirefoxPush, |chain| {
            list(chain, "build-0", "build", "public/logs/live.log", false);
            let request = chain.artifact("build-0", "public/logs/live.log");
            chain.replace(&request, b"nothing to see\n".to_vec());
        }),
    saboteur("name-in-other-case", "artifact-not-listed", &["V43"],
        "The root takes an artifact whose name differs from the signed one in its case.",
        Flow::FirefoxPush, |chain| {
            upstream(chain, |entries| entries[0]["paths"] = json!(["public/build/TARGET-0.zip"]));
            let bytes = chain.bytes(&target(chain, "build-0")).to_vec();
            let request = chain.artifact("build-0", "public/build/TARGET-0.zip");
            chain.replace(&request, bytes);
        }),
    saboteur("graph-unlisted", "artifact-not-listed", &["V43", "V40"],
        "The decision task's worker never hashed the task graph.",
        Flow::FirefoxPush, |chain| unlist(chain, "decision", ArtifactName::TASK_GRAPH)),
    saboteur("actions-unlisted", "artifact-not-listed", &["V43", "V40"],
        "The decision task's worker never hashed actions.json.",
        Flow::FirefoxPromotion, |chain| unlist(chain, "decision", ArtifactName::ACTIONS)),
    saboteur("digest-hollow", "hollow-digest", &["S9"],
        "A worker signed an entry without any digest, under which any bytes pass.",
        Flow::FirefoxPush, |chain| {
            entry(chain, "build-0", |entry| *entry = json!({}));
            chain.flip(&target(chain, "build-0"));
        }),
    saboteur("graph-digest-hollow", "hollow-digest", &["S9", "S3"],
        "A worker signed an entry without any digest for the task graph.",
        Flow::FirefoxPush, |chain| chain.edit_cot("decision", |cot| cot["artifacts"][ArtifactName::TASK_GRAPH] = json!({}))),
    saboteur("optional-hollow", "hollow-digest", &["S9", "S2"],
        "A worker signed an entry without any digest for an artifact that the root lists as optional.",
        Flow::FirefoxPush, |chain| {
            make_optional(chain);
            entry(chain, "build-1", |entry| *entry = json!({}));
        }).compat(Compat::Trusted),
    saboteur("optional-flipped", "optional-digest", &["S2", "V45"],
        "A tampered artifact hides behind the word optional.",
        Flow::FirefoxPush, |chain| {
            make_optional(chain);
            chain.flip(&target(chain, "build-1"));
        }).compat(Compat::Trusted),
    saboteur("globbed-flipped", "optional-digest", &["S2", "V42"],
        "A tampered artifact is listed by a pattern only, and patterns are always optional.",
        Flow::FirefoxPush, |chain| {
            upstream(chain, |entries| entries[0]["paths"] = json!(["public/build/target-1.zip"]));
            chain.flip(&target(chain, "build-0"));
        }).on(|spec| spec.artifacts = 2).compat(Compat::Trusted),
    saboteur("optional-by-md5", "optional-digest", &["S2", "P14"],
        "A worker signed nothing but an MD5 digest of an artifact that the root lists as optional.",
        Flow::FirefoxPush, |chain| {
            make_optional(chain);
            entry(chain, "build-1", |entry| *entry = json!({"md5": "0b".repeat(16)}));
        }).compat(Compat::Trusted),
    saboteur("graph-flipped", "parent-artifact", &["V43", "V40"],
        "Somebody with access to the artifact storage changed the task graph.",
        Flow::FirefoxPush, |chain| chain.flip(&chain.graph("decision"))),
    saboteur("graph-listed-as-optional", "parent-artifact", &["S3"],
        "The root lists the task graph of its decision task as optional, so that a tampered one would vouch for it.",
        Flow::FirefoxPush, |chain| {
            list(chain, "decision", "decision", ArtifactName::TASK_GRAPH, true);
            chain.flip(&chain.graph("decision"));
        }),
    saboteur("actions-flipped", "parent-artifact", &["V43", "V40"],
        "Somebody changed actions.json of the decision task in storage.",
        Flow::FirefoxPush, |chain| chain.flip(&chain.artifact("decision", ArtifactName::ACTIONS))),
    saboteur("actions-listed-as-optional", "parent-artifact", &["S3"],
        "The root lists actions.json as optional, and a tampered one offers an action that nobody reviewed.",
        Flow::FirefoxPromotion, |chain| {
            list(chain, "decision", "decision", ArtifactName::ACTIONS, true);
            chain.flip(&chain.artifact("decision", ArtifactName::ACTIONS));
        }),
    saboteur("parameters-flipped", "parent-artifact", &["V43", "V40"],
        "Somebody changed parameters.yml of the decision task in storage.",
        Flow::FirefoxPromotion, |chain| chain.flip(&chain.artifact("decision", ArtifactName::PARAMETERS))),
    saboteur("action-graph-flipped", "parent-artifact", &["V43", "V40"],
        "Somebody changed the task graph of the action that made the root.",
        Flow::AdhocPromotion, |chain| chain.flip(&chain.graph("action"))),
    saboteur("image-graph-flipped", "parent-artifact", &["V43", "V40"],
        "Somebody changed the task graph of the decision task that made the docker image.",
        Flow::FirefoxPush, |chain| chain.flip(&chain.graph("image-0-decision"))),
    saboteur("graph-digest-wrong", "parent-artifact", &["V43"],
        "A worker signed a digest that is not that of the task graph.",
        Flow::XpiPush, |chain| chain.edit_cot("decision", |cot| {
            cot["artifacts"][ArtifactName::TASK_GRAPH]["sha256"] = Digest::of(Algorithm::Sha256, b"").hex().into();
        })),
    saboteur("path-leaves-its-directory", "artifact-name", &["S12", "V2", "V32"],
        "The root lists a path that leads out of the directory of the upstream task.",
        Flow::FirefoxPush, |chain| take(chain, "public/../../../etc/passwd")),
    saboteur("path-absolute", "artifact-name", &["S12", "V2", "V32"],
        "The root lists an absolute path.",
        Flow::FirefoxPush, |chain| take(chain, "/etc/passwd")),
    saboteur("path-with-empty-segment", "artifact-name", &["S12"],
        "The root lists a path with two slashes, which shares its file with another artifact.",
        Flow::FirefoxPush, |chain| take(chain, "public//build/target-0.zip")),
    saboteur("path-with-dot", "artifact-name", &["S12"],
        "The root lists a path with a dot segment, which shares its file with another artifact.",
        Flow::FirefoxPush, |chain| take(chain, "public/./build/target-0.zip")),
    saboteur("path-with-encoded-dots", "artifact-name", &["S12", "V32"],
        "The root lists a path with encoded dot segments, which a second decoding turns into real ones.",
        Flow::FirefoxPush, |chain| take(chain, "public/%2e%2e/%2e%2e/x")),
    saboteur("path-with-encoded-slash", "artifact-name", &["S12", "V32"],
        "The root lists a name with an encoded slash, which a second decoding turns into a directory.",
        Flow::FirefoxPush, |chain| take(chain, "public/build%2Ftarget-0.zip")),
    saboteur("path-with-trailing-slash", "artifact-name", &["S12"],
        "The root lists a directory as an artifact.",
        Flow::FirefoxPush, |chain| take(chain, "public/build/")),
    saboteur("path-with-backslash", "artifact-name", &["S12"],
        "The root lists a path with a backslash, which is a separator on some systems.",
        Flow::FirefoxPush, |chain| take(chain, "public\\build")),
    saboteur("path-with-newline", "artifact-name", &["S12"],
        "The root lists a name with a line break.",
        Flow::FirefoxPush, |chain| take(chain, "public/build\n.zip")),
    saboteur("path-empty", "artifact-name", &["S12"],
        "The root lists an artifact without a name.",
        Flow::FirefoxPush, |chain| take(chain, "")),
    saboteur("path-of-a-bookkeeping-file", "artifact-name", &["S12"],
        "The root lists an artifact called task.json, which lands on the file of the task's definition.",
        Flow::FirefoxPush, |chain| {
            take(chain, "task.json");
            let bytes = chain.bytes(&chain.definition("build-0")).to_vec();
            let request = chain.artifact("build-0", "task.json");
            chain.replace_sealed("build-0", &request, bytes);
        }),
    saboteur("path-with-two-dots", "upstream-screen", &["V2", "S34"],
        "The root lists a path with two dots inside a name, which the worker refuses when it claims the task.",
        Flow::FirefoxPush, |chain| {
            upstream(chain, |entries| entries[0]["paths"] = json!(["public/build/target..zip"]));
            let bytes = chain.bytes(&target(chain, "build-0")).to_vec();
            let request = chain.artifact("build-0", "public/build/target..zip");
            chain.replace_sealed("build-0", &request, bytes);
        }).compat(Compat::Trusted),
    saboteur("mandatory-glob", "upstream-screen", &["V2", "S34"],
        "The root lists a pattern that matches nothing, and so requires nothing.",
        Flow::FirefoxPush, |chain| upstream(chain, |entries| entries[0]["paths"] = json!(["public/nothing/*"])))
        .compat(Compat::Trusted),
    saboteur("glob-optional-by-zero", "upstream-screen", &["V2"],
        "The root lists a pattern whose mark of being optional is false in Python.",
        Flow::FirefoxPush, |chain| upstream(chain, |entries| {
            entries[0]["paths"] = json!(["public/build/*-0.zip"]);
            entries[0]["optional"] = 0.into();
        })).compat(Compat::Trusted),
    saboteur("optional-host-down", "optional-unavailable", &["P7", "V45"],
        "The storage does not answer for an optional artifact which the worker made.",
        Flow::FirefoxPush, |chain| {
            make_optional(chain);
            chain.fail(&target(chain, "build-1"), ErrorKind::Unavailable);
        }).undetermined(),
    saboteur("optional-forbidden", "optional-unavailable", &["P7", "V45"],
        "The storage refuses to give an optional artifact which the worker made.",
        Flow::FirefoxPush, |chain| {
            make_optional(chain);
            chain.fail(&target(chain, "build-1"), ErrorKind::Forbidden);
        }).undetermined(),
    saboteur("optional-answered-with-a-page", "optional-unavailable", &["P7", "V45"],
        "A captive portal answers with a page of its own in place of an optional artifact.",
        Flow::FirefoxPush, |chain| {
            make_optional(chain);
            chain.fail(&target(chain, "build-1"), ErrorKind::Malformed);
        }).undetermined(),
];

/// The first artifact of a build.
fn target(chain: &Chain, name: &str) -> Request {
    chain.artifact(name, "public/build/target-0.zip")
}

/// Changes the bytes of a build in storage.
fn change(chain: &mut Chain, name: &str, change: fn(&mut Vec<u8>)) {
    let request = target(chain, name);
    let mut bytes = chain.bytes(&request).to_vec();
    change(&mut bytes);
    chain.replace(&request, bytes);
}

/// Changes the signed entry of a build's first artifact.
fn entry(chain: &mut Chain, name: &str, edit: fn(&mut Value)) {
    chain.edit_cot(name, |cot| {
        edit(&mut cot["artifacts"]["public/build/target-0.zip"])
    });
}

fn unlist(chain: &mut Chain, name: &str, artifact: &str) {
    chain.edit_cot(name, |cot| drop_member(&mut cot["artifacts"], artifact));
}

/// Changes the root's list of upstream artifacts, with its graph entry.
pub(super) fn upstream(chain: &mut Chain, edit: impl Fn(&mut Value)) {
    chain.edit_task("root", |task| {
        edit(&mut task["payload"]["upstreamArtifacts"])
    });
}

/// Adds an entry to the root's list.
fn list(chain: &mut Chain, of: &str, kind: &str, path: &str, optional: bool) {
    let id = chain.task(of).id;
    let mut entry =
        json!({"taskId": id.as_str(), "taskType": kind, "paths": [path], "formats": []});
    if optional {
        entry["optional"] = true.into();
    }
    upstream(chain, |entries| {
        entries
            .as_array_mut()
            .into_iter()
            .for_each(|entries| entries.push(entry.clone()));
    });
}

/// Has the root take another path of its first build.
fn take(chain: &mut Chain, path: &str) {
    upstream(chain, |entries| entries[0]["paths"] = json!([path]));
}

/// Makes the root's entry of its second build optional.
fn make_optional(chain: &mut Chain) {
    upstream(chain, |entries| entries[1]["optional"] = true.into());
}
