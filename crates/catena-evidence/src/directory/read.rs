// SPDX-License-Identifier: MPL-2.0
//! Reads recorded evidence.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use catena_core::document::{Answer, Document, ErrorKind, EvidenceError, Stored as _};
use catena_core::request::Request;
use catena_crypto::digest::{Algorithm, Digest};
use jiff::Timestamp;

use super::{DOCUMENTS, DirectoryError, Entry, INDEX, Index, RecordedSubject, SCHEMA, Status};
use crate::http::limits::Limits;
use crate::source::Source;
use crate::spool::{Form, Intake, Kept, PlaceError, Spool};

/// A source over a directory of recorded documents. What the index does not name is unavailable,
/// not absent.
#[derive(Debug)]
pub struct DirectorySource {
    path: PathBuf,
    recorded: Timestamp,
    subject: Option<RecordedSubject>,
    entries: HashMap<Request, Recorded>,
    limits: Limits,
    spool: Spool,
}

/// One entry of the index, checked.
#[derive(Clone, Debug)]
struct Recorded {
    origin: Arc<str>,
    body: Option<Place>,
}

#[derive(Clone, Debug)]
struct Place {
    path: PathBuf,
    sha256: Digest,
    size: u64,
}

impl Place {
    /// Returns where the body of an entry lies, if it has one.
    fn of(entry: &Entry, path: &Path) -> Result<Option<Self>, String> {
        match (entry.status, &entry.file, &entry.sha256, entry.size) {
            (Status::Absent, None, None, None) => Ok(None),
            (Status::Received, Some(file), Some(sha256), Some(size)) => {
                let sha256 = Digest::parse(Algorithm::Sha256, sha256)
                    .filter(|digest| *file == format!("{DOCUMENTS}/{}", digest.hex()))
                    .ok_or_else(|| format!("{file:?} is not named by its digest"))?;
                Ok(Some(Self {
                    path: path.join(file),
                    sha256,
                    size,
                }))
            }
            _ => {
                Err("expected file, sha256 and size of what was received, and only then".to_owned())
            }
        }
    }
}

impl DirectorySource {
    /// Opens a directory and reads its index.
    ///
    /// # Errors
    /// The index cannot be read, is of another schema, names a request twice, or a file outside.
    pub fn open(path: &Path) -> Result<Self, DirectoryError> {
        let at = path.join(INDEX);
        let wrong = |detail: String| DirectoryError::Index {
            path: at.clone(),
            detail,
        };
        let mut text = Vec::new();
        let read = open(&at).and_then(|file| file.take(INDEX_CAP + 1).read_to_end(&mut text));
        let read = read.map_err(|source| DirectoryError::Io {
            path: at.clone(),
            source,
        })?;
        if u64::try_from(read).unwrap_or(u64::MAX) > INDEX_CAP {
            return Err(wrong(format!("expected at most {INDEX_CAP} bytes")));
        }
        let index: Index = serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
        if index.schema != SCHEMA {
            return Err(wrong(format!(
                "expected schema {SCHEMA}, found {:?}",
                index.schema
            )));
        }
        let recorded = index.recorded.parse();
        let recorded = recorded.map_err(|e: jiff::Error| wrong(format!("recorded: {e}")))?;
        let mut entries = HashMap::new();
        for entry in index.documents {
            let named = entry.request.to_string();
            entry
                .time
                .parse::<Timestamp>()
                .map_err(|e| wrong(format!("{named}: {e}")))?;
            let body =
                Place::of(&entry, path).map_err(|detail| wrong(format!("{named}: {detail}")))?;
            let checked = Recorded {
                origin: entry.origin,
                body,
            };
            if entries.insert(entry.request, checked).is_some() {
                return Err(wrong(format!("{named}: named twice")));
            }
        }
        Ok(Self {
            path: path.to_owned(),
            recorded,
            subject: index.subject,
            entries,
            limits: Limits::default(),
            spool: Spool::unlinked(),
        })
    }

    /// Returns what the directory claims to be about.
    #[must_use]
    pub const fn subject(&self) -> Option<&RecordedSubject> {
        self.subject.as_ref()
    }

    /// Returns the time that the directory claims for its evidence (P27).
    #[must_use]
    pub const fn recorded(&self) -> Timestamp {
        self.recorded
    }
}

#[async_trait]
impl Source for DirectorySource {
    async fn fetch(&self, request: &Request) -> Answer {
        let unrecorded = || self.path.display().to_string().into();
        let Some(entry) = self.entries.get(request) else {
            return Err(error(ErrorKind::Unavailable, "not recorded", unrecorded()));
        };
        let origin = &entry.origin;
        let Some(place) = entry.body.clone() else {
            return Err(error(
                ErrorKind::Absent,
                "recorded as absent",
                Arc::clone(origin),
            ));
        };
        let cap = self.limits.of(request);
        if place.size > cap {
            let detail = format!("more than the {cap} bytes that are allowed");
            return Err(error(ErrorKind::TooLarge, &detail, Arc::clone(origin)));
        }
        let intake = self.spool.intake(Form::of(request), place.size, origin);
        let kept = if place.size > INLINE {
            tokio::task::spawn_blocking(move || take_in(&place, intake)).await
        } else {
            Ok(take_in(&place, intake))
        };
        let kept =
            kept.map_err(|e| error(ErrorKind::Unavailable, &e.to_string(), Arc::clone(origin)))?;
        let kept = kept.map_err(|(kind, detail)| error(kind, &detail, Arc::clone(origin)))?;
        self.spool.note(request, &kept);
        Ok(Document {
            body: kept.into_body(),
            origin: Arc::clone(origin),
        })
    }

    fn place(&self, request: &Request, work_dir: &Path) -> Result<(), PlaceError> {
        self.spool.place(request, work_dir)
    }
}

/// Copies a document to the spool, where nobody can change it, and checks its digest.
fn take_in(place: &Place, mut intake: Intake) -> Result<Kept, (ErrorKind, String)> {
    let unread = |e: io::Error| {
        (
            ErrorKind::Unavailable,
            format!("cannot read {}: {e}", place.path.display()),
        )
    };
    let mut file = open(&place.path).map_err(unread)?;
    let mut buffer = vec![0; usize::try_from(place.size.clamp(1, INLINE)).unwrap_or(4096)];
    loop {
        let read = file.read(&mut buffer).map_err(unread)?;
        let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else {
            break;
        };
        intake.push(piece).map_err(|_| damaged(place))?;
    }
    let kept = intake.finish().map_err(|e| (e.kind(), e.to_string()))?;
    let digest = match &kept {
        Kept::Bytes(bytes) => Ok(Digest::of(Algorithm::Sha256, bytes)),
        Kept::Graph(graph) => graph.digest(Algorithm::Sha256),
        Kept::Stored(body) => body.digest(Algorithm::Sha256),
    };
    if digest.is_ok_and(|digest| digest == place.sha256) {
        Ok(kept)
    } else {
        Err(damaged(place))
    }
}

/// Opens a regular file: to open a pipe would wait for whoever made the directory.
fn open(path: &Path) -> io::Result<File> {
    if fs::metadata(path)?.is_file() {
        File::open(path)
    } else {
        Err(io::Error::other("expected a regular file"))
    }
}

fn damaged(place: &Place) -> (ErrorKind, String) {
    let expected = format!("{} bytes of {}", place.size, place.sha256);
    (
        ErrorKind::Malformed,
        format!("{} is not {expected}", place.path.display()),
    )
}

fn error(kind: ErrorKind, detail: &str, origin: Arc<str>) -> EvidenceError {
    EvidenceError {
        kind,
        detail: detail.to_owned(),
        origin,
    }
}

/// An entry takes some 500 bytes; a chain has a few thousand at most.
const INDEX_CAP: u64 = 64 << 20;
/// Documents up to this size are read where they are asked for.
const INLINE: u64 = 256 << 10;
