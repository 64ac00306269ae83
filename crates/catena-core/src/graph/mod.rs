// SPDX-License-Identifier: MPL-2.0
//! The task graph (P21): a push scanner that checks its text as strictly as JSON demands and remembers only
//! where each entry lies, so that memory is a few dozen bytes per task.

mod scan;

pub use scan::{GraphIndex, GraphScanner, ScanError};

use std::sync::Arc;

use bytes::Bytes;
use catena_crypto::digest::Algorithm;

use crate::document::{EvidenceError, GraphStore};
use crate::model::ids::{ArtifactName, TaskId};
use crate::model::link::{Bound, DigestFailure, DigestsMatch, Link};

/// A task graph whose bytes have the digests that its parent signed. Only such a graph is read (P21).
#[derive(Clone, Debug)]
pub struct VerifiedGraph {
    store: Arc<dyn GraphStore>,
    proof: DigestsMatch,
}

impl VerifiedGraph {
    /// Compares the spooled graph with the signed digests.
    ///
    /// # Errors
    /// Why it is not what was signed.
    pub fn verify(
        link: &Link<Bound>,
        store: Arc<dyn GraphStore>,
        allowed: &[Algorithm],
    ) -> Result<Self, DigestFailure> {
        let proof = link.verify_artifact(ArtifactName::TASK_GRAPH, &*store, allowed)?;
        Ok(Self { store, proof })
    }

    /// Returns where each entry lies.
    ///
    /// # Errors
    /// What is wrong with the graph's text (V53).
    pub fn index(&self) -> Result<&GraphIndex, &ScanError> {
        self.store.index()
    }

    /// Returns the bytes of the entry of a task.
    ///
    /// # Errors
    /// The spool cannot be read back.
    pub fn entry(&self, task: TaskId) -> Result<Option<Bytes>, EvidenceError> {
        let DigestsMatch { .. } = self.proof;
        self.store.entry(task)
    }
}
