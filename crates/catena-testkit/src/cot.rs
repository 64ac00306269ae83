// SPDX-License-Identifier: MPL-2.0
//! Chain-of-trust documents as each worker writes them (generation.md 2 to 5).

use serde_json::{Map, Value, json};

use crate::json::{Escape, Order, pretty};

/// The program that ran a task and wrote its chain-of-trust document.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Producer {
    /// generic-worker, with a docker-worker payload (generation.md 4).
    D2g,
    /// docker-worker (generation.md 5).
    DockerWorker,
    /// generic-worker, with a payload of its own (generation.md 3).
    GenericWorker,
    /// scriptworker (generation.md 2).
    Scriptworker,
}

impl Producer {
    /// Returns the family of the key that it signs with.
    #[must_use]
    pub const fn key_family(self) -> &'static str {
        match self {
            Self::D2g | Self::GenericWorker => "generic-worker",
            Self::DockerWorker => "docker-worker",
            Self::Scriptworker => "scriptworker",
        }
    }

    /// Returns the worker implementation that a verifier sees in the definition (V13).
    #[must_use]
    pub const fn implementation(self) -> &'static str {
        match self {
            Self::D2g | Self::DockerWorker => "docker-worker",
            Self::GenericWorker => "generic-worker",
            Self::Scriptworker => "scriptworker",
        }
    }

    /// Returns the document's bytes in the producer's layout.
    #[must_use]
    pub fn layout(self, document: &Value) -> Vec<u8> {
        match self {
            Self::D2g => pretty(document, Escape::Html, &[]),
            Self::DockerWorker => pretty(document, Escape::Raw, DOCKER_WORKER),
            Self::GenericWorker => pretty(document, Escape::Html, GENERIC_WORKER),
            Self::Scriptworker => pretty(document, Escape::Ascii, &[]),
        }
    }

    /// Returns the document, given what all producers write alike.
    pub(crate) fn document(self, facts: &Facts<'_>) -> Value {
        let mut out = json!({
            "chainOfTrustVersion": 1, "artifacts": facts.artifacts, "task": facts.task, "taskId": facts.task_id,
            "runId": facts.run, "workerGroup": WORKER_GROUP, "workerId": WORKER_ID, "environment": self.environment(facts.image),
        });
        if self == Self::Scriptworker {
            out["workerType"] = facts.task["workerType"].clone();
        }
        out
    }

    /// Returns the name of the log that it lists, and hashes.
    pub(crate) const fn log(self) -> &'static str {
        match self {
            Self::Scriptworker => "public/logs/live_backing.log",
            _ => "public/logs/certified.log",
        }
    }

    fn environment(self, image: Option<&str>) -> Value {
        let mut out = match self {
            Self::D2g | Self::GenericWorker => json!({
                "publicIpAddress": "192.0.2.10", "privateIpAddress": "10.0.0.5", "instanceId": WORKER_ID,
                "instanceType": "n2-standard-4", "region": WORKER_GROUP,
            }),
            Self::DockerWorker => json!({
                "publicIpAddress": "192.0.2.12", "privateIpAddress": "10.0.0.7", "instanceId": WORKER_ID,
                "instanceType": "n2-standard-4", "region": WORKER_GROUP,
            }),
            Self::Scriptworker => json!({}),
        };
        if matches!(self, Self::D2g | Self::DockerWorker) {
            out["imageHash"] = format!("sha256:{}", "1d".repeat(32)).into();
            if let Some(image) = image {
                out["imageArtifactHash"] = format!("sha256:{image}").into();
            }
        }
        out
    }
}

/// What a document says beyond its producer.
pub(crate) struct Facts<'a> {
    pub(crate) task_id: &'a str,
    pub(crate) run: u32,
    pub(crate) task: &'a Value,
    /// Artifact name → algorithm → digest.
    pub(crate) artifacts: Map<String, Value>,
    /// SHA-256 of the image archive, for a task image.
    pub(crate) image: Option<&'a str>,
}

pub(crate) const WORKER_GROUP: &str = "us-east1-b";
pub(crate) const WORKER_ID: &str = "4242424242";

/// Members of a definition in the order in which the queue answers.
pub(crate) const QUEUE_ORDER: &[&str] = &[
    "provisionerId",
    "workerType",
    "taskQueueId",
    "schedulerId",
    "projectId",
    "taskGroupId",
    "dependencies",
    "requires",
    "routes",
    "priority",
    "retries",
    "created",
    "deadline",
    "expires",
    "scopes",
    "payload",
    "metadata",
    "tags",
    "extra",
];
const TOP: &[&str] = &[
    "chainOfTrustVersion",
    "artifacts",
    "task",
    "taskId",
    "runId",
    "workerGroup",
    "workerId",
    "environment",
];
const DOCKER_WORKER: &Order = &[
    ("", TOP),
    ("/task", QUEUE_ORDER),
    (
        "/environment",
        &[
            "publicIpAddress",
            "privateIpAddress",
            "imageHash",
            "imageArtifactHash",
            "instanceId",
            "instanceType",
            "region",
        ],
    ),
];
const GENERIC_WORKER: &Order = &[
    ("", TOP),
    (
        "/environment",
        &[
            "publicIpAddress",
            "privateIpAddress",
            "instanceId",
            "instanceType",
            "region",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn member_order_is_the_producers() {
        let task = json!({"workerType": "w", "provisionerId": "p", "payload": {"b": "<", "a": 1}});
        let facts = Facts {
            task_id: "t",
            run: 0,
            task: &task,
            artifacts: Map::new(),
            image: Some("00"),
        };
        let keys = |producer: Producer| {
            let text = String::from_utf8(producer.layout(&producer.document(&facts))).unwrap();
            let top = |line: &&str| line.starts_with("  \"");
            text.lines()
                .filter(top)
                .map(|line| line.split('"').nth(1).unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let sorted = [
            "artifacts",
            "chainOfTrustVersion",
            "environment",
            "runId",
            "task",
            "taskId",
            "workerGroup",
            "workerId",
        ];
        assert_eq!(keys(Producer::DockerWorker), TOP);
        assert_eq!(keys(Producer::GenericWorker), TOP);
        assert_eq!(keys(Producer::D2g), sorted);
        assert_eq!(
            keys(Producer::Scriptworker),
            [&sorted[..], &["workerType"]].concat()
        );
    }
}
