// SPDX-License-Identifier: MPL-2.0
//! Chains of the GPG era: real keys, a real key repository, recorded evidence, and everything that must be noticed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use catena_core::document::{Body, Document, ErrorKind, EvidenceError};
use catena_core::model::ids::{ArtifactName, Revision, RunId, TaskId};
use catena_core::request::{Repo, Request};
use catena_crypto::digest::{Algorithm, Digest};
use catena_evidence::DirectoryWriter;
use catena_openpgp::time::UnixTime;
use serde_json::{Value, json};

use crate::git::Git;
use crate::gpg::{Gpg, hour};
use crate::run::Run;

const DECISION: &str = "DDDDDDDDQACDDDDDDDDDDA";
const IMAGE: &str = "IIIIIIIIQACIIIIIIIIIIA";
const BUILD: &str = "BBBBBBBBQACBBBBBBBBBBA";
const ROOT: &str = "RRRRRRRRQACRRRRRRRRRRA";
const TASKS: [&str; 4] = [DECISION, IMAGE, BUILD, ROOT];
const SIGNED: &str = "public/chainOfTrust.json.asc";
const RELEASE: &str = "https://hg.mozilla.org/releases/mozilla-release";
const SCRIPT: &str = "cd /builds/worker/checkouts/gecko && ln -s /builds/worker/artifacts artifacts && ./mach taskgraph decision --level='3'";

/// Keys, their snapshot and the policy: made once.
struct Era {
    gpg: Gpg,
    dir: tempfile::TempDir,
    pin: String,
}

/// A chain before it is signed. Saboteurs change it.
struct Chain {
    tasks: BTreeMap<&'static str, Value>,
    runs: BTreeMap<&'static str, Value>,
    documents: BTreeMap<&'static str, Value>,
    graph: Value,
    artifact: Vec<u8>,
    signers: BTreeMap<&'static str, &'static str>,
    signed: UnixTime,
    more: Vec<(Request, Vec<u8>)>,
    /// Changes to signed texts.
    after: BTreeMap<&'static str, fn(&str) -> String>,
    absent: Vec<Request>,
}

impl Era {
    fn new() -> Self {
        let gpg = Gpg::new();
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "releng@x.org",
            "trusted@x.org",
            "docker@x.org",
            "script@x.org",
            "plain@x.org",
        ] {
            gpg.key(hour(0), name, "rsa2048", 0);
        }
        gpg.certify(hour(1), "trusted@x.org", "script@x.org", "SHA256");
        let pin = snapshot(&gpg, dir.path());
        let policy = json!({
            "schema": "catena-legacy-policy/1",
            "repositories": ["https://hg.mozilla.org/"],
            "trees": {"release": [RELEASE]},
            "restricted_scopes": {"project:releng:signing:cert:release-signing": "release"},
        });
        std::fs::write(dir.path().join("policy.json"), policy.to_string()).unwrap();
        Self { gpg, dir, pin }
    }

    /// Signs and records a chain, and verifies it from the command line.
    fn verify(&self, chain: &Chain, more: &[&str]) -> Run {
        let evidence = tempfile::tempdir().unwrap();
        chain.record(&self.gpg, &evidence.path().join("e"));
        let path = |path: PathBuf| path.to_str().unwrap().to_owned();
        let (evidence, keys, policy) = (
            path(evidence.path().join("e")),
            path(self.dir.path().join("keys.json")),
            path(self.dir.path().join("policy.json")),
        );
        let mut words = vec![
            "verify",
            ROOT,
            "--legacy",
            "--evidence",
            &evidence,
            "--legacy-keys",
            &keys,
        ];
        words.extend([
            "--legacy-keys-sha256",
            &self.pin,
            "--legacy-policy",
            &policy,
        ]);
        words.extend(more);
        Run::of(&words)
    }

    /// The status and the report, which must be as its schema says.
    fn report(&self, chain: &Chain, more: &[&str]) -> (i32, Value) {
        let run = self.verify(chain, &[more, &["--json"]].concat());
        let report: Value = serde_json::from_str(&run.stdout)
            .map_err(|_| run.stderr)
            .unwrap();
        let schema = include_str!("../../../../docs/legacy-report-v1.schema.json");
        let schema: Value = serde_json::from_str(schema).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        assert_eq!(
            validator
                .validate(&report)
                .map_err(|error| error.to_string()),
            Ok(())
        );
        (run.status, report)
    }

    /// The status and the ids of the findings.
    fn findings(&self, chain: &Chain, more: &[&str]) -> (i32, Vec<String>) {
        let (status, report) = self.report(chain, more);
        let id = |finding: &Value| finding["id"].as_str().unwrap().to_owned();
        let mut ids: Vec<String> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(id)
            .collect();
        ids.dedup();
        (status, ids)
    }
}

/// Makes the key repository and its snapshot, and returns the snapshot's digest.
fn snapshot(gpg: &Gpg, dir: &std::path::Path) -> String {
    let public = |name: &str| gpg.public(hour(2), name).bytes;

    let git = Git::new(gpg);
    let commit = git.commit(
        hour(3),
        &[
            ("docker-worker/a.pub", &public("docker@x.org")),
            ("scriptworker/valid/script.pub", &public("script@x.org")),
            ("scriptworker/valid/plain.pub", &public("plain@x.org")),
            ("scriptworker/trusted/trusted.pub", &public("trusted@x.org")),
        ],
    );
    git.tag(
        hour(3),
        "production-20170601030000",
        "releng@x.org",
        &commit,
    );
    let keys = dir.join("git-keys");
    std::fs::create_dir(&keys).unwrap();
    std::fs::write(keys.join("releng.pub"), public("releng@x.org")).unwrap();
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let clone = git.path().to_str().unwrap().to_owned();
    let run = Run::of(&[
        "legacy-keys",
        "build",
        &clone,
        "--git-keys",
        &path("git-keys"),
        "--out",
        &path("keys.json"),
    ]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.contains("1 tags, 4 keys"), "{}", run.stdout);
    // nothing is replaced, and what was there stays there
    let again = [
        "legacy-keys",
        "build",
        &clone,
        "--git-keys",
        &path("git-keys"),
        "--out",
        &path("keys.json"),
    ];
    assert_eq!(Run::of(&again).status, 64);
    let previous = [
        "--out",
        &path("keys2.json"),
        "--previous",
        &path("keys.json"),
    ];
    let again = [&again[..5], &previous[..]].concat();
    assert_eq!(Run::of(&again).status, 0);
    git.run(hour(4), &["tag", "--delete", "production-20170601030000"]);
    git.tag(hour(5), "production-20170601050000", "releng@x.org", "HEAD");
    let again: Vec<&str> = again
        .iter()
        .map(|word| {
            if word.ends_with("keys2.json") {
                &clone[..0]
            } else {
                word
            }
        })
        .collect();
    assert_eq!(Run::of(&again).status, 64);
    run.stdout
        .rsplit_once("sha256:")
        .unwrap()
        .1
        .trim()
        .to_owned()
}

/// A decision task, an image, a build and the root that signs it.
fn definitions() -> [Value; 4] {
    let command = json!([
        "/builds/worker/bin/run-task",
        "--vcs-checkout=/builds/worker/checkouts/gecko",
        "--",
        "bash",
        "-cx",
        SCRIPT
    ]);
    let mut decision = definition(
        "gecko-3-decision",
        DECISION,
        json!({
            "image": "taskcluster/decision:0.1.8", "command": command, "env": {"GECKO_HEAD_REPOSITORY": RELEASE},
        }),
    );
    decision["dependencies"] = json!([]);
    let image = definition(
        "gecko-images",
        DECISION,
        json!({"image": "taskcluster/image_builder:1"}),
    );
    let mut build = definition(
        "gecko-3-b-linux",
        DECISION,
        json!({
            "image": {"taskId": IMAGE, "path": "public/image.tar.zst", "type": "task-image"},
            "artifacts": {"public/build": {"expires": "2018-06-02T10:00:00.000Z", "type": "directory"}},
        }),
    );
    build["extra"] = json!({"chainOfTrust": {"inputs": {"docker-image": IMAGE}}});
    let mut root = definition(
        "signing-linux-v1",
        DECISION,
        json!({
            "upstreamArtifacts": [{"taskId": BUILD, "taskType": "build", "paths": ["public/build/target.tar.bz2"], "formats": ["gpg"]}],
        }),
    );
    root["dependencies"] = json!([BUILD]);
    root["scopes"] = json!(["project:releng:signing:cert:release-signing"]);
    root["extra"] = json!({"chainOfTrust": {"inputs": {"build": BUILD}}});
    [decision, image, build, root]
}

fn definition(pool: &str, group: &str, payload: Value) -> Value {
    json!({
        "provisionerId": if pool.starts_with("signing") { "scriptworker-prov-v1" } else { "aws-provisioner-v1" },
        "workerType": pool, "schedulerId": "gecko-level-3", "taskGroupId": group, "dependencies": [group],
        "requires": "all-completed", "routes": [], "priority": "normal", "retries": 5, "scopes": [], "tags": {}, "extra": {},
        "created": "2017-06-02T10:00:00.000Z", "deadline": "2017-06-03T10:00:00.000Z", "expires": "2018-06-02T10:00:00.000Z",
        "metadata": {"name": "n", "description": "d", "owner": "a@x.org", "source": format!("{RELEASE}/file/abc/taskcluster")},
        "payload": payload,
    })
}

impl Chain {
    fn new() -> Self {
        let artifact = b"a build".to_vec();
        let sha = |bytes: &[u8]| json!({"sha256": Digest::of(Algorithm::Sha256, bytes).hex()});
        let image_sha = Digest::of(Algorithm::Sha256, b"an image").hex();
        let [decision, image, build, root] = definitions();
        let entry = |task: &Value| json!({"label": "l", "task": task});
        let graph = json!({IMAGE: entry(&image), BUILD: entry(&build), ROOT: entry(&root)});
        let environments = [
            json!({"imageHash": "sha256:a22b90c7e16191a701760ef4f9159e86289ba598bf8ff5b22b7b94867530460d"}),
            json!({"imageHash": "sha256:74c5a18ce1768605ce9b1b5f009abac1ff11b55a007e2d03733cd6e95847c747"}),
            json!({"imageArtifactHash": format!("sha256:{image_sha}")}),
            json!({}),
        ];
        let artifacts = [
            json!({}), // the graph's digest is known when it is recorded
            json!({"public/image.tar.zst": {"sha256": image_sha}}),
            json!({"public/build/target.tar.bz2": sha(&artifact)}),
            json!({}),
        ];
        let definitions = [decision, image, build, root];
        let document = |((id, task), (environment, artifacts)): (
            (&'static str, &Value),
            (Value, Value),
        )| {
            (
                id,
                json!({
                    "artifacts": artifacts, "chainOfTrustVersion": 1, "environment": environment, "runId": 0, "task": task,
                    "taskId": id, "workerGroup": "g", "workerId": "w",
                }),
            )
        };
        let run = json!({"runId": 0, "state": "completed", "started": "2017-06-02T12:00:00.000Z", "resolved": "2017-06-02T12:30:00.000Z"});
        Self {
            documents: TASKS
                .into_iter()
                .zip(&definitions)
                .zip(environments.into_iter().zip(artifacts))
                .map(document)
                .collect(),
            tasks: TASKS.into_iter().zip(definitions).collect(),
            runs: TASKS.into_iter().map(|task| (task, run.clone())).collect(),
            graph,
            artifact,
            signers: TASKS
                .into_iter()
                .map(|task| {
                    (
                        task,
                        if task == ROOT {
                            "script@x.org"
                        } else {
                            "docker@x.org"
                        },
                    )
                })
                .collect(),
            signed: "2017-06-02T12:29:00Z".parse().unwrap(),
            more: Vec::new(),
            after: BTreeMap::new(),
            absent: Vec::new(),
        }
    }

    /// Makes it a chain of 2018, whose decision task is what a recorded template renders to.
    fn rebuilt(&mut self) {
        let revision = "1234567890abcdef1234567890abcdef12345678";
        for task in TASKS {
            self.everywhere(task, |task| {
                task["created"] = json!("2018-02-01T10:00:00.000Z");
                task["deadline"] = json!("2018-02-02T10:00:00.000Z");
            });
        }
        for run in self.runs.values_mut() {
            run["started"] = json!("2018-02-01T12:00:00.000Z");
            run["resolved"] = json!("2018-02-01T12:30:00.000Z");
        }
        self.signed = "2018-02-01T12:29:00Z".parse().unwrap();
        self.everywhere(DECISION, |task| {
            task["extra"] = json!({"tasks_for": "hg-push"});
            task["metadata"]["source"] =
                json!(format!("{RELEASE}/raw-file/{revision}/.taskcluster.yml"));
            task["payload"]["env"]["GECKO_HEAD_REV"] = json!(revision);
        });
        let mut template = self.tasks[DECISION].clone();
        template["taskId"] = json!("${as_slugid('decision')}");
        template["taskGroupId"] = json!("${as_slugid('decision')}");
        template["created"] = json!({"$fromNow": ""});
        template["deadline"] = json!({"$fromNow": "1 day"});
        template["metadata"]["owner"] = json!("${push.owner}");
        template["workerType"] = json!("gecko-${repository.level}-decision");
        template["payload"]["env"]["GECKO_HEAD_REV"] = json!("${push.revision}");
        let repo = Repo::Hg {
            host: "hg.mozilla.org".into(),
            path: "/releases/mozilla-release".into(),
        };
        let revision: Revision = revision.parse().unwrap();
        let pushlog = json!({"pushes": {"7": {
            "date": 1, "user": "a@x.org", "changesets": [{"node": revision.as_str(), "desc": "Bug 1"}],
        }}});
        let projects = json!({"mozilla-release": {"repo": RELEASE, "repo_type": "hg", "access": "scm_level_3"}});
        let template_at = Request::Template {
            repo: repo.clone(),
            revision: revision.clone(),
        };
        self.more.extend([
            (
                template_at,
                json!({"version": 1, "tasks": [template]})
                    .to_string()
                    .into_bytes(),
            ),
            (
                Request::Pushlog { repo, revision },
                pushlog.to_string().into_bytes(),
            ),
            (Request::Projects, projects.to_string().into_bytes()),
        ]);
    }

    /// Changes a definition wherever it is: in the queue, in its document, in the graph.
    fn everywhere(&mut self, task: &'static str, change: impl Fn(&mut Value)) {
        change(self.tasks.get_mut(task).unwrap());
        change(&mut self.documents.get_mut(task).unwrap()["task"]);
        if let Some(entry) = self.graph.get_mut(task) {
            change(&mut entry["task"]);
        }
    }

    fn record(&self, gpg: &Gpg, path: &std::path::Path) {
        let mut writer = DirectoryWriter::create(path).unwrap();
        let time = "2017-06-03T00:00:00Z".parse().unwrap();
        let mut add = |request: &Request, bytes: Vec<u8>| {
            let document = Document {
                body: Body::Bytes(bytes.into()),
                origin: "test".into(),
            };
            writer.record(request, &Ok(document), time).unwrap();
        };
        let graph = self.graph.to_string().into_bytes();
        for (id, definition) in &self.tasks {
            let task = id.parse::<TaskId>().unwrap();
            add(
                &Request::Definition { task },
                definition.to_string().into_bytes(),
            );
            add(
                &Request::Status { task },
                json!({"status": {"runs": [self.runs[id]]}})
                    .to_string()
                    .into_bytes(),
            );
            let mut document = self.documents[id].clone();
            if *id == DECISION && document["artifacts"] == json!({}) {
                document["artifacts"] = json!({"public/task-graph.json": {"sha256": Digest::of(Algorithm::Sha256, &graph).hex()}});
            }
            let text = gpg.clearsign(
                self.signed,
                self.signers[id],
                "SHA512",
                &format!("{document:#}\n"),
            );
            let text = self
                .after
                .get(id)
                .map_or(text.clone(), |change| change(&text));
            add(&asc(task), text.into_bytes());
        }
        add(
            &Request::TaskGraph {
                task: DECISION.parse().unwrap(),
                run: RunId(0),
            },
            graph,
        );
        add(
            &artifact(BUILD, "public/build/target.tar.bz2"),
            self.artifact.clone(),
        );
        for (request, bytes) in &self.more {
            add(request, bytes.clone());
        }
        for request in &self.absent {
            let error = EvidenceError {
                kind: ErrorKind::Absent,
                detail: "404".to_owned(),
                origin: "test".into(),
            };
            writer.record(request, &Err(error), time).unwrap();
        }
        writer.finish(time).unwrap();
    }
}

fn artifact(task: &str, name: &str) -> Request {
    Request::Artifact {
        task: task.parse().unwrap(),
        run: RunId(0),
        name: name.parse::<ArtifactName>().unwrap(),
    }
}

fn asc(task: TaskId) -> Request {
    artifact(task.as_str(), SIGNED)
}

fn body(task: &str) -> Request {
    Request::CotBody {
        task: task.parse().unwrap(),
        run: RunId(0),
    }
}

fn signature(task: &str) -> Request {
    Request::CotSignature {
        task: task.parse().unwrap(),
        run: RunId(0),
    }
}

#[test]
fn a_chain_of_2017_is_trusted_for_what_it_is_worth() {
    let era = Era::new();
    let chain = Chain::new();
    let run = era.verify(&chain, &[]);
    assert_eq!(run.status, 0, "{}", run.stdout);
    assert!(
        run.stdout
            .starts_with(&format!("{ROOT} trusted (legacy-gpg, legacy-v1): ")),
        "{}",
        run.stdout
    );
    let (status, report) = era.report(&chain, &[]);
    assert_eq!(status, 0);
    assert_eq!(report["schema"], "catena-legacy-report/1");
    assert_eq!(report["verdict"], "trusted");
    assert_eq!(report["assurance"], json!(["legacy-gpg", "legacy-v1"]));
    assert_eq!(report["links"].as_array().unwrap().len(), 4);
    assert_eq!(
        report["links"][3]["signed"]["tag"],
        "production-20170601030000"
    );
    assert!(report["links"][3]["signed"]["certifier"].is_string());
    assert_eq!(report["relaxations"], json!([]));
    // relaxations are shown
    let relaxed = era.verify(
        &chain,
        &["--as-of", "2026-01-01T00:00:00Z", "--early-keys", "--json"],
    );
    let report: Value = serde_json::from_str(&relaxed.stdout).unwrap();
    assert_eq!(
        (
            relaxed.status,
            report["relaxations"].as_array().unwrap().len()
        ),
        (0, 2)
    );
    // today's verification never takes it
    let evidence = tempfile::tempdir().unwrap();
    chain.record(&era.gpg, &evidence.path().join("e"));
    let path = evidence.path().join("e").to_str().unwrap().to_owned();
    assert_ne!(
        Run::of(&[
            "verify",
            ROOT,
            "--type",
            "signing",
            "--product",
            "firefox",
            "--evidence",
            &path
        ])
        .status,
        0
    );
}

fn set<T>(map: &mut BTreeMap<&'static str, T>, task: &'static str, value: T) {
    map.insert(task, value);
}

type Sabotage = fn(&mut Chain);

/// One fault each, and the finding that names it.
const SABOTEURS: &[(&str, Sabotage)] = &[
    ("pgp-unsigned", |it| {
        set(&mut it.after, BUILD, |_| "{}".to_owned())
    }),
    ("pgp-several-blocks", |it| {
        set(&mut it.after, BUILD, |text| text.repeat(2))
    }),
    ("pgp-text-outside", |it| {
        set(&mut it.after, BUILD, |text| format!("{text}evil\n"))
    }),
    ("pgp-wrong-signature", |it| {
        set(&mut it.after, BUILD, |text| text.replace("\"g\"", "\"h\""))
    }),
    ("pgp-family", |it| {
        set(&mut it.signers, BUILD, "script@x.org")
    }),
    ("pgp-family", |it| {
        set(&mut it.signers, ROOT, "docker@x.org")
    }),
    ("pgp-unknown-signer", |it| {
        set(&mut it.signers, ROOT, "releng@x.org")
    }),
    ("pgp-uncertified", |it| {
        set(&mut it.signers, ROOT, "plain@x.org")
    }),
    ("pgp-outside-run", |it| {
        it.signed = "2017-06-02T11:40:00Z".parse().unwrap()
    }),
    ("pgp-outside-run", |it| {
        it.signed = "2017-06-02T13:40:00Z".parse().unwrap()
    }),
    ("legacy-binding", |it| {
        it.documents.get_mut(BUILD).unwrap()["runId"] = json!(1)
    }),
    ("legacy-binding", |it| {
        it.documents.get_mut(BUILD).unwrap()["taskId"] = json!(IMAGE)
    }),
    ("legacy-binding", |it| {
        it.documents.get_mut(BUILD).unwrap()["task"]["scopes"] = json!(["x"])
    }),
    ("legacy-binding", |it| {
        it.documents.get_mut(BUILD).unwrap()["chainOfTrustVersion"] = json!(2)
    }),
    ("legacy-binding", |it| {
        it.documents.get_mut(ROOT).unwrap()["workerType"] = json!("other")
    }),
    ("legacy-digest", |it| {
        it.artifact = b"another build".to_vec()
    }),
    ("legacy-digest", |it| {
        it.documents.get_mut(BUILD).unwrap()["artifacts"] = json!({})
    }),
    ("legacy-digest", |it| {
        it.documents.get_mut(DECISION).unwrap()["artifacts"] =
            json!({"public/task-graph.json": {"sha256": "0".repeat(64)}})
    }),
    ("legacy-graph", |it| {
        it.graph[BUILD]["task"]["payload"]["artifacts"] = json!({})
    }),
    ("legacy-graph", |it| {
        it.graph.as_object_mut().unwrap().remove(BUILD);
        it.graph[IMAGE]["task"]["x"] = json!(1);
    }),
    ("legacy-graph", |it| {
        let change = |task: &mut Value| task["extra"]["evil"] = json!(1);
        change(it.tasks.get_mut(BUILD).unwrap());
        change(&mut it.documents.get_mut(BUILD).unwrap()["task"]);
    }),
    ("legacy-graph", |it| {
        let change = |task: &mut Value| task["dependencies"] = json!([DECISION, ROOT]);
        change(it.tasks.get_mut(BUILD).unwrap());
        change(&mut it.documents.get_mut(BUILD).unwrap()["task"]);
    }),
    ("legacy-command", |it| {
        it.everywhere(DECISION, |task| {
            task["payload"]["command"][5] = json!(format!("cd x; evil && {SCRIPT}"))
        })
    }),
    ("legacy-command", |it| {
        it.everywhere(DECISION, |task| {
            task["payload"]["command"][5] = json!(format!("{SCRIPT} --x=$(evil)"))
        })
    }),
    ("legacy-command", |it| {
        it.everywhere(DECISION, |task| {
            task["payload"]["command"][0] = json!("/bin/evil")
        })
    }),
    ("legacy-command", |it| {
        it.everywhere(IMAGE, |task| task["payload"]["command"] = json!(["evil"]))
    }),
    ("legacy-pool", |it| {
        it.everywhere(DECISION, |task| task["workerType"] = json!("gecko-3-evil"))
    }),
    ("legacy-image", |it| {
        it.documents.get_mut(DECISION).unwrap()["environment"] = json!({})
    }),
    ("legacy-image", |it| {
        it.documents.get_mut(IMAGE).unwrap()["environment"]["imageHash"] =
            json!("sha256:a22b90c7e16191a701760ef4f9159e86289ba598bf8ff5b22b7b94867530460d")
    }),
    ("legacy-image", |it| {
        it.documents.get_mut(BUILD).unwrap()["environment"] = json!({})
    }),
    ("legacy-image", |it| {
        it.everywhere(BUILD, |task| task["extra"] = json!({}))
    }),
    ("legacy-image", |it| {
        it.everywhere(BUILD, |task| task["payload"]["image"] = json!("evil"))
    }),
    ("legacy-interactive", |it| {
        it.everywhere(BUILD, |task| {
            task["payload"]["features"] = json!({"interactive": true})
        })
    }),
    ("legacy-source", |it| {
        it.everywhere(DECISION, |task| {
            task["payload"]["env"]["GECKO_HEAD_REPOSITORY"] =
                json!("https://evil.org/releases/mozilla-release")
        })
    }),
    ("legacy-scopes", |it| {
        it.everywhere(DECISION, |task| {
            task["payload"]["env"]["GECKO_HEAD_REPOSITORY"] = json!("https://hg.mozilla.org/try")
        })
    }),
    ("legacy-worker", |it| {
        it.everywhere(BUILD, |task| task["payload"]["mounts"] = json!([]))
    }),
    ("legacy-worker", |it| {
        it.everywhere(BUILD, |task| task["payload"]["image"] = json!(null))
    }),
    ("legacy-root", |it| {
        it.everywhere(ROOT, |task| {
            task["provisionerId"] = json!("aws-provisioner-v1");
            task["workerType"] = json!("gecko-3-b-linux");
            task["payload"]["image"] = json!("x");
        })
    }),
    ("legacy-run", |it| {
        it.runs.get_mut(BUILD).unwrap()["state"] = json!("failed")
    }),
    ("legacy-era", |it| {
        it.everywhere(ROOT, |task| {
            task["created"] = json!("2019-06-01T00:00:00.000Z")
        })
    }),
    ("legacy-era", |it| {
        it.runs.get_mut(BUILD).unwrap()["resolved"] = json!("2026-06-01T00:00:00.000Z")
    }),
    ("legacy-absent", |it| {
        it.absent.push(Request::Definition {
            task: IMAGE.parse().unwrap(),
        })
    }),
    ("legacy-absent", |it| {
        it.absent.push(artifact(BUILD, SIGNED))
    }),
    ("legacy-copy", |it| {
        it.more.push((body(BUILD), b"{}".to_vec()))
    }),
];

#[test]
fn every_saboteur_is_named_and_none_is_trusted() {
    let era = Era::new();
    for (number, (id, sabotage)) in SABOTEURS.iter().enumerate() {
        let mut chain = Chain::new();
        sabotage(&mut chain);
        let (status, ids) = era.findings(&chain, &[]);
        assert_eq!(status, 1, "{number} {id}: {ids:?}");
        assert!(ids.contains(&(*id).to_owned()), "{number} {id}: {ids:?}");
    }
}

#[test]
fn what_is_missing_or_not_done_is_undetermined() {
    let era = Era::new();
    let undetermined: &[(&str, &[&str], Sabotage)] = &[
        ("legacy-unavailable", &[], |it| {
            it.rebuilt();
            it.more
                .retain(|(request, _)| !matches!(request, Request::Template { .. }));
        }),
        ("legacy-unavailable", &[], |it| {
            it.rebuilt();
            it.more.retain(|(request, _)| *request != Request::Projects);
        }),
        ("legacy-no-keys", &[], |it| {
            let document = format!("{:#}\n", it.documents[BUILD]);
            it.more.push((body(BUILD), document.into_bytes()));
            it.more.push((signature(BUILD), vec![0; 64]));
        }),
        ("legacy-no-keys", &[], |it| {
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
        }),
        ("legacy-run", &[], |it| {
            it.runs.get_mut(BUILD).unwrap()["state"] = json!("running")
        }),
    ];
    for (id, flags, change) in undetermined {
        let mut chain = Chain::new();
        change(&mut chain);
        let (status, ids) = era.findings(&chain, flags);
        assert_eq!(
            (status, ids.contains(&(*id).to_owned())),
            (4, true),
            "{id}: {ids:?}"
        );
    }
}

/// From recorded evidence alone: template, pushlog and projects.yml.
#[test]
fn a_chain_of_2018_is_rebuilt_from_recorded_evidence() {
    let era = Era::new();
    let mut chain = Chain::new();
    chain.rebuilt();
    let (status, report) = era.report(&chain, &[]);
    assert_eq!(status, 0, "{report:#}");
    assert_eq!(
        (&report["version"], &report["assurance"]),
        (&json!(2), &json!(["legacy-gpg"]))
    );
    assert_eq!(report["relaxations"], json!([]));
    // the operator's word is shown
    let (status, report) = era.report(&chain, &["--cot-version", "1"]);
    assert_eq!(status, 0, "{report:#}");
    assert!(
        report["relaxations"][0]
            .as_str()
            .unwrap()
            .starts_with("--cot-version 1"),
        "{report:#}"
    );
    // another definition is not what the tree makes, and to fall back is a downgrade
    chain.everywhere(DECISION, |task| task["payload"]["env"]["EVIL"] = json!("1"));
    let (status, ids) = era.findings(&chain, &[]);
    assert_eq!(
        (status, ids),
        (
            1,
            vec!["legacy-downgrade".to_owned(), "legacy-rebuild".to_owned()]
        )
    );
}

/// A signature that lies beside a good text and does not verify is a downgrade (legacy.md §6), whatever else is there.
#[test]
fn a_bad_ed25519_signature_beside_a_good_text_is_a_downgrade() {
    let era = Era::new();
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("scriptworker.yaml");
    // of RFC 8032, section 7.1
    let key = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let key = format!(
        "ed25519_public_keys:\n  scriptworker: []\n  docker-worker: ['{key}']\n  generic-worker: []\n"
    );
    std::fs::write(&config, key).unwrap();
    let config = ["--config", config.to_str().unwrap()];
    for with_body in [true, false] {
        let mut chain = Chain::new();
        if with_body {
            let document = format!("{:#}\n", chain.documents[BUILD]);
            chain.more.push((body(BUILD), document.into_bytes()));
        } else {
            chain.absent.push(body(BUILD));
        }
        chain.more.push((signature(BUILD), vec![0; 64]));
        let (status, ids) = era.findings(&chain, &config);
        assert_eq!(
            (status, ids.contains(&"legacy-downgrade".to_owned())),
            (1, true),
            "{ids:?}"
        );
    }
}

/// Nothing else of today's takes part: no receipt, no worker.
#[test]
fn neither_receipts_nor_the_worker_know_the_gpg_era() {
    let era = Era::new();
    let chain = Chain::new();
    assert_eq!(era.verify(&chain, &["--receipt", "x"]).status, 64);
    assert_eq!(Run::of(&["worker", "--legacy"]).status, 64);
    let run = Run::of(&["worker", "--legacy-keys", "keys.json", "scriptworker.yaml"]);
    assert_eq!(run.status, 64);
}

#[test]
fn retriggers_match_but_for_their_dates_and_are_shown() {
    let era = Era::new();
    let mut chain = Chain::new();
    let mut graph = chain.graph.as_object().unwrap().clone();
    let entry = graph.remove(BUILD).unwrap();
    graph.insert("OOOOOOOOQACOOOOOOOOOOA".to_owned(), entry);
    chain.graph = Value::Object(graph);
    let change = |task: &mut Value| {
        task["created"] = json!("2017-06-02T11:00:00.000Z");
        task["payload"]["artifacts"]["public/build"]["expires"] = json!("2019-06-02T10:00:00.000Z");
    };
    change(chain.tasks.get_mut(BUILD).unwrap());
    change(&mut chain.documents.get_mut(BUILD).unwrap()["task"]);
    let (status, report) = era.report(&chain, &[]);
    assert_eq!(status, 0, "{report:#}");
    assert!(
        report["relaxations"][0]
            .as_str()
            .unwrap()
            .starts_with("fuzzy match"),
        "{report:#}"
    );
}

#[test]
fn pins_and_files_that_do_not_fit_are_configuration() {
    let mut era = Era::new();
    let chain = Chain::new();
    assert_eq!(era.verify(&chain, &["--as-of", "soon"]).status, 64);
    assert_eq!(era.verify(&chain, &["--cot-version", "6"]).status, 64);
    assert_eq!(era.verify(&chain, &["--unsigned"]).status, 64);
    std::fs::write(era.dir.path().join("policy.json"), "{}").unwrap();
    assert_eq!(era.verify(&chain, &[]).status, 64);
    era.pin = "0".repeat(64);
    let run = era.verify(&chain, &[]);
    assert_eq!(run.status, 64);
    assert!(run.stderr.contains("--legacy-keys"), "{}", run.stderr);
    assert_eq!(Run::of(&["verify", ROOT, "--legacy"]).status, 64);
    assert_eq!(
        Run::of(&["verify", ROOT, "--as-of", "2017-06-02T22:00:00Z"]).status,
        64
    );
}

#[test]
fn generate_writes_what_gpg_verifies_beside_the_pair_with_a_warning() {
    let gpg = Gpg::new();
    gpg.key(hour(0), "worker@x.org", "rsa2048", 0);
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    std::fs::create_dir_all(path("a/public")).unwrap();
    std::fs::write(path("a/public/x"), "x").unwrap();
    std::fs::write(path("task.json"), Chain::new().tasks[BUILD].to_string()).unwrap();
    let secret = |name: &str, bytes: &[u8], mode: u32| {
        std::fs::write(path(name), bytes).unwrap();
        std::fs::set_permissions(
            path(name),
            std::os::unix::fs::PermissionsExt::from_mode(mode),
        )
        .unwrap();
        path(name).to_str().unwrap().to_owned()
    };
    let private = gpg.private(hour(1), "worker@x.org");
    let open = secret("open", &private, 0o644);
    let public = secret("public", &gpg.public(hour(1), "worker@x.org").bytes, 0o600);
    let key = secret(
        "key",
        b"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        0o600,
    );
    let good = secret("gpg", &private, 0o600);
    let (artifacts, task) = (
        path("a").to_str().unwrap().to_owned(),
        path("task.json").to_str().unwrap().to_owned(),
    );
    let generate = |gpg: &str| {
        let mut words = vec![
            "generate",
            &artifacts,
            "--task",
            &task,
            "--task-id",
            BUILD,
            "--key",
            &key,
        ];
        words.extend(["--worker-group", "g", "--worker-id", "w", "--gpg-key", gpg]);
        Run::of(&words)
    };
    for bad in [&open, &public, &key] {
        assert_eq!(generate(bad).status, 64);
        assert!(!path("a/public/chain-of-trust.json").exists(), "{bad}");
    }
    let run = generate(&good);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.stderr.contains("--gpg-key"), "{}", run.stderr);
    let text = std::fs::read(path("a/public/chainOfTrust.json.asc")).unwrap();
    let body = std::fs::read(path("a/public/chain-of-trust.json")).unwrap();
    let read = gpg.must(
        "2099-01-01T00:00:00Z".parse().unwrap(),
        &["--decrypt"],
        &text,
    );
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    assert_eq!(json(&read), json(&body));
}
