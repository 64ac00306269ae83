// SPDX-License-Identifier: MPL-2.0
//! Directories that nobody else can enter, and the files that are kept in them.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{Mode, OFlags};
use tempfile::NamedTempFile;

/// Makes a directory with mode 0700, and those above it; one that exists stays as it is.
///
/// # Errors
/// It cannot be made.
pub(crate) fn make(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Makes a directory if there is none, and demands that it is ours and that only we may enter it.
///
/// # Errors
/// It cannot be made or written to, has another owner, or lets others in.
pub(crate) fn open(dir: &Path) -> io::Result<()> {
    make(dir)?;
    let found = fs::metadata(dir)?;
    let probe = NamedTempFile::new_in(dir)?;
    if found.uid() != probe.as_file().metadata()?.uid() {
        return Err(io::Error::other(
            "expected a directory of our own, found another owner's",
        ));
    }
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(io::Error::other(format!(
            "expected a directory that only its owner may enter (mode 700), found mode {mode:o}"
        )));
    }
    Ok(())
}

/// Makes a whole file, or none.
///
/// # Errors
/// It cannot be written; then what was there stays.
pub(crate) fn write(
    dir: &Path,
    path: &Path,
    fill: impl FnOnce(&mut NamedTempFile) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(".incoming-")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(dir)?;
    fill(&mut file)?;
    file.persist(path)?;
    Ok(())
}

/// Opens a file to read; what is no regular file is refused, and nothing waits for the other end of a pipe.
///
/// # Errors
/// It cannot be opened, or is something else.
pub(crate) fn read(path: &Path) -> io::Result<File> {
    regular(path, OFlags::RDONLY)
}

fn regular(path: &Path, access: OFlags) -> io::Result<File> {
    let flags = access | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("expected a regular file")),
    }
}

/// Notes that a file was of use.
pub(crate) fn stamp(path: &Path) {
    let stamped = regular(path, OFlags::WRONLY | OFlags::APPEND)
        .and_then(|file| file.set_modified(SystemTime::now()));
    if let Err(error) = stamped {
        tracing::debug!(%error, path = %path.display(), "a kept file cannot be marked as used");
    }
}

/// Removes a file, which may be gone already.
pub(crate) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!(%error, path = %path.display(), "a kept file cannot be removed");
    }
}

/// A file, and when it was of use last.
pub(crate) struct Listed {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    pub(crate) used: SystemTime,
}

/// Removes the files that were of use the longest time ago until at most `most` bytes are left; returns how many are.
pub(crate) fn remove_oldest(mut files: Vec<Listed>, most: u64) -> u64 {
    files.sort_by_key(|file| std::cmp::Reverse(file.used));
    let mut total: u64 = files.iter().map(|file| file.size).sum();
    while total > most
        && let Some(oldest) = files.pop()
    {
        remove(&oldest.path);
        total = total.saturating_sub(oldest.size);
    }
    total
}
