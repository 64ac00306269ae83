// SPDX-License-Identifier: MPL-2.0
//! Secrets of the configuration: no `Debug`, no `Display`, wiped when dropped.

use std::collections::BTreeMap;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::error::{ConfigError, Place};
use super::keys::distance;
use super::node::{Cursor, Item};
use super::parse;

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
        let members = at.members()?;
        if let Some((key, value)) = members.iter().find(|(key, _)| !NAMES.contains(&&*key.text)) {
            let place = Place {
                line: key.line,
                ..value.place()
            };
            return Err(stranger(place, &at.path, &key.text));
        }
        let members: BTreeMap<&str, Cursor<'_>> = members
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
        match (client, token) {
            (Some(client_id), Some(access_token)) => Ok(Some(Self {
                client_id: client_id.to_owned(),
                access_token: Secret::new(access_token),
                certificate: certificate.map(Secret::new),
            })),
            (None, None) => Ok(None),
            (client, _) => {
                let missing = if client.is_none() {
                    "clientId"
                } else {
                    "accessToken"
                };
                Err(at.invalid(
                    "clientId and accessToken, or neither",
                    format!("no {missing}"),
                ))
            }
        }
    }

    /// Reads the member `credentials` of a file in YAML or JSON that holds nothing else of ours, such as `secrets.json`;
    /// `None` if it has none, or placeholders.
    ///
    /// # Errors
    /// What is wrong, and where; nothing in it is secret.
    pub fn from_yaml(bytes: &[u8], file_name: &str) -> Result<Option<Self>, ConfigError> {
        let file = Arc::from(file_name);
        let (root, _) = parse::yaml(bytes, &file)?;
        let Item::Map(members) = &root.item else {
            return Ok(None);
        };
        let found = members.iter().rfind(|(key, _)| key.text == "credentials");
        let Some((key, node)) = found else {
            return Ok(None);
        };
        let mut at = Cursor::new(&file, &key.text, node);
        at.secret = true;
        Self::read(&at)
    }
}

/// A key that no credentials have. It is shown only if it looks like a slip: it might be a secret at the wrong place.
fn stranger(place: Place, path: &str, key: &str) -> ConfigError {
    let slip = NAMES.iter().any(|name| distance(name, key) <= 3);
    let found = match slip {
        true => format!("the key {key:?}"),
        false => "another key".to_owned(),
    };
    ConfigError::Invalid {
        place,
        key: path.to_owned(),
        expected: "clientId, accessToken and, for temporary ones, certificate".to_owned(),
        found,
    }
}

/// The members of credentials.
const NAMES: [&str; 3] = ["accessToken", "certificate", "clientId"];

/// What an unfilled template holds (C4).
pub(super) const PLACEHOLDER: &str = "...";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Credentials>, String> {
        Credentials::from_yaml(text.as_bytes(), "f").map_err(|why| why.to_string())
    }

    #[test]
    fn a_file_may_be_json_or_yaml_c5() {
        for text in [
            r#"{"credentials": {"clientId": "c", "accessToken": "s"}, "other": 1}"#,
            "credentials:\n  clientId: c\n  accessToken: s\n  certificate: null\n",
        ] {
            let found = read(text).ok().unwrap().unwrap();
            assert_eq!(found.access_token.expose(), "s");
        }
        for none in [
            "{}",
            "[]",
            r#"{"credentials": null}"#,
            r#"{"credentials": {"clientId": "...", "accessToken": "..."}}"#,
        ] {
            assert!(read(none).ok().unwrap().is_none(), "{none}");
        }
    }

    /// What is misspelt must not lead to other credentials than were meant.
    #[test]
    fn credentials_are_whole_or_not_there_c5() {
        for (text, due) in [
            (
                r#"{"clientId": "c", "accesToken": "s3cret"}"#,
                r#"f:1: credentials: expected clientId, accessToken and, for temporary ones, certificate, found the key "accesToken""#,
            ),
            (r#"{"s3cret": null}"#, "found another key"),
            (r#"{"clientId": "c"}"#, "found no accessToken"),
            (r#"{"accessToken": "s3cret"}"#, "found no clientId"),
            (
                r#"{"clientId": "...", "accessToken": "s3cret"}"#,
                "found no clientId",
            ),
            (
                r#"{"clientId": "c", "accessToken": "s3cret", "certificate": {"s3cret": 1}}"#,
                "certificate: expected a string",
            ),
            (r#""s3cret""#, "credentials: expected a mapping"),
        ] {
            let why = read(&format!(r#"{{"credentials": {text}}}"#))
                .err()
                .unwrap();
            assert!(why.contains(due), "{why}");
            assert!(!why.contains("s3cret"), "{why}");
        }
    }
}
