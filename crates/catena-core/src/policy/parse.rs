// SPDX-License-Identifier: MPL-2.0
//! From the bytes of a configuration file to [`Node`]s.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Place};
use super::node::{Item, Key, Node};

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

/// Reads JSON.
pub(super) fn yaml(bytes: &[u8], file: &Arc<str>) -> Result<Node, ConfigError> {
    let value: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|error| ConfigError::Syntax {
            place: Place {
                file: file.clone(),
                line: u32::try_from(error.line()).ok(),
            },
            detail: error.to_string(),
        })?;
    Ok(json_value(value))
}

fn json_value(value: serde_json::Value) -> Node {
    use serde_json::Value;
    let item = match value {
        Value::Null => Item::Null,
        Value::Bool(flag) => Item::Bool(flag),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Item::Int(number),
            (None, Some(number)) if !number.is_nan() => Item::Float(number),
            _ => Item::Other("a number beyond 64 bits"),
        },
        Value::String(text) => Item::Str(text),
        Value::Array(items) => Item::List(items.into_iter().map(json_value).collect()),
        Value::Object(members) => Item::Map(
            members
                .into_iter()
                .map(|(text, value)| {
                    (
                        Key {
                            text,
                            line: None,
                            is_string: true,
                        },
                        json_value(value),
                    )
                })
                .collect(),
        ),
    };
    Node { line: None, item }
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
