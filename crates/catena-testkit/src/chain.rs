// SPDX-License-Identifier: MPL-2.0
//! A chain of trust in memory: all documents that a verifier may ask for, and the means to change them
//! consistently, as an attacker with the queue, the storage or even a signing key could.
//!
//! Methods panic when a task or a document does not exist: names are literals in tests.

use std::collections::{BTreeMap, BTreeSet};

use catena_core::document::ErrorKind;
use catena_core::model::ids::{ArtifactName, RunId, TaskId};
use catena_core::request::Request;
use catena_crypto::digest::{Algorithm, Digest};
use catena_crypto::signer::{Signer as _, SigningKey};
use serde_json::{Value, json};

use crate::cot::{Producer, QUEUE_ORDER};
use crate::json::{Escape, pretty, sorted};
use crate::random::seed_bytes;
use crate::render::Rendering;

/// A chain of trust: documents by request, and who made them.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The task to verify.
    pub root: TaskId,
    /// Its type, which the verifier is told.
    pub task_type: &'static str,
    /// The product, likewise.
    pub product: &'static str,
    /// The deployment, without a trailing `/`.
    pub root_url: String,
    /// When the documents were collected: after the last event of the chain.
    pub recorded: String,
    /// What exists. Task graphs lie under both [`Request::TaskGraph`] and [`Request::Artifact`].
    pub documents: BTreeMap<Request, Vec<u8>>,
    /// What a verifier may ask for and does not exist; whatever is in neither list does not exist either.
    pub absent: BTreeSet<Request>,
    /// Requests that a host fails to answer otherwise than by saying that there is no such thing (P7). They win
    /// over documents.
    pub failures: BTreeMap<Request, ErrorKind>,
    /// Further lines of `scriptworker.yaml`: overridden keys, `x_cot`.
    pub settings: Vec<String>,
    /// The tasks, by a name: `root`, `decision`, `action`, `build-0` …, `signing-0`, `image-0`, `image-0-decision` ….
    pub tasks: BTreeMap<String, ChainTask>,
    /// Where the keys come from.
    pub keys: Keys,
    pub(crate) renderings: BTreeMap<String, Rendering>,
}

/// A task of the chain.
#[derive(Clone, Debug)]
pub struct ChainTask {
    /// Its id.
    pub id: TaskId,
    /// Its last run.
    pub run: RunId,
    /// What ran it.
    pub producer: Producer,
    /// The task that created it, in whose graph it is; itself for a decision.
    pub parent: TaskId,
}

/// Signing keys of a deployment that exists nowhere: anybody can compute them from the seed.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    pub(crate) seed: u64,
}

impl Keys {
    /// Returns the signing key of a family, or of any other name: then nobody trusts it.
    #[must_use]
    pub fn signer(self, family: &str) -> SigningKey {
        SigningKey::from_seed(seed_bytes(self.seed, &format!("key {family}")))
    }

    /// Returns the public keys per worker implementation, as `ed25519_public_keys` lists them. Two lists
    /// show a rotation, and that of docker-worker has generic-worker's key because of d2g (S19).
    #[must_use]
    pub fn public(self) -> BTreeMap<&'static str, Vec<String>> {
        let key = |family: &str| self.signer(family).public_key().to_base64();
        BTreeMap::from([
            (
                "docker-worker",
                vec![key("docker-worker"), key("generic-worker")],
            ),
            ("generic-worker", vec![key("generic-worker")]),
            (
                "scriptworker",
                vec![key("scriptworker-retired"), key("scriptworker")],
            ),
        ])
    }
}

impl Chain {
    /// Returns a task by name.
    #[must_use]
    pub fn task(&self, name: &str) -> &ChainTask {
        must(self.tasks.get(name), name)
    }

    /// Returns the request for a task's chain-of-trust document.
    #[must_use]
    pub fn cot(&self, name: &str) -> Request {
        let ChainTask { id, run, .. } = *self.task(name);
        Request::CotBody { task: id, run }
    }

    /// Returns the request for a task's definition.
    #[must_use]
    pub fn definition(&self, name: &str) -> Request {
        Request::Definition {
            task: self.task(name).id,
        }
    }

    /// Returns the request for an artifact of a task.
    #[must_use]
    pub fn artifact(&self, name: &str, artifact: &str) -> Request {
        let ChainTask { id, run, .. } = *self.task(name);
        Request::Artifact {
            task: id,
            run,
            name: must(artifact.parse().ok(), artifact),
        }
    }

    /// Returns a document.
    #[must_use]
    pub fn bytes(&self, request: &Request) -> &[u8] {
        must(
            self.documents.get(request).map(Vec::as_slice),
            &request.to_string(),
        )
    }

    /// Returns a document as JSON.
    #[must_use]
    pub fn json(&self, request: &Request) -> Value {
        must(
            serde_json::from_slice(self.bytes(request)).ok(),
            &request.to_string(),
        )
    }

    /// Changes a JSON document in place. Nothing follows suit: digests and signatures stay as they are.
    pub fn edit_json(&mut self, request: &Request, edit: impl FnOnce(&mut Value)) {
        let mut value = self.json(request);
        edit(&mut value);
        let bytes = match request {
            Request::CotBody { task, .. } => self.by_id(*task).producer.layout(&value),
            Request::Definition { .. } => pretty(&value, Escape::Raw, &[("", QUEUE_ORDER)]),
            _ => sorted(&value),
        };
        self.replace(request, bytes);
    }

    /// Changes the bytes of a document, for a task graph in both places. Digests stay as they are.
    pub fn replace(&mut self, request: &Request, bytes: Vec<u8>) {
        let twin = match request {
            Request::TaskGraph { task, run } => Some(graph_requests(*task, *run).1),
            Request::Artifact { task, run, name } if name.as_str() == ArtifactName::TASK_GRAPH => {
                Some(graph_requests(*task, *run).0)
            }
            _ => None,
        };
        if let Some(twin) = twin {
            self.documents.insert(twin, bytes.clone());
        }
        self.documents.insert(request.clone(), bytes);
    }

    /// Changes a task's chain-of-trust document and signs it again.
    pub fn edit_cot(&mut self, name: &str, edit: impl FnOnce(&mut Value)) {
        self.edit_json(&self.cot(name), edit);
        self.sign(name);
    }

    /// Changes what the queue says about a task and what the worker recorded; signs again.
    pub fn edit_definition(&mut self, name: &str, edit: impl Fn(&mut Value)) {
        self.edit_json(&self.definition(name), &edit);
        if self.documents.contains_key(&self.cot(name)) {
            self.edit_cot(name, |cot| edit(&mut cot["task"]));
        }
    }

    /// Changes a task's entry in the task graph that it is in; the graph's owner signs again.
    pub fn edit_graph_entry(&mut self, name: &str, edit: impl FnOnce(&mut Value)) {
        let ChainTask { id, parent, .. } = *self.task(name);
        let owner = must(
            self.tasks.iter().find(|(_, task)| task.id == parent),
            "the parent",
        )
        .0
        .clone();
        let graph = graph_requests(parent, self.task(&owner).run).0;
        self.edit_json(&graph, |graph| {
            edit(must(graph.get_mut(id.as_str()), "the graph's entry"))
        });
        self.reseal(&owner);
    }

    /// Changes a task everywhere: in the queue, the signed record and the graph. `edit` gets definitions.
    pub fn edit_task(&mut self, name: &str, edit: impl Fn(&mut Value)) {
        self.edit_definition(name, &edit);
        self.edit_graph_entry(name, |entry| edit(&mut entry["task"]));
    }

    /// Recomputes the digests in a task's chain-of-trust document from the artifacts, and signs it again.
    pub fn reseal(&mut self, name: &str) {
        let of_this = self.task(name).id;
        let digests: Vec<_> = self
            .documents
            .iter()
            .filter_map(|(request, bytes)| match request {
                Request::Artifact { task, name, .. } if *task == of_this => Some((
                    name.as_str().to_owned(),
                    Digest::of(Algorithm::Sha256, bytes).hex(),
                )),
                _ => None,
            })
            .collect();
        self.edit_cot(name, |cot| {
            for (artifact, digest) in digests {
                cot["artifacts"][artifact] = json!({"sha256": digest});
            }
        });
    }

    /// Signs a task's chain-of-trust document with the key of its worker.
    pub fn sign(&mut self, name: &str) {
        self.sign_with(name, self.task(name).producer.key_family());
    }

    /// Signs a task's chain-of-trust document with another key: see [`Keys::signer`].
    pub fn sign_with(&mut self, name: &str, family: &str) {
        let ChainTask { id, run, .. } = *self.task(name);
        let signature = must(
            self.keys
                .signer(family)
                .sign(self.bytes(&self.cot(name)))
                .ok(),
            "a key in memory",
        );
        self.documents
            .insert(Request::CotSignature { task: id, run }, signature.to_vec());
    }

    /// Renders a parent again, from another text of its template: what a rebuild compares with the queue, up to
    /// what the queue adds. Nothing when the text does not render to a task.
    #[must_use]
    pub fn rendered(&self, name: &str, template: &str) -> Option<Value> {
        must(self.renderings.get(name), name).task(template)
    }

    /// Returns a minimal `scriptworker.yaml` for verifying this chain.
    #[must_use]
    pub fn scriptworker_yaml(&self) -> String {
        let mut out = format!(
            "taskcluster_root_url: {}\ncot_product: {}\ncot_job_type: {}\nverify_chain_of_trust: true\n\
             verify_cot_signature: true\ned25519_public_keys:\n",
            self.root_url, self.product, self.task_type
        );
        for (implementation, keys) in self.keys.public() {
            out.push_str(&format!("  {implementation}:\n"));
            for key in keys {
                out.push_str(&format!("    - {key}\n"));
            }
        }
        for line in &self.settings {
            out.push_str(line);
            out.push('\n');
        }
        out
    }

    pub(crate) fn by_id(&self, id: TaskId) -> &ChainTask {
        must(self.tasks.values().find(|task| task.id == id), id.as_str())
    }
}

/// The two requests for a task graph: as the walk asks for it, and as an artifact like others.
pub(crate) fn graph_requests(task: TaskId, run: RunId) -> (Request, Request) {
    let name = must(ArtifactName::TASK_GRAPH.parse().ok(), "an artifact name");
    (
        Request::TaskGraph { task, run },
        Request::Artifact { task, run, name },
    )
}

/// Returns what must be there.
#[expect(
    clippy::panic,
    reason = "the testkit serves tests: a mistake in a test shall stop it"
)]
pub(crate) fn must<T>(value: Option<T>, what: &str) -> T {
    value.unwrap_or_else(|| panic!("the chain has no {what}"))
}
