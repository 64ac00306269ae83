// SPDX-License-Identifier: MPL-2.0
//! From the bytes of a configuration file to [`Node`]s.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Place};
use super::node::{Item, Key, Node};
use crate::yaml;

/// Reads TOML. Duplicate keys are errors by TOML's own rules.
pub(super) fn toml(bytes: &[u8], file: &Arc<str>) -> Result<Node, ConfigError> {
    let text = utf8(bytes, file)?;
    let lines = Lines::new(text);
    let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        place: Place {
            file: file.clone(),
            line: error.span().and_then(|span| lines.at(span.start)),
        },
        detail: error.message().to_owned(),
    })?;
    Ok(Node {
        line: Some(1),
        item: toml_table(table.get_ref(), &lines),
    })
}

fn toml_table(table: &DeTable<'_>, lines: &Lines) -> Item {
    let member = |key: &Spanned<toml::de::DeString<'_>>, value| {
        let text = key.get_ref().to_string();
        (
            Key {
                text,
                line: lines.at(key.span().start),
                is_string: true,
            },
            toml_value(value, lines),
        )
    };
    Item::Map(
        table
            .iter()
            .map(|(key, value)| member(key, value))
            .collect(),
    )
}

fn toml_value(value: &Spanned<DeValue<'_>>, lines: &Lines) -> Node {
    let item = match value.get_ref() {
        DeValue::String(text) => Item::Str(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Item::Other("an integer beyond 64 bits"), Item::Int),
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .ok()
            .filter(|n: &f64| n.is_finite())
            .map_or(Item::Other("a float"), Item::Float),
        DeValue::Boolean(flag) => Item::Bool(*flag),
        DeValue::Datetime(_) => Item::Other("a date"),
        DeValue::Array(items) => {
            Item::List(items.iter().map(|item| toml_value(item, lines)).collect())
        }
        DeValue::Table(table) => toml_table(table, lines),
    };
    Node {
        line: lines.at(value.span().start),
        item,
    }
}

/// Reads YAML 1.1, of which JSON is a part, with the resolver of the compared files (P23). Also returns a line for
/// each key that stands twice, of which the last counts.
pub(super) fn yaml(bytes: &[u8], file: &Arc<str>) -> Result<(Node, Vec<String>), ConfigError> {
    let text = utf8(bytes, file)?;
    let limits = yaml::Limits {
        bytes: MAX_BYTES,
        nodes: MAX_NODES,
        ..yaml::Limits::default()
    };
    let parsed = yaml::parse(bytes, &limits).map_err(|error| ConfigError::Syntax {
        place: Place {
            file: file.clone(),
            line: u32::try_from(error.place.line)
                .ok()
                .filter(|&line| line > 0),
        },
        detail: error.detail,
    })?;
    let twice = |key: &yaml::DuplicateKey| {
        format!(
            "{file}:{}: the key {:?} stands twice, the last counts",
            key.place.line, key.key
        )
    };
    let warnings = parsed.warnings.iter().map(twice).collect();
    let mut finder = Finder {
        text,
        lines: Lines::new(text),
        at: 0,
    };
    Ok((yaml_value(&parsed.root, Some(1), &mut finder), warnings))
}

fn yaml_value(node: &yaml::Node, line: Option<u32>, finder: &mut Finder<'_>) -> Node {
    let item = match node {
        yaml::Node::Bool(flag) => Item::Bool(*flag),
        yaml::Node::Float(number) if number.is_finite() => Item::Float(*number),
        yaml::Node::Int(number) => {
            i64::try_from(*number).map_or(Item::Other("an integer beyond 64 bits"), Item::Int)
        }
        yaml::Node::Map(members) => Item::Map(
            members
                .iter()
                .map(|(key, value)| yaml_member(key, value, finder))
                .collect(),
        ),
        yaml::Node::Null => Item::Null,
        yaml::Node::Seq(items) => Item::List(
            items
                .iter()
                .map(|item| yaml_value(item, line, finder))
                .collect(),
        ),
        yaml::Node::String(text) => Item::Str(text.to_string()),
        other => Item::Other(other.type_name()),
    };
    Node { line, item }
}

fn yaml_member(key: &yaml::Node, value: &yaml::Node, finder: &mut Finder<'_>) -> (Key, Node) {
    let text = match key {
        yaml::Node::Bool(flag) => flag.to_string(),
        yaml::Node::Int(number) => number.to_string(),
        yaml::Node::String(text) => text.to_string(),
        other => other.type_name().to_owned(),
    };
    let line = finder.line_of(&text);
    let key = Key {
        text,
        line,
        is_string: key.as_str().is_some(),
    };
    (key, yaml_value(value, line, finder))
}

/// Finds the lines of keys again, which the YAML reader does not keep: a walk over the document meets them in the
/// order of the text. Lines are for people; a wrong one misleads nobody but the reader of a message.
struct Finder<'t> {
    text: &'t str,
    lines: Lines,
    at: usize,
}

impl Finder<'_> {
    /// Returns the line of the next `key:`, `"key":` or `'key':`, and goes on behind it.
    fn line_of(&mut self, key: &str) -> Option<u32> {
        let rest = self.text.get(self.at..)?;
        let found = rest.match_indices(key).find(|&(start, _)| {
            let (before, after) = (rest.get(..start), rest.get(start + key.len()..));
            let opens = before.is_some_and(|text| {
                !text.ends_with(|c: char| c.is_alphanumeric() || "_-.".contains(c))
            });
            let closes = after
                .is_some_and(|text| text.trim_start_matches(['"', '\'', ' ']).starts_with(':'));
            let comment = before
                .and_then(|text| text.rsplit('\n').next())
                .is_some_and(|line| line.trim_start().starts_with('#'));
            opens && closes && !comment
        });
        let start = self.at + found?.0;
        self.at = start + key.len();
        self.lines.at(start)
    }
}

fn utf8<'b>(bytes: &'b [u8], file: &Arc<str>) -> Result<&'b str, ConfigError> {
    std::str::from_utf8(bytes).map_err(|error| ConfigError::Syntax {
        place: Place {
            file: file.clone(),
            line: None,
        },
        detail: format!(
            "expected UTF-8, found another byte after {}",
            error.valid_up_to()
        ),
    })
}

/// Where lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        Self(memchr::memchr_iter(b'\n', text.as_bytes()).collect())
    }

    fn at(&self, offset: usize) -> Option<u32> {
        u32::try_from(self.0.partition_point(|&end| end < offset))
            .ok()?
            .checked_add(1)
    }
}

/// A configuration file is a few hundred kB at most; production's has 10 kB.
const MAX_BYTES: usize = 4 << 20;
/// Values of a configuration file; the built-in ones together have about 1,500.
const MAX_NODES: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(String, Option<u32>)> {
        let (root, _) = yaml(text.as_bytes(), &"f".into()).unwrap();
        fn collect(node: &Node, out: &mut Vec<(String, Option<u32>)>) {
            match &node.item {
                Item::Map(members) => members.iter().for_each(|(key, value)| {
                    out.push((key.text.clone(), key.line));
                    collect(value, out);
                }),
                Item::List(items) => items.iter().for_each(|item| collect(item, out)),
                _ => {}
            }
        }
        let mut out = Vec::new();
        collect(&root, &mut out);
        out
    }

    #[test]
    fn keys_know_their_lines_p29() {
        let due = |list: &[(&str, u32)]| {
            list.iter()
                .map(|&(key, line)| (key.to_owned(), Some(line)))
                .collect::<Vec<_>>()
        };
        let yaml = "a: 1\n# b: no\nb:\n  - c: 2\n    'd' : x\nxe: {e: 1}\n";
        assert_eq!(
            lines(yaml),
            due(&[("a", 1), ("b", 3), ("c", 4), ("d", 5), ("xe", 6), ("e", 6)])
        );
        assert_eq!(
            lines("{\n \"a\": {\n  \"b\": 1},\n \"245\": 2}"),
            due(&[("a", 2), ("b", 3), ("245", 4)])
        );
    }

    #[test]
    fn yaml_is_read_as_version_1_1_p23() {
        let (root, warnings) = yaml(
            b"a: yes\nb: 010\na: 1e3\n245: x\nd: 2026-01-01",
            &"f".into(),
        )
        .unwrap();
        let Item::Map(members) = root.item else {
            panic!()
        };
        assert_eq!(members[0].1.item, Item::Str("1e3".into()));
        assert_eq!(members[1].1.item, Item::Int(8));
        assert!(!members[2].0.is_string && members[2].0.text == "245");
        assert_eq!(members[3].1.item.type_name(), "date");
        assert_eq!(
            warnings,
            ["f:3: the key \"a\" stands twice, the last counts"]
        );
    }

    #[test]
    fn broken_text_names_its_line_p29() {
        assert!(
            yaml(b"a: 1\nb: [", &"f".into())
                .unwrap_err()
                .to_string()
                .starts_with("f:")
        );
        assert!(yaml(b"\xff", &"f".into()).is_err());
        assert!(
            toml(b"a = 1\nb = [", &"f".into())
                .unwrap_err()
                .to_string()
                .starts_with("f:2: ")
        );
    }
}
