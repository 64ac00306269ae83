// SPDX-License-Identifier: MPL-2.0
//! Reads the documents of every worker that signs any, with what is particular to each (generation.md 2 to 5).
//!
//! Four programs write the same members in four ways. What a verifier must know of that is in the core; this is the
//! reader for people and tools: which program wrote a document, and what it says. Nothing here is verified.

use std::collections::BTreeMap;

use catena_core::json::{self, JsonError, Reading};
use catena_core::model::ids::{InvalidId, TaskId};
use catena_crypto::digest::{Algorithm, Digest};
use catena_jsone::Value;

/// The program that wrote a document, as its form tells.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Producer {
    /// generic-worker with a docker-worker payload: merged, and so sorted at every level (generation.md 4).
    D2g,
    /// docker-worker (generation.md 5).
    DockerWorker,
    /// generic-worker with a payload of its own (generation.md 3), merged with additional data or not.
    GenericWorker,
    /// scriptworker, or this worker: the only ones that name a `workerType` (generation.md 2).
    Scriptworker,
}

impl Producer {
    /// Returns its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::D2g => "generic-worker (d2g)",
            Self::DockerWorker => "docker-worker",
            Self::GenericWorker => "generic-worker",
            Self::Scriptworker => "scriptworker",
        }
    }
}

/// What a document says.
#[derive(Clone, Debug)]
pub struct Document {
    /// Who wrote it.
    pub producer: Producer,
    /// The task.
    pub task_id: TaskId,
    /// Its run.
    pub run: u32,
    /// `workerGroup`.
    pub worker_group: String,
    /// `workerId`.
    pub worker_id: String,
    /// `workerType`, which scriptworker writes.
    pub worker_type: Option<String>,
    /// Artifact name to its digests.
    pub artifacts: BTreeMap<String, BTreeMap<Algorithm, Digest>>,
    /// What it says of the machine.
    pub environment: Environment,
}

/// What a document says of the machine and the program. All of it is what the worker claims; of generic-worker, a task
/// may have added what is missing (generation.md 3.4).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Environment {
    /// Public address.
    pub public_ip: Option<String>,
    /// Private address; generic-worker writes `<nil>` for none.
    pub private_ip: Option<String>,
    /// Instance in its cloud.
    pub instance_id: Option<String>,
    /// Type of the instance.
    pub instance_type: Option<String>,
    /// Region; generic-worker writes an empty text for none.
    pub region: Option<String>,
    /// Image id, with `sha256:`. Read only where the task has a docker-worker payload: elsewhere the task wrote it.
    pub image_id: Option<String>,
    /// Digest of the archive that the image was loaded from; as for the id.
    pub image_archive: Option<Digest>,
    /// Id of the signing key, which this worker names.
    pub key_id: Option<String>,
}

/// Why a text is no document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// A digest that is not lower-case hex of its algorithm's length, or an algorithm that nobody uses.
    #[error("/artifacts: expected sha256 or sha512 in lower-case hex for {name:?}")]
    Digest {
        /// The artifact.
        name: String,
    },
    /// Not JSON, or ambiguous.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A member lacks, or has another type.
    #[error("expected {expected} at {at}")]
    Member {
        /// JSON pointer.
        at: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// A task id that is none.
    #[error("/taskId: {0}")]
    TaskId(#[from] InvalidId),
    /// A version that is not 1.
    #[error("/chainOfTrustVersion: expected 1")]
    Version,
}

impl Document {
    /// Reads a document of any of the four programs.
    ///
    /// # Errors
    /// [`DocumentError`]
    pub fn read(bytes: &[u8]) -> Result<Self, DocumentError> {
        let document = json::parse(bytes, Reading::Strict)?;
        let member = |at, expected| DocumentError::Member { at, expected };
        let text = |pointer: &'static str| {
            let value = document.pointer(pointer).and_then(Value::as_str);
            value
                .map(str::to_owned)
                .ok_or_else(|| member(pointer, "a string"))
        };
        let version = document.get("chainOfTrustVersion").and_then(Value::as_int);
        if version != Some(1) {
            return Err(DocumentError::Version);
        }
        let run = document.get("runId").and_then(Value::as_int);
        let run = run.and_then(|run| u32::try_from(run).ok());
        Ok(Self {
            producer: producer(&document).ok_or_else(|| member("", "an object"))?,
            task_id: text("/taskId")?.parse()?,
            run: run.ok_or_else(|| member("/runId", "an integer from 0"))?,
            worker_group: text("/workerGroup")?,
            worker_id: text("/workerId")?,
            worker_type: text("/workerType").ok(),
            artifacts: artifacts(&document)?,
            environment: environment(&document),
        })
    }
}

/// Tells who wrote a document by its members and their order.
fn producer(document: &Value) -> Option<Producer> {
    let Value::Object(members) = document else {
        return None;
    };
    if members.contains_key("workerType") {
        return Some(Producer::Scriptworker);
    }
    // merging sorts every level; without it, generic-worker and docker-worker begin with the version
    let merged = members.keys().is_sorted();
    Some(match (has_image(document), merged) {
        (true, true) => Producer::D2g,
        (true, false) => Producer::DockerWorker,
        (false, _) => Producer::GenericWorker,
    })
}

/// Whether the task has a docker-worker payload.
fn has_image(document: &Value) -> bool {
    document.pointer("/task/payload/image").is_some()
}

fn artifacts(
    document: &Value,
) -> Result<BTreeMap<String, BTreeMap<Algorithm, Digest>>, DocumentError> {
    let Some(Value::Object(members)) = document.get("artifacts") else {
        return Err(DocumentError::Member {
            at: "/artifacts",
            expected: "an object",
        });
    };
    let mut out = BTreeMap::new();
    for (name, entry) in members {
        let wrong = || DocumentError::Digest {
            name: name.chars().take(200).collect(),
        };
        let Value::Object(entry) = entry else {
            return Err(wrong());
        };
        let digests = entry.iter().map(|(algorithm, hex)| {
            let algorithm: Algorithm = algorithm.parse().ok()?;
            Some((algorithm, Digest::parse(algorithm, hex.as_str()?)?))
        });
        let digests: Option<BTreeMap<_, _>> = digests.collect();
        out.insert(
            name.to_string(),
            digests
                .filter(|digests| !digests.is_empty())
                .ok_or_else(wrong)?,
        );
    }
    Ok(out)
}

fn environment(document: &Value) -> Environment {
    let said = |name: &str| {
        let text = document.get("environment")?.get(name)?.as_str()?;
        (!text.is_empty() && text != "<nil>").then(|| text.to_owned())
    };
    let image = |name| said(name).filter(|_| has_image(document));
    Environment {
        public_ip: said("publicIpAddress"),
        private_ip: said("privateIpAddress"),
        instance_id: said("instanceId"),
        instance_type: said("instanceType"),
        region: said("region"),
        image_id: image("imageHash"),
        image_archive: image("imageArtifactHash")
            .and_then(|hash| Digest::parse(Algorithm::Sha256, hash.strip_prefix("sha256:")?)),
        key_id: said("keyId"),
    }
}
