// SPDX-License-Identifier: MPL-2.0
//! Bodies as the core sees them: digests known, bytes read again on demand and checked again, from a file that no other
//! process can write (S16, P21, P22).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use catena_core::document::{ErrorKind, EvidenceError, GraphStore, Stored};
use catena_core::graph::{GraphIndex, GraphScanner, ScanError};
use catena_core::model::ids::TaskId;
use catena_crypto::digest::{Algorithm, Digest, Hasher};

use super::{Form, Kept, SpoolFile};

/// A body and its SHA-256.
#[derive(Debug)]
pub(crate) struct Spooled {
    content: Content,
    size: u64,
    sha256: Digest,
    sha512: OnceLock<Digest>,
    origin: Arc<str>,
}

#[derive(Debug)]
pub(super) enum Content {
    File(SpoolFile),
    Memory(Bytes),
}

impl Spooled {
    pub(super) fn new(content: Content, size: u64, sha256: Digest, origin: Arc<str>) -> Self {
        Self {
            content,
            size,
            sha256,
            sha512: OnceLock::new(),
            origin,
        }
    }

    pub(super) const fn sha256(&self) -> &Digest {
        &self.sha256
    }

    pub(super) const fn content(&self) -> &Content {
        &self.content
    }

    /// Reads the whole body once more in pieces and checks that it is still the same.
    pub(super) fn replay(
        &self,
        mut sink: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), EvidenceError> {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        let mut take = |piece: &[u8]| {
            hasher.update(piece);
            sink(piece).map_err(|error| self.unreadable(&error.to_string()))
        };
        match &self.content {
            Content::Memory(bytes) => take(bytes)?,
            Content::File(file) => {
                let mut buffer = vec![0; REPLAY];
                let mut at = 0;
                loop {
                    let read = file.file.read_at(&mut buffer, at);
                    let read = read.map_err(|error| self.unreadable(&error.to_string()))?;
                    let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else {
                        break;
                    };
                    take(piece)?;
                    at += u64::try_from(read).unwrap_or(u64::MAX);
                }
            }
        }
        if hasher.finish() == self.sha256 {
            Ok(())
        } else {
            Err(self.unreadable("it is not what was received"))
        }
    }

    fn unreadable(&self, detail: &str) -> EvidenceError {
        EvidenceError {
            kind: ErrorKind::Unavailable,
            detail: format!("cannot read the spooled body: {detail}"),
            origin: Arc::clone(&self.origin),
        }
    }

    fn slice(&self, from: u64, to: u64) -> Result<Bytes, EvidenceError> {
        let whole = || {
            to.checked_sub(from)
                .and_then(|length| usize::try_from(length).ok())
        };
        let length = whole().filter(|_| to <= self.size);
        let length = length.ok_or_else(|| self.unreadable("a range lies outside"))?;
        match &self.content {
            Content::Memory(bytes) => {
                let from = usize::try_from(from).map_err(|e| self.unreadable(&e.to_string()))?;
                Ok(bytes.slice(from..from + length))
            }
            Content::File(file) => {
                read_exact(&file.file, from, length).map_err(|e| self.unreadable(&e.to_string()))
            }
        }
    }
}

impl Stored for Spooled {
    fn size(&self) -> u64 {
        self.size
    }

    fn digest(&self, algorithm: Algorithm) -> Result<Digest, EvidenceError> {
        match algorithm {
            Algorithm::Sha256 => Ok(self.sha256.clone()),
            Algorithm::Sha512 => {
                if let Some(known) = self.sha512.get() {
                    return Ok(known.clone());
                }
                let mut hasher = Hasher::new(Algorithm::Sha512);
                self.replay(|piece| {
                    hasher.update(piece);
                    Ok(())
                })?;
                Ok(self.sha512.get_or_init(|| hasher.finish()).clone())
            }
        }
    }

    fn bytes(&self, limit: u64) -> Result<Bytes, EvidenceError> {
        if self.size > limit {
            return Err(EvidenceError {
                kind: ErrorKind::TooLarge,
                detail: format!("{} bytes, of {limit} that are allowed", self.size),
                origin: Arc::clone(&self.origin),
            });
        }
        let bytes = self.slice(0, self.size)?;
        if Digest::of(Algorithm::Sha256, &bytes) == self.sha256 {
            Ok(bytes)
        } else {
            Err(self.unreadable("it is not what was received"))
        }
    }
}

/// A task graph and where its entries lie (P21).
#[derive(Debug)]
pub(crate) struct SpooledGraph {
    body: Spooled,
    index: Result<GraphIndex, ScanError>,
}

impl SpooledGraph {
    pub(super) const fn new(body: Spooled, index: Result<GraphIndex, ScanError>) -> Self {
        Self { body, index }
    }

    pub(super) const fn body(&self) -> &Spooled {
        &self.body
    }
}

impl Stored for SpooledGraph {
    fn size(&self) -> u64 {
        self.body.size()
    }

    fn digest(&self, algorithm: Algorithm) -> Result<Digest, EvidenceError> {
        self.body.digest(algorithm)
    }

    fn bytes(&self, limit: u64) -> Result<Bytes, EvidenceError> {
        self.body.bytes(limit)
    }
}

impl GraphStore for SpooledGraph {
    fn index(&self) -> Result<&GraphIndex, &ScanError> {
        self.index.as_ref()
    }

    fn entry(&self, task: TaskId) -> Result<Option<Bytes>, EvidenceError> {
        let index = self.index.as_ref().map_err(|error| EvidenceError {
            kind: ErrorKind::Malformed,
            detail: format!("not a task graph: {error}"),
            origin: Arc::clone(&self.body.origin),
        })?;
        let range = index.range(task);
        range
            .map(|range| self.body.slice(range.start, range.end))
            .transpose()
    }
}

/// Wraps a body that lies in memory, without a copy.
pub(super) fn held(form: Form, bytes: Bytes, origin: &Arc<str>) -> Kept {
    let body = || {
        let sha256 = Digest::of(Algorithm::Sha256, &bytes);
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Spooled::new(
            Content::Memory(bytes.clone()),
            size,
            sha256,
            Arc::clone(origin),
        )
    };
    match form {
        Form::Bytes => Kept::Bytes(bytes),
        Form::Graph => {
            let mut scanner = GraphScanner::new();
            let index = scanner.push(&bytes).and_then(|()| scanner.finish());
            Kept::Graph(Arc::new(SpooledGraph::new(body(), index)))
        }
        Form::Stored => Kept::Stored(Arc::new(body())),
    }
}

fn read_exact(file: &File, from: u64, length: usize) -> io::Result<Bytes> {
    let mut buffer = vec![0; length];
    file.read_exact_at(&mut buffer, from)?;
    Ok(buffer.into())
}

/// How much of a body is read at once.
const REPLAY: usize = 1 << 18;

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read again is the body that was hashed, or nothing (S16, P22).
    #[test]
    fn a_body_that_changed_is_not_read_again_s16_p22() {
        let received = Bytes::from_static(b"as it was received");
        let body = |stored: &'static [u8]| {
            Spooled::new(
                Content::Memory(Bytes::from_static(stored)),
                18,
                Digest::of(Algorithm::Sha256, &received),
                "test".into(),
            )
        };
        let same = body(b"as it was received");
        assert_eq!(same.bytes(100).unwrap(), received);
        assert_eq!(
            same.digest(Algorithm::Sha512).unwrap(),
            Digest::of(Algorithm::Sha512, &received)
        );
        let other = body(b"as it was Received");
        for failed in [
            other.bytes(100).map(|_| ()),
            other.digest(Algorithm::Sha512).map(|_| ()),
        ] {
            assert_eq!(failed.unwrap_err().kind, ErrorKind::Unavailable);
        }
        assert_eq!(same.bytes(17).unwrap_err().kind, ErrorKind::TooLarge);
    }
}
