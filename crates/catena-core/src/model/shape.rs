// SPDX-License-Identifier: MPL-2.0
//! Typed reading of opaque values (`typed-model`, P2): a wrong JSON type in a field that a check reads is an
//! error that names the place; all other fields stay as they are.

use catena_jsone::{Map, Value};

/// A field with the wrong type, or a required field that is missing.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, thiserror::Error)]
#[error("expected {expected} at {pointer}, found {found}")]
pub struct Shape {
    /// RFC 6901 pointer into the document.
    pub pointer: String,
    /// What was due.
    pub expected: &'static str,
    /// What stands there.
    pub found: String,
}

impl Shape {
    /// Returns the error for `value` (or its absence) at `pointer`.
    #[must_use]
    pub fn new(pointer: impl Into<String>, expected: &'static str, value: Option<&Value>) -> Self {
        Self {
            pointer: pointer.into(),
            expected,
            found: describe(value),
        }
    }
}

/// Describes a value in at most some 120 characters: its type, and the text of short scalars.
#[must_use]
pub fn describe(value: Option<&Value>) -> String {
    match value {
        None => "nothing".into(),
        Some(Value::String(text)) if text.chars().count() <= 100 => format!("{text:?}"),
        Some(Value::String(text)) => format!("{:?}…", text.chars().take(100).collect::<String>()),
        Some(Value::Int(number)) => number.to_string(),
        Some(Value::Float(number)) => number.to_string(),
        Some(Value::Bool(flag)) => flag.to_string(),
        Some(Value::Object(map)) => format!("an object with {} members", map.len()),
        Some(Value::Array(items)) => format!("a list of {} items", items.len()),
        Some(other) => other.type_name().into(),
    }
}

/// Reads the fields of one object, remembering where it stands.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    map: Option<&'a Map>,
    pointer: String,
}

impl<'a> Fields<'a> {
    /// Returns a reader of the members of `value`, which stands at `pointer`.
    ///
    /// # Errors
    /// `value` is not an object.
    pub fn of(value: &'a Value, pointer: impl Into<String>) -> Result<Self, Shape> {
        let pointer = pointer.into();
        match value {
            Value::Object(map) => Ok(Self {
                map: Some(map),
                pointer,
            }),
            other => Err(Shape::new(pointer, "an object", Some(other))),
        }
    }

    /// Returns the member, if there is one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.and_then(|map| map.get(key))
    }

    /// Returns the pointer to a member.
    #[must_use]
    pub fn pointer(&self, key: &str) -> String {
        format!(
            "{}/{}",
            self.pointer,
            key.replace('~', "~0").replace('/', "~1")
        )
    }

    fn shape(&self, key: &str, expected: &'static str) -> Shape {
        Shape::new(self.pointer(key), expected, self.get(key))
    }

    /// Returns the required member.
    ///
    /// # Errors
    /// It is missing.
    pub fn required(&self, key: &str) -> Result<&'a Value, Shape> {
        self.get(key).ok_or_else(|| self.shape(key, "a value"))
    }

    /// Returns the text of a required member.
    ///
    /// # Errors
    /// It is missing or no string.
    pub fn text(&self, key: &str) -> Result<&'a str, Shape> {
        self.get(key)
            .and_then(Value::as_str)
            .ok_or_else(|| self.shape(key, "a string"))
    }

    /// Returns the text of a member, `None` when it is missing or null.
    ///
    /// # Errors
    /// It is something else than a string.
    pub fn optional_text(&self, key: &str) -> Result<Option<&'a str>, Shape> {
        match self.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.shape(key, "a string")),
        }
    }

    /// Returns a reader of a required object member.
    ///
    /// # Errors
    /// It is missing or no object.
    pub fn object(&self, key: &str) -> Result<Self, Shape> {
        match self.get(key) {
            Some(Value::Object(map)) => Ok(Self {
                map: Some(map),
                pointer: self.pointer(key),
            }),
            _ => Err(self.shape(key, "an object")),
        }
    }

    /// Returns a reader of an object member; of nothing when it is missing.
    ///
    /// # Errors
    /// It is something else than an object.
    pub fn optional_object(&self, key: &str) -> Result<Self, Shape> {
        match self.get(key) {
            None => Ok(Self {
                map: None,
                pointer: self.pointer(key),
            }),
            _ => self.object(key),
        }
    }

    /// Returns the items of a required list member.
    ///
    /// # Errors
    /// It is missing or no list.
    pub fn list(&self, key: &str) -> Result<&'a [Value], Shape> {
        self.get(key)
            .and_then(Value::as_array)
            .ok_or_else(|| self.shape(key, "a list"))
    }

    /// Returns the items of a list member; none when it is missing.
    ///
    /// # Errors
    /// It is something else than a list.
    pub fn optional_list(&self, key: &str) -> Result<&'a [Value], Shape> {
        if self.get(key).is_none() {
            Ok(&[])
        } else {
            self.list(key)
        }
    }

    /// Returns the strings of a required list member.
    ///
    /// # Errors
    /// It is missing, no list, or holds something else than strings.
    pub fn texts(&self, key: &str) -> Result<Vec<&'a str>, Shape> {
        let pointer = self.pointer(key);
        self.list(key)?
            .iter()
            .enumerate()
            .map(|(at, item)| {
                item.as_str()
                    .ok_or_else(|| Shape::new(format!("{pointer}/{at}"), "a string", Some(item)))
            })
            .collect()
    }

    /// Returns the members in document order.
    pub fn members(&self) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
        self.map
            .into_iter()
            .flatten()
            .map(|(key, value)| (&**key, value))
    }
}
