// SPDX-License-Identifier: MPL-2.0
//! The members of a document (generation.md 1.2, 2, 6).

use catena_crypto::ed25519::KeyId;

use super::claim::Claim;
use super::hash::Hashed;
use super::schema::{self, SchemaError};
use crate::json::{Json, Number, write_string};

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

/// A document, version 1. Artifacts are not kept as JSON: there may be hundreds of thousands.
#[derive(Debug)]
pub struct Body<'a> {
    /// By name.
    artifacts: &'a [Hashed],
    /// All members but `artifacts`.
    others: Json,
}

impl<'a> Body<'a> {
    /// Returns the document of a run; `artifacts` are sorted by name.
    #[must_use]
    pub fn new(
        claim: &Claim,
        identity: &Identity,
        environment: &Environment,
        key: Option<KeyId>,
        artifacts: &'a [Hashed],
    ) -> Self {
        let others = Json::object([
            ("chainOfTrustVersion", Json::Number(Number::from(1))),
            ("environment", environment.members(key)),
            ("runId", Json::from(claim.run)),
            ("task", claim.task.clone()),
            ("taskId", Json::from(claim.task_id.to_string())),
            ("workerGroup", Json::from(identity.group.as_str())),
            ("workerId", Json::from(identity.id.as_str())),
            ("workerType", Json::from(identity.worker_type.as_str())),
        ]);
        Self { artifacts, others }
    }

    /// Checks the document against its schema.
    ///
    /// # Errors
    /// The first member that breaks it.
    pub fn check(&self) -> Result<(), SchemaError> {
        schema::check(&self.others)?;
        // digests have the form of digests already
        self.artifacts
            .iter()
            .find(|artifact| artifact.digests.is_empty())
            .map_or(Ok(()), |artifact| Err(schema::no_digest(&artifact.name)))
    }

    /// Returns the text as [`Json::to_text`] would: `artifacts` is the first of the sorted members.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::with_capacity(self.expected_size());
        out.push_str("{\n  \"artifacts\": {");
        for (at, artifact) in self.artifacts.iter().enumerate() {
            out.push_str(if at == 0 { "\n    " } else { ",\n    " });
            write_string(&mut out, &artifact.name);
            out.push_str(": {");
            let mut digests: Vec<_> = artifact.digests.iter().collect();
            digests.sort_unstable_by_key(|digest| digest.algorithm().as_str());
            for (at, digest) in digests.into_iter().enumerate() {
                out.push_str(if at == 0 { "\n      \"" } else { ",\n      \"" });
                out.push_str(digest.algorithm().as_str());
                out.push_str("\": \"");
                out.push_str(&digest.hex());
                out.push('"');
            }
            out.push_str("\n    }");
        }
        out.push_str(if self.artifacts.is_empty() {
            "},"
        } else {
            "\n  },"
        });
        let others = self.others.to_text();
        out.push_str(others.strip_prefix('{').unwrap_or(&others));
        out
    }
}

impl Body<'_> {
    /// How long the text will be, about.
    fn expected_size(&self) -> usize {
        const DIGEST: usize = 32 + 2 * 32;
        let artifacts = self.artifacts.iter();
        let sizes =
            artifacts.map(|artifact| 32 + artifact.name.len() + DIGEST * artifact.digests.len());
        sizes.sum::<usize>().saturating_add(4096)
    }
}

#[cfg(test)]
mod tests {
    use catena_crypto::digest::Algorithm;

    use super::super::hash::hash_bytes;
    use super::*;

    fn claim() -> Claim {
        let text =
            r#"{"status":{"taskId":"YyxNNh7mTAmwDhB4Itm0jg"},"runId":1,"task":{"scopes":[]}}"#;
        Claim::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn g23_artifacts_are_written_as_any_other_member() {
        let identity = Identity {
            group: "g".to_owned(),
            id: "i".to_owned(),
            worker_type: "w".to_owned(),
        };
        let all = [Algorithm::Sha512, Algorithm::Sha256];
        let names = ["a\"b", "public/\u{ffff}", "public/\u{1f600}", "\u{7f}"];
        for count in 0..=names.len() {
            let artifacts: Vec<_> = names
                .iter()
                .take(count)
                .map(|name| hash_bytes(name, b"x", &all))
                .collect();
            let body = Body::new(&claim(), &identity, &Environment::Minimal, None, &artifacts);
            let text = body.to_text();
            let read = crate::json::parse(text.as_bytes()).unwrap();
            assert_eq!(read.to_text(), text);
            assert_eq!(
                read.get("artifacts").unwrap().as_object().unwrap().len(),
                count
            );
            assert_eq!(read.as_object().unwrap().len(), 9);
        }
    }
}
