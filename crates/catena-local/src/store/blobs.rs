// SPDX-License-Identifier: MPL-2.0
//! Contents of artifacts, as files: `TASK/RUN/SHA-256 OF THE NAME`. A file is whole or not there: it is written under a
//! temporary name and renamed. No text of a client becomes part of a path.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use catena_core::model::ids::{RunId, TaskId};
use catena_crypto::digest::{Algorithm, Digest};
use tempfile::NamedTempFile;

use super::{Store, StoreError};

/// Directory below the blobs for files that are being written.
const UNFINISHED: &str = "unfinished";

/// A content that is being written. Dropped before [`BlobWriter::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter {
    file: NamedTempFile,
    written: u64,
}

impl BlobWriter {
    /// Adds bytes.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file
            .write_all(bytes)
            .map_err(|error| failed("write", self.file.path(), &error))?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.written = self.written.saturating_add(length);
        Ok(())
    }

    /// Number of bytes written so far.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Puts the content in its place, over an older one.
    ///
    /// # Errors
    /// The file cannot be moved there.
    pub fn finish(self, path: &Path) -> Result<(), StoreError> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| failed("make", parent, &error))?;
        }
        self.file
            .persist(path)
            .map_err(|error| failed("write", path, &error.error))?;
        Ok(())
    }
}

impl Store {
    /// Where the content of an artifact is, or would be.
    #[must_use]
    pub fn blob_path(&self, task: TaskId, run: RunId, name: &str) -> PathBuf {
        let name = Digest::of(Algorithm::Sha256, name.as_bytes()).hex();
        self.blobs()
            .join(task.as_str())
            .join(run.to_string())
            .join(name)
    }

    /// Begins a content, to be put at [`Store::blob_path`] by [`BlobWriter::finish`]. Blocks on the disk.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn blob_writer(&self) -> Result<BlobWriter, StoreError> {
        let dir = self.blobs().join(UNFINISHED);
        let file = NamedTempFile::new_in(&dir).map_err(|error| failed("make", &dir, &error))?;
        Ok(BlobWriter { file, written: 0 })
    }

    /// Opens a content that begins with a line of headers: that line, the length of what follows, and the file at that
    /// place. Blocks on the disk.
    ///
    /// # Errors
    /// `NotFound` if nothing was put there; the file cannot be read.
    pub fn open_content(
        &self,
        task: TaskId,
        run: RunId,
        name: &str,
    ) -> io::Result<(Vec<u8>, u64, File)> {
        let file = File::open(self.blob_path(task, run, name))?;
        let whole = file.metadata()?.len();
        let mut reader = BufReader::new(file);
        let mut head = Vec::new();
        let read = reader.read_until(b'\n', &mut head)?;
        let start = u64::try_from(read).unwrap_or(u64::MAX);
        let mut file = reader.into_inner();
        file.seek(SeekFrom::Start(start))?;
        Ok((head, whole.saturating_sub(start), file))
    }

    /// Removes the content of an artifact, if there is one. Blocks on the disk.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn remove_blob(&self, task: TaskId, run: RunId, name: &str) -> Result<(), StoreError> {
        let path = self.blob_path(task, run, name);
        absent_is_fine(std::fs::remove_file(&path), &path)
    }

    /// Removes all contents of a task. Blocks on the disk.
    ///
    /// # Errors
    /// They cannot be removed.
    pub fn remove_blobs(&self, task: TaskId) -> Result<(), StoreError> {
        let path = self.blobs().join(task.as_str());
        absent_is_fine(std::fs::remove_dir_all(&path), &path)
    }

    /// Writes the content of an artifact in one go. Blocks on the disk.
    ///
    /// # Errors
    /// The file cannot be written; an older content stands as it was.
    pub fn write_blob(
        &self,
        task: TaskId,
        run: RunId,
        name: &str,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let mut writer = self.blob_writer()?;
        writer.write(bytes)?;
        writer.finish(&self.blob_path(task, run, name))
    }
}

/// Makes the directories, and removes what a process left unfinished.
pub(super) fn prepare(dir: &Path) -> Result<(), StoreError> {
    let unfinished = dir.join(UNFINISHED);
    absent_is_fine(std::fs::remove_dir_all(&unfinished), &unfinished)?;
    std::fs::create_dir_all(&unfinished).map_err(|error| failed("make", &unfinished, &error))
}

fn absent_is_fine(done: io::Result<()>, path: &Path) -> Result<(), StoreError> {
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed("remove", path, &error))
        }
        _ => Ok(()),
    }
}

fn failed(what: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::new(format_args!("{what} {}", path.display()), error)
}
