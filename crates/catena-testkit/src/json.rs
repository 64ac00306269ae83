// SPDX-License-Identifier: MPL-2.0
//! JSON texts in the layouts of the programs that write them (generation.md 2.3, 3.3, 5): which members come
//! first, and what is escaped.

use std::fmt::Write as _;

use serde_json::Value;

/// Members that come first, by the JSON pointer of their object; all others follow in code-point order.
pub(crate) type Order = [(&'static str, &'static [&'static str])];

/// What a writer escapes beyond what JSON demands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Escape {
    /// Everything but printable ASCII.
    Ascii,
    /// `<`, `>`, `&`, U+2028 and U+2029.
    Html,
    /// Nothing.
    Raw,
}

/// Returns the text, indented by two spaces, without a final newline.
pub(crate) fn pretty(value: &Value, escape: Escape, order: &Order) -> Vec<u8> {
    let mut writer = Writer {
        out: String::new(),
        escape,
        order,
    };
    writer.value(value, "", 0);
    writer.out.into_bytes()
}

/// Returns the text with every object in code-point order, indented by two spaces, with a final newline.
pub(crate) fn sorted(value: &Value) -> Vec<u8> {
    let mut out = pretty(value, Escape::Ascii, &[]);
    out.push(b'\n');
    out
}

struct Writer<'a> {
    out: String,
    escape: Escape,
    order: &'a Order,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, at: &str, depth: usize) {
        match value {
            Value::Array(items) if items.is_empty() => self.out.push_str("[]"),
            Value::Array(items) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.next(index, depth + 1);
                    self.value(item, &format!("{at}/{index}"), depth + 1);
                }
                self.close(']', depth);
            }
            Value::Object(members) if members.is_empty() => self.out.push_str("{}"),
            Value::Object(members) => {
                let first = self
                    .order
                    .iter()
                    .find(|(pointer, _)| *pointer == at)
                    .map_or(&[][..], |(_, keys)| keys);
                let mut keys: Vec<_> = members.keys().collect();
                keys.sort_by_key(|key| {
                    (
                        first.iter().position(|k| k == key).unwrap_or(first.len()),
                        key.as_str(),
                    )
                });
                self.out.push('{');
                for (index, key) in keys.into_iter().enumerate() {
                    self.next(index, depth + 1);
                    self.string(key);
                    self.out.push_str(": ");
                    self.value(&members[key], &format!("{at}/{key}"), depth + 1);
                }
                self.close('}', depth);
            }
            Value::String(text) => self.string(text),
            other => self.out.push_str(&other.to_string()),
        }
    }

    fn next(&mut self, index: usize, depth: usize) {
        self.out.push_str(if index == 0 { "\n" } else { ",\n" });
        self.out.push_str(&"  ".repeat(depth));
    }

    fn close(&mut self, bracket: char, depth: usize) {
        self.out.push('\n');
        self.out.push_str(&"  ".repeat(depth));
        self.out.push(bracket);
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.out.extend(['\\', c]),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                _ if c < ' ' || self.escapes(c) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        // writing to a string cannot fail
                        let _ = write!(self.out, "\\u{unit:04x}");
                    }
                }
                _ => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    fn escapes(&self, c: char) -> bool {
        match self.escape {
            Escape::Ascii => !(' '..='~').contains(&c),
            Escape::Html => matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}'),
            Escape::Raw => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn layouts_differ_in_order_and_escapes() {
        let value = json!({"b": {"y": "<é\u{1f600}\u{7f}", "x": []}, "a": {}, "c": [1, null]});
        let text =
            |escape, order: &Order| String::from_utf8(pretty(&value, escape, order)).unwrap();
        assert_eq!(
            text(Escape::Ascii, &[]),
            "{\n  \"a\": {},\n  \"b\": {\n    \"x\": [],\n    \"y\": \"<\\u00e9\\ud83d\\ude00\\u007f\"\n  },\n  \"c\": [\n    1,\n    null\n  ]\n}"
        );
        let html = text(Escape::Html, &[("", &["c", "b"]), ("/b", &["y"])]);
        assert!(
            html.starts_with("{\n  \"c\": [") && html.ends_with("\"a\": {}\n}"),
            "{html}"
        );
        assert!(html.contains("\"y\": \"\\u003cé😀\u{7f}\""), "{html}");
        assert!(text(Escape::Raw, &[]).contains("<é"));
    }
}
