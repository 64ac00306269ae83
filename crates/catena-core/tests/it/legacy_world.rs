// SPDX-License-Identifier: MPL-2.0
//! A chain of 2018 and 2019 in memory: a decision task that the tree's template makes, an action, an image, a build,
//! and the root that signs it. Signatures are taken as good: real ones are tested where OpenPGP is linked.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use catena_core::document::{Answer, Body, Document, ErrorKind, EvidenceError, GraphStore, Stored};
use catena_core::graph::{GraphIndex, GraphScanner, ScanError};
use catena_core::legacy::era::CotVersion;
use catena_core::legacy::policy::Policy;
use catena_core::legacy::report::{Report, Signed};
use catena_core::legacy::{self, Evidence, Inputs, Opened, Opener, Opening, Unopened};
use catena_core::model::ids::{RunId, TaskId};
use catena_core::report::Verdict;
use catena_core::request::{Repo, Request};
use catena_crypto::digest::{Algorithm, Digest};
use serde_json::{Value, json};

pub(crate) const DECISION: &str = "DDDDDDDDQACDDDDDDDDDDA";
pub(crate) const ACTION: &str = "AAAAAAAAQACAAAAAAAAAAA";
pub(crate) const IMAGE: &str = "IIIIIIIIQACIIIIIIIIIIA";
pub(crate) const BUILD: &str = "BBBBBBBBQACBBBBBBBBBBA";
pub(crate) const ROOT: &str = "RRRRRRRRQACRRRRRRRRRRA";
pub(crate) const RELEASE: &str = "https://hg.mozilla.org/releases/mozilla-release";
pub(crate) const REVISION: &str = "1234567890abcdef1234567890abcdef12345678";
pub(crate) const ACTIONS: &str = "public/actions.json";
pub(crate) const PARAMETERS: &str = "public/parameters.yml";

/// A chain before it is signed. Saboteurs change it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) tasks: BTreeMap<&'static str, Value>,
    pub(crate) environments: BTreeMap<&'static str, Value>,
    pub(crate) graphs: BTreeMap<&'static str, Value>,
    /// Artifacts, as they are and as they were signed.
    pub(crate) files: BTreeMap<(&'static str, &'static str), String>,
    /// What is served instead of an artifact that was signed.
    pub(crate) swapped: BTreeMap<(&'static str, &'static str), String>,
    pub(crate) template: Value,
    pub(crate) pushlog: Value,
    pub(crate) projects: Value,
    /// What is served in its place.
    pub(crate) projects_text: Option<String>,
    pub(crate) failures: BTreeMap<Request, ErrorKind>,
    /// When runs started and were resolved, unless on the task's day.
    pub(crate) times: BTreeMap<&'static str, [&'static str; 2]>,
    pub(crate) states: BTreeMap<&'static str, &'static str>,
    /// Other repositories that have the same template, pushlog and level.
    pub(crate) also: Vec<String>,
    /// `source_env_prefix` of the policy.
    pub(crate) prefix: Option<&'static str>,
}

/// Returns a time under a version.
pub(crate) fn date(version: u8) -> &'static str {
    match version {
        2 => "2018-02-01",
        3 => "2018-06-01",
        4 => "2019-02-01",
        _ => "2019-04-01",
    }
}

impl World {
    /// A chain that a push began.
    pub(crate) fn push(version: u8) -> Self {
        Self::of(version, decision(version, "hg-push"))
    }

    /// A chain that a schedule began. The owner and the push are what the decision task says.
    pub(crate) fn cron(version: u8, owner: &str, id: &str, date: &str) -> Self {
        let mut decision = decision(version, "cron");
        decision["metadata"]["owner"] = json!(owner);
        decision["payload"]["env"]["PUSHLOG_ID"] = json!(id);
        decision["payload"]["env"]["PUSHDATE"] = json!(date);
        decision["payload"]["env"]["GECKO_COMMIT_MSG"] = json!("");
        decision["extra"]["cron"] = json!("{\"job_name\":\"nightly\"}");
        Self::of(version, decision)
    }

    /// A chain in which an action made the build and the root, in a group of its own if `own_group`.
    pub(crate) fn action(version: u8, entry: Value, own_group: bool) -> Self {
        let mut world = Self::push(version);
        let group = if own_group { ACTION } else { DECISION };
        let mut action = action(version);
        action["payload"]["env"]["ACTION_TASK_GROUP_ID"] = json!(group);
        world.tasks.insert(ACTION, action);
        world.environments.insert(ACTION, images()[0].clone());
        for task in [BUILD, ROOT] {
            let definition = world.tasks.get_mut(task).unwrap();
            definition["taskGroupId"] = json!(group);
            definition["extra"]["parent"] = json!(ACTION);
        }
        world.graphs = BTreeMap::from([
            (DECISION, graph(&world.tasks, &[IMAGE])),
            (ACTION, graph(&world.tasks, &[BUILD, ROOT])),
        ]);
        let other = json!({
            "name": "other", "kind": "task",
            "task": {"$let": {"action": {"cb_name": "other_callback"}}, "in": {}},
        });
        world.files.insert(
            (DECISION, ACTIONS),
            json!({"version": 1, "actions": [other, entry]}).to_string(),
        );
        let parameters = "level: '3'\nproject: mozilla-release\n";
        world
            .files
            .insert((DECISION, PARAMETERS), parameters.to_owned());
        world
    }

    fn of(version: u8, decision: Value) -> Self {
        let [image, build, root] = made(version);
        let tasks = BTreeMap::from([
            (DECISION, decision),
            (IMAGE, image),
            (BUILD, build),
            (ROOT, root),
        ]);
        let [first, second] = images();
        let image = Digest::of(Algorithm::Sha256, b"an image");
        Self {
            graphs: BTreeMap::from([(DECISION, graph(&tasks, &[IMAGE, BUILD, ROOT]))]),
            tasks,
            environments: BTreeMap::from([
                (DECISION, first),
                (IMAGE, second),
                (BUILD, json!({"imageArtifactHash": image.to_string()})),
                (ROOT, json!({})),
            ]),
            files: BTreeMap::from([
                ((IMAGE, "public/image.tar.zst"), "an image".to_owned()),
                ((BUILD, "public/target.zip"), "a build".to_owned()),
            ]),
            swapped: BTreeMap::new(),
            template: json!({"version": 1, "tasks": [template()]}),
            pushlog: json!({"lastpushid": 9, "pushes": {"7": {
                "changesets": [{"node": REVISION, "desc": "Bug 1\n\ntry: -b o -p all\nmore"}],
                "date": 1517479200, "user": "dev@x.org",
            }}}),
            projects: json!({
                "mozilla-central": {"repo": "https://hg.mozilla.org/mozilla-central", "repo_type": "hg", "access": "scm_level_3"},
                "mozilla-release": {"repo": RELEASE, "repo_type": "hg", "access": "scm_level_3"},
            }),
            projects_text: None,
            failures: BTreeMap::new(),
            times: BTreeMap::new(),
            states: BTreeMap::new(),
            also: Vec::new(),
            prefix: None,
        }
    }

    /// Changes a definition wherever it is: in the queue, in its document, in the graphs.
    pub(crate) fn everywhere(&mut self, task: &'static str, change: impl Fn(&mut Value)) {
        change(self.tasks.get_mut(task).unwrap());
        for graph in self.graphs.values_mut() {
            if let Some(entry) = graph.get_mut(task) {
                change(&mut entry["task"]);
            }
        }
    }

    /// Verifies the chain, by the rules that its dates stand for.
    pub(crate) fn report(&self) -> Report {
        self.report_as(None)
    }

    pub(crate) fn report_as(&self, version: Option<u8>) -> Report {
        let mut policy = json!({
            "schema": "catena-legacy-policy/1",
            "repositories": ["https://hg.mozilla.org/", "https://github.com/mozilla-mobile/"],
            "trees": {"release": [RELEASE, "https://hg.mozilla.org/mozilla-central"]},
            "restricted_scopes": {"project:releng:signing:cert:release-signing": "release"},
        });
        if let Some(prefix) = self.prefix {
            policy["source_env_prefix"] = json!(prefix);
        }
        let inputs = Inputs {
            root: id(ROOT),
            version: version.and_then(CotVersion::from_number),
            policy: Policy::parse(policy.to_string().as_bytes()).unwrap(),
            pairs: BTreeMap::new(),
            relaxations: Vec::new(),
        };
        let mut served = self.served();
        legacy::verify(&inputs, &mut served, &TakenAsGood)
    }

    /// The verdict and the ids of the findings.
    pub(crate) fn findings(&self) -> (Verdict, Vec<String>) {
        let report = self.report();
        let mut ids: Vec<String> = report.findings.into_iter().map(|one| one.id).collect();
        ids.dedup();
        (report.verdict, ids)
    }

    fn served(&self) -> Served {
        let mut answers = BTreeMap::new();
        for (name, definition) in &self.tasks {
            let task = id(name);
            let created = definition["created"].as_str().unwrap();
            let day = &created[..10];
            let day = [
                format!("{day}T12:00:00.000Z"),
                format!("{day}T12:30:00.000Z"),
            ];
            let times = self.times.get(name).map(|times| times.map(str::to_owned));
            let [started, resolved] = times.unwrap_or(day);
            let state = self.states.get(name).unwrap_or(&"completed");
            let status = json!({"status": {"runs": [{
                "runId": 0, "state": state, "started": started, "resolved": resolved,
            }]}});
            answers.insert(Request::Definition { task }, body(definition));
            answers.insert(Request::Status { task }, body(&status));
            answers.insert(
                artifact(name, "public/chainOfTrust.json.asc"),
                body(&self.document(name)),
            );
        }
        for ((task, path), text) in self.files.iter().chain(&self.swapped) {
            answers.insert(artifact(task, path), Body::Bytes(text.clone().into()));
        }
        for (task, graph) in &self.graphs {
            let request = Request::TaskGraph {
                task: id(task),
                run: RunId(0),
            };
            answers.insert(
                request,
                Body::Graph(Arc::new(Graph::of(&graph.to_string()))),
            );
        }
        answers.insert(template_at(RELEASE, REVISION), body(&self.template));
        answers.insert(pushlog_at(), body(&self.pushlog));
        let mut projects = self.projects.clone();
        for url in &self.also {
            let project = url.rsplit('/').next().unwrap();
            projects[project] = json!({"repo": url, "repo_type": "hg", "access": "scm_level_3"});
            answers.insert(template_at(url, REVISION), body(&self.template));
            let pushlog = Request::Pushlog {
                repo: repo(url),
                revision: REVISION.parse().unwrap(),
            };
            answers.insert(pushlog, body(&self.pushlog));
        }
        let text = self.projects_text.clone();
        let projects = text.unwrap_or_else(|| projects.to_string());
        answers.insert(Request::Projects, Body::Bytes(projects.into()));
        Served {
            answers,
            failures: self.failures.clone(),
        }
    }

    fn document(&self, task: &str) -> Value {
        let mut artifacts = serde_json::Map::new();
        let sha =
            |text: &str| json!({"sha256": Digest::of(Algorithm::Sha256, text.as_bytes()).hex()});
        for ((_, path), text) in self.files.iter().filter(|((of, _), _)| *of == task) {
            artifacts.insert((*path).to_owned(), sha(text));
        }
        if let Some(graph) = self.graphs.get(task) {
            artifacts.insert("public/task-graph.json".to_owned(), sha(&graph.to_string()));
        }
        json!({
            "artifacts": artifacts, "chainOfTrustVersion": 1, "environment": self.environments[task], "runId": 0,
            "task": self.tasks[task], "taskId": task, "workerGroup": "g", "workerId": "w",
        })
    }
}

fn graph(tasks: &BTreeMap<&'static str, Value>, names: &[&str]) -> Value {
    let entry = |name: &&str| {
        (
            (*name).to_owned(),
            json!({"label": "l", "task": tasks[*name]}),
        )
    };
    Value::Object(names.iter().map(entry).collect())
}

/// Environments with images of the allowlists of version 1: of a decision task, of an image task.
fn images() -> [Value; 2] {
    [
        json!({"imageHash": "sha256:a22b90c7e16191a701760ef4f9159e86289ba598bf8ff5b22b7b94867530460d"}),
        json!({"imageHash": "sha256:74c5a18ce1768605ce9b1b5f009abac1ff11b55a007e2d03733cd6e95847c747"}),
    ]
}

/// The in-tree template's one task, as templates of that time were.
pub(crate) fn template() -> Value {
    let action =
        |yes: Value, no: Value| json!({"$if": "tasks_for == 'action'", "then": yes, "else": no});
    json!({
        "taskId": {"$if": "tasks_for != 'action'", "then": "${as_slugid('decision')}"},
        "taskGroupId": action(json!("${action.taskGroupId}"), json!("${as_slugid('decision')}")),
        "provisionerId": "aws-provisioner-v1",
        "workerType": "gecko-${repository.level}-decision",
        "schedulerId": "gecko-level-${repository.level}",
        "priority": "lowest", "retries": 5, "requires": "all-completed", "dependencies": [], "routes": [],
        "created": {"$fromNow": ""}, "deadline": {"$fromNow": "1 day"}, "expires": {"$fromNow": "1 day"},
        "scopes": [action(json!("${action.repo_scope}"), json!("assume:repo:${repository.url[8:]}:branch:default"))],
        "tags": {},
        "metadata": {
            "name": "Decision or action", "description": "d", "owner": "${push.owner}",
            "source": "${repository.url}/raw-file/${push.revision}/.taskcluster.yml",
        },
        "payload": {
            "image": "taskcluster/decision:2.0.0",
            "command": ["/builds/worker/bin/run-task", "--", "bash", "-cx", {
                "$if": "tasks_for == 'action'", "then": "cd x && ./mach taskgraph action-callback", "else": "cd x && ./mach taskgraph decision --level='3'",
            }],
            "env": {"$merge": [
                {"GECKO_HEAD_REPOSITORY": "${repository.url}", "GECKO_HEAD_REV": "${push.revision}"},
                action(
                    json!({
                        "ACTION_CALLBACK": "${action.cb_name}", "ACTION_TASK_GROUP_ID": "${action.taskGroupId}",
                        "ACTION_INPUT": {"$json": {"$eval": "input"}}, "ACTION_PROJECT": "${parameters.project}",
                    }),
                    json!({"GECKO_COMMIT_MSG": "${push.comment}", "PUSHLOG_ID": "${push.pushlog_id}", "PUSHDATE": "${push.pushdate}"}),
                ),
            ]},
        },
        "extra": action(
            json!({
                "tasks_for": "action", "parent": "${action.taskGroupId}",
                "action": {"name": "${action.name}", "context": {
                    "taskGroupId": "${action.taskGroupId}", "taskId": {"$eval": "taskId"}, "input": {"$eval": "input"},
                }},
            }),
            json!({"$merge": [
                {"tasks_for": "${tasks_for}"},
                {"$if": "tasks_for == 'cron'", "then": {"cron": {"$json": {"$eval": "cron"}}}, "else": {}},
            ]}),
        ),
    })
}

fn definition(version: u8, pool: &str, payload: Value) -> Value {
    let day = date(version);
    let next = format!("{}02T10:00:00.000Z", &day[..8]);
    json!({
        "provisionerId": if pool.starts_with("signing") { "scriptworker-prov-v1" } else { "aws-provisioner-v1" },
        "workerType": pool, "schedulerId": "gecko-level-3", "taskGroupId": DECISION, "dependencies": [],
        "requires": "all-completed", "routes": [], "priority": "lowest", "retries": 5, "scopes": [], "tags": {}, "extra": {},
        "created": format!("{day}T10:00:00.000Z"), "deadline": next, "expires": next,
        "metadata": {
            "name": "Decision or action", "description": "d", "owner": "dev@x.org",
            "source": format!("{RELEASE}/raw-file/{REVISION}/.taskcluster.yml"),
        },
        "payload": payload,
    })
}

fn decision(version: u8, tasks_for: &str) -> Value {
    let mut task = definition(
        version,
        "gecko-3-decision",
        json!({
            "image": "taskcluster/decision:2.0.0",
            "command": ["/builds/worker/bin/run-task", "--", "bash", "-cx", "cd x && ./mach taskgraph decision --level='3'"],
            "env": {
                "GECKO_HEAD_REPOSITORY": RELEASE, "GECKO_HEAD_REV": REVISION, "GECKO_COMMIT_MSG": " ",
                "PUSHLOG_ID": "7", "PUSHDATE": "1517479200",
            },
        }),
    );
    task["scopes"] = json!(["assume:repo:hg.mozilla.org/releases/mozilla-release:branch:default"]);
    task["extra"] = json!({"tasks_for": tasks_for});
    task
}

fn action(version: u8) -> Value {
    let mut task = definition(
        version,
        "gecko-3-decision",
        json!({
            "image": "taskcluster/decision:2.0.0",
            "command": ["/builds/worker/bin/run-task", "--", "bash", "-cx", "cd x && ./mach taskgraph action-callback"],
            "env": {
                "GECKO_HEAD_REPOSITORY": RELEASE, "GECKO_HEAD_REV": REVISION, "ACTION_CALLBACK": "promote_callback",
                "ACTION_TASK_GROUP_ID": DECISION, "ACTION_INPUT": "{\"build_number\":1}", "ACTION_PROJECT": "mozilla-release",
            },
        }),
    );
    task["scopes"] = json!(["assume:repo:hg.mozilla.org/releases/mozilla-release:action:generic"]);
    task["extra"] = json!({
        "tasks_for": "action", "parent": DECISION,
        "action": {"name": "promote", "context": {"taskGroupId": DECISION, "taskId": null, "input": {"build_number": 1}}},
    });
    task
}

fn bindings() -> Value {
    json!({
        "action": {
            "name": "promote", "title": "Promote", "description": "d", "taskGroupId": DECISION, "symbol": "P", "cb_name": "promote_callback",
        },
        "push": {"owner": "dev@x.org", "revision": REVISION, "pushlog_id": "7"},
        "repository": {"url": RELEASE, "project": "mozilla-release", "level": "3"},
    })
}

/// An entry of `actions.json` of kind `task`.
pub(crate) fn task_entry() -> Value {
    let mut bindings = bindings();
    bindings["tasks_for"] = json!("action");
    bindings["action"]["repo_scope"] =
        json!("assume:repo:hg.mozilla.org/releases/mozilla-release:action:generic");
    json!({"name": "promote", "kind": "task", "task": {"$let": bindings, "in": template()}})
}

/// An entry of kind `hook`.
pub(crate) fn hook_entry() -> Value {
    let mut decision = bindings();
    decision["parameters"] = json!({"$eval": "parameters"});
    json!({
        "name": "promote", "kind": "hook", "hookGroupId": "project-gecko", "hookId": "in-tree-action-3-generic/abc",
        "extra": {"actionPerm": "generic"},
        "hookPayload": {"decision": decision, "user": {
            "input": {"$eval": "input"}, "taskId": {"$eval": "taskId"}, "taskGroupId": {"$eval": "taskGroupId"},
        }},
    })
}

fn made(version: u8) -> [Value; 3] {
    let image = definition(
        version,
        "gecko-images",
        json!({"image": "taskcluster/image_builder:1"}),
    );
    let mut build = definition(
        version,
        "gecko-3-b-linux",
        json!({"image": {"taskId": IMAGE, "path": "public/image.tar.zst", "type": "task-image"}}),
    );
    build["extra"] = json!({"chainOfTrust": {"inputs": {"docker-image": IMAGE}}});
    let mut root = definition(
        version,
        "signing-linux-v1",
        json!({
            "upstreamArtifacts": [{"taskId": BUILD, "taskType": "build", "paths": ["public/target.zip"], "formats": ["gpg"]}],
        }),
    );
    root["scopes"] = json!(["project:releng:signing:cert:release-signing"]);
    root["extra"] = json!({"chainOfTrust": {"inputs": {"build": BUILD}}});
    [image, build, root]
}

fn body(value: &Value) -> Body {
    Body::Bytes(value.to_string().into_bytes().into())
}

pub(crate) fn id(text: &str) -> TaskId {
    text.parse().unwrap()
}

pub(crate) fn artifact(task: &str, name: &str) -> Request {
    Request::Artifact {
        task: id(task),
        run: RunId(0),
        name: name.parse().unwrap(),
    }
}

fn repo(url: &str) -> Repo {
    Repo::Hg {
        host: "hg.mozilla.org".into(),
        path: url.strip_prefix("https://hg.mozilla.org").unwrap().into(),
    }
}

pub(crate) fn template_at(url: &str, revision: &str) -> Request {
    Request::Template {
        repo: repo(url),
        revision: revision.parse().unwrap(),
    }
}

pub(crate) fn pushlog_at() -> Request {
    Request::Pushlog {
        repo: repo(RELEASE),
        revision: REVISION.parse().unwrap(),
    }
}

struct Served {
    answers: BTreeMap<Request, Body>,
    failures: BTreeMap<Request, ErrorKind>,
}

impl Evidence for Served {
    fn fetch(&mut self, request: &Request) -> Answer {
        let pair = matches!(
            request,
            Request::CotBody { .. } | Request::CotSignature { .. }
        );
        let kind = match self.failures.get(request) {
            Some(kind) => *kind,
            None if pair => ErrorKind::Absent,
            None => ErrorKind::Unavailable,
        };
        let known = self
            .answers
            .get(request)
            .filter(|_| !self.failures.contains_key(request));
        match known {
            Some(body) => Ok(Document {
                body: body.clone(),
                origin: "test".into(),
            }),
            None => Err(EvidenceError {
                kind,
                detail: "none".to_owned(),
                origin: "test".into(),
            }),
        }
    }
}

struct TakenAsGood;

impl Opener for TakenAsGood {
    fn open(&self, opening: &Opening<'_>) -> Result<Opened, Unopened> {
        Ok(Opened {
            payload: String::from_utf8(opening.text.to_vec()).unwrap(),
            signed: Signed {
                key: "0".repeat(40),
                certifier: None,
                tag: "t".to_owned(),
                time: opening.resolved.to_owned(),
            },
        })
    }
}

/// A task graph in memory.
#[derive(Debug)]
struct Graph {
    bytes: Bytes,
    index: Result<GraphIndex, ScanError>,
}

impl Graph {
    fn of(text: &str) -> Self {
        let mut scanner = GraphScanner::new();
        let index = scanner
            .push(text.as_bytes())
            .and_then(|()| scanner.finish());
        Self {
            bytes: text.as_bytes().to_vec().into(),
            index,
        }
    }
}

impl Stored for Graph {
    fn size(&self) -> u64 {
        self.bytes.len().try_into().unwrap()
    }

    fn digest(&self, algorithm: Algorithm) -> Result<Digest, EvidenceError> {
        Ok(Digest::of(algorithm, &self.bytes))
    }

    fn bytes(&self, _: u64) -> Result<Bytes, EvidenceError> {
        Ok(self.bytes.clone())
    }
}

impl GraphStore for Graph {
    fn index(&self) -> Result<&GraphIndex, &ScanError> {
        self.index.as_ref()
    }

    fn entry(&self, task: TaskId) -> Result<Option<Bytes>, EvidenceError> {
        let range = self.index.as_ref().unwrap().range(task);
        Ok(range.map(|range| {
            let start: usize = range.start.try_into().unwrap();
            let end: usize = range.end.try_into().unwrap();
            self.bytes.slice(start..end)
        }))
    }
}
