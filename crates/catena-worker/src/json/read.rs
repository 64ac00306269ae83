// SPDX-License-Identifier: MPL-2.0
//! Reads JSON texts without loss; what two readers could understand differently is refused (P37).

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Json, Members, Number};

/// How deep containers may nest, as everywhere else in this project (P2).
const MAX_DEPTH: usize = 128;

/// Why a text cannot become part of a document.
#[derive(Debug, thiserror::Error)]
#[error("expected one unambiguous JSON value, found: {0}")]
pub struct ReadError(String);

/// Reads one JSON value.
///
/// # Errors
/// The text is not JSON, repeats a key, has a lone surrogate, a number that is not finite or an integer of more than
/// 4,300 digits, or nests deeper than 128 levels.
pub fn parse(text: &[u8]) -> Result<Json, ReadError> {
    let raw: &RawValue = serde_json::from_slice(text).map_err(|why| ReadError(why.to_string()))?;
    value(raw.get(), MAX_DEPTH)
}

/// Reads a text that is known to be one JSON value.
fn value(text: &str, depth: usize) -> Result<Json, ReadError> {
    let wrong = |why: serde_json::Error| ReadError(plain(&why));
    Ok(match text.as_bytes().first() {
        Some(b'{' | b'[') => {
            let depth = depth
                .checked_sub(1)
                .ok_or_else(|| ReadError(format!("nesting beyond {MAX_DEPTH} levels")))?;
            let mut reader = serde_json::Deserializer::from_str(text);
            Container { depth }
                .deserialize(&mut reader)
                .map_err(wrong)?
        }
        Some(b'"') => Json::String(serde_json::from_str(text).map_err(wrong)?),
        Some(b't') => Json::Bool(true),
        Some(b'f') => Json::Bool(false),
        Some(b'n') => Json::Null,
        _ => Json::Number(Number::parse(text).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            ReadError(format!("{shown}, which no float or integer can hold"))
        })?),
    })
}

/// Without the position: it would be that in a part of the text.
fn plain(why: &serde_json::Error) -> String {
    let text = why.to_string();
    let cut = text.rfind(" at line ").unwrap_or(text.len());
    text.get(..cut).unwrap_or(&text).to_owned()
}

struct Container {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Container {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Container {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut out = Vec::new();
        while let Some(item) = items.next_element::<&RawValue>()? {
            out.push(value(item.get(), self.depth).map_err(|why| serde::de::Error::custom(why.0))?);
        }
        Ok(Json::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut out = Members::new();
        while let Some(key) = members.next_key::<String>()? {
            if out.contains_key(&key) {
                let why = format!("the key {key:.100?} a second time");
                return Err(serde::de::Error::custom(why));
            }
            let member = members.next_value::<&RawValue>()?;
            let member =
                value(member.get(), self.depth).map_err(|why| serde::de::Error::custom(why.0))?;
            out.insert(key, member);
        }
        Ok(Json::Object(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p37_values_are_read_whole() {
        let text =
            r#" {"b": [1, 2.50, -3e400000000000000000000, "\ud83d\ude00"], "a": {"": null}} "#;
        let error = parse(text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("-3e4"), "{error}");
        let text = text.replace("-3e400000000000000000000", "36893488147419103233");
        let read = parse(text.as_bytes()).unwrap();
        assert_eq!(
            read.to_line(),
            r#"{"a":{"":null},"b":[1,2.5,36893488147419103233,"\ud83d\ude00"]}"#
        );
    }

    #[test]
    fn p37_what_is_ambiguous_is_refused() {
        for (text, why) in [
            (r#"{"a": {"b": 1, "\u0062": 2}}"#, "a second time"),
            (r#"["\ud800"]"#, "hex escape"),
            (r#"{"\udc00": 1}"#, "surrogate"),
            (r#"["\ud800\u0041"]"#, "surrogate"),
            ("[NaN]", "expected value"),
            ("[1e999]", "1e999"),
            ("{} {}", "trailing"),
            ("\u{feff}{}", "expected value"),
            ("", "EOF"),
            ("[01]", "invalid number"),
            ("[1,]", "expected value"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(parse(b"[\"\xff\"]").is_err());
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(deep(100).as_bytes()).is_ok());
        assert!(parse(deep(129).as_bytes()).is_err());
        assert!(parse(deep(100_000).as_bytes()).is_err());
    }
}
