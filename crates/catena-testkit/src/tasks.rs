// SPDX-License-Identifier: MPL-2.0
//! Tasks as a task graph has them: with relative dates, before they reach the queue.

use serde_json::{Map, Value, json};

use crate::cot::Producer;
use crate::origin::Origin;
use crate::spec::Product;

/// What all tasks of a graph need to know.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) product: &'a Product,
    pub(crate) origin: &'a Origin,
    /// The decision or action task.
    pub(crate) parent: &'a str,
    pub(crate) level: &'a str,
}

impl Place<'_> {
    /// A task that makes files.
    pub(crate) fn build(
        &self,
        producer: Producer,
        kind: &str,
        label: &str,
        image: Option<&str>,
    ) -> Value {
        let mut task = if producer == Producer::GenericWorker {
            self.generic_worker(kind, label)
        } else {
            self.docker_worker(kind, label, image)
        };
        let project = &self.origin.project;
        let domain = self.product.domain;
        task["routes"] = json!([format!("index.{domain}.v2.{project}.latest.{label}")]);
        task["scopes"] = json!([format!(
            "secrets:get:project/{domain}/level-{}/build",
            self.level
        )]);
        task
    }

    fn docker_worker(&self, kind: &str, label: &str, image: Option<&str>) -> Value {
        let mut task = self.common(kind, label, "b-linux", Producer::DockerWorker);
        task["payload"] = json!({
            "artifacts": {"public/build": {"expires": {"relative-datestamp": "1 year"}, "path": "/builds/worker/artifacts", "type": "directory"}},
            "command": ["/builds/worker/bin/run-task", "--", "./mach", "build", "&&", "echo", "<done>"],
            "env": self.environment(),
            "features": {"chainOfTrust": true},
            "image": format!("examplehub/builder:3@sha256:{}", "b1".repeat(32)),
            "maxRunTime": 7200,
        });
        if let Some(image) = image {
            task["payload"]["image"] =
                json!({"path": "public/image.tar.zst", "taskId": image, "type": "task-image"});
            task["extra"]["chainOfTrust"] = json!({"inputs": {"docker-image": image}});
            task["dependencies"] = json!([image]);
        }
        task
    }

    fn generic_worker(&self, kind: &str, label: &str) -> Value {
        let mut task = self.common(kind, label, "b-win2022", Producer::GenericWorker);
        task["payload"] = json!({
            "artifacts": [{"expires": {"relative-datestamp": "1 year"}, "name": "public/build", "path": "artifacts", "type": "directory"}],
            "command": ["python3 run-task -- ./mach build"],
            "env": self.environment(),
            "features": {"chainOfTrust": true},
            "maxRunTime": 7200,
            "mounts": [{"cacheName": format!("{}-level-{}-checkouts", self.product.domain, self.level), "directory": "build"}],
            "osGroups": [],
        });
        task
    }

    /// A task that makes a docker image.
    pub(crate) fn image(&self, label: &str) -> Value {
        let mut task = self.common("docker-image", label, "images", Producer::DockerWorker);
        let mut environment = self.environment();
        environment.insert("IMAGE_NAME".to_owned(), label.into());
        task["payload"] = json!({
            "artifacts": {"public/image.tar.zst": {"expires": {"relative-datestamp": "1 year"}, "path": "/workspace/image.tar.zst", "type": "file"}},
            "command": ["/usr/local/bin/build-image"],
            "env": environment,
            "features": {"chainOfTrust": true, "dind": false},
            "image": format!("examplehub/image_builder:5@sha256:{}", "b0".repeat(32)),
            "maxRunTime": 3600,
        });
        task
    }

    /// A task that signs what others made.
    pub(crate) fn signing(
        &self,
        label: &str,
        upstream: &[Value],
        dependencies: &[String],
        scope: &str,
    ) -> Value {
        let pool = format!("{}-{}-signing", self.product.domain, self.level);
        let mut task = self.common("signing", label, &pool, Producer::Scriptworker);
        task["provisionerId"] = "scriptworker-k8s".into();
        task["dependencies"] = json!(dependencies);
        task["payload"] = json!({"maxRunTime": 3600, "upstreamArtifacts": upstream});
        task["scopes"] = json!([
            scope,
            format!("project:{}:signing:format:widget", self.product.domain)
        ]);
        task
    }

    fn common(&self, kind: &str, label: &str, pool: &str, producer: Producer) -> Value {
        let Origin {
            url,
            revision,
            project,
            ..
        } = self.origin;
        let domain = self.product.domain;
        let folder = if self.origin.is_git() { "blob" } else { "file" };
        let (url, revision) = match &self.origin.comm {
            Some((url, revision)) => (url, revision),
            None => (url, revision),
        };
        json!({
            "created": {"relative-datestamp": "0 seconds"},
            "deadline": {"relative-datestamp": "1 day"},
            "expires": {"relative-datestamp": "1 year"},
            "dependencies": [],
            "priority": "medium",
            "requires": "all-completed",
            "provisionerId": format!("{domain}-{}", self.level),
            "workerType": pool,
            "schedulerId": format!("{domain}-level-{}", self.level),
            "metadata": {"name": label, "description": format!("{kind} in {project}"), "owner": "release@example.org",
                         "source": format!("{url}/{folder}/{revision}/taskcluster/kinds/{kind}")},
            "tags": {"kind": kind, "label": label, "trust-domain": domain, "worker-implementation": producer.implementation()},
            "routes": [],
            "scopes": [],
            "extra": {"parent": self.parent, "treeherder": {"symbol": "B", "tier": 1}},
        })
    }

    fn environment(&self) -> Map<String, Value> {
        let prefix = self.product.prefix;
        let Origin {
            url,
            revision,
            reference,
            ..
        } = self.origin;
        let of = |name: &str| format!("{prefix}_{name}");
        let comm = self.origin.comm.iter().flat_map(|(url, revision)| {
            [("COMM_HEAD_REPOSITORY", url), ("COMM_HEAD_REV", revision)]
        });
        let comm = comm.map(|(name, value)| (name.to_owned(), value.clone()));
        [
            (of("HEAD_REPOSITORY"), url.clone()),
            (of("HEAD_REV"), revision.clone()),
            (of("HEAD_REF"), reference.clone()),
            ("MOZ_SCM_LEVEL".to_owned(), self.level.to_owned()),
        ]
        .into_iter()
        .chain(comm)
        .map(|(name, value)| (name, Value::String(value)))
        .collect()
    }
}

/// Returns a task's entry in `task-graph.json`.
pub(crate) fn graph_entry(id: &str, task: &Value) -> Value {
    json!({
        "attributes": {"kind": task["tags"]["kind"], "shippable": true},
        "dependencies": {},
        "description": task["metadata"]["description"],
        "kind": task["tags"]["kind"],
        "label": task["metadata"]["name"],
        "optimization": null,
        "soft_dependencies": [],
        "task": task,
        "task_id": id,
    })
}

/// Returns `public/actions.json`.
pub(crate) fn actions(product: &Product, origin: &Origin, decision: &str) -> Value {
    let is_git = origin.is_git();
    let mut push = json!({"owner": "release@example.org", "revision": origin.revision});
    if is_git {
        push["branch"] = "main".into();
    } else {
        push["pushlog_id"] = origin.context["push"]["pushlog_id"].clone();
        push["base_revision"] = origin.context["push"]["base_revision"].clone();
    }
    let vcs = if is_git { "git" } else { "hg" };
    let repository =
        json!({"url": origin.url, "project": origin.project, "level": origin.level, "type": vcs});
    let entries: Vec<_> = [("add-tasks", "Add tasks", "add", "generic"), ("release-promotion", "Promote", "promote", "release-promotion")]
        .into_iter()
        .map(|(name, title, symbol, permission)| {
            let about = format!("{title}, on request.");
            let mut decision = json!({
                "action": {"name": name, "title": title, "description": about, "taskGroupId": decision, "cb_name": name, "symbol": symbol},
                "push": push, "repository": repository,
            });
            if !is_git {
                decision["parameters"] = json!({"$eval": "parameters"});
            }
            json!({
                "name": name, "title": title, "description": about, "kind": "hook", "context": [],
                "hookGroupId": format!("project-{}", product.domain), "hookId": format!("in-tree-action-{}-{permission}/0a1b2c", origin.level),
                "extra": {"actionPerm": permission}, "schema": {"type": "object"},
                "hookPayload": {"decision": decision, "user": {"input": {"$eval": "input"}, "taskId": {"$eval": "taskId"}, "taskGroupId": {"$eval": "taskGroupId"}}},
            })
        })
        .collect();
    json!({"version": 1, "variables": {}, "actions": entries})
}

/// Returns what the decision task was told.
pub(crate) fn parameters(origin: &Origin) -> Value {
    json!({
        "head_repository": origin.url, "head_rev": origin.revision, "head_ref": origin.reference, "level": origin.level,
        "project": origin.project, "tasks_for": origin.tasks_for, "build_number": 1, "optimize_target_tasks": true,
        "release_eta": null, "version": "146.0b3", "note": "d\u{e9}j\u{e0} vu",
    })
}

/// Returns the parameters as YAML: one member a line, strings quoted.
pub(crate) fn parameters_text(parameters: &Value) -> Vec<u8> {
    let members = parameters.as_object().into_iter().flatten();
    members
        .map(|(key, value)| format!("{key}: {value}\n"))
        .collect::<String>()
        .into_bytes()
}
