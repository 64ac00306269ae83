// SPDX-License-Identifier: MPL-2.0
//! Puts accepted bodies under their final names (P28).
//!
//! Names are validated (S12, S13), and still each directory on the way is checked not to be a
//! symbolic link, nothing is ever replaced, and a file appears whole or not at all.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use catena_core::document::EvidenceError;
use catena_core::model::ids::{ArtifactName, TaskId};
use catena_core::request::Request;
use tempfile::NamedTempFile;

use super::Kept;
use super::spooled::{Content, Spooled};

/// Why a body was not put in its place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// The spooled body cannot be read back.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The file system refuses.
    #[error("cannot make {path}")]
    Io {
        /// The path that was to be made.
        path: PathBuf,
        /// The refusal.
        #[source]
        source: io::Error,
    },
    /// Something that is no directory is in the way, or the path leads out of the directory.
    #[error("expected a directory within the task's own, found something else at {path}")]
    Outside {
        /// The path that was met.
        path: PathBuf,
    },
    /// No document was received for the request.
    #[error("{request} was not received")]
    Unknown {
        /// The request.
        request: String,
    },
    /// The request is not for a file of a task.
    #[error("{request} has no place in a work directory")]
    Unplaceable {
        /// The request.
        request: String,
    },
}

/// Returns the task and artifact name under which the answer to a request is kept.
pub(super) fn destination(request: &Request) -> Option<(TaskId, &str)> {
    match request {
        Request::Artifact { task, name, .. } => Some((*task, name.as_str())),
        Request::CotBody { task, .. } => Some((*task, ArtifactName::COT)),
        Request::CotSignature { task, .. } => Some((*task, ArtifactName::COT_SIGNATURE)),
        Request::TaskGraph { task, .. } => Some((*task, ArtifactName::TASK_GRAPH)),
        _ => None,
    }
}

/// Makes `<work_dir>/cot/<task>/<name>`.
pub(super) fn place(
    kept: &Kept,
    work_dir: &Path,
    task: TaskId,
    name: &str,
) -> Result<(), PlaceError> {
    let mut home = work_dir.to_owned();
    for segment in ["cot", task.as_str()] {
        descend(&mut home, segment)?;
    }
    let mut parent = home.clone();
    let (folders, file) = name.rsplit_once('/').unwrap_or(("", name));
    for segment in folders.split('/').filter(|segment| !segment.is_empty()) {
        descend(&mut parent, segment)?;
    }
    let resolved = |path: &Path| path.canonicalize().map_err(|e| io_error(path, e));
    if !resolved(&parent)?.starts_with(resolved(&home)?) {
        return Err(PlaceError::Outside { path: parent });
    }
    let target = parent.join(file);
    if target.parent() != Some(&parent) {
        return Err(PlaceError::Outside { path: target });
    }
    match kept {
        Kept::Bytes(bytes) => write(&parent, &target, |file| {
            file.write_all(bytes).map_err(|e| io_error(&target, e))
        }),
        Kept::Graph(graph) => place_spooled(graph.body(), &parent, &target),
        Kept::Stored(body) => place_spooled(body, &parent, &target),
    }
}

fn place_spooled(body: &Spooled, parent: &Path, target: &Path) -> Result<(), PlaceError> {
    if let Content::File(file) = body.content()
        && let Some(path) = file.path()
    {
        match fs::hard_link(&path, target) {
            Ok(()) => return open_up(target),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(io_error(target, error));
            }
            Err(_) => {} // another file system, or one without hard links: copy
        }
    }
    write(parent, target, |file| {
        Ok(body.replay(|piece| file.write_all(piece))?)
    })
}

/// Writes a file beside its final name, then gives it that name.
fn write(
    parent: &Path,
    target: &Path,
    fill: impl FnOnce(&mut NamedTempFile) -> Result<(), PlaceError>,
) -> Result<(), PlaceError> {
    let mut file = NamedTempFile::new_in(parent).map_err(|e| io_error(parent, e))?;
    fill(&mut file)?;
    file.persist_noclobber(target)
        .map_err(|e| io_error(target, e.error))?;
    open_up(target)
}

/// Temporary files are 0600; scripts may run as another user, as with the reference's files.
fn open_up(target: &Path) -> Result<(), PlaceError> {
    fs::set_permissions(target, Permissions::from_mode(0o644)).map_err(|e| io_error(target, e))
}

/// Enters a directory, making it if needed; symbolic links are not followed.
fn descend(path: &mut PathBuf, segment: &str) -> Result<(), PlaceError> {
    path.push(segment);
    match fs::create_dir(&*path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(io_error(path, error));
        }
        _ => {}
    }
    let found = fs::symlink_metadata(&*path).map_err(|e| io_error(path, e))?;
    if found.is_dir() {
        Ok(())
    } else {
        Err(PlaceError::Outside { path: path.clone() })
    }
}

fn io_error(path: &Path, source: io::Error) -> PlaceError {
    PlaceError::Io {
        path: path.to_owned(),
        source,
    }
}
