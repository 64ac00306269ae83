// SPDX-License-Identifier: MPL-2.0
//! Reads private keys from disk and writes new ones (generation.md §1.4, P42); the only I/O of this crate.
//!
//! A key that others can read is no secret, and one that others can write is not ours: such a file is refused (S38). A path
//! may be a symbolic link (mounted secrets); what counts are the permissions of the file that was opened.

mod examine;
mod write;

pub use examine::KeyFile;
pub use write::Existing;

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::signer::{SecretError, SigningKey};

impl SigningKey {
    /// Reads a key file in any of the forms of [`SigningKey::parse`].
    ///
    /// # Errors
    /// [`KeyFileError`] when the file cannot be read, is open to others or holds no key.
    pub fn read_file(path: impl AsRef<Path>) -> Result<Self, KeyFileError> {
        let path = path.as_ref();
        let content = read(path)?;
        Self::parse(&content).map_err(|cause| KeyFileError::Content {
            path: path.to_owned(),
            cause,
        })
    }
}

/// Why a key file was not read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file holds no private key.
    #[error("{}: {cause}", path.display())]
    Content {
        /// The path as given.
        path: PathBuf,
        /// What is wrong with the content.
        cause: SecretError,
    },
    /// The path is taken, and nobody said that what is there may be replaced.
    #[error("{}: expected no file, found one, which is not replaced", path.display())]
    Exists {
        /// The path as given.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The path as given.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A directory, pipe or device.
    #[error("{}: expected a regular file", path.display())]
    NotAFile {
        /// The path as given.
        path: PathBuf,
    },
    /// Group or others have access (P42), or the system has no permissions that could be judged.
    #[error("{}: expected a file that only its owner can access (mode 0600), found mode {mode:04o}", path.display())]
    Open {
        /// The path as given.
        path: PathBuf,
        /// The permission bits of the file itself, not of a link to it.
        mode: u32,
    },
    /// The file belongs to somebody else, who can read it whatever its permissions say.
    #[error("{}: expected a file of this user or of root, found one of user {owner}", path.display())]
    Owner {
        /// The path as given.
        path: PathBuf,
        /// The number of the user.
        owner: u32,
    },
    /// Larger than any key.
    #[error("{}: expected at most {MAX_SIZE} bytes", path.display())]
    TooLarge {
        /// The path as given.
        path: PathBuf,
    },
}

/// Reads a file that only its owner can access: a key, or the PIN that opens one.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    take(path, refuse_open, MAX_SIZE).map(|(content, ..)| content)
}

/// Reads a private key of another kind: a regular file of at most `limit` bytes that only its owner has access to (P42).
///
/// # Errors
/// [`KeyFileError`], also when group or others have access.
pub fn read_secret(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    take(path, refuse_open, limit).map(|(content, ..)| content)
}

/// Reads a small regular file whose permissions `judge` accepts; returns what the system knows of it as well.
fn take(
    path: &Path,
    judge: fn(&Path, &Metadata) -> Result<(), KeyFileError>,
    limit: u64,
) -> Result<(Zeroizing<Vec<u8>>, Metadata), KeyFileError> {
    let io = |cause| KeyFileError::Io {
        path: path.to_owned(),
        cause,
    };
    let inspect = |metadata: &Metadata| {
        if !metadata.is_file() {
            return Err(KeyFileError::NotAFile {
                path: path.to_owned(),
            });
        }
        judge(path, metadata)
    };
    // before opening, because opening a pipe would wait for its writer
    inspect(&std::fs::metadata(path).map_err(io)?)?;
    let file = File::open(path).map_err(io)?;
    // again on the open file: the path may have been replaced meanwhile
    let metadata = file.metadata().map_err(io)?;
    inspect(&metadata)?;
    // capacity for more than is read, so that growing leaves no copy behind
    let capacity = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut content = Zeroizing::new(Vec::with_capacity(capacity.saturating_mul(2)));
    file.take(limit.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(io)?;
    if content.len() > capacity {
        return Err(KeyFileError::TooLarge {
            path: path.to_owned(),
        });
    }
    Ok((content, metadata))
}

fn refuse_open(path: &Path, metadata: &Metadata) -> Result<(), KeyFileError> {
    let mode = permissions(metadata);
    if mode & OTHERS != 0 {
        return Err(KeyFileError::Open {
            path: path.to_owned(),
            mode,
        });
    }
    refuse_owner(path, metadata)
}

/// Refuses a file whose owner is neither this user nor root: the owner can read it.
#[cfg(unix)]
fn refuse_owner(path: &Path, metadata: &Metadata) -> Result<(), KeyFileError> {
    use std::os::unix::fs::MetadataExt as _;
    let owner = metadata.uid();
    if is_fit(owner, rustix::process::geteuid().as_raw()) {
        return Ok(());
    }
    Err(KeyFileError::Owner {
        path: path.to_owned(),
        owner,
    })
}

/// Whether nobody but the user, or root who can read everything, has the file.
#[cfg(unix)]
const fn is_fit(owner: u32, user: u32) -> bool {
    owner == 0 || owner == user
}

#[cfg(not(unix))]
fn refuse_owner(_: &Path, _: &Metadata) -> Result<(), KeyFileError> {
    Ok(())
}

#[cfg(unix)]
fn permissions(metadata: &Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o7777
}

/// Where there are no permission bits, nothing shows that the file is private.
#[cfg(not(unix))]
fn permissions(_: &Metadata) -> u32 {
    0o777
}

/// The permission bits of group and others.
const OTHERS: u32 = 0o077;

/// An ed25519 key in PEM takes 119 bytes, with its public key and attributes some hundred more.
const MAX_SIZE: u64 = 4096;

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::signer::Signer as _;

    const SEED: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=\n";
    const PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    fn file(mode: u32, content: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        (dir, path)
    }

    #[test]
    fn private_files_are_read() {
        for mode in [0o600, 0o400, 0o700] {
            let (_dir, path) = file(mode, SEED.as_bytes());
            let key = SigningKey::read_file(&path).unwrap();
            assert_eq!(key.public_key().to_base64(), PUBLIC);
        }
    }

    #[test]
    fn p42_files_open_to_group_or_others_are_refused() {
        for mode in [0o640, 0o620, 0o604, 0o602, 0o644, 0o660, 0o666, 0o440] {
            let (_dir, path) = file(mode, SEED.as_bytes());
            let error = SigningKey::read_file(&path).unwrap_err();
            assert!(
                matches!(error, KeyFileError::Open { mode: found, .. } if found == mode),
                "{error}"
            );
            assert!(
                error
                    .to_string()
                    .ends_with(&format!("found mode {mode:04o}"))
            );
        }
    }

    #[test]
    fn r05_the_owner_is_this_user_or_root() {
        assert!(is_fit(1000, 1000) && is_fit(0, 1000) && is_fit(0, 0));
        // root can read the file of another user, and so can that user
        assert!(!is_fit(65534, 0) && !is_fit(1001, 1000));
    }

    #[test]
    fn p42_links_are_judged_by_their_target() {
        let (dir, path) = file(0o600, SEED.as_bytes());
        let link = dir.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(SigningKey::read_file(&link).is_ok());
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let error = SigningKey::read_file(&link).unwrap_err();
        assert!(matches!(error, KeyFileError::Open { .. }), "{error}");
    }

    #[test]
    fn new_files_are_private_and_never_replace_another_s38() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let key = SigningKey::from_seed([7; 32]);
        key.write_new_file(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        let read = SigningKey::read_file(&path).unwrap();
        assert_eq!(read.public_key(), key.public_key());
        let before = std::fs::read(&path).unwrap();
        assert_eq!(before.len(), 44);
        let other = SigningKey::from_seed([8; 32]);
        let error = other.write_new_file(&path).unwrap_err();
        assert!(matches!(error, KeyFileError::Exists { .. }), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn other_things_are_refused() {
        let (dir, path) = file(0o600, &[b'A'; 4097]);
        let error = SigningKey::read_file(&path).unwrap_err();
        assert!(matches!(error, KeyFileError::TooLarge { .. }), "{error}");
        let error = SigningKey::read_file(dir.path()).unwrap_err();
        assert!(matches!(error, KeyFileError::NotAFile { .. }), "{error}");
        let error = SigningKey::read_file(dir.path().join("none")).unwrap_err();
        assert!(matches!(error, KeyFileError::Io { .. }), "{error}");
        let (_dir, path) = file(0o600, b"hunter2");
        let error = SigningKey::read_file(&path).unwrap_err();
        assert!(matches!(error, KeyFileError::Content { .. }), "{error}");
        assert!(!error.to_string().contains("hunter2"));
    }
}
