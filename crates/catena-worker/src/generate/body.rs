// SPDX-License-Identifier: MPL-2.0
//! The members of a document (generation.md 1.2, 2, 6).

use catena_crypto::ed25519::KeyId;

use super::claim::Claim;
use super::hash::Hashed;
use crate::json::{Json, Number};

/// Which worker ran a task, as its claim and its configuration say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// `workerGroup`.
    pub group: String,
    /// `workerId`.
    pub id: String,
    /// `workerType`: the second half of the task queue's id.
    pub worker_type: String,
}

/// What a document says of the worker (`x_cot.cot_environment`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Environment {
    /// What this worker is, and which key it signs with (generation.md 6.1).
    Full {
        /// The deployment.
        root_url: String,
        /// This program's version.
        version: String,
    },
    /// `{}`, as the reference writes it (P37).
    Minimal,
}

impl Environment {
    fn members(&self, key: Option<KeyId>) -> Json {
        let Self::Full { root_url, version } = self else {
            return Json::object::<&str>([]);
        };
        let mut members = vec![
            ("interactive", Json::from(false)),
            ("rootUrl", Json::from(root_url.as_str())),
            ("workerImplementation", Json::from("scriptworker")),
            ("workerVersion", Json::from(version.as_str())),
        ];
        members.extend(key.map(|key| ("keyId", Json::from(key.to_string()))));
        Json::object(members)
    }
}

/// Returns the document, version 1.
#[must_use]
pub fn body(
    claim: &Claim,
    identity: &Identity,
    environment: &Environment,
    key: Option<KeyId>,
    artifacts: &[Hashed],
) -> Json {
    let artifacts = artifacts.iter().map(|artifact| {
        let digests = artifact.digests.iter();
        let digests = digests.map(|digest| (digest.algorithm().as_str(), Json::from(digest.hex())));
        (artifact.name.as_str(), Json::object(digests))
    });
    Json::object([
        ("artifacts", Json::object(artifacts)),
        ("chainOfTrustVersion", Json::Number(Number::from(1))),
        ("environment", environment.members(key)),
        ("runId", Json::from(claim.run)),
        ("task", claim.task.clone()),
        ("taskId", Json::from(claim.task_id.to_string())),
        ("workerGroup", Json::from(identity.group.as_str())),
        ("workerId", Json::from(identity.id.as_str())),
        ("workerType", Json::from(identity.worker_type.as_str())),
    ])
}
