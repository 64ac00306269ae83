// SPDX-License-Identifier: MPL-2.0
//! A chain-of-trust document (generation.md 1.2), read from the very bytes that were verified.

use std::collections::BTreeMap;

use catena_crypto::digest::{Algorithm, Digest};
use catena_jsone::Value;

use super::shape::{Fields, Shape};

/// A parsed document. Parsing says nothing about trust: see [`Link`](super::link::Link).
#[derive(Clone, Debug)]
pub struct CotDocument {
    value: Value,
}

/// Why an entry of `artifacts` cannot be relied on (V43, S9, P14).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EntryError {
    /// The document does not list the artifact.
    #[error("it is not listed")]
    NotListed,
    /// The entry lists no digest at all (S9).
    #[error("its entry lists no digest")]
    Empty,
    /// The entry names an algorithm that is not allowed.
    #[error("its entry uses {0:?}")]
    Algorithm(String),
    /// A digest is not lower-case hex of the right length (S9).
    #[error("its {0} digest is not lower-case hex of {1} digits")]
    Digest(Algorithm, usize),
    /// The entry lacks the digest that the worker always writes, so the task merged it in (generation.md 3.4).
    #[error("its entry lists no {0}, which the worker always writes")]
    Foreign(Algorithm),
    /// The entry has another shape.
    #[error("{0}")]
    Shape(Shape),
}

impl CotDocument {
    /// Wraps a parsed document.
    ///
    /// # Errors
    /// It is no object.
    pub fn new(value: Value) -> Result<Self, Shape> {
        Fields::of(&value, "")?;
        Ok(Self { value })
    }

    /// Returns a reader of its members.
    ///
    /// # Errors
    /// None in practice: the constructor has seen the object.
    pub fn fields(&self) -> Result<Fields<'_>, Shape> {
        Fields::of(&self.value, "")
    }

    /// Returns whether `artifacts` has an entry for the name.
    #[must_use]
    pub fn lists(&self, name: &str) -> bool {
        self.value
            .get("artifacts")
            .and_then(|artifacts| artifacts.get(name))
            .is_some()
    }

    /// Returns the digests that the document lists for an artifact: at least one, all allowed (P14).
    ///
    /// # Errors
    /// Why the entry cannot be relied on.
    pub fn digests(
        &self,
        name: &str,
        allowed: &[Algorithm],
    ) -> Result<BTreeMap<Algorithm, Digest>, EntryError> {
        let artifacts = self
            .fields()
            .and_then(|fields| fields.object("artifacts"))
            .map_err(EntryError::Shape)?;
        if artifacts.get(name).is_none() {
            return Err(EntryError::NotListed);
        }
        let entry = artifacts.object(name).map_err(EntryError::Shape)?;
        let mut digests = BTreeMap::new();
        for (algorithm, _) in entry.members() {
            let known = algorithm
                .parse::<Algorithm>()
                .ok()
                .filter(|known| allowed.contains(known));
            let known =
                known.ok_or_else(|| EntryError::Algorithm(algorithm.chars().take(40).collect()))?;
            let hex = entry.text(algorithm).map_err(EntryError::Shape)?;
            let digest =
                Digest::parse(known, hex).ok_or(EntryError::Digest(known, known.len() * 2))?;
            digests.insert(known, digest);
        }
        if digests.is_empty() {
            Err(EntryError::Empty)
        } else {
            Ok(digests)
        }
    }
}
