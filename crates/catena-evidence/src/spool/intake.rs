// SPDX-License-Identifier: MPL-2.0
//! One pass over an arriving body: count, hash, scan, store.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use catena_core::document::ErrorKind;
use catena_core::graph::{GraphScanner, ScanError};
use catena_crypto::digest::{Algorithm, Hasher};

use super::spooled::{Content, Spooled, SpooledGraph};
use super::{Form, Kept, SpoolFile, Store};

/// Takes a body in pieces, in order.
pub(crate) struct Intake {
    store: Arc<Store>,
    origin: Arc<str>,
    form: Form,
    cap: u64,
    size: u64,
    hasher: Hasher,
    scan: Result<GraphScanner, ScanError>,
    pending: Pending,
}

enum Pending {
    Memory(Vec<u8>),
    File(SpoolFile),
}

impl Intake {
    pub(super) fn new(store: Arc<Store>, form: Form, cap: u64, origin: &Arc<str>) -> Self {
        Self {
            store,
            origin: Arc::clone(origin),
            form,
            cap,
            size: 0,
            hasher: Hasher::new(Algorithm::Sha256),
            scan: Ok(GraphScanner::new()),
            pending: Pending::Memory(Vec::new()),
        }
    }

    /// Takes the next piece.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), IntakeError> {
        let more = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        let held = self.size;
        self.size = held.saturating_add(more);
        if self.size > self.cap {
            return Err(IntakeError::TooLarge { cap: self.cap });
        }
        if self.form != Form::Bytes {
            self.hasher.update(piece);
        }
        if self.form == Form::Graph
            && let Ok(scanner) = &mut self.scan
            && let Err(error) = scanner.push(piece)
        {
            // hashing goes on: whether the text is the signed one is judged first
            self.scan = Err(error);
        }
        self.keep(piece, held, more).map_err(IntakeError::Spool)
    }

    /// Ends the body.
    pub(crate) fn finish(self) -> Result<Kept, IntakeError> {
        let content = match self.pending {
            Pending::Memory(bytes) => Content::Memory(Bytes::from(bytes)),
            Pending::File(file) => Content::File(file),
        };
        if let (Form::Bytes, Content::Memory(bytes)) = (self.form, &content) {
            return Ok(Kept::Bytes(bytes.clone()));
        }
        let body = Spooled::new(content, self.size, self.hasher.finish(), self.origin);
        Ok(match self.form {
            Form::Graph => {
                let index = self.scan.and_then(GraphScanner::finish);
                Kept::Graph(Arc::new(SpooledGraph::new(body, index)))
            }
            Form::Bytes | Form::Stored => Kept::Stored(Arc::new(body)),
        })
    }

    fn keep(&mut self, piece: &[u8], held: u64, more: u64) -> io::Result<()> {
        match &mut self.pending {
            Pending::File(file) => {
                self.store.charge(more)?;
                file.file.write_all(piece)
            }
            // bodies of this form are parsed as a whole, and their cap is small
            Pending::Memory(bytes) if self.form == Form::Bytes => {
                bytes.extend_from_slice(piece);
                Ok(())
            }
            Pending::Memory(bytes) if self.store.grant(held, more) => {
                bytes.extend_from_slice(piece);
                Ok(())
            }
            Pending::Memory(bytes) => {
                self.store.charge(held.saturating_add(more))?;
                let mut file = self.store.file()?;
                file.file.write_all(bytes)?;
                file.file.write_all(piece)?;
                self.store.give_back(held);
                self.pending = Pending::File(file);
                Ok(())
            }
        }
    }
}

impl Write for Intake {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.push(piece).map_err(io::Error::other)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intake")
            .field("origin", &self.origin)
            .field("size", &self.size)
            .finish()
    }
}

/// Why a body was not taken in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IntakeError {
    #[error("cannot be stored on this machine")]
    Spool(#[source] io::Error),
    #[error("more than the {cap} bytes that are allowed")]
    TooLarge { cap: u64 },
}

impl IntakeError {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Spool(e) if e.kind() == io::ErrorKind::QuotaExceeded => ErrorKind::TooLarge,
            Self::Spool(_) => ErrorKind::Unavailable,
            Self::TooLarge { .. } => ErrorKind::TooLarge,
        }
    }
}
