// SPDX-License-Identifier: MPL-2.0
//! A chain of the GPG era: real keys, a real key repository, recorded evidence.

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

pub(crate) const DECISION: &str = "DDDDDDDDQACDDDDDDDDDDA";
pub(crate) const IMAGE: &str = "IIIIIIIIQACIIIIIIIIIIA";
pub(crate) const BUILD: &str = "BBBBBBBBQACBBBBBBBBBBA";
pub(crate) const ROOT: &str = "RRRRRRRRQACRRRRRRRRRRA";
pub(crate) const TASKS: [&str; 4] = [DECISION, IMAGE, BUILD, ROOT];
pub(crate) const SIGNED: &str = "public/chainOfTrust.json.asc";
pub(crate) const RELEASE: &str = "https://hg.mozilla.org/releases/mozilla-release";
pub(crate) const SCRIPT: &str = "cd /builds/worker/checkouts/gecko && ln -s /builds/worker/artifacts artifacts && ./mach taskgraph decision --level='3'";

/// Keys, their snapshot and the policy: made once.
pub(crate) struct Era {
    pub(crate) gpg: Gpg,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) pin: String,
}

/// A chain before it is signed. Saboteurs change it.
pub(crate) struct Chain {
    pub(crate) tasks: BTreeMap<&'static str, Value>,
    pub(crate) runs: BTreeMap<&'static str, Value>,
    pub(crate) documents: BTreeMap<&'static str, Value>,
    pub(crate) graph: Value,
    pub(crate) artifact: Vec<u8>,
    pub(crate) signers: BTreeMap<&'static str, &'static str>,
    pub(crate) signed: UnixTime,
    pub(crate) more: Vec<(Request, Vec<u8>)>,
    /// Changes to signed texts.
    pub(crate) after: BTreeMap<&'static str, fn(&str) -> String>,
    pub(crate) absent: Vec<Request>,
}

impl Era {
    pub(crate) fn new() -> Self {
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
    pub(crate) fn verify(&self, chain: &Chain, more: &[&str]) -> Run {
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
    pub(crate) fn report(&self, chain: &Chain, more: &[&str]) -> (i32, Value) {
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
    pub(crate) fn findings(&self, chain: &Chain, more: &[&str]) -> (i32, Vec<String>) {
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
pub(crate) fn snapshot(gpg: &Gpg, dir: &std::path::Path) -> String {
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
    let third = path("keys3.json");
    let again: Vec<&str> = again
        .iter()
        .map(|word| match word.ends_with("keys2.json") {
            true => third.as_str(),
            false => word,
        })
        .collect();
    let back = Run::of(&again);
    assert_eq!(back.status, 64);
    assert!(
        back.stderr.contains("--previous") && back.stderr.contains("keys-rolled-back"),
        "{}",
        back.stderr
    );
    assert!(!dir.join("keys3.json").exists());
    run.stdout
        .rsplit_once("sha256:")
        .unwrap()
        .1
        .trim()
        .to_owned()
}

/// A decision task, an image, a build and the root that signs it.
pub(crate) fn definitions() -> [Value; 4] {
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

pub(crate) fn definition(pool: &str, group: &str, payload: Value) -> Value {
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
    pub(crate) fn new() -> Self {
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
    pub(crate) fn rebuilt(&mut self) {
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
    pub(crate) fn everywhere(&mut self, task: &'static str, change: impl Fn(&mut Value)) {
        change(self.tasks.get_mut(task).unwrap());
        change(&mut self.documents.get_mut(task).unwrap()["task"]);
        if let Some(entry) = self.graph.get_mut(task) {
            change(&mut entry["task"]);
        }
    }

    pub(crate) fn record(&self, gpg: &Gpg, path: &std::path::Path) {
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

pub(crate) fn artifact(task: &str, name: &str) -> Request {
    Request::Artifact {
        task: task.parse().unwrap(),
        run: RunId(0),
        name: name.parse::<ArtifactName>().unwrap(),
    }
}

pub(crate) fn asc(task: TaskId) -> Request {
    artifact(task.as_str(), SIGNED)
}

pub(crate) fn body(task: &str) -> Request {
    Request::CotBody {
        task: task.parse().unwrap(),
        run: RunId(0),
    }
}

pub(crate) fn signature(task: &str) -> Request {
    Request::CotSignature {
        task: task.parse().unwrap(),
        run: RunId(0),
    }
}
