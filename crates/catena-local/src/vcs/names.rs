// SPDX-License-Identifier: MPL-2.0
//! Names that become paths: checked here, once, before anything on disk is touched.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use catena_core::model::ids::{ArtifactName, Revision};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::VcsError;

/// `owner/name` of a repository. Each part is 1 to 100 of `A-Za-z0-9._-`, begins with a letter, a digit or `_`, and does not end
/// with `.git` or `.lock`, so it is one directory name and no option of a program.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RepoName {
    owner: Arc<str>,
    name: Arc<str>,
}

impl RepoName {
    /// Checks the two parts.
    ///
    /// # Errors
    /// `Invalid` for a part that is no name.
    pub fn new(owner: &str, name: &str) -> Result<Self, VcsError> {
        Ok(Self {
            owner: part(owner)?,
            name: part(name)?,
        })
    }

    /// The account that has it.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Its name below the owner.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for RepoName {
    type Err = VcsError;

    fn from_str(text: &str) -> Result<Self, VcsError> {
        match text.split_once('/') {
            Some((owner, name)) => Self::new(owner, name),
            None => Err(invalid("a repository as owner/name", text)),
        }
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl fmt::Debug for RepoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for RepoName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RepoName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn part(text: &str) -> Result<Arc<str>, VcsError> {
    let first = text.bytes().next();
    let fits = (1..=100).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && first.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let lower = text.to_ascii_lowercase();
    if fits && !lower.ends_with(".git") && !lower.ends_with(".lock") {
        Ok(text.into())
    } else {
        Err(invalid(
            "an owner or repository name of letters, digits, `.`, `_` and `-`",
            text,
        ))
    }
}

/// Checks the short name of a branch or tag.
pub(crate) fn branch(text: &str) -> Result<Revision, VcsError> {
    let expected = "a branch or tag name as git takes it";
    let name: Revision = text.parse().map_err(|_| invalid(expected, text))?;
    let full = format!("refs/heads/{text}");
    let git = gix::refs::FullName::try_from(full.as_str()).is_ok();
    if git && !text.starts_with('-') && text != "HEAD" && !name.is_commit() {
        Ok(name)
    } else {
        Err(invalid(expected, text))
    }
}

/// Checks the path of a file within a repository.
pub(crate) fn file(text: &str) -> Result<(), VcsError> {
    let clean = text.parse::<ArtifactName>().is_ok()
        && text.split('/').all(|segment| {
            let lower = segment.to_ascii_lowercase();
            lower != ".git" && !lower.starts_with("git~") && !segment.contains(':')
        });
    if clean {
        Ok(())
    } else {
        Err(invalid(
            "a path below the repository without empty, `.`, `..` and `.git` segments",
            text,
        ))
    }
}

/// Checks a name or an address of a person: one line, no `<` or `>`.
pub(crate) fn person(text: &str) -> Result<(), VcsError> {
    let bad = text.len() > 200 || text.chars().any(|c| c.is_control() || "<>".contains(c));
    if bad || text.trim() != text {
        Err(invalid(
            "a name or address without `<`, `>` and line breaks",
            text,
        ))
    } else {
        Ok(())
    }
}

/// Says what was due and what was found.
pub(crate) fn invalid(expected: &str, found: &str) -> VcsError {
    let found: String = found.chars().take(200).collect();
    VcsError::Invalid(format!("expected {expected}, found {found:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_are_single_directories() {
        assert!("octo/widget.js".parse::<RepoName>().is_ok());
        for bad in [
            "octo",
            "octo/",
            "/x",
            "../x",
            "octo/..",
            "octo/.git",
            "octo/x.git",
            "octo/a/b",
            "octo/-x",
            "o\\c/x",
            "octo/x\0",
            "octo/é",
            "octo/x.LOCK",
        ] {
            assert!(bad.parse::<RepoName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn branches_and_files_cannot_leave_their_place() {
        assert!(branch("release/1.x").is_ok());
        for bad in [
            "",
            "-x",
            "a..b",
            "a/../b",
            "HEAD",
            "x.lock",
            "a b",
            "a:b",
            "/a",
            &"ab".repeat(20),
        ] {
            assert!(branch(bad).is_err(), "{bad}");
        }
        assert!(file("taskcluster/config.yml").is_ok());
        for bad in [
            "",
            "/etc/passwd",
            "a/../b",
            ".git/config",
            "a/.GIT/x",
            "GIT~1/x",
            "a//b",
            "c:x",
        ] {
            assert!(file(bad).is_err(), "{bad}");
        }
    }
}
