// SPDX-License-Identifier: MPL-2.0
//! `catena generate --gpg-key`: the document once more, signed as in the GPG era (P40).

use std::path::{Path, PathBuf};

use catena_crypto::keyfile;
use catena_openpgp::sign::{SigningKey, clearsign};

use super::Refusal;
use super::keys::now;

/// A private key, and its file for messages. It has no `Debug`.
pub(crate) struct Gpg {
    key: SigningKey,
    path: PathBuf,
}

impl Gpg {
    /// Reads a key that nobody else can read, and tries it, so that nothing is written for a key that cannot sign.
    pub(crate) fn read(path: &Path) -> Result<Self, Refusal> {
        let refuse = |reason: String| refused(path, reason);
        let bytes =
            keyfile::read_secret(path, MAX_KEY).map_err(|error| refuse(error.to_string()))?;
        let key = SigningKey::read(&bytes).map_err(|error| refuse(error.to_string()))?;
        let gpg = Self {
            key,
            path: path.to_owned(),
        };
        gpg.sign(b"{}")?;
        Ok(gpg)
    }

    /// Signs a document.
    pub(crate) fn sign(&self, document: &[u8]) -> Result<String, Refusal> {
        let refuse = |reason: String| refused(&self.path, reason);
        let text = str::from_utf8(document).map_err(|error| refuse(error.to_string()))?;
        clearsign(text, &self.key, now()).map_err(|error| refuse(error.to_string()))
    }
}

fn refused(path: &Path, reason: String) -> Refusal {
    Refusal::File {
        flag: "--gpg-key",
        path: path.to_owned(),
        reason,
    }
}

/// An RSA key of 4096 bits takes 7 kB, with a picture some dozens.
const MAX_KEY: u64 = 256 << 10;
