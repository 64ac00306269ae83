// SPDX-License-Identifier: MPL-2.0
//! Writes key files: private ones for their owner alone (S38), each whole or not at all.
//!
//! A file is written and synchronised under another name in the same directory, then gets its own: by a link, which
//! replaces nothing, or by renaming, which replaces.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::KeyFileError;
use crate::signer::form::KeyForm;
use crate::signer::{Signer as _, SigningKey};

/// What becomes of a file that is in the way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Existing {
    /// It stays, and nothing is written.
    #[default]
    Keep,
    /// It is replaced.
    Replace,
}

impl SigningKey {
    /// Writes the seed into a new file that only its owner can read (S38). A file that exists is never replaced.
    ///
    /// # Errors
    /// [`KeyFileError`] when the path exists, or the system refuses; nothing is left half-written.
    pub fn write_new_file(&self, path: impl AsRef<Path>) -> Result<(), KeyFileError> {
        self.write_file(path, KeyForm::Scriptworker, Existing::Keep)
    }

    /// Writes the private key into a file that only its owner can read (S38).
    ///
    /// # Errors
    /// As [`write_new_file`](Self::write_new_file).
    pub fn write_file(
        &self,
        path: impl AsRef<Path>,
        form: KeyForm,
        existing: Existing,
    ) -> Result<(), KeyFileError> {
        let content = self.encode(form);
        Staged::new(path.as_ref(), PRIVATE, content.as_bytes())?.publish(existing)
    }

    /// Writes the private key, and the public one in base64 beside it: both or none.
    ///
    /// # Errors
    /// As [`write_new_file`](Self::write_new_file).
    pub fn write_pair(
        &self,
        private: &Path,
        public: &Path,
        form: KeyForm,
        existing: Existing,
    ) -> Result<(), KeyFileError> {
        let content = self.encode(form);
        let secret = Staged::new(private, PRIVATE, content.as_bytes())?;
        let text = self.public_key().to_base64();
        let open = Staged::new(public, PUBLIC, text.as_bytes())?;
        for path in [private, public] {
            free(path, existing)?;
        }
        // the public one first: whatever happens, no private key is lost that was there
        open.publish(existing)?;
        secret.publish(existing).inspect_err(|_| {
            if existing == Existing::Keep {
                // it is ours: it did not exist before
                let _ = fs::remove_file(public);
            }
        })
    }
}

/// Whether a path can be written: to know it of both files before the first is there.
fn free(path: &Path, existing: Existing) -> Result<(), KeyFileError> {
    match (path.symlink_metadata(), existing) {
        (Err(_), _) => Ok(()),
        (Ok(_), Existing::Keep) => Err(exists(path)),
        (Ok(found), Existing::Replace) if found.is_dir() => Err(KeyFileError::NotAFile {
            path: path.to_owned(),
        }),
        (Ok(_), Existing::Replace) => Ok(()),
    }
}

/// A file under a name of its own, not yet under its final one. Dropped, it is gone.
struct Staged<'a> {
    content: &'a [u8],
    mode: u32,
    target: &'a Path,
    temporary: PathBuf,
}

impl<'a> Staged<'a> {
    fn new(target: &'a Path, mode: u32, content: &'a [u8]) -> Result<Self, KeyFileError> {
        let name = target
            .file_name()
            .ok_or_else(|| failed(target, io::ErrorKind::InvalidFilename.into()))?;
        let mut random = [0; 8];
        getrandom::fill(&mut random)
            .map_err(|error| failed(target, io::Error::other(error.to_string())))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{:016x}", u64::from_le_bytes(random)));
        let staged = Self {
            content,
            mode,
            target,
            temporary: target.with_file_name(hidden),
        };
        staged
            .fill(&staged.temporary)
            .map_err(|cause| failed(target, cause))?;
        Ok(staged)
    }

    fn fill(&self, path: &Path) -> io::Result<()> {
        let mut file = create(path, self.mode)?;
        let written = file.write_all(self.content).and_then(|()| file.sync_all());
        written.inspect_err(|_| {
            // it is ours: it did not exist before
            let _ = fs::remove_file(path);
        })
    }

    fn publish(self, existing: Existing) -> Result<(), KeyFileError> {
        let done = match existing {
            Existing::Replace => fs::rename(&self.temporary, self.target),
            Existing::Keep => match fs::hard_link(&self.temporary, self.target) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    // a file system without links: still nothing is replaced
                    self.fill(self.target)
                }
                linked => linked,
            },
        };
        done.map_err(|cause| match cause.kind() {
            io::ErrorKind::AlreadyExists => exists(self.target),
            _ => failed(self.target, cause),
        })?;
        synchronise(self.target);
        Ok(())
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        // after renaming there is nothing any more
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Makes the new name itself survive a loss of power, where the system can.
fn synchronise(path: &Path) {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(folder) = File::open(folder.unwrap_or_else(|| Path::new("."))) {
        let _ = folder.sync_all();
    }
}

fn exists(path: &Path) -> KeyFileError {
    KeyFileError::Exists {
        path: path.to_owned(),
    }
}

fn failed(path: &Path, cause: io::Error) -> KeyFileError {
    KeyFileError::Io {
        path: path.to_owned(),
        cause,
    }
}

#[cfg(unix)]
fn create(path: &Path, mode: u32) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
}

/// Where there are no permission bits, no private file can be made.
#[cfg(not(unix))]
fn create(_: &Path, _: u32) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Permission bits of a private key.
const PRIVATE: u32 = 0o600;

/// Permission bits of a public key, before the umask.
const PUBLIC: u32 = 0o644;

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_pair_is_whole_or_absent_s38() {
        let dir = tempfile::tempdir().unwrap();
        let [private, public] = ["a", "b"].map(|name| dir.path().join(name));
        let key = SigningKey::from_seed([7; 32]);
        let write = |existing| key.write_pair(&private, &public, KeyForm::Pem, existing);
        write(Existing::Keep).unwrap();
        assert_eq!(mode(&private), 0o600);
        assert_eq!(
            fs::read_to_string(&public).unwrap(),
            key.public_key().to_base64()
        );
        assert_eq!(names(dir.path()), ["a", "b"]);

        // either file alone is in the way
        for (keep, gone) in [(&private, &public), (&public, &private)] {
            fs::remove_file(gone).unwrap();
            fs::write(keep, "mine").unwrap();
            assert!(matches!(
                write(Existing::Keep),
                Err(KeyFileError::Exists { .. })
            ));
            assert_eq!(names(dir.path()).len(), 1);
            assert_eq!(fs::read(keep).unwrap(), b"mine");
            write(Existing::Replace).unwrap();
        }
        assert_eq!((mode(&private), names(dir.path()).len()), (0o600, 2));
    }

    #[test]
    fn no_private_key_is_lost_where_its_pair_cannot_be_written() {
        let dir = tempfile::tempdir().unwrap();
        let [private, public] = ["a", "b"].map(|name| dir.path().join(name));
        fs::write(&private, "mine").unwrap();
        fs::create_dir(&public).unwrap();
        let key = SigningKey::from_seed([7; 32]);
        let form = KeyForm::default();
        for (one, other) in [(&private, &public), (&public, &private)] {
            let written = key.write_pair(one, other, form, Existing::Replace);
            assert!(matches!(written, Err(KeyFileError::NotAFile { .. })));
        }
        assert_eq!(fs::read(&private).unwrap(), b"mine");
        assert_eq!(names(dir.path()), ["a", "b"]);
    }

    #[test]
    fn replacing_a_link_leaves_its_target() {
        let dir = tempfile::tempdir().unwrap();
        let [link, target] = ["link", "target"].map(|name| dir.path().join(name));
        fs::write(&target, "other").unwrap();
        symlink(&target, &link).unwrap();
        let key = SigningKey::from_seed([7; 32]);
        assert!(key.write_new_file(&link).is_err());
        key.write_file(&link, KeyForm::default(), Existing::Replace)
            .unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"other");
        assert!(link.symlink_metadata().unwrap().is_file());
    }

    #[test]
    fn nothing_is_left_where_writing_fails() {
        let dir = tempfile::tempdir().unwrap();
        let key = SigningKey::from_seed([7; 32]);
        for path in [
            dir.path().join("none/key"),
            dir.path().join(".."),
            dir.path().to_owned(),
        ] {
            for existing in [Existing::Keep, Existing::Replace] {
                assert!(key.write_file(&path, KeyForm::default(), existing).is_err());
            }
        }
        assert!(names(dir.path()).is_empty());
    }
}
