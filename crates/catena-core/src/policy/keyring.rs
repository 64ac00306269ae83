// SPDX-License-Identifier: MPL-2.0
//! Public keys by worker implementation (V33). A list may hold the key of another one: d2g signs docker-worker tasks
//! with generic-worker's key (S19).

use std::collections::BTreeMap;

use catena_crypto::ed25519::PublicKey;

use super::error::ConfigError;
use super::node::Cursor;

/// The keys whose signatures count.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    families: BTreeMap<String, Vec<PublicKey>>,
}

impl Keyring {
    /// Returns a keyring of these keys.
    #[must_use]
    pub fn new(families: BTreeMap<String, Vec<PublicKey>>) -> Self {
        Self { families }
    }

    /// Returns the keys of a worker implementation, in order; none if it is unknown (V34).
    #[must_use]
    pub fn keys(&self, worker_implementation: &str) -> &[PublicKey] {
        self.families
            .get(worker_implementation)
            .map_or(&[], Vec::as_slice)
    }

    /// Returns all worker implementations and their keys.
    pub fn families(&self) -> impl Iterator<Item = (&str, &[PublicKey])> {
        self.families
            .iter()
            .map(|(name, keys)| (name.as_str(), keys.as_slice()))
    }

    /// Reads `ed25519_public_keys`; each key must be canonical and sound (S20), so that none fails later (V35).
    pub(super) fn read(at: &Cursor<'_>) -> Result<Self, ConfigError> {
        let key = |at: &Cursor<'_>| {
            PublicKey::from_base64(at.str()?).map_err(|error| {
                at.expected(format!(
                    "an ed25519 public key in standard base64 ({error})"
                ))
            })
        };
        let family =
            |keys: &Cursor<'_>| keys.list()?.iter().map(key).collect::<Result<Vec<_>, _>>();
        let families = at
            .members()?
            .into_iter()
            .map(|(name, keys)| Ok((name.text.clone(), family(&keys)?)));
        Ok(Self {
            families: families.collect::<Result<_, ConfigError>>()?,
        })
    }
}
