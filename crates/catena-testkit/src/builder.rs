// SPDX-License-Identifier: MPL-2.0
//! Puts a chain together: parents first, as templates render them; then their tasks; graphs last.

use std::collections::{BTreeMap, BTreeSet};

use catena_core::model::ids::{RunId, TaskId};
use catena_core::request::Request;
use catena_crypto::digest::{Algorithm, Digest};
use serde_json::{Map, Value, json};

use crate::chain::{Chain, ChainTask, Keys, graph_requests, must};
use crate::clock::{Clock, MINUTE, later, resolve, stamp};
use crate::cot::{Facts, Producer, QUEUE_ORDER};
use crate::hosts;
use crate::json::{Escape, pretty, sorted};
use crate::origin::{Origin, object};
use crate::queue::{complete, status};
use crate::random::Random;
use crate::render::Rendering;
use crate::spec::{Action, ChainSpec, DecisionWorker, Flow, Presence, Product, RootRun};
use crate::tasks::{Place, actions, graph_entry, parameters, parameters_text};

pub(crate) struct Builder<'a> {
    pub(crate) spec: &'a ChainSpec,
    product: &'static Product,
    pub(crate) random: Random,
    clock: Clock,
    chain: Chain,
    /// Whether a docker image's decision is being made.
    in_image: bool,
    /// Per parent: taskId → entry.
    graphs: BTreeMap<TaskId, Map<String, Value>>,
}

/// A parent whose tasks are being made.
struct Parent {
    name: String,
    id: TaskId,
    definition: Value,
    origin: Origin,
}

/// A docker image that builds use.
struct Image {
    id: TaskId,
    sha256: String,
}

/// A task that has run.
struct Finished<'a> {
    name: &'a str,
    id: TaskId,
    parent: TaskId,
    definition: Value,
    producer: Producer,
    artifacts: Vec<(String, Vec<u8>)>,
    image: Option<&'a str>,
    run: u32,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(spec: &'a ChainSpec) -> Self {
        let mut random = Random::for_purpose(spec.seed, &format!("{:?}", spec.flow));
        let product = spec.flow.product();
        let chain = Chain {
            root: random.task_id(),
            task_type: "signing",
            product: product.name,
            root_url: spec.root_url.clone(),
            recorded: String::new(),
            documents: BTreeMap::new(),
            absent: BTreeSet::new(),
            failures: BTreeMap::new(),
            settings: Vec::new(),
            tasks: BTreeMap::new(),
            renderings: BTreeMap::new(),
            keys: Keys { seed: spec.seed },
        };
        Self {
            spec,
            product,
            random,
            clock: Clock::new(),
            chain,
            in_image: false,
            graphs: BTreeMap::new(),
        }
    }

    pub(crate) fn build(mut self) -> Chain {
        let images: Vec<_> = (0..self.spec.images).map(|n| self.image(n)).collect();
        let origin = self.origin(self.product, self.product.repo, self.spec.flow.tasks_for());
        let decision = self.decision("decision", origin);
        let action = self
            .spec
            .flow
            .action()
            .map(|action| (self.action(action, &decision), action));
        let (owner, group) = match &action {
            Some((parent, Action::Promotion)) => (parent, parent.id),
            Some((parent, Action::Generic)) => (parent, decision.id),
            None => (&decision, decision.id),
        };

        let mut upstream = Upstream::default();
        for n in 0..self.spec.builds.max(1) {
            // a promotion owns every other build; a generic action only the root
            match &action {
                Some((parent, Action::Promotion)) if n % 2 == 1 => {
                    self.build_task(n, parent, parent.id, &images, &mut upstream)
                }
                _ => self.build_task(n, &decision, decision.id, &images, &mut upstream),
            }
        }
        if self.spec.upstream_signing == Presence::Present {
            self.upstream_signing(&decision, &mut upstream);
        }
        if self.spec.optional == Presence::Present {
            self.optional(&mut upstream);
        }
        self.root(owner, group, &upstream);

        self.seal(decision);
        if let Some((parent, _)) = action {
            self.seal(parent);
        }
        self.put(Request::Projects, hosts::PROJECTS.as_bytes().to_vec());
        self.chain.recorded = stamp(later(self.clock.tick(), MINUTE * 90));
        self.chain
    }

    /// Returns whether pushes to a repository have a second one.
    pub(crate) fn has_comm(&self, url: &str) -> bool {
        // images come from elsewhere
        self.spec.flow == Flow::EnterpriseComm && url == self.product.repo && !self.in_image
    }

    pub(crate) fn put(&mut self, request: Request, bytes: Vec<u8>) {
        self.chain.documents.insert(request, bytes);
    }

    /// A decision: its definition now, its artifacts when its graph is known.
    fn decision(&mut self, name: &str, origin: Origin) -> Parent {
        let id = self.random.task_id();
        let definition = self.render(
            name,
            &origin,
            origin.tasks_for,
            (id, id),
            origin.context.clone(),
        );
        self.graphs.insert(id, Map::new());
        Parent {
            name: name.to_owned(),
            id,
            definition,
            origin,
        }
    }

    fn action(&mut self, action: Action, decision: &Parent) -> Parent {
        let id = self.random.task_id();
        let actions = actions(self.product, &decision.origin, decision.id.as_str());
        let entry = actions["actions"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|entry| entry["name"] == action.name());
        let given = &must(entry, action.name())["hookPayload"]["decision"];
        let mut about = given["action"].clone();
        let tasks_for = self.spec.flow.action_tasks_for();
        let repository = decision.origin.url.trim_start_matches("https://");
        about["repo_scope"] = format!(
            "assume:repo:{repository}:{tasks_for}:{}",
            action.permission()
        )
        .into();
        about["action_perm"] = action.permission().into();
        let hg_parameters = if decision.origin.is_git() {
            Value::Null
        } else {
            parameters(&decision.origin)
        };
        let context = json!({
            "action": about, "push": given["push"], "repository": given["repository"], "parameters": hg_parameters,
            "input": {"build_number": 2, "flavor": "promote", "partials": {"145.0": ["de", "fr"]}}, "taskId": null,
            "taskGroupId": decision.id.as_str(), "clientId": "example/release-manager",
        });
        let mut definition = self.render(
            "action",
            &decision.origin,
            tasks_for,
            (id, decision.id),
            object(context),
        );
        if action == Action::Promotion {
            // the hooks service renders the action's own id here; the rebuild tolerates exactly that (V69)
            definition["payload"]["env"]["ACTION_TASK_GROUP_ID"] = id.as_str().into();
        }
        self.graphs.insert(id, Map::new());
        let mut origin = decision.origin.clone();
        origin.tasks_for = tasks_for;
        Parent {
            name: "action".to_owned(),
            id,
            definition,
            origin,
        }
    }

    fn render(
        &mut self,
        name: &str,
        origin: &Origin,
        tasks_for: &'static str,
        (own, decision): (TaskId, TaskId),
        context: Map<String, Value>,
    ) -> Value {
        let rendering = Rendering {
            tasks_for,
            now: stamp(self.clock.tick()),
            own: own.to_string(),
            decision: decision.to_string(),
            context,
        };
        let task = must(rendering.task(&origin.template), "template that renders");
        self.chain.renderings.insert(name.to_owned(), rendering);
        task
    }

    /// Adds a parent's artifacts, with the graph as it is now.
    fn seal(&mut self, parent: Parent) {
        let Parent {
            name,
            id,
            definition,
            origin,
        } = parent;
        let mut graph = self.graphs.remove(&id).unwrap_or_default();
        for n in 0..self.spec.graph_filler {
            let (filler, label) = (self.random.task_id(), format!("test-{n}"));
            let place = Place {
                product: self.product,
                origin: &origin,
                parent: id.as_str(),
                level: origin.level,
            };
            let task = place.build(Producer::GenericWorker, "test", &label, None);
            graph.insert(filler.to_string(), graph_entry(filler.as_str(), &task));
        }
        let graph = sorted(&Value::Object(graph));
        let mut artifacts = vec![("public/task-graph.json".to_owned(), graph.clone())];
        if !matches!(origin.tasks_for, "action" | "pr-action") {
            artifacts.push((
                "public/actions.json".to_owned(),
                sorted(&actions(self.product, &origin, id.as_str())),
            ));
            artifacts.push((
                "public/parameters.yml".to_owned(),
                parameters_text(&parameters(&origin)),
            ));
        }
        self.put(graph_requests(id, RunId(0)).0, graph);
        let producer = match self.spec.decision_worker {
            DecisionWorker::D2g => Producer::D2g,
            DecisionWorker::DockerWorker => Producer::DockerWorker,
        };
        self.finish(Finished {
            name: &name,
            id,
            parent: id,
            definition,
            producer,
            artifacts,
            image: None,
            run: 0,
        });
        let group = must(
            self.chain.json(&Request::Definition { task: id })["taskGroupId"]
                .as_str()
                .map(str::to_owned),
            "group",
        );
        if let (Ok(group), Some(task)) = (group.parse(), self.chain.tasks.get_mut(&name)) {
            task.parent = group;
        }
    }

    /// A docker image and its own decision, in another group.
    fn image(&mut self, n: usize) -> Image {
        let (repo, tasks_for) = match self.product.repo {
            repo if repo.starts_with("https://github.com/") => (repo, "github-push"),
            _ if self.product.domain == "comm" => {
                ("https://hg.mozilla.org/comm-central", "hg-push")
            }
            _ => ("https://hg.mozilla.org/mozilla-central", "hg-push"),
        };
        self.in_image = true;
        let origin = self.origin(self.product, repo, tasks_for);
        self.in_image = false;
        let decision = self.decision(&format!("image-{n}-decision"), origin);
        let (id, label) = (self.random.task_id(), format!("docker-image-{n}"));
        let place = Place {
            product: self.product,
            origin: &decision.origin,
            parent: decision.id.as_str(),
            level: decision.origin.level,
        };
        let task = place.image(&label);
        let definition = self.schedule(id, decision.id, decision.id, task);
        let archive = self.random.bytes(96);
        let sha256 = Digest::of(Algorithm::Sha256, &archive).hex();
        let artifacts = vec![("public/image.tar.zst".to_owned(), archive)];
        let (name, producer) = (format!("image-{n}"), Producer::DockerWorker);
        self.finish(Finished {
            name: &name,
            id,
            parent: decision.id,
            definition,
            producer,
            artifacts,
            image: None,
            run: 0,
        });
        self.seal(decision);
        Image { id, sha256 }
    }

    fn build_task(
        &mut self,
        n: usize,
        parent: &Parent,
        group: TaskId,
        images: &[Image],
        upstream: &mut Upstream,
    ) {
        let producer = if n % 2 == 1 {
            Producer::GenericWorker
        } else {
            Producer::D2g
        };
        let producer = match (producer, n % 3) {
            // old and new workers side by side
            (Producer::D2g, 0) => Producer::DockerWorker,
            (producer, _) => producer,
        };
        let (id, label) = (self.random.task_id(), format!("build-platform{n}/opt"));
        let mirror =
            (self.spec.flow == Flow::FirefoxMirror && n == 0).then(|| self.mirror(&parent.origin));
        let origin = mirror.as_ref().unwrap_or(&parent.origin);
        let place = Place {
            product: self.product,
            origin,
            parent: parent.id.as_str(),
            level: parent.origin.level,
        };
        let image = if producer == Producer::GenericWorker {
            None
        } else {
            images.get(n / 2 % images.len().max(1))
        };
        let task = place.build(
            producer,
            "build",
            &label,
            image.map(|image| image.id.as_str()),
        );
        let definition = self.schedule(id, parent.id, group, task);
        let artifacts: Vec<_> = (0..self.spec.artifacts.max(1))
            .map(|a| {
                (
                    format!("public/build/target-{a}.zip"),
                    self.random.bytes(self.spec.artifact_size),
                )
            })
            .collect();
        let paths: Vec<_> = artifacts.iter().map(|(name, _)| name.clone()).collect();
        upstream.add(id, "build", &paths);
        let run = u32::from(n == 0 && self.spec.rerun == Presence::Present);
        let image = image.map(|image| image.sha256.as_str());
        self.finish(Finished {
            name: &format!("build-{n}"),
            id,
            parent: parent.id,
            definition,
            producer,
            artifacts,
            image,
            run,
        });
    }

    fn upstream_signing(&mut self, decision: &Parent, upstream: &mut Upstream) {
        let id = self.random.task_id();
        let place = Place {
            product: self.product,
            origin: &decision.origin,
            parent: decision.id.as_str(),
            level: decision.origin.level,
        };
        let first = upstream.entries.first().cloned().unwrap_or_default();
        let needs = [first["taskId"].as_str().unwrap_or_default().to_owned()];
        let task = place.signing("build-signing/opt", &[first], &needs, self.product.scope);
        let definition = self.schedule(id, decision.id, decision.id, task);
        let artifacts = vec![(
            "public/build/target.signed".to_owned(),
            self.random.bytes(self.spec.artifact_size),
        )];
        upstream.add(id, "signing", &[artifacts[0].0.clone()]);
        let producer = Producer::Scriptworker;
        self.finish(Finished {
            name: "signing-0",
            id,
            parent: decision.id,
            definition,
            producer,
            artifacts,
            image: None,
            run: 0,
        });
    }

    /// An optional artifact that does not exist, and an optional glob that matches one file and the log.
    fn optional(&mut self, upstream: &mut Upstream) {
        let build = self.chain.task("build-0").clone();
        let missing = "public/build/missing.zip";
        upstream.entries.push(json!({"taskId": build.id.as_str(), "taskType": "build", "paths": [missing], "formats": ["widget"], "optional": true}));
        upstream.entries.push(json!({"taskId": build.id.as_str(), "taskType": "build", "paths": ["public/build/*-0.zip"], "formats": ["widget"], "optional": true}));
        self.chain
            .absent
            .insert(self.chain.artifact("build-0", missing));
        let names = [
            "public/build/target-0.zip",
            "public/chain-of-trust.json",
            "public/logs/live.log",
        ];
        let listed: Vec<_> = names
            .iter()
            .map(|name| json!({"storageType": "s3", "name": name, "expires": "2027-03-02T10:00:00.000Z", "contentType": "application/octet-stream"}))
            .collect();
        self.put(
            Request::ArtifactList {
                task: build.id,
                run: build.run,
            },
            sorted(&json!({"artifacts": listed})),
        );
    }

    fn root(&mut self, owner: &Parent, group: TaskId, upstream: &Upstream) {
        let id = self.chain.root;
        let place = Place {
            product: self.product,
            origin: &owner.origin,
            parent: owner.id.as_str(),
            level: owner.origin.level,
        };
        let plain = format!("project:{}:signing:cert:dep-signing", self.product.domain);
        let scope = if owner.origin.level == "1" {
            &plain
        } else {
            self.product.scope
        };
        let task = place.signing(
            "release-signing/opt",
            &upstream.entries,
            &upstream.tasks,
            scope,
        );
        let definition = self.schedule(id, owner.id, group, task);
        let artifacts = vec![("public/build/target.asc".to_owned(), self.random.bytes(64))];
        let producer = Producer::Scriptworker;
        self.finish(Finished {
            name: "root",
            id,
            parent: owner.id,
            definition,
            producer,
            artifacts,
            image: None,
            run: 0,
        });
        if self.spec.root_run == RootRun::Running {
            let of_root = |request: &Request| matches!(request, Request::Artifact { task, .. } | Request::CotBody { task, .. } | Request::CotSignature { task, .. } if *task == id);
            self.chain.documents.retain(|request, _| !of_root(request));
            self.chain
                .edit_json(&Request::Status { task: id }, |answer| {
                    answer["status"]["state"] = "running".into();
                    if let Some(run) = answer["status"]["runs"][0].as_object_mut() {
                        run.insert("state".to_owned(), "running".into());
                        run.retain(|key, _| key != "resolved" && key != "reasonResolved");
                    }
                });
        }
    }

    /// Puts a task into its parent's graph; returns what the queue gets to see.
    fn schedule(&mut self, id: TaskId, parent: TaskId, group: TaskId, task: Value) -> Value {
        let created = self.clock.tick();
        self.graphs
            .entry(parent)
            .or_default()
            .insert(id.to_string(), graph_entry(id.as_str(), &task));
        let mut definition = task;
        resolve(&mut definition, created);
        definition["taskGroupId"] = group.as_str().into();
        definition
    }

    /// A task that has run: definition, status, artifacts and the signed chain-of-trust document.
    fn finish(&mut self, task: Finished<'_>) {
        let Finished {
            name,
            id,
            parent,
            mut definition,
            producer,
            artifacts,
            image,
            run,
        } = task;
        complete(&mut definition);
        self.put(
            Request::Definition { task: id },
            pretty(&definition, Escape::Raw, &[("", QUEUE_ORDER)]),
        );
        self.put(
            Request::Status { task: id },
            sorted(&status(id, run, &definition)),
        );
        let log = format!("[taskcluster] {name}: done\n");
        let mut digests = Map::new();
        let sha256 = |bytes: &[u8]| json!({"sha256": Digest::of(Algorithm::Sha256, bytes).hex()});
        digests.insert(producer.log().to_owned(), sha256(log.as_bytes()));
        for (path, bytes) in artifacts {
            digests.insert(path.clone(), sha256(&bytes));
            let name = must(path.parse().ok(), &path);
            self.put(
                Request::Artifact {
                    task: id,
                    run: RunId(run),
                    name,
                },
                bytes,
            );
        }
        let facts = Facts {
            task_id: id.as_str(),
            run,
            task: &definition,
            artifacts: digests,
            image,
        };
        let body = producer.layout(&producer.document(&facts));
        self.put(
            Request::CotBody {
                task: id,
                run: RunId(run),
            },
            body,
        );
        self.chain.tasks.insert(
            name.to_owned(),
            ChainTask {
                id,
                run: RunId(run),
                producer,
                parent,
            },
        );
        self.chain.sign(name);
    }
}

/// What the root takes.
#[derive(Default)]
struct Upstream {
    entries: Vec<Value>,
    tasks: Vec<String>,
}

impl Upstream {
    fn add(&mut self, id: TaskId, kind: &str, paths: &[String]) {
        self.entries.push(
            json!({"taskId": id.as_str(), "taskType": kind, "paths": paths, "formats": ["widget"]}),
        );
        self.tasks.push(id.to_string());
        self.tasks.sort();
    }
}
