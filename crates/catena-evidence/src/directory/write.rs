// SPDX-License-Identifier: MPL-2.0
//! Writes evidence down.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use catena_core::document::{Answer, Body, ErrorKind};
use catena_core::request::Request;
use catena_crypto::digest::{Algorithm, Digest};
use jiff::Timestamp;
use tempfile::NamedTempFile;

use super::{DOCUMENTS, DirectoryError, Entry, INDEX, Index, RecordedSubject, SCHEMA, Status};
use crate::source::{Source, Stats};
use crate::spool::PlaceError;

/// Makes a directory that [`DirectorySource`](super::DirectorySource) reads. Its index comes last,
/// with [`finish`](Self::finish): without it there is no evidence.
#[derive(Debug)]
pub struct DirectoryWriter {
    path: PathBuf,
    subject: Option<RecordedSubject>,
    entries: BTreeMap<Request, Entry>,
}

impl DirectoryWriter {
    /// Starts in a directory that is empty or absent.
    ///
    /// # Errors
    /// The directory has content or cannot be made.
    pub fn create(path: &Path) -> Result<Self, DirectoryError> {
        let documents = path.join(DOCUMENTS);
        let io = |source| DirectoryError::Io {
            path: path.to_owned(),
            source,
        };
        if path.exists() && fs::read_dir(path).map_err(io)?.next().is_some() {
            return Err(DirectoryError::NotEmpty {
                path: path.to_owned(),
            });
        }
        fs::create_dir_all(documents).map_err(io)?;
        Ok(Self {
            path: path.to_owned(),
            subject: None,
            entries: BTreeMap::new(),
        })
    }

    /// Writes down what the evidence is about.
    pub fn about(&mut self, subject: RecordedSubject) {
        self.subject = Some(subject);
    }

    /// Writes an answer down; one document at a time is held in memory. Failures other than
    /// absence are not evidence of anything and are left out.
    ///
    /// # Errors
    /// The body cannot be read back, or the file cannot be made.
    pub fn record(
        &mut self,
        request: &Request,
        answer: &Answer,
        time: Timestamp,
    ) -> Result<(), DirectoryError> {
        let (origin, found) = match answer {
            Ok(document) => {
                let body = match &document.body {
                    Body::Bytes(bytes) => bytes.clone(),
                    Body::Graph(graph) => graph.bytes(u64::MAX)?,
                    Body::Stored(stored) => stored.bytes(u64::MAX)?,
                };
                (&document.origin, Some(self.write(&body)?))
            }
            Err(error) if error.kind == ErrorKind::Absent => (&error.origin, None),
            Err(_) => return Ok(()),
        };
        let mut entry = Entry {
            request: request.clone(),
            origin: origin.clone(),
            time: time.to_string(),
            status: Status::Absent,
            file: None,
            sha256: None,
            size: None,
        };
        if let Some((sha256, size)) = found {
            entry.status = Status::Received;
            entry.file = Some(format!("{DOCUMENTS}/{sha256}"));
            (entry.sha256, entry.size) = (Some(sha256), Some(size));
        }
        self.entries.insert(request.clone(), entry);
        Ok(())
    }

    /// Writes the index, with the reference time of a verification.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn finish(self, recorded: Timestamp) -> Result<(), DirectoryError> {
        let index = Index {
            schema: SCHEMA.to_owned(),
            recorded: recorded.to_string(),
            subject: self.subject,
            documents: self.entries.into_values().collect(),
        };
        let path = self.path.join(INDEX);
        let wrong = |e: serde_json::Error| DirectoryError::Index {
            path: path.clone(),
            detail: e.to_string(),
        };
        let mut text = serde_json::to_vec_pretty(&index).map_err(wrong)?;
        text.push(b'\n');
        write(&self.path, &path, &text)
    }

    /// Writes a body and returns its digest and size.
    fn write(&self, body: &Bytes) -> Result<(String, u64), DirectoryError> {
        let sha256 = Digest::of(Algorithm::Sha256, body).hex();
        let target = self.path.join(DOCUMENTS).join(&sha256);
        if !target.exists() {
            write(&self.path.join(DOCUMENTS), &target, body)?;
        }
        Ok((sha256, u64::try_from(body.len()).unwrap_or(u64::MAX)))
    }
}

/// Writes a file whole or not at all.
fn write(parent: &Path, target: &Path, body: &[u8]) -> Result<(), DirectoryError> {
    let io = |source| DirectoryError::Io {
        path: target.to_owned(),
        source,
    };
    let mut file = NamedTempFile::new_in(parent).map_err(io)?;
    file.write_all(body).map_err(io)?;
    file.persist(target)
        .map(drop)
        .map_err(|error| io(error.error))
}

/// A source that writes down what another one answers.
#[derive(Debug)]
pub struct Recorder<S> {
    inner: S,
    state: Mutex<(DirectoryWriter, Option<DirectoryError>)>,
}

impl<S: Source> Recorder<S> {
    /// Returns a source that answers as `inner` does.
    pub const fn new(inner: S, writer: DirectoryWriter) -> Self {
        Self {
            inner,
            state: Mutex::new((writer, None)),
        }
    }

    /// Ends the recording: writes the index and returns the source.
    ///
    /// # Errors
    /// The first document that could not be written down.
    pub fn finish(self, recorded: Timestamp) -> Result<S, DirectoryError> {
        let (writer, error) = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        match error {
            Some(error) => Err(error),
            None => writer.finish(recorded).map(|()| self.inner),
        }
    }
}

#[async_trait]
impl<S: Source> Source for Recorder<S> {
    async fn fetch(&self, request: &Request) -> Answer {
        let answer = self.inner.fetch(request).await;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let recorded = state.0.record(request, &answer, Timestamp::now());
        if let (Err(error), None) = (recorded, &state.1) {
            state.1 = Some(error);
        }
        answer
    }

    fn place(&self, request: &Request, work_dir: &Path) -> Result<(), PlaceError> {
        self.inner.place(request, work_dir)
    }

    fn stats(&self) -> Stats {
        self.inner.stats()
    }
}
