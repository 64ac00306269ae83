// SPDX-License-Identifier: MPL-2.0
//! What the world answers: received bytes, or a stored body with its digests, or why there is none.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use catena_crypto::digest::{Algorithm, Digest};

use crate::graph::{GraphIndex, ScanError};
use crate::model::ids::TaskId;

/// What a source gave for a request.
pub type Answer = Result<Document, EvidenceError>;

/// A received document: the very bytes that are verified and then parsed.
#[derive(Clone, Debug)]
pub struct Document {
    /// The body after HTTP content decoding (V44).
    pub body: Body,
    /// Where it came from: a URL or a path, for people.
    pub origin: Arc<str>,
}

/// The body of a document.
#[derive(Clone, Debug)]
pub enum Body {
    /// Held in memory. All requests but [`Artifact`](crate::request::Request::Artifact) and
    /// [`TaskGraph`](crate::request::Request::TaskGraph).
    Bytes(Bytes),
    /// A task graph, spooled and scanned (P21).
    Graph(Arc<dyn GraphStore>),
    /// An artifact, hashed while it was received.
    Stored(Arc<dyn Stored>),
}

impl Body {
    /// Returns the body that lies outside the core; `None` for one in memory.
    #[must_use]
    pub fn stored(&self) -> Option<&dyn Stored> {
        match self {
            Self::Bytes(_) => None,
            Self::Graph(graph) => Some(&**graph),
            Self::Stored(stored) => Some(&**stored),
        }
    }
}

/// A body that lies outside the core, where no other process can write to it.
pub trait Stored: fmt::Debug + Send + Sync {
    /// Returns the size in bytes.
    fn size(&self) -> u64;

    /// Returns the digest over the whole body. SHA-256 is known from receiving it; SHA-512 may read it again.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when the body cannot be read back.
    fn digest(&self, algorithm: Algorithm) -> Result<Digest, EvidenceError>;

    /// Returns the whole body, checked against the SHA-256 that [`digest`](Self::digest) gives.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] beyond `limit` bytes, [`ErrorKind::Unavailable`] when it cannot be read back.
    fn bytes(&self, limit: u64) -> Result<Bytes, EvidenceError>;
}

/// A spooled task graph (P21): entries are read on demand.
pub trait GraphStore: Stored {
    /// Returns where each entry lies, or why the scan failed.
    ///
    /// # Errors
    /// What is wrong with the graph's text.
    fn index(&self) -> Result<&GraphIndex, &ScanError>;

    /// Returns the bytes of one entry's value; `None` when the graph has no such task.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when the spool cannot be read back.
    fn entry(&self, task: TaskId) -> Result<Option<Bytes>, EvidenceError>;
}

/// Why there is no document (RULINGS P7).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{kind}: {detail} ({origin})")]
pub struct EvidenceError {
    /// What kind of failure it was, after retries.
    pub kind: ErrorKind,
    /// What happened, for people.
    pub detail: String,
    /// The URL or path that was asked.
    pub origin: Arc<str>,
}

/// The kinds of failure that rules tell apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The host says that it does not exist: 404, 410, 424. Final, never retried (P20).
    Absent,
    /// 401 or 403.
    Forbidden,
    /// The answer is not the document: HTML where data was due, a redirect that is refused, a truncated body.
    Malformed,
    /// A byte cap was exceeded.
    TooLarge,
    /// Refused, reset, time-out, TLS or DNS error, 408, 429, 5xx.
    Unavailable,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "absent",
            Self::Forbidden => "access denied",
            Self::Malformed => "malformed answer",
            Self::TooLarge => "too large",
            Self::Unavailable => "unavailable",
        })
    }
}
