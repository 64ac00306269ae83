// SPDX-License-Identifier: MPL-2.0
//! Signs a document and writes it with its signature, both or neither.
//!
//! Files are staged without a name where the system can do that, so that nothing is left behind whenever the process ends,
//! and get their names when all of them are complete. If one cannot be named, the others become what they were. All of
//! it goes through a handle of the directory that cannot leave it. Nothing is flushed to the disk: a run whose machine
//! loses its power is lost anyway.

use std::io::{self, Read as _, Write as _};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Permissions, PermissionsExt as _};
use cap_tempfile::TempFile;
use catena_crypto::ed25519::KeyId;
use catena_crypto::signer::Signer;

use super::names::{BODY, FOLDER, Found, SIGNATURE};
use super::{GenerateError, TreeError};

/// The most bytes of an earlier file that are kept to be put back.
const MAX_EARLIER: u64 = 256 << 20;

/// A document and its signature.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The very bytes that are signed.
    pub body: Vec<u8>,
    /// 64 raw bytes, and the key that made them.
    pub signature: Option<([u8; 64], KeyId)>,
}

impl Signed {
    /// Signs a document, and checks the signature before anybody sees it (generation.md 6.3).
    ///
    /// # Errors
    /// The signer does not sign, or what it gives does not verify.
    pub fn sign(body: Vec<u8>, signer: Option<&dyn Signer>) -> Result<Self, GenerateError> {
        let Some(signer) = signer else {
            return Ok(Self {
                body,
                signature: None,
            });
        };
        let key = signer.public_key();
        let signature = signer.sign(&body)?;
        if key.verify(&body, &signature.into()).is_err() {
            return Err(GenerateError::Signature { key: key.id() });
        }
        Ok(Self {
            body,
            signature: Some((signature, key.id())),
        })
    }

    /// Writes both files below a directory, whole; if one cannot be written, both are what they were before.
    ///
    /// # Errors
    /// [`GenerateError::Write`], or [`TreeError::Reserved`] when one exists and is not ours to replace.
    pub fn write(&self, artifact_dir: &Path, found: Found) -> Result<(), GenerateError> {
        let dir = open(artifact_dir)?;
        publish(&dir, artifact_dir, &self.files(), found)
    }

    /// Names and contents; a signature that there is not has to go.
    pub(super) fn files(&self) -> [File<'_>; 2] {
        let signature = self.signature.as_ref().map(|(bytes, _)| bytes.as_slice());
        // the old signature goes, or the new one comes, first: a document beside a signature of another is never verified
        [(SIGNATURE, signature), (BODY, Some(&self.body))]
    }
}

/// A file of the worker's own, directly in `public/`, and its content; without one it is removed.
pub(super) type File<'a> = (&'static str, Option<&'a [u8]>);

fn open(artifact_dir: &Path) -> Result<Dir, GenerateError> {
    Dir::open_ambient_dir(artifact_dir, ambient_authority())
        .map_err(|cause| failed(artifact_dir, "", cause))
}

/// Makes all files what they are to be, or none.
pub(super) fn publish(
    dir: &Dir,
    shown: &Path,
    files: &[File<'_>],
    found: Found,
) -> Result<(), GenerateError> {
    let made = folder(dir, shown)?;
    let done = within(dir, shown, files, found);
    if done.is_err() && made {
        // only if it is empty, as it was before
        let _ = dir.remove_dir(FOLDER);
    }
    done
}

fn within(dir: &Dir, shown: &Path, files: &[File<'_>], found: Found) -> Result<(), GenerateError> {
    let public = dir
        .open_dir(FOLDER)
        .map_err(|cause| failed(shown, FOLDER, cause))?;
    // two generations at once: the files of one, or those of the other
    // the handle itself may be one that only names the directory
    let lock = public
        .open(".")
        .map_err(|cause| failed(shown, FOLDER, cause))?
        .into_std();
    // a file system without locks is no reason not to write
    let _ = lock.lock();
    let mut steps = Vec::new();
    for (name, bytes) in files {
        let earlier = earlier(&public, name).map_err(|cause| failed(shown, name, cause))?;
        if earlier.is_some() && found == Found::Refused {
            let name = (*name).to_owned();
            return Err(TreeError::Reserved { name }.into());
        }
        let staged = bytes.map(|bytes| stage(&public, bytes)).transpose();
        steps.push((
            *name,
            staged.map_err(|cause| failed(shown, name, cause))?,
            earlier,
        ));
    }
    let mut undo = Vec::new();
    for (name, staged, earlier) in steps {
        let done = match staged {
            Some(staged) => staged.replace(base(name)),
            None if earlier.is_some() => public.remove_file(base(name)),
            None => Ok(()),
        };
        undo.push((name, earlier));
        if let Err(cause) = done {
            restore(&public, undo);
            return Err(failed(shown, name, cause));
        }
    }
    Ok(())
}

/// Makes the folder unless it is there; returns whether it was made. A link is refused, wherever it leads.
fn folder(dir: &Dir, shown: &Path) -> Result<bool, GenerateError> {
    match dir.symlink_metadata(FOLDER) {
        Ok(found) if found.is_dir() => Ok(false),
        Ok(found) => Err(TreeError::Folder {
            found: if found.is_symlink() {
                "a link"
            } else {
                "something else"
            },
        }
        .into()),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => match dir.create_dir(FOLDER) {
            Ok(()) => Ok(true),
            // somebody else was faster, with whatever it is
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => folder(dir, shown),
            Err(cause) => Err(failed(shown, FOLDER, cause)),
        },
        Err(cause) => Err(failed(shown, FOLDER, cause)),
    }
}

/// Returns what a file holds now.
fn earlier(public: &Dir, name: &str) -> io::Result<Option<Vec<u8>>> {
    match public.symlink_metadata(base(name)) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(cause),
        Ok(found) if !found.is_file() => {
            Err(io::Error::other("expected a file, found something else"))
        }
        Ok(_) => {
            let mut bytes = Vec::new();
            let file = public.open(base(name))?;
            file.take(MAX_EARLIER).read_to_end(&mut bytes)?;
            Ok(Some(bytes))
        }
    }
}

/// Writes a file that has no final name yet, readable for everybody as artifacts are.
fn stage<'d>(public: &'d Dir, bytes: &[u8]) -> io::Result<TempFile<'d>> {
    let mut file = TempFile::new(public)?;
    file.write_all(bytes)?;
    file.as_file()
        .set_permissions(Permissions::from_mode(0o644))?;
    Ok(file)
}

/// Puts back what was there; the error that is told is the one before.
fn restore(public: &Dir, undo: Vec<(&str, Option<Vec<u8>>)>) {
    for (name, earlier) in undo {
        let _ = match earlier {
            Some(bytes) => stage(public, &bytes).and_then(|staged| staged.replace(base(name))),
            None => public.remove_file(base(name)),
        };
    }
}

/// The name within the folder.
fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn failed(dir: &Path, name: &str, cause: io::Error) -> GenerateError {
    GenerateError::Write {
        path: dir.join(name),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file system of a container is full, or read-only for us: nothing of ours may be left.
    #[test]
    fn a_folder_that_was_made_for_nothing_goes() {
        let dir = tempfile::tempdir().unwrap();
        let long: &'static str = ("public/".to_owned() + &"x".repeat(300)).leak();
        let files = [(BODY, Some(&b"{}"[..])), (long, Some(&b"{}"[..]))];
        let error = publish(
            &open(dir.path()).unwrap(),
            dir.path(),
            &files,
            Found::Refused,
        );
        let error = error.unwrap_err();
        assert!(matches!(error, GenerateError::Write { .. }), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
