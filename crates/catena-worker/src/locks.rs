// SPDX-License-Identifier: MPL-2.0
//! A worker has its directories for itself: a second one would kill the first one's script and empty its directories.
//!
//! For each directory a file beside it is locked for as long as the worker lives; the system releases what a dead worker
//! held. The file stays, and says who holds it. The directory is locked as well: that is what counts where nothing can be
//! made beside it, and for a directory that two containers have mounted; it is never removed then, only emptied.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;

use crate::config::{Directories, WorkerConfig};

/// Why a worker cannot have its directories.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The file.
    #[error("{}: {cause}; expected a file that this user can make and lock", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Somebody else has one.
    #[error(
        "{}: expected a directory that no other worker uses, found it in use by {holder}; {} is locked",
        directory.display(), path.display()
    )]
    Held {
        /// The directory.
        directory: PathBuf,
        /// The file beside it.
        path: PathBuf,
        /// Who.
        holder: String,
    },
}

/// The locks of a worker, by file.
#[derive(Clone, Debug, Default)]
pub struct Locks(BTreeMap<PathBuf, Arc<File>>);

impl Locks {
    /// Takes those that a configuration needs; what `old` holds already is shared with it.
    ///
    /// # Errors
    /// [`LockError`]
    pub fn take(config: &WorkerConfig, old: &Self) -> Result<Self, LockError> {
        let mut all = BTreeMap::new();
        for slot in 0..config.capacity.get() {
            for directory in roots(config.directories.of_slot(slot)) {
                for (path, file) in files(&directory)? {
                    if let Some(file) = lock(&directory, &path, file, config, old)? {
                        all.insert(path, file);
                    }
                }
            }
        }
        Ok(Self(all))
    }
}

/// The directories that do not lie in another one of the slot.
fn roots(directories: Directories) -> Vec<PathBuf> {
    let Directories {
        work,
        artifact,
        log,
    } = directories;
    let below = log.starts_with(&artifact);
    let mut roots = vec![work, artifact];
    roots.extend(Some(log).filter(|_| !below));
    roots
}

/// What is locked for a directory: a file beside it, and itself.
fn files(directory: &Path) -> Result<Vec<(PathBuf, File)>, LockError> {
    let mut files = Vec::new();
    if let Some(path) = beside(directory) {
        match opened(&path) {
            Ok(file) => files.push((path, file)),
            // one that is there and cannot be opened is somebody's
            Err(why) if denied(&why) && path.symlink_metadata().is_err() => {}
            Err(cause) => return Err(LockError::File { path, cause }),
        }
    }
    // one that is not there yet has no other user, and without it no task can run
    files.extend(itself(directory).ok());
    Ok(files)
}

/// `None`: the file system locks no directories, as NFS.
fn lock(
    directory: &Path,
    path: &Path,
    file: File,
    config: &WorkerConfig,
    old: &Locks,
) -> Result<Option<Arc<File>>, LockError> {
    if let Some(file) = old.0.get(path) {
        return Ok(Some(Arc::clone(file)));
    }
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            return Err(LockError::Held {
                directory: directory.to_owned(),
                path: path.to_owned(),
                holder: holder(file),
            });
        }
        Err(_) if file.metadata().is_ok_and(|found| found.is_dir()) => return Ok(None),
        Err(why) => {
            let (path, cause) = (path.to_owned(), why.into());
            return Err(LockError::File { path, cause });
        }
    }
    let identity = &config.identity;
    let (group, id) = (&identity.worker_group, &identity.worker_id);
    let line = format!("process {}, {group}/{id}\n", std::process::id());
    // it is for whoever is refused; a directory, another user's file, or a full disk does not matter
    let _ = file
        .set_len(0)
        .and_then(|()| (&file).write_all(line.as_bytes()));
    Ok(Some(Arc::new(file)))
}

/// The file beside a directory; `None`: there is no place for one.
fn beside(directory: &Path) -> Option<PathBuf> {
    let parent = directory.parent()?;
    let mut name = OsString::from(".");
    name.push(directory.file_name()?);
    name.push(".lock");
    fs::create_dir_all(parent).ok()?;
    Some(parent.canonicalize().ok()?.join(name))
}

fn denied(why: &io::Error) -> bool {
    matches!(
        why.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

/// By the one path that has no links in it.
fn itself(directory: &Path) -> io::Result<(PathBuf, File)> {
    let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::DIRECTORY | OFlags::RDONLY;
    let path = directory.canonicalize()?;
    let file = open(&path, flags, Mode::empty())?.into();
    Ok((path, file))
}

/// Opens a file to lock it. One of another user can be read, which is enough.
fn opened(path: &Path) -> io::Result<File> {
    let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let mode = Mode::from_raw_mode(0o644);
    match open(path, flags | OFlags::RDWR | OFlags::CREATE, mode) {
        Ok(file) => Ok(file.into()),
        Err(why) => match open(path, flags | OFlags::RDONLY, mode) {
            Ok(file) => Ok(file.into()),
            Err(_) => Err(why.into()),
        },
    }
}

/// Who wrote himself into a file.
fn holder(file: File) -> String {
    let mut text = String::new();
    // another process's text is shown, not trusted
    let read = file.take(200).read_to_string(&mut text);
    match read.map(|_| text.trim()) {
        Ok("") | Err(_) => "another worker".to_owned(),
        Ok(text) => catena_report::escape::clean(text, 200),
    }
}
