// SPDX-License-Identifier: MPL-2.0
//! `live_backing.log` (worker.md 10, P35, P36): the header, then what the script prints.
//!
//! The worker holds it in a file without a name, where the script cannot reach it, and puts it into the directory when
//! the script has ended.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::Directories;

/// The log of a task.
#[derive(Debug)]
pub struct TaskLog {
    file: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    file: Arc<File>,
    /// The first write that failed: a log that lacks something is not shown as whole.
    failed: Option<io::Error>,
}

impl TaskLog {
    /// Makes a log that begins with this line. `dir`: a directory on the disk where it may lie meanwhile.
    ///
    /// # Errors
    /// The system refuses.
    pub fn new(dir: &Path, header: &str) -> io::Result<Self> {
        let mut file = tempfile::tempfile_in(dir)?;
        writeln!(file, "{header}")?;
        let failed = None;
        Ok(Self {
            file: Mutex::new(Kept {
                file: Arc::new(file),
                failed,
            }),
        })
    }

    /// Adds text as it is.
    pub fn write(&self, text: &str) {
        let mut held = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if held.failed.is_none()
            && let Err(why) = (&*held.file).write_all(text.as_bytes())
        {
            held.failed = Some(why);
        }
    }

    /// Adds a line.
    pub fn line(&self, line: &str) {
        self.write(&format!("{line}\n"));
    }

    /// Adds a line that Treeherder shows as an error.
    pub fn error(&self, line: &str) {
        self.line(&format!("[taskcluster:error] {line}"));
    }

    /// Puts the log as it is now under its name into the directory; what a script put there is replaced.
    ///
    /// # Errors
    /// The system refuses, or did when something was to be added.
    pub fn place(&self, directories: &Directories, name: &str) -> io::Result<()> {
        let mut held = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = held.failed.take() {
            return Err(why);
        }
        place(
            directories,
            name,
            &mut Held(Arc::clone(&held.file)).reader(),
        )
    }

    /// Returns the log as it is held, for when it cannot be placed.
    pub(crate) fn held(&self) -> Held {
        let held = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        Held(Arc::clone(&held.file))
    }
}

/// The file of a log that has no name.
#[derive(Clone, Debug)]
pub struct Held(Arc<File>);

impl Held {
    /// Reads it from its beginning, wherever it is being written.
    pub(crate) fn reader(&self) -> impl Read + use<> {
        Reader {
            file: Arc::clone(&self.0),
            at: 0,
        }
    }
}

struct Reader {
    file: Arc<File>,
    at: u64,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at = self
            .at
            .saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }
}

/// Writes a file into the directory of logs, whole or not at all.
pub(crate) fn place(
    directories: &Directories,
    name: &str,
    content: &mut dyn Read,
) -> io::Result<()> {
    own_directory(&directories.artifact, &directories.log)?;
    let mut file = tempfile::Builder::new()
        .prefix(".catena-")
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(&directories.log)?;
    io::copy(content, file.as_file_mut())?;
    let path = directories.log.join(name);
    if fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir()) {
        fs::remove_dir_all(&path)?;
    }
    file.persist(&path)?;
    Ok(())
}

/// Makes sure that nothing has this name in the directory of logs.
pub(crate) fn remove(directories: &Directories, name: &str) -> io::Result<()> {
    own_directory(&directories.artifact, &directories.log)?;
    let path = directories.log.join(name);
    let removed = match fs::symlink_metadata(&path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(&path),
        Ok(_) => fs::remove_file(&path),
        Err(why) => Err(why),
    };
    match removed {
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Makes sure that the directory of logs is one, below the artifacts: a script may have put a link there, which may lead
/// anywhere.
fn own_directory(root: &Path, path: &Path) -> io::Result<()> {
    let Ok(below) = path.strip_prefix(root) else {
        return fs::create_dir_all(path);
    };
    let mut at = PathBuf::from(root);
    let parts = std::iter::once(None).chain(below.components().map(Some));
    for part in parts {
        at.extend(part.map(|part| part.as_os_str()));
        match fs::symlink_metadata(&at) {
            Ok(found) if found.is_dir() => continue,
            Ok(_) => fs::remove_file(&at)?,
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            Err(why) => return Err(why),
        }
        fs::create_dir(&at)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_cannot_lead_the_log_elsewhere_p36() {
        let dir = tempfile::tempdir().unwrap();
        let directories = Directories {
            work: dir.path().join("work"),
            artifact: dir.path().join("artifacts"),
            log: dir.path().join("artifacts/public/logs"),
        };
        let outside = dir.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::create_dir_all(directories.artifact.join("public")).unwrap();
        std::os::unix::fs::symlink(&outside, &directories.log).unwrap();
        let log = TaskLog::new(dir.path(), "header").unwrap();
        log.write("one");
        log.line(" two");
        log.place(&directories, "live_backing.log").unwrap();
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
        let placed = directories.log.join("live_backing.log");
        assert_eq!(fs::read_to_string(&placed).unwrap(), "header\none two\n");
        // again, with more, over a directory that somebody made
        fs::remove_file(&placed).unwrap();
        fs::create_dir(&placed).unwrap();
        log.error("three");
        log.place(&directories, "live_backing.log").unwrap();
        let due = "header\none two\n[taskcluster:error] three\n";
        assert_eq!(fs::read_to_string(&placed).unwrap(), due);
    }
}
