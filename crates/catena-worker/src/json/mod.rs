// SPDX-License-Identifier: MPL-2.0
//! JSON with numbers of any size, written as the reference writes it (generation.md 2.3, P37).
//!
//! A chain-of-trust document repeats the whole task, so no number of it may be rounded on the way. Numbers are kept as
//! texts, therefore: integers with all their digits, others with the fewest digits that read back as the same float.

mod number;
mod read;
mod write;

use std::collections::BTreeMap;

pub use number::Number;
pub use read::{ReadError, parse};
pub(crate) use write::string as write_string;

/// A JSON value. Members are in code-point order, which is the order in which they are written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Json {
    /// A list.
    Array(Vec<Self>),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    #[default]
    Null,
    /// A number, as it will be written.
    Number(Number),
    /// An object.
    Object(Members),
    /// A string.
    String(String),
}

/// The members of an object.
pub type Members = BTreeMap<String, Json>;

impl Json {
    /// Returns an object of these members.
    pub fn object<K: Into<String>>(members: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Object(members.into_iter().map(|(k, v)| (k.into(), v)).collect())
    }

    /// Returns a member of an object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }

    /// Returns the members of an object.
    #[must_use]
    pub const fn as_object(&self) -> Option<&Members> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Returns the items of a list.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a number that is an integer from 0 to 2^32 - 1.
    #[must_use]
    pub fn as_u32(&self) -> Option<u32> {
        match self {
            Self::Number(number) => number.as_str().parse().ok(),
            _ => None,
        }
    }

    /// Returns what the value is, in words for errors.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Array(_) => "a list",
            Self::Bool(_) => "a boolean",
            Self::Null => "null",
            Self::Number(_) => "a number",
            Self::Object(_) => "an object",
            Self::String(_) => "a string",
        }
    }

    /// Returns the text: members sorted, indented by two spaces, ASCII only, without a final newline.
    #[must_use]
    pub fn to_text(&self) -> String {
        write::pretty(self)
    }

    /// Returns the text in one line, without spaces, ASCII only.
    #[must_use]
    pub fn to_line(&self) -> String {
        write::line(self)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Json {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<u32> for Json {
    fn from(number: u32) -> Self {
        Self::Number(Number::from(number))
    }
}
