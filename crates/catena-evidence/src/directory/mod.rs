// SPDX-License-Identifier: MPL-2.0
//! Recorded evidence: a directory of documents with an index (P27).
//!
//! `index.json` names each document by its request, with origin, digest, size and time; the bodies
//! lie under `documents/`, named by their SHA-256. The digests guard against damage, not against
//! whoever made the directory: unsigned documents and the recorded time are that person's claims.

mod read;
mod write;

use std::path::PathBuf;
use std::sync::Arc;

use catena_core::model::ids::TaskId;
use catena_core::request::Request;
use serde::{Deserialize, Serialize};

pub use read::DirectorySource;
pub use write::{DirectoryWriter, Recorder};

/// A directory of evidence that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// A document cannot be read back while it is recorded.
    #[error(transparent)]
    Evidence(#[from] catena_core::document::EvidenceError),
    /// The index is not what it should be.
    #[error("{path}: {detail}")]
    Index {
        /// The index.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The file system refuses.
    #[error("cannot use {path}")]
    Io {
        /// What was to be read or made.
        path: PathBuf,
        /// The refusal.
        #[source]
        source: std::io::Error,
    },
    /// The directory for a new recording has content.
    #[error("expected an empty or absent directory, found {path} with content")]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
}

/// `index.json`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Index {
    schema: String,
    /// The reference time of a verification.
    recorded: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<RecordedSubject>,
    documents: Vec<Entry>,
}

/// What recorded evidence is about, as its recorder says: a default for whoever does not say otherwise.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedSubject {
    /// The task to verify.
    pub task: TaskId,
    /// Its type.
    #[serde(rename = "type")]
    pub task_type: String,
    /// The product whose policy applies.
    pub product: String,
    /// The deployment that the documents are from.
    pub root_url: String,
}

/// What was found for a request.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    request: Request,
    origin: Arc<str>,
    time: String,
    status: Status,
    /// The three of a received document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Absent,
    Received,
}

const SCHEMA: &str = "catena-evidence/1";
const INDEX: &str = "index.json";
const DOCUMENTS: &str = "documents";
