// SPDX-License-Identifier: MPL-2.0
//! Reads JSON text into [`Value`]: exact 64-bit integers, bounded depth, nothing ambiguous (V105, P23, S45).
//!
//! serde_json cannot serve here: it rounds integers beyond 64 bits to floats without a word and keeps the last
//! of two equal keys. Two readings exist. *Strict* is for signed and hashed documents: whatever P2 calls
//! `json-strict` is an error. *Lenient* is for definitions and host answers: of equal keys the last wins, as in
//! the reference, and an integer beyond 64 bits becomes [`Value::Foreign`], which equals nothing.
//! Both refuse NaN, infinities, lone surrogates, a byte-order mark, nesting beyond 128 and trailing text.

use std::borrow::Cow;
use std::sync::Arc;

use catena_jsone::{Map, Value};

/// How deep containers may nest (P2; serde_json's own limit, and far above any real document).
pub const MAX_DEPTH: usize = 128;

/// How duplicate keys and oversized integers are read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reading {
    /// The last of equal keys wins; oversized integers are foreign.
    Lenient,
    /// Both are errors.
    Strict,
}

/// Why a text is not acceptable JSON.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{what} at byte {offset}")]
pub struct JsonError {
    /// What was found, or what was expected instead.
    pub what: Cow<'static, str>,
    /// Where, from 0.
    pub offset: usize,
    /// Whether Python's reader would have taken the text (`json-strict`, P2), so that only we refuse it.
    pub strictness: bool,
}

/// Reads one JSON value from UTF-8 text.
///
/// # Errors
/// The first place where the text is not acceptable.
pub fn parse(text: &[u8], reading: Reading) -> Result<Value, JsonError> {
    let text = std::str::from_utf8(text).map_err(|error| JsonError {
        what: "bytes that are not UTF-8".into(),
        offset: error.valid_up_to(),
        // in GitHub's answers the reference replaces them, so there only we refuse
        strictness: true,
    })?;
    let mut parser = Parser {
        text: text.as_bytes(),
        source: text,
        at: 0,
        depth: 0,
        reading,
    };
    parser.space();
    let value = parser.value()?;
    parser.space();
    if parser.at == text.len() {
        Ok(value)
    } else {
        Err(parser.error("text after the value"))
    }
}

struct Parser<'a> {
    text: &'a [u8],
    source: &'a str,
    at: usize,
    depth: usize,
    reading: Reading,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn error(&self, what: impl Into<Cow<'static, str>>) -> JsonError {
        JsonError {
            what: what.into(),
            offset: self.at,
            strictness: false,
        }
    }

    fn strictness(&self, what: impl Into<Cow<'static, str>>) -> JsonError {
        JsonError {
            strictness: true,
            ..self.error(what)
        }
    }

    fn value(&mut self) -> Result<Value, JsonError> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => Ok(Value::String(self.string()?.into())),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'N' | b'I') => Err(self.strictness("NaN or Infinity, which JSON does not have")),
            Some(_) => Err(self.error("a character that starts no value")),
            None => Err(self.error("the end of the text where a value was due")),
        }
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<Value, JsonError>,
    ) -> Result<Value, JsonError> {
        if self.depth == MAX_DEPTH {
            return Err(self.strictness("nesting beyond 128 levels"));
        }
        self.depth += 1;
        self.at += 1;
        self.space();
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<Value, JsonError> {
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            self.space();
            items.push(self.value()?);
            if self.ends(b']')? {
                return Ok(Value::Array(items));
            }
        }
    }

    fn object(&mut self) -> Result<Value, JsonError> {
        let mut members = Map::new();
        if self.take(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.error("something else where a key was due"));
            }
            let start = self.at;
            let key: Arc<str> = self.string()?.into();
            if self.reading == Reading::Strict && members.contains_key(&key) {
                self.at = start;
                return Err(self.strictness(format!("the key {key:.100?} a second time")));
            }
            self.space();
            if !self.take(b':') {
                return Err(self.error("something else where a colon was due"));
            }
            self.space();
            let value = self.value()?;
            members.insert(key, value);
            if self.ends(b'}')? {
                return Ok(Value::Object(members));
            }
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Takes a comma (false) or the closing bracket (true).
    fn ends(&mut self, close: u8) -> Result<bool, JsonError> {
        self.space();
        if self.take(close) {
            return Ok(true);
        }
        if self.take(b',') {
            Ok(false)
        } else {
            Err(self.error("neither a comma nor the end of the container"))
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        if self
            .text
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(word.as_bytes()))
        {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.error("an unknown word"))
        }
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            Err(self.error("something else where a digit was due"))
        } else {
            Ok(())
        }
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        if self.take(b'-') && self.peek() == Some(b'I') {
            return Err(self.strictness("NaN or Infinity, which JSON does not have"));
        }
        if !self.take(b'0') {
            self.digits()?;
        }
        let mut integer = true;
        if self.take(b'.') {
            integer = false;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            integer = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let written = self.source.get(start..self.at).unwrap_or_default();
        if integer {
            self.integer(written)
        } else {
            self.float(written)
        }
    }

    fn integer(&self, written: &str) -> Result<Value, JsonError> {
        let exact = written.parse::<i128>().ok();
        match exact.filter(|&n| (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&n)) {
            Some(number) => Ok(Value::Int(number)),
            None if self.reading == Reading::Lenient => {
                Ok(Value::Foreign("integer beyond 64 bits"))
            }
            None => Err(self.strictness("an integer beyond 64 bits")),
        }
    }

    fn float(&self, written: &str) -> Result<Value, JsonError> {
        match written.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            _ if self.reading == Reading::Lenient => Ok(Value::Foreign("number beyond 64 bits")),
            _ => Err(self.strictness("a number beyond 64 bits")),
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.at += 1;
        let start = self.at;
        let plain = memchr::memchr2(b'"', b'\\', self.text.get(start..).unwrap_or_default())
            .ok_or_else(|| JsonError {
                offset: self.text.len(),
                ..self.error("a string without an end")
            })?;
        self.at += plain;
        let head = self.source.get(start..self.at).unwrap_or_default();
        self.no_control(head, start)?;
        if self.take(b'"') {
            return Ok(Cow::Borrowed(head));
        }
        let mut out = head.to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(out));
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => {
                    let from = self.at;
                    let rest = self.text.get(from..).unwrap_or_default();
                    self.at += memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                    let piece = self.source.get(from..self.at).unwrap_or_default();
                    self.no_control(piece, from)?;
                    out.push_str(piece);
                }
                None => return Err(self.error("a string without an end")),
            }
        }
    }

    fn no_control(&self, piece: &str, start: usize) -> Result<(), JsonError> {
        match piece.bytes().position(|byte| byte < 0x20) {
            Some(at) => Err(JsonError {
                offset: start + at,
                ..self.error("a control character in a string")
            }),
            None => Ok(()),
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        self.at += 1;
        let byte = self.peek();
        self.at += 1;
        Ok(match byte {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.error("an unknown escape")),
        })
    }

    fn unicode(&mut self) -> Result<char, JsonError> {
        let first = self.hex()?;
        let code = if (0xd800..0xdc00).contains(&first)
            && self.text.get(self.at..self.at + 2) == Some(b"\\u".as_slice())
        {
            self.at += 2;
            let second = self.hex()?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(self.strictness("a lone surrogate"));
            }
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.strictness("a lone surrogate"))
    }

    fn hex(&mut self) -> Result<u32, JsonError> {
        let digits = self
            .source
            .get(self.at..self.at + 4)
            .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
        self.at += 4;
        code.ok_or_else(|| self.error("something else where four hex digits were due"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strict(text: &str) -> Result<Value, JsonError> {
        parse(text.as_bytes(), Reading::Strict)
    }

    #[test]
    fn integers_are_exact_p23() {
        assert_eq!(
            strict("9007199254740993").unwrap().as_int(),
            Some(9_007_199_254_740_993)
        );
        assert_eq!(
            strict("18446744073709551615").unwrap().as_int(),
            Some(i128::from(u64::MAX))
        );
        assert!(strict("18446744073709551616").unwrap_err().strictness);
        assert!(matches!(
            parse(b"1e999", Reading::Lenient),
            Ok(Value::Foreign(_))
        ));
    }

    #[test]
    fn duplicate_keys_s45() {
        assert!(strict(r#"{"a":1,"\u0061":2}"#).unwrap_err().strictness);
        let lenient = parse(br#"{"a":1,"a":2}"#, Reading::Lenient).unwrap();
        assert_eq!(lenient.get("a").and_then(Value::as_int), Some(2));
    }

    #[test]
    fn refuses_what_json_has_not() {
        for bad in [
            "",
            "\u{feff}{}",
            "NaN",
            "-Infinity",
            "[1,]",
            "{\"a\"}",
            "{,}",
            "01",
            "1.",
            "+1",
            "\"\t\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\\u12g4\"",
            "tru",
            "{} {}",
            "'a'",
            "\"a",
            "[",
            "\"\\u12",
            "\"\\",
        ] {
            assert!(strict(bad).is_err(), "{bad}");
        }
        assert!(strict(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn reads_escapes_and_order() {
        let value =
            strict("{\"b\": \"\\ud83d\\ude00\\n\\u00e9x\", \"a\": [true, null, -0.5]}").unwrap();
        assert_eq!(value.get("b").and_then(Value::as_str), Some("😀\néx"));
        let keys: Vec<_> = value
            .as_object()
            .unwrap()
            .keys()
            .map(|key| &**key)
            .collect();
        assert_eq!(keys, ["b", "a"]);
    }
}
