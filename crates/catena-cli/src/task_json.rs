// SPDX-License-Identifier: MPL-2.0
//! `task.json` as scripts know it from the reference (V20): Python's `json.dumps(indent=2, sort_keys=True)`.

use std::fmt::Write as _;

use catena_jsone::{Value, float_repr};

/// Writes a definition: ASCII, two spaces, keys in order, no final newline. `None` when it holds a number that has
/// no exact form here.
pub(crate) fn render(definition: &Value) -> Option<String> {
    let mut out = String::new();
    write(&mut out, definition, 0)?;
    Some(out)
}

/// The depth is bounded by the parser that made the value.
fn write(out: &mut String, value: &Value, depth: usize) -> Option<()> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Float(number) => out.push_str(&float_repr(*number)),
        Value::String(text) => string(out, text),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(members) if members.is_empty() => out.push_str("{}"),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                next(out, if at == 0 { "[" } else { "," }, depth + 1);
                write(out, item, depth + 1)?;
            }
            next(out, "", depth);
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            for (at, (key, member)) in members.into_iter().enumerate() {
                next(out, if at == 0 { "{" } else { "," }, depth + 1);
                string(out, key);
                out.push_str(": ");
                write(out, member, depth + 1)?;
            }
            next(out, "", depth);
            out.push('}');
        }
        Value::Foreign(_) | Value::Function(_) => return None,
    }
    Some(())
}

fn next(out: &mut String, mark: &str, depth: usize) {
    out.push_str(mark);
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

fn string(out: &mut String, text: &str) {
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
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // writing to a string cannot fail
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use catena_core::json::{Reading, parse};

    use super::*;

    #[test]
    fn writes_as_python_does_v20() {
        let text = "{\"b\": [1, 2.0, 1e16, 1e-5, 0.0001, {}, []], \"a\": {\"Z\": null, \"é\": \"\\ud83d\\ude00\\u007f\\n/\"}, \
                    \"c\": 9007199254740993}";
        let expected = r#"{
  "a": {
    "Z": null,
    "\u00e9": "\ud83d\ude00\u007f\n/"
  },
  "b": [
    1,
    2.0,
    1e+16,
    1e-05,
    0.0001,
    {},
    []
  ],
  "c": 9007199254740993
}"#;
        assert_eq!(
            render(&parse(text.as_bytes(), Reading::Strict).unwrap()).unwrap(),
            expected
        );
    }

    #[test]
    fn refuses_what_it_cannot_write_exactly() {
        assert_eq!(
            render(&parse(b"[99999999999999999999999]", Reading::Lenient).unwrap()),
            None
        );
    }
}
