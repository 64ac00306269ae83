// SPDX-License-Identifier: MPL-2.0
//! The entries of a mapping that is being read: merge keys, duplicates and key equality as in Python's dictionaries.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::compose::{Built, Role};
use super::{Node, Place, YamlError, YamlErrorKind};

/// The entries of a mapping: those of merged mappings, and its own.
#[derive(Default)]
pub(super) struct Entries {
    merged: Vec<(Node, Node)>,
    own: Vec<(Node, Node)>,
    seen: HashSet<Key>,
    has_merge: bool,
}

/// A key as Python's dictionary compares it: `True`, `1` and `1.0` are one key.
#[derive(Eq, Hash, PartialEq)]
enum Key {
    Float(u64),
    Int(i128),
    Null,
    String(Arc<str>),
}

impl Entries {
    /// Adds an entry and returns whether its key is new among the mapping's own keys.
    pub(super) fn add(&mut self, key: Built, value: Built) -> Result<bool, YamlError> {
        if key.role == Role::Merge {
            self.merge(value)?;
            return Ok(!std::mem::replace(&mut self.has_merge, true));
        }
        let id = dictionary_key(&key.node)
            .map_err(|(kind, detail)| YamlError::new(kind, key.place, detail))?;
        self.own.push((key.node, value.node));
        Ok(self.seen.insert(id))
    }

    /// Takes the entries of a merged mapping, or of a list of them, of which earlier ones override later ones.
    fn merge(&mut self, value: Built) -> Result<(), YamlError> {
        let expected = |node: &Node| {
            let detail = format!(
                "expected a mapping or a list of mappings to merge, found a {}",
                node.type_name()
            );
            YamlError::syntax(value.place, detail)
        };
        match value.node {
            Node::Map(entries) => self.merged.extend(entries),
            Node::Seq(items) => {
                for item in items.into_iter().rev() {
                    match item {
                        Node::Map(entries) => self.merged.extend(entries),
                        other => return Err(expected(&other)),
                    }
                }
            }
            other => return Err(expected(&other)),
        }
        Ok(())
    }

    /// Returns each key once: at its first place with its last value, merged entries before own ones.
    pub(super) fn finish(self, place: Place) -> Result<Vec<(Node, Node)>, YamlError> {
        if self.merged.is_empty() && self.seen.len() == self.own.len() {
            return Ok(self.own);
        }
        let mut entries: Vec<(Node, Node)> = Vec::with_capacity(self.merged.len() + self.own.len());
        let mut index = HashMap::new();
        for (key, value) in self.merged.into_iter().chain(self.own) {
            let id = dictionary_key(&key)
                .map_err(|(kind, detail)| YamlError::new(kind, place, detail))?;
            let at = *index.entry(id).or_insert(entries.len());
            match entries.get_mut(at) {
                Some(entry) => entry.1 = value,
                None => entries.push((key, value)),
            }
        }
        Ok(entries)
    }
}

fn dictionary_key(node: &Node) -> Result<Key, (YamlErrorKind, &'static str)> {
    match node {
        Node::Bool(flag) => Ok(Key::Int((*flag).into())),
        Node::Float(number) if number.is_nan() => {
            Err((YamlErrorKind::Refused, "a key that is not a number"))
        }
        Node::Float(number) => Ok(float_key(*number)),
        Node::Int(number) => Ok(Key::Int(*number)),
        Node::Null => Ok(Key::Null),
        Node::String(text) => Ok(Key::String(Arc::clone(text))),
        Node::Map(_) | Node::Seq(_) | Node::Set => {
            Err((YamlErrorKind::Syntax, "a key that is a collection"))
        }
        Node::BigInteger | Node::Binary | Node::Timestamp => Err((
            YamlErrorKind::Refused,
            "a key that is a date, bytes or a very large integer",
        )),
    }
}

/// A float that is a whole number is the same key as the integer.
fn float_key(number: f64) -> Key {
    if number.fract() == 0.0
        && number.abs() < 1e38
        && let Ok(whole) = format!("{number:.0}").parse()
    {
        return Key::Int(whole);
    }
    Key::Float(number.to_bits())
}
