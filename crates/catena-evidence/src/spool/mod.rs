// SPDX-License-Identifier: MPL-2.0
//! Where bodies lie between receipt and verdict (P21, P28).
//!
//! A body is hashed, scanned and stored in the one pass that receives it. Small bodies stay in
//! memory; the others go to files that no other process can write: without a name, or with one in
//! a directory of mode 0700. Nothing stands under its final name before [`Spool::place`].

mod intake;
mod place;
mod spooled;

use std::collections::HashMap;
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use catena_core::document::{Body, ErrorKind, EvidenceError, Stored as _};
use catena_core::request::Request;
use catena_crypto::digest::{Algorithm, Digest};
use tempfile::{NamedTempFile, TempDir, TempPath};

pub(crate) use intake::{Intake, IntakeError};
pub use place::PlaceError;
pub(crate) use spooled::{Spooled, SpooledGraph};

/// A place for bodies, private to this process and gone when dropped.
#[derive(Debug)]
pub struct Spool {
    store: Arc<Store>,
    noted: Mutex<HashMap<Request, Kept>>,
}

impl Spool {
    /// Returns one that never leaves memory: for tests and for documents that lie there anyway.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::with(Home::Memory)
    }

    /// Returns one that uses files without a name in the system's temporary directory.
    #[must_use]
    pub fn unlinked() -> Self {
        Self::with(Home::Unlinked)
    }

    /// Returns one in a directory of its own within `dir`, so that accepted artifacts can be
    /// placed in `dir` without a copy.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn within(dir: &Path) -> io::Result<Self> {
        let own = tempfile::Builder::new()
            .prefix(".catena-incoming-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(dir)?;
        Ok(Self::with(Home::Within(own)))
    }

    /// Makes the file of an artifact, chain-of-trust document or task graph under its final name,
    /// `<work_dir>/cot/<taskId>/<name>`. An existing file is an error, never replaced.
    ///
    /// # Errors
    /// The request was not answered from here, or the file cannot be made.
    pub fn place(&self, request: &Request, work_dir: &Path) -> Result<(), PlaceError> {
        let (task, name) = place::destination(request).ok_or_else(|| PlaceError::Unplaceable {
            request: request.to_string(),
        })?;
        let kept = self
            .noted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(request)
            .cloned();
        let kept = kept.ok_or_else(|| PlaceError::Unknown {
            request: request.to_string(),
        })?;
        place::place(&kept, work_dir, task, name)
    }

    /// Remembers the body of a request that can be placed.
    pub(crate) fn note(&self, request: &Request, kept: &Kept) {
        if place::destination(request).is_some() {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            noted.insert(request.clone(), kept.clone());
        }
    }

    /// Starts to take in a body of at most `cap` bytes.
    pub(crate) fn intake(&self, form: Form, cap: u64, origin: &Arc<str>) -> Intake {
        Intake::new(Arc::clone(&self.store), form, cap, origin)
    }

    /// Takes in a body that is whole already.
    pub(crate) fn whole(
        &self,
        form: Form,
        body: Bytes,
        origin: &Arc<str>,
    ) -> Result<Kept, IntakeError> {
        if matches!(self.store.home, Home::Memory) {
            return Ok(spooled::held(form, body, origin));
        }
        let mut intake = self.intake(form, u64::MAX, origin);
        intake.push(&body)?;
        intake.finish()
    }

    /// Sets how many bytes the files may have together.
    #[must_use]
    pub(crate) fn of_at_most(self, bytes: u64) -> Self {
        self.store.disk.store(bytes, Ordering::Relaxed);
        self
    }

    fn with(home: Home) -> Self {
        let store = Store {
            home,
            memory: AtomicU64::new(MEMORY_TOTAL),
            disk: AtomicU64::new(u64::MAX),
        };
        Self {
            store: Arc::new(store),
            noted: Mutex::default(),
        }
    }
}

/// What is to be known of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// Its bytes.
    Bytes,
    /// Its digest, and where each entry of the task graph lies.
    Graph,
    /// Its digest.
    Stored,
}

impl Form {
    /// Returns the form in which the core wants the answer to a request.
    pub(crate) fn of(request: &Request) -> Self {
        match request {
            Request::Artifact { .. } => Self::Stored,
            Request::TaskGraph { .. } => Self::Graph,
            _ => Self::Bytes,
        }
    }
}

/// A body that was taken in.
#[derive(Clone, Debug)]
pub(crate) enum Kept {
    Bytes(Bytes),
    Graph(Arc<SpooledGraph>),
    Stored(Arc<Spooled>),
}

impl Kept {
    pub(crate) fn into_body(self) -> Body {
        match self {
            Self::Bytes(bytes) => Body::Bytes(bytes),
            Self::Graph(graph) => Body::Graph(graph),
            Self::Stored(stored) => Body::Stored(stored),
        }
    }

    /// Returns the size and SHA-256 of the body.
    pub(crate) fn measure(&self) -> (u64, Digest) {
        let of = |body: &Spooled| (body.size(), body.sha256().clone());
        match self {
            Self::Bytes(bytes) => {
                let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                (size, Digest::of(Algorithm::Sha256, bytes))
            }
            Self::Graph(graph) => of(graph.body()),
            Self::Stored(stored) => of(stored),
        }
    }

    /// Gives the whole body to `sink` in pieces; an error at the end if it is not what was received.
    pub(crate) fn replay(
        &self,
        mut sink: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), EvidenceError> {
        match self {
            Self::Bytes(bytes) => sink(bytes).map_err(|error| EvidenceError {
                kind: ErrorKind::Unavailable,
                detail: error.to_string(),
                origin: Arc::from("memory"),
            }),
            Self::Graph(graph) => graph.body().replay(sink),
            Self::Stored(stored) => stored.replay(sink),
        }
    }
}

/// Makes files and counts the memory that bodies may take instead.
#[derive(Debug)]
struct Store {
    home: Home,
    /// What is left of both.
    memory: AtomicU64,
    disk: AtomicU64,
}

#[derive(Debug)]
enum Home {
    Memory,
    Unlinked,
    Within(TempDir),
}

impl Store {
    /// Returns whether `more` bytes of a body that is `held` bytes long may stay in memory.
    fn grant(&self, held: u64, more: u64) -> bool {
        if matches!(self.home, Home::Memory) {
            return true;
        }
        held.saturating_add(more) <= MEMORY_EACH && take(&self.memory, more)
    }

    /// Takes `bytes` from what files may still have; they are not given back.
    fn charge(&self, bytes: u64) -> io::Result<()> {
        if take(&self.disk, bytes) {
            Ok(())
        } else {
            Err(io::Error::new(
                io::ErrorKind::QuotaExceeded,
                "the budget for downloads is used up",
            ))
        }
    }

    fn give_back(&self, bytes: u64) {
        self.memory.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Makes a file that only this process can write to.
    fn file(&self) -> io::Result<SpoolFile> {
        match &self.home {
            Home::Memory | Home::Unlinked => Ok(SpoolFile {
                file: tempfile::tempfile()?,
                name: None,
            }),
            Home::Within(dir) => {
                let (file, name) = NamedTempFile::new_in(dir.path())?.into_parts();
                Ok(SpoolFile {
                    file,
                    name: Some(name),
                })
            }
        }
    }
}

fn take(left: &AtomicU64, bytes: u64) -> bool {
    left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        left.checked_sub(bytes)
    })
    .is_ok()
}

/// A file of the spool; with a name only in a private directory.
#[derive(Debug)]
struct SpoolFile {
    file: File,
    name: Option<TempPath>,
}

impl SpoolFile {
    fn path(&self) -> Option<PathBuf> {
        self.name.as_ref().map(|name| name.to_path_buf())
    }
}

/// Bodies up to this size may stay in memory: a temporary file costs more than it saves.
const MEMORY_EACH: u64 = 256 << 10;
/// All bodies in memory together; with the task graph's index this keeps a large verification
/// under the 48 MB of DESIGN §12.
const MEMORY_TOTAL: u64 = 8 << 20;
