// SPDX-License-Identifier: MPL-2.0
//! The Chain of Trust document of a run, with the members and the layout of its family (generation.md 2, 3, 5).

use catena_crypto::signer::{SignError, Signer as _, SigningKey};
use catena_testkit::Producer;
use serde_json::{Map, Value, json};

use super::Family;
use super::image::ImageDigests;
use crate::client::{ClaimedTask, Upload};
use crate::queue::Worker;

/// The name of the document.
pub(super) const BODY: &str = "public/chain-of-trust.json";
/// The name of its detached signature.
pub(super) const SIGNATURE: &str = "public/chain-of-trust.json.sig";

/// What a document says.
pub(super) struct Facts<'a> {
    pub(super) family: Family,
    pub(super) claim: &'a ClaimedTask,
    pub(super) worker: &'a Worker,
    /// Name to SHA-256, for all that was uploaded before.
    pub(super) digests: &'a [(String, String)],
    pub(super) image: Option<&'a ImageDigests>,
}

/// A document and its signature, 64 raw bytes.
pub(super) struct Signed {
    pub(super) body: Vec<u8>,
    pub(super) signature: [u8; 64],
}

/// Writes and signs a document.
pub(super) fn sign(facts: &Facts<'_>, key: &SigningKey) -> Result<Signed, SignError> {
    let body = producer(facts.family).layout(&document(facts));
    let signature = key.sign(&body)?;
    Ok(Signed { body, signature })
}

const fn producer(family: Family) -> Producer {
    match family {
        Family::DockerWorker => Producer::DockerWorker,
        Family::GenericWorker => Producer::GenericWorker,
        Family::Scriptworker => Producer::Scriptworker,
    }
}

fn document(facts: &Facts<'_>) -> Value {
    let Facts { claim, worker, .. } = facts;
    let artifacts: Map<String, Value> = facts
        .digests
        .iter()
        .map(|(name, digest)| (name.clone(), json!({"sha256": digest})))
        .collect();
    let mut out = json!({
        "chainOfTrustVersion": 1, "artifacts": artifacts, "task": claim.task, "taskId": claim.status.task_id,
        "runId": claim.run, "workerGroup": worker.group, "workerId": worker.id,
        "environment": environment(facts),
    });
    if facts.family == Family::Scriptworker {
        out["workerType"] = claim.status.worker_type.as_str().into();
    }
    out
}

fn environment(facts: &Facts<'_>) -> Value {
    if facts.family == Family::Scriptworker {
        return json!({});
    }
    let mut out = json!({
        "privateIpAddress": "127.0.0.1", "instanceId": facts.worker.id, "instanceType": "local",
        "region": facts.worker.group,
    });
    if let Some(image) = facts.image {
        out["imageHash"] = format!("sha256:{}", image.image).into();
        if let Some(artifact) = &image.artifact {
            out["imageArtifactHash"] = format!("sha256:{artifact}").into();
        }
    }
    out
}

/// Returns document and signature as the family uploads them: type and coding (generation.md 2.5, 3.3, 5).
pub(super) fn uploads(family: Family, signed: &Signed) -> [(&'static str, Upload); 2] {
    let (kind, packed_body, packed_signature) = match family {
        Family::DockerWorker => ("text/plain", false, false),
        Family::GenericWorker => ("text/plain; charset=utf-8", true, true),
        Family::Scriptworker => ("application/json", true, false),
    };
    let octets = "application/octet-stream";
    [
        (BODY, upload(&signed.body, kind, packed_body)),
        (
            SIGNATURE,
            upload(&signed.signature, octets, packed_signature),
        ),
    ]
}

/// Returns bytes as they go over the wire, packed or not.
pub(super) fn upload(bytes: &[u8], content_type: &str, packed: bool) -> Upload {
    Upload {
        bytes: if packed { gzip(bytes) } else { bytes.to_vec() }.into(),
        content_type: content_type.to_owned(),
        content_encoding: packed.then_some("gzip"),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    // writing to memory cannot fail
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
