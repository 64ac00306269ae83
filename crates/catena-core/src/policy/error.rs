// SPDX-License-Identifier: MPL-2.0
//! What is wrong with a configuration: file, line, key, expected, found (P29).

use std::fmt;
use std::sync::Arc;

/// A configuration that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A key's value does not fit.
    #[error("{place}: {key}: expected {expected}, found {found}")]
    Invalid {
        /// Where it stands.
        place: Place,
        /// The key, with the path to the part that is wrong.
        key: String,
        /// What was due.
        expected: String,
        /// What stands there; never the value of a secret.
        found: String,
    },
    /// More than one thing is wrong.
    #[error("{}", lines(.0).join("\n"))]
    Several(Vec<Self>),
    /// The file is no YAML, JSON or TOML that we read.
    #[error("{place}: {detail}")]
    Syntax {
        /// Where reading ended.
        place: Place,
        /// What the parser says.
        detail: String,
    },
    /// A key that does not exist.
    #[error("{place}: unknown key {key:?}{}", did_you_mean(*nearest))]
    UnknownKey {
        /// Where it stands.
        place: Place,
        /// The key.
        key: String,
        /// The key that may have been meant.
        nearest: Option<&'static str>,
    },
    /// A product without a policy.
    #[error("expected one of the products {}, found {product:?}", known.join(", "))]
    UnknownProduct {
        /// The name that was given.
        product: String,
        /// The products that exist.
        known: Vec<String>,
    },
}

impl ConfigError {
    /// Returns everything that is wrong, a line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Several(all) => lines(all),
            one => vec![one.to_string()],
        }
    }

    /// Returns it without lists in lists.
    pub(super) fn flat(self) -> Self {
        let Self::Several(all) = self else {
            return self;
        };
        let mut flat: Vec<Self> = Vec::new();
        for one in all {
            match one.flat() {
                Self::Several(more) => flat.extend(more),
                one => flat.push(one),
            }
        }
        match flat.pop() {
            Some(one) if flat.is_empty() => one,
            last => {
                flat.extend(last);
                Self::Several(flat)
            }
        }
    }

    /// Makes one error of all that were found; none of none.
    pub(super) fn all(found: Vec<Self>) -> Result<(), Self> {
        match found.is_empty() {
            true => Ok(()),
            false => Err(Self::Several(found).flat()),
        }
    }
}

fn lines(all: &[ConfigError]) -> Vec<String> {
    all.iter().flat_map(ConfigError::lines).collect()
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest
        .map(|key| format!(", did you mean {key:?}?"))
        .unwrap_or_default()
}

/// A place in a configuration file.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Place {
    /// The file's name as the operator gave it.
    pub file: Arc<str>,
    /// Line, from 1, where known.
    pub line: Option<u32>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}
