// SPDX-License-Identifier: MPL-2.0
//! Directories that nobody else can enter.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

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
