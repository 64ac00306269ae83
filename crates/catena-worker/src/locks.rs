// SPDX-License-Identifier: MPL-2.0
//! A worker has its directories for itself: a second one would kill the first one's script and empty its directories.
//!
//! For each directory a file beside it is locked for as long as the worker lives; the system releases what a dead worker
//! held. The file stays, and says who holds it. Where nothing can be made beside a directory, as beside a mount point, the
//! file lies in `log_dir`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catena_crypto::digest::{Algorithm, Digest};
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
                let (path, file) = one(&directory, config, old)?;
                all.insert(path, file);
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

fn one(
    directory: &Path,
    config: &WorkerConfig,
    old: &Locks,
) -> Result<(PathBuf, Arc<File>), LockError> {
    let (path, file) = match beside(directory) {
        Ok(found) => found,
        Err(_) => elsewhere(directory, &config.log.dir)?,
    };
    if let Some(file) = old.0.get(&path) {
        return Ok((path, Arc::clone(file)));
    }
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            return Err(LockError::Held {
                directory: directory.to_owned(),
                path,
                holder: holder(file),
            });
        }
        Err(why) => {
            let cause = why.into();
            return Err(LockError::File { path, cause });
        }
    }
    let identity = &config.identity;
    let (group, id) = (&identity.worker_group, &identity.worker_id);
    let line = format!("process {}, {group}/{id}\n", std::process::id());
    // it is for whoever is refused; another user's file, or a full disk, does not matter
    let _ = file
        .set_len(0)
        .and_then(|()| (&file).write_all(line.as_bytes()));
    Ok((path, Arc::new(file)))
}

fn beside(directory: &Path) -> io::Result<(PathBuf, File)> {
    let parent = directory.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(parent)?;
    let mut name = OsString::from(".");
    name.push(directory.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    name.push(".lock");
    let path = parent.canonicalize()?.join(name);
    let file = opened(&path)?;
    Ok((path, file))
}

fn elsewhere(directory: &Path, log_dir: &Path) -> Result<(PathBuf, File), LockError> {
    let name = directory.as_os_str().as_encoded_bytes();
    let name = Digest::of(Algorithm::Sha256, name).hex();
    let path = log_dir.join(format!(".{}.lock", name.get(..16).unwrap_or(&name)));
    match opened(&path) {
        Ok(file) => Ok((path, file)),
        Err(cause) => Err(LockError::File { path, cause }),
    }
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
