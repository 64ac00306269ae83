// SPDX-License-Identifier: MPL-2.0
//! Validated identifiers: nothing of a task reaches a path, a URL or a request unchecked (S12, S13).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is not a valid identifier.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected {expected}, found {found:?}")]
pub struct InvalidId {
    /// What was due.
    pub expected: &'static str,
    /// The text that was given.
    pub found: String,
}

impl InvalidId {
    fn new(expected: &'static str, found: &str) -> Self {
        Self {
            expected,
            found: found.chars().take(200).collect(),
        }
    }
}

/// A task's id: the 22 characters of a version 4 UUID in URL-safe base64 (S13).
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TaskId([u8; 22]);

impl TaskId {
    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // invariant: only ASCII gets past the constructor
        std::str::from_utf8(&self.0).unwrap_or("")
    }
}

impl FromStr for TaskId {
    type Err = InvalidId;

    /// Parses the slug of S13: `^[A-Za-z0-9_-]{8}[Q-T][A-Za-z0-9_-][CGKOSWaeimquy26-][A-Za-z0-9_-]{10}[AQgw]$`.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId::new("a task id of 22 characters", text);
        let bytes: [u8; 22] = text.as_bytes().try_into().map_err(|_| invalid())?;
        let fits = bytes.iter().enumerate().all(|(at, byte)| match at {
            8 => matches!(byte, b'Q'..=b'T'),
            10 => b"CGKOSWaeimquy26-".contains(byte),
            21 => b"AQgw".contains(byte),
            _ => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
        });
        fits.then_some(Self(bytes)).ok_or_else(invalid)
    }
}

/// A run's number within its task, from 0.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct RunId(pub u32);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of an artifact, fit to be a relative path (S12): no empty, `.` or `..` segment, no leading or
/// trailing `/`, no `%`, no backslash, no control character, at most 1,024 bytes, 255 in a segment (what file systems
/// take).
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ArtifactName(Arc<str>);

impl ArtifactName {
    /// `public/chain-of-trust.json`.
    pub const COT: &'static str = "public/chain-of-trust.json";
    /// `public/chain-of-trust.json.sig`.
    pub const COT_SIGNATURE: &'static str = "public/chain-of-trust.json.sig";
    /// `public/task-graph.json`.
    pub const TASK_GRAPH: &'static str = "public/task-graph.json";
    /// `public/actions.json`.
    pub const ACTIONS: &'static str = "public/actions.json";
    /// `public/parameters.yml`.
    pub const PARAMETERS: &'static str = "public/parameters.yml";

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ArtifactName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let clean = !text.is_empty()
            && text.len() <= 1024
            && !text
                .chars()
                .any(|c| c.is_control() || matches!(c, '%' | '\\'))
            && text
                .split('/')
                .all(|segment| !matches!(segment, "" | "." | "..") && segment.len() <= 255);
        if clean {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId::new(
                "an artifact name without empty, `.` or `..` segments, `%`, `\\` or control characters",
                text,
            ))
        }
    }
}

/// A revision, tag or branch name of a repository, fit to be put into a URL: no `..`, no empty segment, no
/// character that URLs or refs give a meaning to, at most 255 bytes.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Revision(Arc<str>);

impl Revision {
    /// Returns the revision as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether it is a full commit hash: 40 lower-case hex digits.
    #[must_use]
    pub fn is_commit(&self) -> bool {
        self.0.len() == 40
            && self
                .0
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }
}

impl FromStr for Revision {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let clean = text.len() <= 255
            && text
                .split('/')
                .all(|segment| !segment.is_empty() && !segment.starts_with('.'))
            && !text.contains("..")
            && !text
                .chars()
                .any(|c| c.is_control() || c.is_whitespace() || "%?#\\~^:*[@{}\"<>|`".contains(c));
        if clean {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId::new("a revision, tag or branch name", text))
        }
    }
}

macro_rules! textual {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

textual!(TaskId, ArtifactName, Revision);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_ids_are_slugs_s13() {
        assert!("YyxNNh7mTAmwDhB4Itm0jg".parse::<TaskId>().is_ok());
        for bad in [
            "",
            "../../../../etc/passwd",
            "YyxNNh7mTAmwDhB4Itm0j",
            "YyxNNh7mXAmwDhB4Itm0jg",
            "YyxNNh7mTAmwDhB4Itm0jé",
        ] {
            assert!(bad.parse::<TaskId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn artifact_names_are_paths_s12() {
        for good in [
            "public/a.zip",
            "private/x",
            "public/a b..c",
            "public/.hidden",
        ] {
            assert!(good.parse::<ArtifactName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "/abs",
            "public//x",
            "public/../x",
            "./x",
            "public/",
            "a%2Fb",
            "a\\b",
            "a\nb",
        ] {
            assert!(bad.parse::<ArtifactName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn revisions_cannot_leave_their_place_in_a_url() {
        for good in ["abc", "v1.2.0", "refs/heads/main", "release/1.x"] {
            assert!(good.parse::<Revision>().is_ok(), "{good}");
        }
        for bad in [
            "", "..", "a/../b", "/a", "a/", "a b", "a?b", "a%2e", "a#b", "a...b", "@", "a//b",
            "-\n",
        ] {
            assert!(bad.parse::<Revision>().is_err(), "{bad}");
        }
    }
}
