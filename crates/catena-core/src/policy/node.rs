// SPDX-License-Identifier: MPL-2.0
//! Configuration values with the lines they stand on, whatever the syntax, and typed reading of them.

use std::sync::Arc;

use super::error::{ConfigError, Place};

/// A value of a configuration file.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Line, from 1, where known.
    pub line: Option<u32>,
    /// The value.
    pub item: Item,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A boolean.
    Bool(bool),
    /// A number with a fraction.
    Float(f64),
    /// An integer.
    Int(i64),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in file order.
    Map(Vec<(Key, Node)>),
    /// Nothing.
    Null,
    /// Something that no key takes, such as a date.
    Other(&'static str),
    /// A string.
    Str(String),
}

impl Item {
    /// Returns the name of the type as messages print it.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a boolean",
            Self::Float(_) => "a float",
            Self::Int(_) => "an integer",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
            Self::Null => "null",
            Self::Other(kind) => kind,
            Self::Str(_) => "a string",
        }
    }
}

/// A key of a mapping.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Key {
    /// Its text; integers in decimal.
    pub text: String,
    /// Line, from 1, where known.
    pub line: Option<u32>,
    /// Whether it was written as a string.
    pub is_string: bool,
}

/// A value, the file it stands in, and the path that leads to it.
#[derive(Clone)]
pub(super) struct Cursor<'n> {
    pub(super) file: &'n Arc<str>,
    pub(super) path: String,
    pub(super) node: &'n Node,
    /// The value must not appear in messages.
    pub(super) secret: bool,
}

impl<'n> Cursor<'n> {
    /// Starts at a top-level key.
    pub(super) fn new(file: &'n Arc<str>, path: &str, node: &'n Node) -> Self {
        Self {
            file,
            path: path.to_owned(),
            node,
            secret: false,
        }
    }

    pub(super) fn place(&self) -> Place {
        Place {
            file: self.file.clone(),
            line: self.node.line,
        }
    }

    /// Says what was due here.
    pub(super) fn expected(&self, expected: impl Into<String>) -> ConfigError {
        let found = match &self.node.item {
            item if self.secret => item.type_name().to_owned(),
            Item::Bool(flag) => flag.to_string(),
            Item::Float(number) => number.to_string(),
            Item::Int(number) => number.to_string(),
            Item::Str(text) => {
                // masked before it is cut
                let text = mask_userinfo(text);
                format!("{:?}", text.chars().take(SHOWN).collect::<String>())
            }
            item => item.type_name().to_owned(),
        };
        self.invalid(expected, found)
    }

    /// Says what was due and what was found.
    pub(super) fn invalid(
        &self,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> ConfigError {
        ConfigError::Invalid {
            place: self.place(),
            // some keys are URLs
            key: mask_userinfo(&self.path),
            expected: expected.into(),
            found: mask_userinfo(&found.into()),
        }
    }

    pub(super) fn bool(&self) -> Result<bool, ConfigError> {
        match self.node.item {
            Item::Bool(flag) => Ok(flag),
            _ => Err(self.expected("a boolean")),
        }
    }

    pub(super) fn str(&self) -> Result<&'n str, ConfigError> {
        match &self.node.item {
            Item::Str(text) => Ok(text),
            _ => Err(self.expected("a string")),
        }
    }

    /// A string that is not empty.
    pub(super) fn text(&self) -> Result<&'n str, ConfigError> {
        match self.str()? {
            "" => Err(self.expected("a text that is not empty")),
            text => Ok(text),
        }
    }

    /// An integer of at least `least` that fits 32 bits.
    pub(super) fn count(&self, least: u32) -> Result<u32, ConfigError> {
        let number = match self.node.item {
            Item::Int(number) => u32::try_from(number).ok(),
            _ => None,
        };
        number
            .filter(|&n| n >= least)
            .ok_or_else(|| self.expected(format!("an integer from {least}")))
    }

    pub(super) fn list(&self) -> Result<Vec<Self>, ConfigError> {
        let Item::List(items) = &self.node.item else {
            return Err(self.expected("a list"));
        };
        let at = |(i, node)| self.child(format!("{}[{i}]", self.path), node);
        Ok(items.iter().enumerate().map(at).collect())
    }

    /// A list of texts that are not empty.
    pub(super) fn texts(&self) -> Result<Vec<&'n str>, ConfigError> {
        self.list()?.iter().map(Self::text).collect()
    }

    /// The members of a mapping with string keys.
    pub(super) fn members(&self) -> Result<Vec<(&'n Key, Self)>, ConfigError> {
        let Item::Map(members) = &self.node.item else {
            return Err(self.expected("a mapping"));
        };
        if let Some((key, _)) = members.iter().find(|(key, _)| !key.is_string) {
            let place = Place {
                file: self.file.clone(),
                line: key.line,
            };
            let (key, found) = (self.path.clone(), key.text.clone());
            return Err(ConfigError::Invalid {
                place,
                key,
                expected: "string keys".to_owned(),
                found,
            });
        }
        let at = |(key, node): &'n (Key, Node)| {
            (key, self.child(format!("{}.{}", self.path, key.text), node))
        };
        Ok(members.iter().map(at).collect())
    }

    fn child(&self, path: String, node: &'n Node) -> Self {
        Self {
            file: self.file,
            path,
            node,
            secret: self.secret,
        }
    }
}

/// Returns a text as messages may show it: what stands before the `@` of a URL's host may be a password.
#[must_use]
pub fn mask_userinfo(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://(masked)@{host}{tail}"),
        // a password may hold a slash by mistake
        None => match tail.rsplit_once('@') {
            Some((_, after)) if authority.contains(':') => {
                format!("{scheme}://(masked)@{after}")
            }
            _ => text.to_owned(),
        },
    }
}

/// How much of a text messages show.
const SHOWN: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_are_not_shown() {
        for (text, due) in [
            ("https://h/a@b", "https://h/a@b"),
            ("https://u:p@h/a", "https://(masked)@h/a"),
            ("s3://key@bucket", "s3://(masked)@bucket"),
            ("https://u:p@x@h?q", "https://(masked)@h?q"),
            ("https://u:p/x@h", "https://(masked)@h"),
            ("https://h:1/a", "https://h:1/a"),
            ("u@h", "u@h"),
        ] {
            assert_eq!(mask_userinfo(text), due, "{text}");
        }
    }
}
