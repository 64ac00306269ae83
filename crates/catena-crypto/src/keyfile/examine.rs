// SPDX-License-Identifier: MPL-2.0
//! Looks at a file that holds a key, also at one that [`SigningKey::read_file`] refuses: to say what is wrong with it, never to
//! sign with it.

use std::path::Path;

use zeroize::Zeroizing;

use super::{KeyFileError, MAX_SIZE, OTHERS, permissions, refuse_owner, take};
use crate::ed25519::{KeyError, PublicKey};
use crate::public::PublicForm;
use crate::signer::form::KeyForm;
use crate::signer::{SecretError, SigningKey};

/// The content of a file and who can access it. It has no `Debug`: the content may be a secret.
pub struct KeyFile {
    content: Zeroizing<Vec<u8>>,
    mode: u32,
    /// Another user who has the file.
    owner: Option<u32>,
}

impl KeyFile {
    /// Reads a file, whoever can access it.
    ///
    /// # Errors
    /// [`KeyFileError`] when there is no regular file of a key's size.
    pub fn examine(path: impl AsRef<Path>) -> Result<Self, KeyFileError> {
        let path = path.as_ref();
        let (content, metadata) = take(path, |_, _| Ok(()), MAX_SIZE)?;
        let owner = match refuse_owner(path, &metadata) {
            Err(KeyFileError::Owner { owner, .. }) => Some(owner),
            _ => None,
        };
        Ok(Self {
            content,
            mode: permissions(&metadata),
            owner,
        })
    }

    /// Returns the permission bits of the file itself, not of a link to it (P42).
    #[must_use]
    pub const fn mode(&self) -> u32 {
        self.mode
    }

    /// Returns whether group or others have access, so that no signer reads it.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.mode & OTHERS != 0
    }

    /// Returns the number of the user who has the file, where that is neither this user nor root, so that no signer reads it
    ///
    #[must_use]
    pub const fn foreign_owner(&self) -> Option<u32> {
        self.owner
    }

    /// Takes the content for a private key.
    ///
    /// # Errors
    /// As [`SigningKey::parse`].
    pub fn private(&self) -> Result<(SigningKey, KeyForm), SecretError> {
        SigningKey::parse_form(&self.content)
    }

    /// Takes the content for a public key. 32 bytes in base64 may be either: whoever shows what this returns must know that
    /// the file is public.
    ///
    /// # Errors
    /// As [`PublicKey::parse`].
    pub fn public(&self) -> Result<(PublicKey, PublicForm), KeyError> {
        PublicKey::parse(&self.content)
    }
}
