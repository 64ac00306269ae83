// SPDX-License-Identifier: MPL-2.0
//! The directories of a task are empty before it and after it (worker.md 2).
//!
//! They are emptied and then made anew; what cannot be removed because something is mounted there stays, empty.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::config::Directories;

/// A directory that could not be made or emptied: without it no task can run.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}; expected a directory that this user can empty and make", path.display())]
pub struct DirectoryError {
    /// Which.
    pub path: PathBuf,
    /// What the system said.
    pub cause: io::Error,
}

/// Empties and makes the three directories of a slot.
///
/// # Errors
/// [`DirectoryError`]
pub fn cleanup(directories: &Directories) -> Result<(), DirectoryError> {
    // the log's directory conventionally lies in the artifacts', so it comes last
    let all = [&directories.work, &directories.artifact, &directories.log];
    for path in all {
        again(|| renew(path)).map_err(|cause| DirectoryError {
            path: path.clone(),
            cause,
        })?;
    }
    Ok(())
}

/// Tries a few times if somebody else makes or removes files meanwhile, such as a process of another user.
fn again(mut renew: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    for _ in 1..ATTEMPTS {
        match renew() {
            Err(why) if contested(&why) => std::thread::yield_now(),
            done => return done,
        }
    }
    renew()
}

fn contested(why: &io::Error) -> bool {
    matches!(
        why.kind(),
        ErrorKind::DirectoryNotEmpty | ErrorKind::NotFound | ErrorKind::AlreadyExists
    )
}

const ATTEMPTS: u32 = 20;

fn renew(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(why) if why.kind() == ErrorKind::NotFound => {}
        Err(why) => return Err(why),
        Ok(found) if found.is_dir() => {
            open_up(path)?;
            empty(path)?;
            match fs::remove_dir(path) {
                // a mount point, or its parent is not ours: it is empty, which is what counts
                Err(why) if keeps(&why) => return Ok(()),
                done => done?,
            }
        }
        Ok(_) => fs::remove_file(path)?,
    }
    fs::create_dir_all(path)
}

fn keeps(why: &io::Error) -> bool {
    matches!(
        why.kind(),
        ErrorKind::ResourceBusy | ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
    )
}

/// Removes what is in a directory. Links are removed, never followed.
fn empty(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let child = entry.path();
        if entry.file_type()?.is_dir() {
            match fs::remove_dir_all(&child) {
                Err(why) if why.kind() == ErrorKind::PermissionDenied => {
                    allow(&child)?;
                    fs::remove_dir_all(&child)?;
                }
                Err(why) if why.kind() == ErrorKind::ResourceBusy => empty(&child)?,
                done => done?,
            }
        } else {
            fs::remove_file(&child)?;
        }
    }
    Ok(())
}

/// Gives the owner all rights on a tree of directories; scripts take them away.
fn allow(root: &Path) -> io::Result<()> {
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        open_up(&path)?;
        for entry in fs::read_dir(&path)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            }
        }
    }
    Ok(())
}

fn open_up(path: &Path) -> io::Result<()> {
    let mode = fs::symlink_metadata(path)?.permissions().mode();
    if mode & 0o700 == 0o700 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(mode | 0o700))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_puts_there_meanwhile_is_removed_in_another_attempt_section_2() {
        for kind in [ErrorKind::DirectoryNotEmpty, ErrorKind::NotFound] {
            let mut left = 3;
            let done = again(|| {
                left -= 1;
                match left {
                    0 => Ok(()),
                    _ => Err(kind.into()),
                }
            });
            assert!(done.is_ok() && left == 0, "{kind}");
        }
        let mut attempts = 0;
        let done = again(|| {
            attempts += 1;
            Err(ErrorKind::DirectoryNotEmpty.into())
        });
        assert!(done.is_err() && attempts == ATTEMPTS, "not for ever");
        let mut attempts = 0;
        let done = again(|| {
            attempts += 1;
            Err(ErrorKind::PermissionDenied.into())
        });
        assert!(done.is_err() && attempts == 1, "what will not pass");
    }

    #[test]
    fn everything_a_script_left_is_removed_section_2() {
        let dir = tempfile::tempdir().unwrap();
        let directories = Directories {
            work: dir.path().join("work"),
            artifact: dir.path().join("artifacts"),
            log: dir.path().join("artifacts/public/logs"),
        };
        cleanup(&directories).unwrap();
        let outside = dir.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "").unwrap();
        std::os::unix::fs::symlink(&outside, directories.work.join("link")).unwrap();
        fs::create_dir_all(directories.work.join("a/b")).unwrap();
        fs::write(directories.work.join("a/b/c"), "").unwrap();
        fs::set_permissions(directories.work.join("a/b"), Permissions::from_mode(0o000)).unwrap();
        fs::set_permissions(&directories.work, Permissions::from_mode(0o500)).unwrap();
        // a script may put something else in a directory's place
        fs::remove_dir_all(&directories.artifact).unwrap();
        std::os::unix::fs::symlink(&outside, &directories.artifact).unwrap();
        cleanup(&directories).unwrap();
        assert_eq!(fs::read_dir(&directories.work).unwrap().count(), 0);
        assert!(directories.log.is_dir());
        assert!(!directories.artifact.is_symlink());
        assert!(outside.join("kept").exists());
    }
}
