// SPDX-License-Identifier: MPL-2.0
//! `--work-dir` (P28): files of a trusted chain under the names that scripts expect, and nothing else ever.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use catena_core::document::{Answer, Body};
use catena_core::json::{self, Reading};
use catena_core::model::ids::TaskId;
use catena_core::request::Request;
use catena_evidence::Source;
use tempfile::NamedTempFile;

use crate::failure::Failure;
use crate::task_json;

/// A directory that was empty or absent when the verification began.
#[derive(Debug)]
pub(crate) struct WorkDir {
    path: PathBuf,
    created: bool,
}

impl WorkDir {
    /// Takes a directory, and makes it if it is absent: downloads wait within it, nameless, for their verdict.
    ///
    /// # Errors
    /// It holds something, or is none.
    pub(crate) fn claim(path: &Path) -> Result<Self, Failure> {
        let refuse = |found: String| Failure::WorkDir {
            path: path.to_owned(),
            found,
        };
        let created = !path.exists();
        if created {
            fs::create_dir_all(path).map_err(|error| refuse(error.to_string()))?;
        }
        match fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
            Ok(true) => Ok(Self {
                path: path.to_owned(),
                created,
            }),
            Ok(false) => Err(refuse("files in it".to_owned())),
            Err(error) => Err(refuse(error.to_string())),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `cot/<taskId>/task.json` for each definition and `cot/<taskId>/<name>` for each other request, all of
    /// them from a source that has answered them before.
    pub(crate) async fn fill<S: Source + ?Sized>(
        &self,
        source: &S,
        definitions: &[TaskId],
        files: &[Request],
    ) -> Result<(), Failure> {
        for &task in definitions {
            let answer = source.fetch(&Request::Definition { task }).await;
            self.definition(task, &answer)?;
        }
        for request in files {
            source
                .place(request, &self.path)
                .map_err(|source| Failure::Place { source })?;
        }
        Ok(())
    }

    /// Writes `task.json`, where scripts expect the definition of their own task.
    pub(crate) async fn task_json<S: Source + ?Sized>(
        &self,
        source: &S,
        task: TaskId,
    ) -> Result<(), Failure> {
        let answer = source.fetch(&Request::Definition { task }).await;
        write(task, &answer, &self.path)
    }

    fn definition(&self, task: TaskId, answer: &Answer) -> Result<(), Failure> {
        write(task, answer, &self.path.join("cot").join(task.as_str()))
    }
}

/// Writes a definition as `task.json` into a folder; the file appears whole.
fn write(task: TaskId, answer: &Answer, folder: &Path) -> Result<(), Failure> {
    let unread = || Failure::Reread {
        request: Request::Definition { task }.to_string(),
    };
    let Ok(document) = answer else {
        return Err(unread());
    };
    let Body::Bytes(bytes) = &document.body else {
        return Err(unread());
    };
    let value = json::parse(bytes, Reading::Lenient).map_err(|_| unread())?;
    let text = task_json::render(&value).ok_or_else(unread)?;
    let path = folder.join("task.json");
    let write = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist_noclobber(&path)?;
        // temporary files are 0600; scripts may run as another user
        fs::set_permissions(&path, Permissions::from_mode(0o644))
    };
    write().map_err(|source| Failure::File {
        path: path.clone(),
        source,
    })
}

impl Drop for WorkDir {
    /// Leaves no empty directory behind where there was none.
    fn drop(&mut self) {
        if self.created {
            // fails exactly when there are files in it, which is well
            let _ = fs::remove_dir(&self.path);
        }
    }
}
