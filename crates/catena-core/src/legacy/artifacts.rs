// SPDX-License-Identifier: MPL-2.0
//! Artifacts, and the digests that their tasks signed.

use std::collections::BTreeMap;

use bytes::Bytes;
use catena_crypto::digest::{Algorithm, Digest};

use super::ALGORITHMS;
use super::walk::Chain;
use crate::document::{Body, ErrorKind};
use crate::model::ids::{ArtifactName, RunId, TaskId};
use crate::request::Request;

impl Chain<'_> {
    /// Compares the artifacts that the root works on with what their tasks signed.
    pub(super) fn artifacts(&mut self) {
        let root = self.inputs.root;
        let Some(upstream) = self.judged(root, |link| {
            // an artifact is optional if no entry needs it (V41)
            let mut all: BTreeMap<(TaskId, String), bool> = BTreeMap::new();
            for upstream in link.definition.upstream_artifacts()? {
                for path in upstream.paths()? {
                    let optional = all.entry((upstream.task, path.to_owned())).or_insert(true);
                    *optional &= upstream.optional;
                }
            }
            Ok(all)
        }) else {
            return;
        };
        for ((task, path), optional) in upstream {
            self.artifact(task, &path, optional);
        }
    }

    /// Returns the run of a task and what it signed of an artifact; otherwise enters what is wrong.
    fn signed_digests(
        &mut self,
        task: TaskId,
        path: &str,
    ) -> Option<(RunId, BTreeMap<Algorithm, Digest>)> {
        let link = self.links.get(&task);
        let Some((cot, run)) =
            link.and_then(|link| Some((link.cot.as_ref()?, link.run.as_ref()?.id)))
        else {
            self.undetermined(
                "legacy-digest",
                task,
                format!("a document that holds, for {path}"),
                "none",
            );
            return None;
        };
        match cot.digests(path, &ALGORITHMS) {
            Ok(digests) => Some((run, digests)),
            Err(error) => {
                let found = error.to_string();
                self.reject(
                    "legacy-digest",
                    task,
                    format!("{path} with its digest in the document"),
                    found,
                );
                None
            }
        }
    }

    /// Whether a task's document lists an artifact; without a document, nothing is known.
    fn lists(&self, task: TaskId, path: &str) -> Option<bool> {
        Some(self.links.get(&task)?.cot.as_ref()?.lists(path))
    }

    fn artifact(&mut self, task: TaskId, path: &str, optional: bool) {
        if optional && self.lists(task, path) == Some(false) {
            self.relaxations
                .insert(format!("optional: {path} of {task} is not signed"));
            return;
        }
        let Some((run, digests)) = self.signed_digests(task, path) else {
            return;
        };
        let Ok(name) = path.parse::<ArtifactName>() else {
            return self.reject("legacy-malformed", task, "the name of an artifact", path);
        };
        let document = match self.evidence.fetch(&Request::Artifact { task, run, name }) {
            Ok(document) => document,
            Err(error) if optional && error.kind == ErrorKind::Absent => {
                self.relaxations
                    .insert(format!("optional: {path} of {task} does not exist"));
                return;
            }
            Err(error) => return self.missing(task, path, &error),
        };
        for (algorithm, expected) in digests {
            let found = match &document.body {
                Body::Bytes(bytes) => Ok(Digest::of(algorithm, bytes)),
                Body::Graph(stored) => stored.digest(algorithm),
                Body::Stored(stored) => stored.digest(algorithm),
            };
            match found {
                Ok(found) => self.same_digest(task, path, expected, found),
                Err(error) => self.missing(task, path, &error),
            }
        }
    }

    fn same_digest(&mut self, task: TaskId, path: &str, expected: Digest, found: Digest) {
        if found != expected {
            let expected = format!("{path} with {expected}");
            self.reject("legacy-digest", task, expected, found.to_string());
        }
    }

    /// Returns the bytes of an artifact that is read, if they are what its task signed; otherwise enters what is wrong.
    pub(super) fn signed_artifact(&mut self, task: TaskId, path: &str) -> Option<Bytes> {
        let (run, digests) = self.signed_digests(task, path)?;
        let name = path.parse::<ArtifactName>().ok()?;
        let bytes = match self.bytes(&Request::Artifact { task, run, name }) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.missing(task, path, &error);
                return None;
            }
        };
        let wrong = digests
            .into_iter()
            .map(|(algorithm, expected)| (expected, Digest::of(algorithm, &bytes)))
            .find(|(expected, found)| expected != found);
        match wrong {
            None => Some(bytes),
            Some((expected, found)) => {
                self.same_digest(task, path, expected, found);
                None
            }
        }
    }
}
