// SPDX-License-Identifier: MPL-2.0
//! Secrets of the configuration: no `Debug`, no `Display`, wiped when dropped.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::error::ConfigError;
use super::node::{Cursor, Item};

/// A text that must not be shown. It deliberately has no `Debug`.
///
/// ```compile_fail
/// let secret = catena_core::policy::Secret::new("token");
/// println!("{secret:?}");
/// ```
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text into custody.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Returns the text, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns whether nothing is configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Taskcluster credentials (C5).
#[derive(Clone)]
pub struct Credentials {
    /// `clientId`.
    pub client_id: String,
    /// `accessToken`.
    pub access_token: Secret,
    /// `certificate`, as JSON text; temporary credentials have one.
    pub certificate: Option<Secret>,
}

impl Credentials {
    /// `credentials`; `None` when they are placeholders.
    pub(super) fn read(at: &Cursor<'_>) -> Result<Option<Self>, ConfigError> {
        if at.node.item == Item::Null {
            return Ok(None);
        }
        let members: BTreeMap<&str, Cursor<'_>> = at
            .members()?
            .into_iter()
            .map(|(key, value)| (key.text.as_str(), value))
            .collect();
        let text = |key: &str| match members.get(key).map(|value| (value.text(), value)) {
            Some((Ok(text), _)) if text != PLACEHOLDER => Ok(Some(text)),
            Some((_, value)) if !matches!(value.node.item, Item::Str(_) | Item::Null) => {
                Err(value.expected("a string"))
            }
            _ => Ok(None),
        };
        let (client, token, certificate) = (
            text("clientId")?,
            text("accessToken")?,
            text("certificate")?,
        );
        let (Some(client_id), Some(access_token)) = (client, token) else {
            return Ok(None);
        };
        Ok(Some(Self {
            client_id: client_id.to_owned(),
            access_token: Secret::new(access_token),
            certificate: certificate.map(Secret::new),
        }))
    }
}

/// What an unfilled template holds (C4).
pub(super) const PLACEHOLDER: &str = "...";
