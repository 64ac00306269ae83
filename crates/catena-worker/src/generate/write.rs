// SPDX-License-Identifier: MPL-2.0
//! Signs a document and writes it with its signature, both or neither.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use catena_crypto::ed25519::KeyId;
use catena_crypto::signer::Signer;
use tempfile::NamedTempFile;

use super::GenerateError;
use super::names::{BODY, Found, SIGNATURE};

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

    /// Writes both files below a directory, whole; if one cannot be written, none is there afterwards.
    ///
    /// # Errors
    /// [`GenerateError::Write`], also when one exists and is not ours to replace.
    pub fn write(&self, artifact_dir: &Path, found: Found) -> Result<(), GenerateError> {
        let body = artifact_dir.join(BODY);
        let signature = artifact_dir.join(SIGNATURE);
        let parent = artifact_dir.join("public");
        directory(&parent).map_err(|cause| failed(&parent, cause))?;
        if found == Found::Ours {
            // an old signature beside a new document would be worse than none
            remove(&signature)?;
        }
        let staged_body = stage(&parent, &self.body).map_err(|cause| failed(&body, cause))?;
        let staged_signature = self
            .signature
            .as_ref()
            .map(|(bytes, _)| stage(&parent, bytes));
        let staged_signature = staged_signature
            .transpose()
            .map_err(|cause| failed(&signature, cause))?;
        appear(staged_body, &body, found)?;
        if let Some(staged) = staged_signature
            && let Err(why) = appear(staged, &signature, found)
        {
            remove(&body)?;
            return Err(why);
        }
        // the names last as well
        File::open(&parent)
            .and_then(|dir| dir.sync_all())
            .map_err(|cause| failed(&parent, cause))
    }
}

/// Writes a file of the worker's own below the artifact directory, whole or not at all.
///
/// `name` is one of the worker's names (P36), directly in `public/`.
///
/// # Errors
/// [`GenerateError::Write`], also when it exists and is not ours to replace.
pub fn write_own(
    artifact_dir: &Path,
    name: &str,
    bytes: &[u8],
    found: Found,
) -> Result<(), GenerateError> {
    let path = artifact_dir.join(name);
    let parent = artifact_dir.join("public");
    directory(&parent).map_err(|cause| failed(&parent, cause))?;
    let staged = stage(&parent, bytes).map_err(|cause| failed(&path, cause))?;
    appear(staged, &path, found)
}

fn failed(path: &Path, cause: io::Error) -> GenerateError {
    GenerateError::Write {
        path: path.to_owned(),
        cause,
    }
}

/// Makes a directory unless it is there. A link is refused: it may lead anywhere.
fn directory(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(io::Error::other(
            "expected a directory, found something else or a link",
        )),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => fs::create_dir(path),
        Err(cause) => Err(cause),
    }
}

/// Writes a file that has no final name yet, readable for everybody as artifacts are.
fn stage(parent: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".chain-of-trust-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.tempfile_in(parent)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn appear(staged: NamedTempFile, path: &Path, found: Found) -> Result<(), GenerateError> {
    let done = match found {
        Found::Ours => staged.persist(path),
        Found::Refused => staged.persist_noclobber(path),
    };
    done.map(drop).map_err(|why| failed(path, why.error))
}

fn remove(path: &PathBuf) -> Result<(), GenerateError> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(failed(path, cause)),
        _ => Ok(()),
    }
}
