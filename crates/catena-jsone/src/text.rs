// SPDX-License-Identifier: MPL-2.0
//! Values as text: JSON, and what Python's `str` prints (S46).

use std::fmt::Write as _;

use crate::error::{Error, Fault};
use crate::limits::Meter;
use crate::number::write_float;
use crate::value::Value;

/// Bytes of the longest number: an integer of 128 bits.
pub(crate) const LONGEST_NUMBER: usize = 40;

/// Returns whether Python takes the character for white space.
pub(crate) const fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// Returns the value as compact JSON, members in their order, non-ASCII characters as they are.
///
/// Foreign values and functions have no JSON form; they become a string such as `"<date>"`, fit for display only.
///
/// # Examples
/// ```
/// use catena_jsone::{Value, to_json};
/// let value = Value::from([("b", Value::Float(1.0)), ("a", vec![Value::Null].into())]);
/// assert_eq!(to_json(&value), r#"{"b":1.0,"a":[null]}"#);
/// ```
#[must_use]
pub fn to_json(value: &Value) -> String {
    let mut out = String::new();
    // an unlimited meter has no reason to stop, and unsorted output no error
    let _ = write_json(value, false, &Meter::unlimited(), &mut out);
    out
}

/// Returns what `$json` makes of a value: compact, members sorted.
pub(crate) fn to_sorted_json(value: &Value, meter: &Meter) -> Result<String, Fault> {
    let mut out = String::new();
    write_json(value, true, meter, &mut out)?;
    Ok(out)
}

fn write_json(value: &Value, sorted: bool, meter: &Meter, out: &mut String) -> Result<(), Fault> {
    meter.grow(0, LONGEST_NUMBER)?;
    match value {
        Value::Array(items) => write_list(('[', ']'), items, out, |item, out| {
            write_json(item, sorted, meter, out)
        })?,
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Float(number) => write_float(*number, out),
        Value::Foreign(_) | Value::Function(_) if sorted => return Err(opaque(value)),
        Value::Foreign(_) | Value::Function(_) => drop(write!(out, "\"<{}>\"", value.type_name())),
        Value::Int(number) => drop(write!(out, "{number}")),
        Value::Null => out.push_str("null"),
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            if sorted {
                members.sort_unstable_by_key(|(key, _)| *key);
            }
            write_list(('{', '}'), members, out, |(key, item), out| {
                write_string(key, meter, out)?;
                out.push(':');
                write_json(item, sorted, meter, out)
            })?;
        }
        Value::String(text) => write_string(text, meter, out)?,
    }
    Ok(())
}

fn write_list<T>(
    (open, close): (char, char),
    items: impl IntoIterator<Item = T>,
    out: &mut String,
    mut write: impl FnMut(T, &mut String) -> Result<(), Fault>,
) -> Result<(), Fault> {
    out.push(open);
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write(item, out)?;
    }
    out.push(close);
    Ok(())
}

fn write_string(text: &str, meter: &Meter, out: &mut String) -> Result<(), Fault> {
    meter.grow(0, text.len())?;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' => drop(write!(out, "\\u{:04x}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out.push('"');
    Ok(())
}

fn opaque(value: &Value) -> Fault {
    Error::template(format!("{} has no text", value.type_name()))
}

/// Writes a scalar like the reference's `str()`: `true`, `null`, numbers as Python prints them. Lists join with
/// commas there; no caller can hand one over.
pub(crate) fn write_scalar(value: &Value, out: &mut String) -> Result<(), Fault> {
    match value {
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Float(number) => write_float(*number, out),
        Value::Int(number) => drop(write!(out, "{number}")),
        Value::Null => out.push_str("null"),
        Value::String(text) => out.push_str(text),
        Value::Array(_) | Value::Foreign(_) | Value::Function(_) | Value::Object(_) => {
            return Err(opaque(value));
        }
    }
    Ok(())
}

/// Writes a value like Python's own `str`, which `join` uses: `True`, `None`, `[1, 'a']`.
pub(crate) fn write_python(value: &Value, meter: &Meter, out: &mut String) -> Result<(), Fault> {
    match value {
        Value::String(text) => {
            meter.grow(0, text.len())?;
            out.push_str(text);
            Ok(())
        }
        _ => write_repr(value, meter, out),
    }
}

fn write_repr(value: &Value, meter: &Meter, out: &mut String) -> Result<(), Fault> {
    meter.grow(0, LONGEST_NUMBER)?;
    match value {
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                write_repr(item, meter, out)?;
            }
            out.push(']');
        }
        Value::Bool(flag) => out.push_str(if *flag { "True" } else { "False" }),
        Value::Null => out.push_str("None"),
        Value::Object(map) => {
            out.push('{');
            for (i, (key, item)) in map.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                write_quoted(key, meter, out)?;
                out.push_str(": ");
                write_repr(item, meter, out)?;
            }
            out.push('}');
        }
        Value::String(text) => write_quoted(text, meter, out)?,
        _ => write_scalar(value, out)?,
    }
    Ok(())
}

/// Writes a string like Python's `repr`. Which characters beyond ASCII that escapes depends on the version of its
/// Unicode tables: those are refused.
fn write_quoted(text: &str, meter: &Meter, out: &mut String) -> Result<(), Fault> {
    meter.grow(0, text.len().saturating_mul(2))?;
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            _ if c == quote => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            '\0'..='\u{7f}' => drop(write!(out, "\\x{:02x}", u32::from(c))),
            _ => {
                return Err(Error::builtin(
                    "text beyond ASCII inside a list or object has no stable form",
                ));
            }
        }
    }
    out.push(quote);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_compact_and_escaped_like_the_reference() {
        let value = Value::from([
            ("z", Value::from("é\u{7f}\u{1f}\"\\\n\u{8}")),
            (
                "a",
                vec![Value::Int(i128::MAX), Value::Float(1e16), true.into()].into(),
            ),
            ("d", Value::Foreign("date")),
        ]);
        assert_eq!(
            to_json(&value),
            "{\"z\":\"é\u{7f}\\u001f\\\"\\\\\\n\\b\",\"a\":[170141183460469231731687303715884105727,1e+16,true],\"d\":\"<date>\"}"
        );
        assert!(to_sorted_json(&value, &Meter::unlimited()).is_err());
    }

    #[test]
    fn join_prints_containers_like_python() {
        let value = Value::from(vec![
            Value::from([("it's", Value::Null)]),
            "a'\"\t\u{1}".into(),
            false.into(),
            Value::Float(1.0),
        ]);
        let mut out = String::new();
        write_python(&value, &Meter::unlimited(), &mut out).unwrap();
        assert_eq!(out, r#"[{"it's": None}, 'a\'"\t\x01', False, 1.0]"#);
        assert!(write_python(&vec!["é".into()].into(), &Meter::unlimited(), &mut out).is_err());
    }
}
