// SPDX-License-Identifier: MPL-2.0
//! The layout of Python's `json.dumps(indent=2, sort_keys=True)` (generation.md 2.3).

use std::fmt::Write as _;

use super::Json;

/// Two spaces for each level, every item on a line of its own.
pub(super) fn pretty(value: &Json) -> String {
    let mut out = String::new();
    write(&mut out, value, Some(0));
    out
}

/// Everything on one line.
pub(super) fn line(value: &Json) -> String {
    let mut out = String::new();
    write(&mut out, value, None);
    out
}

/// `depth`: of the value, where lines are indented.
fn write(out: &mut String, value: &Json, depth: Option<usize>) {
    match value {
        Json::Array(items) => container(out, ['[', ']'], items, depth, |out, item, depth| {
            write(out, item, depth);
        }),
        Json::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Json::Null => out.push_str("null"),
        Json::Number(number) => out.push_str(number.as_str()),
        Json::Object(members) => {
            container(
                out,
                ['{', '}'],
                members,
                depth,
                |out, (key, member), depth| {
                    string(out, key);
                    out.push_str(if depth.is_some() { ": " } else { ":" });
                    write(out, member, depth);
                },
            );
        }
        Json::String(text) => string(out, text),
    }
}

fn container<T>(
    out: &mut String,
    [open, close]: [char; 2],
    items: impl IntoIterator<Item = T>,
    depth: Option<usize>,
    mut one: impl FnMut(&mut String, T, Option<usize>),
) {
    let inner = depth.map(|depth| depth + 1);
    let mut empty = true;
    out.push(open);
    for item in items {
        if !empty {
            out.push(',');
        }
        empty = false;
        new_line(out, inner);
        one(out, item, inner);
    }
    if !empty {
        new_line(out, depth);
    }
    out.push(close);
}

fn new_line(out: &mut String, depth: Option<usize>) {
    if let Some(depth) = depth {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    }
}

/// Writes a string with its quotes.
pub(crate) fn string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c| !plain(c)) {
        let (before, special) = rest.split_at(at);
        out.push_str(before);
        let mut chars = special.chars();
        if let Some(c) = chars.next() {
            escaped(out, c);
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

const fn plain(c: char) -> bool {
    matches!(c, ' '..='~') && !matches!(c, '"' | '\\')
}

fn escaped(out: &mut String, c: char) {
    match c {
        '"' | '\\' => out.extend(['\\', c]),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        _ => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // writing to a string cannot fail
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn g23_layout_and_escapes() {
        let text =
            r#"{"z":[],"a":{"k":{}},"\u00e9":["</&>\u007f\u0000\b\f\n\r\t\"\\é😀",true,null]}"#;
        assert_eq!(
            parse(text.as_bytes()).unwrap().to_text(),
            r#"{
  "a": {
    "k": {}
  },
  "z": [],
  "\u00e9": [
    "</&>\u007f\u0000\b\f\n\r\t\"\\\u00e9\ud83d\ude00",
    true,
    null
  ]
}"#
        );
    }

    #[test]
    fn g23_keys_are_in_code_point_order_not_in_that_of_utf_16() {
        let text = "{\"\u{1f600}\":1,\"\u{ffff}\":2,\"a\":3,\"B\":4}";
        let line = parse(text.as_bytes()).unwrap().to_line();
        assert_eq!(line, r#"{"B":4,"a":3,"\uffff":2,"\ud83d\ude00":1}"#);
    }
}
