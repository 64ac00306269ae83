// SPDX-License-Identifier: MPL-2.0
//! Chains of the GPG era, each with one thing that must be noticed, or none; and what is said about it.

use catena_core::request::Request;
use catena_crypto::signer::{Signer as _, SigningKey};
use serde_json::{Value, json};

use crate::legacy_rules::MORE;
use crate::legacy_world::{
    BUILD, Chain, DECISION, IMAGE, ROOT, SCRIPT, SIGNED, TASKS, artifact, body, signature,
};

/// A chain and its answer.
pub(crate) struct Named {
    pub(crate) name: &'static str,
    /// Whether there are ed25519 keys, as for chains of 2019.
    pub(crate) pairs: bool,
    pub(crate) status: i32,
    /// Every finding: its id and the initial of its task.
    pub(crate) findings: &'static [&'static str],
    /// What the first of these says, or a relaxation does.
    pub(crate) says: &'static str,
    pub(crate) change: fn(&mut Chain),
}

pub(crate) type Change = fn(&mut Chain);
pub(crate) type Words = &'static [&'static str];

const fn named(
    name: &'static str,
    status: i32,
    findings: Words,
    says: &'static str,
    change: Change,
) -> Named {
    let pairs = false;
    Named {
        name,
        pairs,
        status,
        findings,
        says,
        change,
    }
}

pub(crate) const fn good(name: &'static str, says: &'static str, change: Change) -> Named {
    named(name, 0, &[], says, change)
}

pub(crate) const fn refused(
    name: &'static str,
    findings: Words,
    says: &'static str,
    change: Change,
) -> Named {
    named(name, 1, findings, says, change)
}

const fn undetermined(
    name: &'static str,
    findings: Words,
    says: &'static str,
    change: Change,
) -> Named {
    named(name, 4, findings, says, change)
}

const fn with_pairs(one: Named) -> Named {
    Named { pairs: true, ..one }
}

/// What was never signed, or not so, is no document, and what rests on it cannot be told.
const UNSIGNED: &str = "legacy-digest B";

/// All chains.
pub(crate) fn chains() -> impl Iterator<Item = &'static Named> {
    CHAINS.iter().chain(MORE)
}

const CHAINS: &[Named] = &[
    good("chain-of-2017", "", |_| {}),
    good("chain-of-2018", "", Chain::rebuilt),
    good("chain-with-a-copy", "", |it| {
        let copy = it.documents[BUILD].to_string();
        it.more.push((body(BUILD), copy.into_bytes()));
    }),
    with_pairs(good("chain-with-a-pair", "", |it| {
        let text = format!("{:#}\n", it.documents[BUILD]);
        let signed = SigningKey::from_seed(SEED).sign(text.as_bytes()).unwrap();
        it.more.push((body(BUILD), text.into_bytes()));
        it.more.push((signature(BUILD), signed.to_vec()));
    })),
    good("chain-of-a-retriggered-task", "fuzzy match", retriggered),
    // documents
    refused(
        "chain-with-an-unsigned-text",
        &["pgp-unsigned B", UNSIGNED],
        "found none",
        |it| it.after(BUILD, |_| "{}".to_owned()),
    ),
    refused(
        "chain-with-two-blocks",
        &["pgp-several-blocks B", UNSIGNED],
        "another in line",
        |it| it.after(BUILD, |text| text.repeat(2)),
    ),
    refused(
        "chain-with-text-behind",
        &["pgp-text-outside B", UNSIGNED],
        "found text in line",
        |it| it.after(BUILD, |text| format!("{text}evil\n")),
    ),
    refused(
        "chain-with-a-changed-text",
        &["pgp-wrong-signature B", UNSIGNED],
        "over something else",
        |it| it.after(BUILD, |text| text.replace("\"g\"", "\"h\"")),
    ),
    refused(
        "chain-signed-by-scriptworker",
        &["pgp-family B", UNSIGNED],
        "among those of scriptworker",
        |it| it.signed_by(BUILD, "script@x.org"),
    ),
    refused(
        "chain-signed-by-docker-worker",
        &["pgp-family R"],
        "among those of docker-worker",
        |it| it.signed_by(ROOT, "docker@x.org"),
    ),
    refused(
        "chain-signed-by-a-stranger",
        &["pgp-unknown-signer R"],
        "a key in force",
        |it| it.signed_by(ROOT, "releng@x.org"),
    ),
    refused(
        "chain-signed-by-an-uncertified-key",
        &["pgp-uncertified R"],
        "by a trusted key",
        |it| it.signed_by(ROOT, "plain@x.org"),
    ),
    refused(
        "chain-signed-before-its-runs",
        OUTSIDE,
        "found 2017-06-02T11:40:00Z",
        |it| it.signed = "2017-06-02T11:40:00Z".parse().unwrap(),
    ),
    refused(
        "chain-signed-after-its-runs",
        OUTSIDE,
        "found 2017-06-02T13:40:00Z",
        |it| it.signed = "2017-06-02T13:40:00Z".parse().unwrap(),
    ),
    refused(
        "chain-without-a-text",
        &["legacy-absent B", UNSIGNED],
        "chainOfTrust.json.asc",
        |it| it.absent.push(artifact(BUILD, SIGNED)),
    ),
    // what lies beside them
    refused(
        "chain-with-another-copy",
        &["legacy-copy B", UNSIGNED],
        "another document",
        |it| {
            let mut copy = it.documents[BUILD].clone();
            copy["workerId"] = json!("v");
            it.more.push((body(BUILD), copy.to_string().into_bytes()));
        },
    ),
    refused(
        "chain-with-a-copy-that-is-no-document",
        &["legacy-copy B", UNSIGNED],
        "another document",
        |it| it.more.push((body(BUILD), b"{}".to_vec())),
    ),
    with_pairs(refused(
        "chain-with-a-bad-pair",
        &["legacy-downgrade B", UNSIGNED],
        "ed25519 signature",
        |it| {
            let text = format!("{:#}\n", it.documents[BUILD]);
            it.more.push((body(BUILD), text.into_bytes()));
            it.more.push((signature(BUILD), vec![0; 64]));
        },
    )),
    with_pairs(refused(
        "chain-with-half-a-pair",
        &["legacy-downgrade B", UNSIGNED],
        "ed25519 signature",
        |it| {
            it.absent.push(body(BUILD));
            it.more.push((signature(BUILD), vec![0; 64]));
        },
    )),
    undetermined(
        "chain-with-a-pair-and-no-keys",
        &["legacy-no-keys B", UNSIGNED],
        "ed25519 keys",
        |it| {
            let text = format!("{:#}\n", it.documents[BUILD]);
            it.more.push((body(BUILD), text.into_bytes()));
            it.more.push((signature(BUILD), vec![0; 64]));
        },
    ),
    // what they are about
    refused(
        "chain-of-another-run",
        &["legacy-binding B", UNSIGNED],
        "runId 0",
        |it| it.document(BUILD)["runId"] = json!(1),
    ),
    refused(
        "chain-of-another-task",
        &["legacy-binding B", UNSIGNED],
        "taskId BBBB",
        |it| it.document(BUILD)["taskId"] = json!(IMAGE),
    ),
    refused(
        "chain-of-another-definition",
        &["legacy-binding B", UNSIGNED],
        "task/scopes/0",
        |it| it.document(BUILD)["task"]["scopes"] = json!(["x"]),
    ),
    refused(
        "chain-of-another-version",
        &["legacy-binding B", UNSIGNED],
        "chainOfTrustVersion 1",
        |it| it.document(BUILD)["chainOfTrustVersion"] = json!(2),
    ),
    refused(
        "chain-of-another-worker-type",
        &["legacy-binding R"],
        "workerType signing-linux-v1",
        |it| it.document(ROOT)["workerType"] = json!("other"),
    ),
    // artifacts and graphs
    refused(
        "chain-with-another-artifact",
        &["legacy-digest B"],
        "sha256:db45811d",
        |it| it.artifact = b"another build".to_vec(),
    ),
    refused(
        "chain-with-an-unlisted-artifact",
        &["legacy-digest B"],
        "it is not listed",
        |it| it.document(BUILD)["artifacts"] = json!({}),
    ),
    refused(
        "chain-with-another-graph",
        &["legacy-digest D"],
        "task-graph.json with sha256:0000",
        |it| {
            it.document(DECISION)["artifacts"] =
                json!({"public/task-graph.json": {"sha256": "0".repeat(64)}})
        },
    ),
    refused(
        "chain-with-another-payload-in-the-graph",
        &["legacy-graph B"],
        "another /payload/artifacts",
        |it| it.graph[BUILD]["task"]["payload"]["artifacts"] = json!({}),
    ),
    refused(
        "chain-of-a-task-that-nobody-made",
        &["legacy-graph B"],
        "no entry",
        |it| {
            it.graph.as_object_mut().unwrap().remove(BUILD);
        },
    ),
    refused(
        "chain-of-a-retriggered-task-with-more",
        &["legacy-graph B"],
        "no entry",
        |it| {
            retriggered(it);
            let change = |task: &mut Value| task["payload"]["env"] = json!({"EVIL": "1"});
            change(it.tasks.get_mut(BUILD).unwrap());
            change(&mut it.document(BUILD)["task"]);
        },
    ),
    refused(
        "chain-with-more-than-the-graph",
        &["legacy-graph B"],
        "another /extra/evil",
        |it| {
            let change = |task: &mut Value| task["extra"]["evil"] = json!(1);
            change(it.tasks.get_mut(BUILD).unwrap());
            change(&mut it.document(BUILD)["task"]);
        },
    ),
    refused(
        "chain-with-another-dependency",
        &["legacy-graph B"],
        "another dependency",
        |it| {
            let change = |task: &mut Value| task["dependencies"] = json!([DECISION, ROOT]);
            change(it.tasks.get_mut(BUILD).unwrap());
            change(&mut it.document(BUILD)["task"]);
        },
    ),
    // decision tasks
    refused(
        "chain-with-a-command-behind",
        &["legacy-command D"],
        "found ';'",
        |it| it.command(5, &format!("cd x; evil && {SCRIPT}")),
    ),
    refused(
        "chain-with-a-command-inside",
        &["legacy-command D"],
        "found '('",
        |it| it.command(5, &format!("{SCRIPT} --x=$(evil)")),
    ),
    refused(
        "chain-with-another-program",
        &["legacy-command D"],
        "\"/bin/evil\"",
        |it| it.command(0, "/bin/evil"),
    ),
    refused(
        "chain-with-another-image-command",
        &["legacy-command I"],
        "\"evil\"",
        |it| it.everywhere(IMAGE, |task| task["payload"]["command"] = json!(["evil"])),
    ),
    refused(
        "chain-of-another-pool",
        &["legacy-pool D"],
        "gecko-3-evil",
        |it| it.everywhere(DECISION, |task| task["workerType"] = json!("gecko-3-evil")),
    ),
    refused(
        "chain-that-falls-back",
        &["legacy-rebuild D", "legacy-downgrade D"],
        "EVIL",
        |it| {
            it.rebuilt();
            it.everywhere(DECISION, |task| task["payload"]["env"]["EVIL"] = json!("1"));
        },
    ),
    undetermined(
        "chain-without-its-template",
        &["legacy-unavailable D"],
        "",
        |it| {
            it.rebuilt();
            it.more
                .retain(|(request, _)| !matches!(request, Request::Template { .. }));
        },
    ),
    undetermined(
        "chain-without-projects",
        &["legacy-unavailable D"],
        "",
        |it| {
            it.rebuilt();
            it.more.retain(|(request, _)| *request != Request::Projects);
        },
    ),
    // images
    refused(
        "chain-without-an-image-id",
        &["legacy-image D"],
        "no imageHash",
        |it| it.document(DECISION)["environment"] = json!({}),
    ),
    refused(
        "chain-with-another-image-id",
        &["legacy-image I"],
        "found sha256:a22b90c7",
        |it| {
            it.document(IMAGE)["environment"]["imageHash"] =
                json!("sha256:a22b90c7e16191a701760ef4f9159e86289ba598bf8ff5b22b7b94867530460d")
        },
    ),
    refused(
        "chain-without-an-image-digest",
        &["legacy-image B"],
        "no imageArtifactHash",
        |it| it.document(BUILD)["environment"] = json!({}),
    ),
    refused(
        "chain-without-an-image-input",
        &["legacy-image B"],
        "inputs[\"docker-image\"]",
        |it| it.everywhere(BUILD, |task| task["extra"] = json!({})),
    ),
    refused(
        "chain-with-an-image-by-name",
        &["legacy-image B"],
        "the allowlist of such tasks",
        |it| it.everywhere(BUILD, |task| task["payload"]["image"] = json!("evil")),
    ),
    // the rest
    refused(
        "chain-with-a-shell",
        &["legacy-interactive B"],
        "interactive",
        |it| {
            let features = json!({"interactive": true});
            it.everywhere(BUILD, |task| task["payload"]["features"] = features.clone())
        },
    ),
    refused(
        "chain-from-elsewhere",
        &["legacy-source D"],
        "https://evil.org",
        |it| it.repository("https://evil.org/releases/mozilla-release"),
    ),
    refused(
        "chain-from-another-tree",
        &["legacy-scopes R"],
        "from https://hg.mozilla.org/projects/x",
        |it| it.from("https://hg.mozilla.org/projects/x", &TASKS),
    ),
    refused(
        "chain-of-two-workers",
        &["legacy-worker B", UNSIGNED],
        "[docker-worker, generic-worker]",
        |it| it.everywhere(BUILD, |task| task["payload"]["mounts"] = json!([])),
    ),
    refused(
        "chain-of-no-worker",
        &["legacy-worker B", UNSIGNED],
        "[]",
        |it| it.everywhere(BUILD, |task| task["payload"]["image"] = json!(null)),
    ),
    refused(
        "chain-with-another-root",
        &["legacy-root R", "pgp-family R"],
        "docker-worker",
        |it| {
            it.everywhere(ROOT, |task| {
                task["provisionerId"] = json!("aws-provisioner-v1");
                task["workerType"] = json!("gecko-3-b-linux");
                task["payload"]["image"] = json!("x");
            })
        },
    ),
    refused(
        "chain-of-a-failed-run",
        &["legacy-run B", UNSIGNED],
        "failed",
        |it| it.runs.get_mut(BUILD).unwrap()["state"] = json!("failed"),
    ),
    undetermined(
        "chain-of-an-unfinished-run",
        &["legacy-run B", UNSIGNED],
        "running",
        |it| it.runs.get_mut(BUILD).unwrap()["state"] = json!("running"),
    ),
    refused(
        "chain-made-after-the-era",
        &["legacy-era R", "legacy-run R"],
        "2019-06-01",
        |it| {
            it.everywhere(ROOT, |task| {
                task["created"] = json!("2019-06-01T00:00:00.000Z")
            })
        },
    ),
    refused(
        "chain-run-after-the-era",
        &["legacy-era B", "legacy-run B"],
        "2026-06-01",
        |it| it.runs.get_mut(BUILD).unwrap()["resolved"] = json!("2026-06-01T00:00:00.000Z"),
    ),
    undetermined(
        "chain-before-the-first-tag",
        EARLY,
        "the first key tag",
        |it| {
            for task in TASKS {
                it.everywhere(task, |task| {
                    task["created"] = json!("2017-06-01T00:00:00.000Z")
                });
            }
            for run in it.runs.values_mut() {
                run["started"] = json!("2017-06-01T01:00:00.000Z");
                run["resolved"] = json!("2017-06-01T02:00:00.000Z");
            }
            it.signed = "2017-06-01T01:30:00Z".parse().unwrap();
        },
    ),
    refused(
        "chain-without-its-image-task",
        &["legacy-absent I", "legacy-image B"],
        "the definition",
        |it| {
            let task = IMAGE.parse().unwrap();
            it.absent.push(Request::Definition { task })
        },
    ),
];

const OUTSIDE: Words = &[
    "pgp-outside-run B",
    "pgp-outside-run D",
    "pgp-outside-run I",
    "pgp-outside-run R",
    UNSIGNED,
    "legacy-graph D",
];
const EARLY: Words = &[
    "legacy-no-keys B",
    "legacy-no-keys D",
    "legacy-no-keys I",
    "legacy-no-keys R",
    UNSIGNED,
    "legacy-graph D",
];

/// The secret key of RFC 8032, section 7.1, test 1.
const SEED: [u8; 32] = [
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
    0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
];

/// Its public key, as docker-worker's, in a configuration.
pub(crate) const CONFIG: &str = "ed25519_public_keys:\n  scriptworker: []\n  docker-worker: ['11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']\n  generic-worker: []\n";

/// The build is the graph's but for its dates, under an id of its own.
fn retriggered(it: &mut Chain) {
    let graph = it.graph.as_object_mut().unwrap();
    let entry = graph.remove(BUILD).unwrap();
    graph.insert("OOOOOOOOQACOOOOOOOOOOA".to_owned(), entry);
    let change = |task: &mut Value| {
        task["created"] = json!("2017-06-02T11:00:00.000Z");
        task["payload"]["artifacts"]["public/build"]["expires"] = json!("2019-06-02T10:00:00.000Z");
    };
    change(it.tasks.get_mut(BUILD).unwrap());
    change(&mut it.document(BUILD)["task"]);
}

impl Chain {
    fn after(&mut self, task: &'static str, change: fn(&str) -> String) {
        self.after.insert(task, change);
    }

    fn signed_by(&mut self, task: &'static str, name: &'static str) {
        self.signers.insert(task, name);
    }

    pub(crate) fn document(&mut self, task: &'static str) -> &mut Value {
        self.documents.get_mut(task).unwrap()
    }

    fn command(&mut self, index: usize, word: &str) {
        self.everywhere(DECISION, |task| {
            task["payload"]["command"][index] = json!(word)
        });
    }

    fn repository(&mut self, url: &str) {
        self.everywhere(DECISION, |task| {
            task["payload"]["env"]["GECKO_HEAD_REPOSITORY"] = json!(url)
        });
    }
}
