// SPDX-License-Identifier: MPL-2.0
//! A link's evidence, step by step: what was fetched, whose signature it carries, which task and run it binds.
//!
//! Each step consumes the one before, so none can be skipped:
//!
//! ```compile_fail
//! # use catena_core::model::link::{Fetched, Link};
//! fn digests(link: &Link<Fetched>) {
//!     link.document(); // no document before its signature was verified
//! }
//! ```
//!
//! and nobody outside can claim that a step was done:
//!
//! ```compile_fail
//! let proof = catena_core::model::link::SignatureVerified::assertion(None);
//! ```

use std::collections::BTreeMap;

use bytes::Bytes;
use catena_crypto::digest::{Algorithm, Digest};
use catena_crypto::ed25519::{KeyId, PublicKey, Signature};

use super::cot::{CotDocument, EntryError};
use super::ids::{RunId, TaskId};
use super::shape::Shape;
use super::task_type::WorkerImplementation;
use crate::document::{EvidenceError, Stored};
use crate::json::{self, JsonError, Reading};

/// State: the bytes are here, nobody vouches for them.
#[derive(Clone, Debug)]
pub struct Fetched(());

/// State: a key of the right family signed the bytes.
#[derive(Clone, Debug)]
pub struct SignatureVerified {
    key: Option<KeyId>,
}

/// State: the signed document is about this task and this run.
#[derive(Clone, Debug)]
pub struct Bound {
    key: Option<KeyId>,
    document: CotDocument,
}

/// Proof that bytes have every digest that a bound document lists for them. One constructor, here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DigestsMatch(());

/// The chain-of-trust artifacts of one run of one task.
#[derive(Clone, Debug)]
pub struct Link<State> {
    task: TaskId,
    run: RunId,
    worker: WorkerImplementation,
    body: Bytes,
    state: State,
}

/// Why no signature was verified (V34).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SignatureFailure {
    /// The file is not 64 bytes long (S21).
    #[error("a signature of {0} bytes instead of 64")]
    Length(usize),
    /// There is no key for the worker implementation.
    #[error("no key for this worker implementation")]
    NoKeys,
    /// No key verifies it.
    #[error("a signature that none of the {0} keys made")]
    NoneVerifies(usize),
}

/// Why a signed document is not about the task and run (V5, P10).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BindFailure {
    /// It is not strict JSON.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// It has another shape.
    #[error("{0}")]
    Shape(#[from] Shape),
    /// It is about another task (V5).
    #[error("the document is about task {0}")]
    Task(String),
}

impl Link<Fetched> {
    /// Returns the link as received, with the worker that its definition claims (V13).
    #[must_use]
    pub const fn fetched(
        task: TaskId,
        run: RunId,
        worker: WorkerImplementation,
        body: Bytes,
    ) -> Self {
        Self {
            task,
            run,
            worker,
            body,
            state: Fetched(()),
        }
    }

    /// Verifies the signature with the first of the family's keys that made it (V33).
    ///
    /// # Errors
    /// Why none did (V34).
    pub fn verify_signature(
        self,
        signature: &[u8],
        keys: &[PublicKey],
    ) -> Result<Link<SignatureVerified>, SignatureFailure> {
        let signature = Signature::try_from(signature)
            .map_err(|_| SignatureFailure::Length(signature.len()))?;
        if keys.is_empty() {
            return Err(SignatureFailure::NoKeys);
        }
        let key = keys
            .iter()
            .find(|key| key.verify(&self.body, &signature).is_ok());
        let key = key.ok_or(SignatureFailure::NoneVerifies(keys.len()))?;
        Ok(self.next(SignatureVerified::assertion(Some(key.id()))))
    }

    /// Goes on without a signature (P19): the verdict can then never be trusted.
    #[must_use]
    pub fn danger_unsigned(self) -> Link<SignatureVerified> {
        self.next(SignatureVerified::assertion(None))
    }
}

impl SignatureVerified {
    pub(crate) const fn assertion(key: Option<KeyId>) -> Self {
        Self { key }
    }
}

impl DigestsMatch {
    const fn assertion() -> Self {
        Self(())
    }
}

impl Link<SignatureVerified> {
    /// Parses the very bytes that were verified, and requires them to be about this task (V5, V36).
    ///
    /// # Errors
    /// Why they are not.
    pub fn bind(self) -> Result<Link<Bound>, BindFailure> {
        let document = CotDocument::new(json::parse(&self.body, Reading::Strict)?)?;
        let named = document
            .fields()?
            .get("taskId")
            .and_then(|id| id.as_str().map(str::to_owned));
        if named.as_deref() != Some(self.task.as_str()) {
            let found =
                named.map_or_else(|| "nothing".to_owned(), |id| id.chars().take(60).collect());
            return Err(BindFailure::Task(found));
        }
        let key = self.state.key;
        Ok(self.next(Bound { key, document }))
    }
}

impl Link<Bound> {
    /// Returns the signed document.
    #[must_use]
    pub const fn document(&self) -> &CotDocument {
        &self.state.document
    }

    /// Returns the id of the key that signed it; `None` in unsigned mode.
    #[must_use]
    pub const fn key(&self) -> Option<&KeyId> {
        self.state.key.as_ref()
    }

    /// Returns the digests that the document lists for an artifact (P14). Unless a scriptworker signed it, SHA-256
    /// must be among them: docker-worker and generic-worker always write it, and an entry with other algorithms only
    /// is one that a generic-worker task merged into its own document (generation.md 3.4, S9).
    ///
    /// # Errors
    /// Why the entry cannot be relied on.
    pub fn digests(
        &self,
        name: &str,
        allowed: &[Algorithm],
    ) -> Result<BTreeMap<Algorithm, Digest>, EntryError> {
        let digests = self.document().digests(name, allowed)?;
        let configurable = self.worker == WorkerImplementation::Scriptworker;
        if configurable || digests.contains_key(&Algorithm::Sha256) {
            Ok(digests)
        } else {
            Err(EntryError::Foreign(Algorithm::Sha256))
        }
    }

    /// Compares an artifact with every digest that the document lists for it (V43, P14).
    ///
    /// # Errors
    /// Why the artifact is not what was signed.
    pub fn verify_artifact(
        &self,
        name: &str,
        artifact: &dyn Stored,
        allowed: &[Algorithm],
    ) -> Result<DigestsMatch, DigestFailure> {
        let signed = self.digests(name, allowed)?;
        for (algorithm, expected) in signed {
            let found = artifact.digest(algorithm)?;
            if found != expected {
                return Err(DigestFailure::Mismatch { expected, found });
            }
        }
        Ok(DigestsMatch::assertion())
    }
}

/// Why an artifact is not what was signed (V43).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DigestFailure {
    /// The document's entry cannot be relied on.
    #[error("{0}")]
    Entry(#[from] EntryError),
    /// The bytes have another digest.
    #[error("expected {expected}, found {found}")]
    Mismatch {
        /// What was signed.
        expected: Digest,
        /// What was received.
        found: Digest,
    },
    /// The bytes cannot be read back.
    #[error("{0}")]
    Unreadable(#[from] EvidenceError),
}

impl<State> Link<State> {
    /// Returns the task.
    #[must_use]
    pub const fn task(&self) -> TaskId {
        self.task
    }

    /// Returns the run.
    #[must_use]
    pub const fn run(&self) -> RunId {
        self.run
    }

    fn next<Next>(self, state: Next) -> Link<Next> {
        Link {
            task: self.task,
            run: self.run,
            worker: self.worker,
            body: self.body,
            state,
        }
    }
}
