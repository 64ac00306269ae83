// SPDX-License-Identifier: MPL-2.0
//! YAML as PyYAML's `safe_load` reads it: YAML 1.1 scalars, merge keys, last duplicate wins (V97, V106, V107).
//!
//! The events come from granit-parser, whose grammar is YAML 1.2; `compose` builds the value, `resolve` types the
//! scalars, `block` reads block scalars once more, and `guard` refuses what the 1.2 grammar reads but PyYAML refuses or
//! reads differently. The rule is: what is accepted here has the value that PyYAML gives, and what PyYAML refuses is
//! refused.
//!
//! Some of what PyYAML reads is refused too: as [`YamlErrorKind::Refused`] (`yaml-safe`, RULINGS P2) directives, the tags
//! `!`, `!!omap` and `!!pairs`, recursive structures, keys that are dates or bytes, and the line breaks U+0085, U+2028
//! and U+2029; as [`YamlErrorKind::Syntax`] a few notations that YAML 1.2 has not, such as a `#` directly after a quote.
//! `tests/yaml` lists them all.
//!
//! The input is whatever a repository serves: every size is bounded by [`Limits`].

mod block;
mod compose;
mod entries;
mod guard;
mod resolve;

use std::fmt;
use std::sync::Arc;

use catena_jsone::Value;

/// How much a document may hold; running out is [`YamlErrorKind::Limit`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Bytes of text.
    pub bytes: usize,
    /// Levels of nesting, aliases expanded (P2: 128).
    pub depth: usize,
    /// Scalars and collections; each alias and each anchor counts as all that it stands for.
    pub nodes: usize,
}

impl Default for Limits {
    /// 32 MiB holds the largest `parameters.yml` many times over; a million nodes are about 100 MB of memory.
    fn default() -> Self {
        Self {
            bytes: 32 << 20,
            depth: 128,
            nodes: 1_000_000,
        }
    }
}

/// A value as PyYAML would construct it.
#[derive(Clone, Debug)]
pub enum Node {
    /// An integer whose magnitude needs more than 127 bits; its digits are not kept.
    BigInteger,
    /// Decoded `!!binary` data; its bytes are not kept.
    Binary,
    /// `true`, `yes`, `on` …
    Bool(bool),
    /// A number with a dot, an infinity or not-a-number.
    Float(f64),
    /// An integer of any of YAML 1.1's notations.
    Int(i128),
    /// A mapping: each key once, at its first place, with its last value.
    Map(Vec<(Self, Self)>),
    /// `null`, `~` or nothing.
    Null,
    /// A sequence.
    Seq(Vec<Self>),
    /// A `!!set`; its members are not kept.
    Set,
    /// A string.
    String(Arc<str>),
    /// A date, or a date with a time; its text is not kept.
    Timestamp,
}

impl Node {
    /// Returns the value of the string key `key` of a mapping; `None` for any other node.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?
            .iter()
            .find(|(name, _)| name.as_str() == Some(key))
            .map(|(_, value)| value)
    }

    /// Returns the entries of a mapping.
    #[must_use]
    pub fn as_map(&self) -> Option<&[(Self, Self)]> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Returns the items of a sequence.
    #[must_use]
    pub fn as_seq(&self) -> Option<&[Self]> {
        match self {
            Self::Seq(items) => Some(items),
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

    /// Returns the integer, if it fits 128 bits.
    #[must_use]
    pub const fn as_int(&self) -> Option<i128> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// Returns the boolean.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// Returns the name of the node's type for messages.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::BigInteger => "integer beyond 128 bits",
            Self::Binary => "binary",
            Self::Bool(_) => "boolean",
            Self::Float(number) if number.is_nan() => "not-a-number",
            Self::Float(number) if number.is_infinite() => "infinity",
            Self::Float(_) => "float",
            Self::Int(_) => "integer",
            Self::Map(_) => "mapping",
            Self::Null => "null",
            Self::Seq(_) => "sequence",
            Self::Set => "set",
            Self::String(_) => "string",
            Self::Timestamp => "date",
        }
    }

    /// Returns the value for JSON-e and for comparing. What JSON cannot write becomes [`Value::Foreign`], which equals
    /// nothing; so does a whole mapping with a key that is not a string, as rendering it fails in the reference (V106).
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Float(number) if number.is_finite() => Value::Float(*number),
            Self::Int(number) => Value::Int(*number),
            Self::Map(entries) => entries
                .iter()
                .map(|(key, value)| match key {
                    Self::String(name) => Some((Arc::clone(name), value.to_value())),
                    _ => None,
                })
                .collect::<Option<_>>()
                .map_or(
                    Value::Foreign("mapping with a non-string key"),
                    Value::Object,
                ),
            Self::Null => Value::Null,
            Self::Seq(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Self::String(text) => Value::String(Arc::clone(text)),
            Self::BigInteger | Self::Binary | Self::Float(_) | Self::Set | Self::Timestamp => {
                Value::Foreign(self.type_name())
            }
        }
    }
}

/// A document and what its author should know about it.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The document; [`Node::Null`] when the text is empty.
    pub root: Node,
    /// Plain scalars that a YAML 1.2 reader, such as the service that created the task, reads differently; the first
    /// hundred.
    pub notes: Vec<ScalarNote>,
    /// Keys that a mapping holds more than once, of which the last counts (S45); the first hundred.
    pub warnings: Vec<DuplicateKey>,
}

/// A plain scalar whose YAML 1.1 and YAML 1.2 meanings differ.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScalarNote {
    /// Where it stands.
    pub place: Place,
    /// Its text, at most 80 characters.
    pub text: String,
    /// What PyYAML and this module read.
    pub yaml_1_1: String,
    /// What the core schema of YAML 1.2 reads.
    pub yaml_1_2: String,
}

/// A key that stands more than once in its mapping.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DuplicateKey {
    /// Where the later one stands.
    pub place: Place,
    /// The key, at most 80 characters.
    pub key: String,
}

/// A place in the text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why there is no value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{detail} at {place}")]
pub struct YamlError {
    /// Where it was found.
    pub place: Place,
    /// What kind of failure it is.
    pub kind: YamlErrorKind,
    /// What was found, for people.
    pub detail: String,
}

/// The kinds of failure that rules tell apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum YamlErrorKind {
    /// More bytes, nodes or levels than [`Limits`] allow.
    Limit,
    /// A tag, key or notation that we refuse (`yaml-safe`), whether or not PyYAML does.
    Refused,
    /// Text that PyYAML refuses as well, or that our parser does not read.
    Syntax,
}

impl YamlError {
    fn new(kind: YamlErrorKind, place: Place, detail: impl Into<String>) -> Self {
        Self {
            place,
            kind,
            detail: detail.into(),
        }
    }

    fn refused(place: Place, detail: impl Into<String>) -> Self {
        Self::new(YamlErrorKind::Refused, place, detail)
    }

    fn syntax(place: Place, detail: impl Into<String>) -> Self {
        Self::new(YamlErrorKind::Syntax, place, detail)
    }
}

/// Parses a file that holds one YAML document, or none.
///
/// # Errors
/// A [`YamlError`] for text that PyYAML refuses, for several documents, for what we refuse, and beyond the limits.
///
/// # Examples
/// ```
/// use catena_core::yaml::{Limits, parse};
///
/// let parsed = parse(b"on: 010\nwhen: 2026-01-01\n", &Limits::default())?;
/// assert!(parsed.root.get("on").is_none()); // the key is the boolean true
/// assert_eq!(parsed.root.as_map().unwrap()[0].1.as_int(), Some(8));
/// assert_eq!(parsed.notes.len(), 3); // a YAML 1.2 reader reads all three differently
/// # Ok::<(), catena_core::yaml::YamlError>(())
/// ```
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Parsed, YamlError> {
    let text = guard::text(bytes, limits)?;
    let (parsed, tokens) = compose::compose(text, limits)?;
    guard::layout(text, tokens)?;
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(text: &str) -> Node {
        parse(text.as_bytes(), &Limits::default()).unwrap().root
    }

    fn kind(bytes: &[u8], limits: &Limits) -> YamlErrorKind {
        parse(bytes, limits).unwrap_err().kind
    }

    #[test]
    fn v106_what_json_cannot_write_is_foreign() {
        let value =
            root("a: 2026-01-01\nb: .inf\nc: !!set {x}\nd: {1: x}\ne: [1, 1.5, ~, yes, x]\n")
                .to_value();
        let foreign = |key: &str| match value.get(key) {
            Some(Value::Foreign(kind)) => *kind,
            other => panic!("{key}: {other:?}"),
        };
        assert_eq!(foreign("a"), "date");
        assert_eq!(foreign("b"), "infinity");
        assert_eq!(foreign("c"), "set");
        assert_eq!(foreign("d"), "mapping with a non-string key");
        let items = value.get("e").and_then(Value::as_array).unwrap();
        assert!(matches!(
            items,
            [
                Value::Int(1),
                Value::Float(_),
                Value::Null,
                Value::Bool(true),
                Value::String(_)
            ]
        ));
    }

    #[test]
    fn s45_duplicate_keys_warn_and_the_last_counts() {
        let parsed = parse(b"a: 1\nb: 2\n\n'a': 3\n", &Limits::default()).unwrap();
        assert_eq!(parsed.root.get("a").and_then(Node::as_int), Some(3));
        assert_eq!(parsed.root.as_map().unwrap()[0].0.as_str(), Some("a"));
        let place = Place { line: 4, column: 1 };
        assert_eq!(
            parsed.warnings,
            [DuplicateKey {
                place,
                key: "a".to_owned()
            }]
        );
        let merged = parse(b"a: {<<: {x: 1}, x: 2}\n", &Limits::default()).unwrap();
        assert!(merged.warnings.is_empty(), "an override is no duplicate");
    }

    #[test]
    fn v106_scalars_that_yaml_1_2_reads_differently_are_noted() {
        let text = "a: [yes, 010, 0o10, 1_0, 1:30, 1e3, 2026-01-01, +12, 0x1F, 1.5, null, ~, true, .inf, 09, x, '010']";
        let parsed = parse(text.as_bytes(), &Limits::default()).unwrap();
        let notes: Vec<_> = parsed
            .notes
            .iter()
            .map(|n| (&*n.text, &*n.yaml_1_1, &*n.yaml_1_2))
            .collect();
        assert_eq!(
            notes,
            [
                ("yes", "boolean true", "string"),
                ("010", "integer 8", "integer 10"),
                ("0o10", "string", "integer 8"),
                ("1_0", "integer 10", "string"),
                ("1:30", "integer 90", "string"),
                ("1e3", "string", "number 1000.0"),
                ("2026-01-01", "date", "string"),
                ("09", "string", "integer 9"),
            ]
        );
        assert_eq!(parsed.notes[0].place, Place { line: 1, column: 5 });
    }

    #[test]
    fn byte_order_marks_and_encodings() {
        assert_eq!(root("\u{feff}a").as_str(), Some("a"));
        assert_eq!(
            kind(b"\xff\xfea\0", &Limits::default()),
            YamlErrorKind::Syntax
        );
        let error = parse(b"a: b\nc: \xff\n", &Limits::default()).unwrap_err();
        assert_eq!(error.place, Place { line: 2, column: 4 });
        assert_eq!(
            error.to_string(),
            "bytes that are not UTF-8 at line 2, column 4"
        );
    }

    #[test]
    fn nesting_is_bounded() {
        let limits = Limits::default();
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(parse(nested(128).as_bytes(), &limits).is_ok());
        assert_eq!(kind(nested(129).as_bytes(), &limits), YamlErrorKind::Limit);
        assert_eq!(
            kind("- ".repeat(129).as_bytes(), &limits),
            YamlErrorKind::Limit
        );
        let mut blocks: String = (0..200).map(|level| " ".repeat(level) + "a:\n").collect();
        assert_eq!(kind(blocks.as_bytes(), &limits), YamlErrorKind::Limit);
        blocks.truncate(0);
        for deep in ["[", "{a: ", "- ", "? ", "[[{", "!!seq [", "&a ["] {
            assert!(
                parse(deep.repeat(100_000).as_bytes(), &limits).is_err(),
                "{deep}"
            );
        }
    }

    #[test]
    fn aliases_are_counted_as_what_they_stand_for() {
        let few = Limits {
            nodes: 20_000,
            ..Limits::default()
        };
        let level = |n: usize| {
            format!(
                "l{n}: &l{n} [{}]\n",
                vec![format!("*l{}", n - 1); 10].join(", ")
            )
        };
        let bomb: String = std::iter::once("l0: &l0 x\n".to_owned())
            .chain((1..10).map(level))
            .collect();
        assert_eq!(kind(bomb.as_bytes(), &few), YamlErrorKind::Limit);
        let merges = |n: usize| {
            format!(
                "m{n}: &m{n} {{<<: [{}]}}\n",
                vec![format!("*m{}", n - 1); 10].join(", ")
            )
        };
        let bomb: String = std::iter::once("m0: &m0 {x: y}\n".to_owned())
            .chain((1..10).map(merges))
            .collect();
        assert_eq!(kind(bomb.as_bytes(), &few), YamlErrorKind::Limit);
        let deeper: String = std::iter::once("- &a0 []\n".to_owned())
            .chain((1..200).map(|n| format!("- &a{n} [*a{}]\n", n - 1)))
            .collect();
        assert_eq!(kind(deeper.as_bytes(), &few), YamlErrorKind::Limit);
    }

    #[test]
    fn nested_anchors_are_counted_as_copies() {
        let few = Limits {
            nodes: 100_000,
            ..Limits::default()
        };
        let levels: String = (0..100).map(|n| format!("&a{n} [")).collect();
        let text = levels + &"x,".repeat(50_000) + &"]".repeat(100);
        assert_eq!(kind(text.as_bytes(), &few), YamlErrorKind::Limit);
    }

    #[test]
    fn sizes_are_bounded() {
        let limits = Limits {
            bytes: 4,
            depth: 2,
            nodes: 3,
        };
        assert!(parse(b"[a]", &limits).is_ok());
        assert_eq!(kind(b"[a, b]", &limits), YamlErrorKind::Limit);
        assert_eq!(
            kind(
                b"[[a,b]]",
                &Limits {
                    bytes: 10,
                    ..limits
                }
            ),
            YamlErrorKind::Limit
        );
    }
}
