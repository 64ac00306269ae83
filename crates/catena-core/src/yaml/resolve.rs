// SPDX-License-Identifier: MPL-2.0
//! Types scalars as PyYAML's `SafeLoader` does: its implicit resolvers by the same patterns, and its constructors.
//!
//! The patterns are anchored with `\z` where PyYAML writes `$`: a plain scalar never ends in a line break.

use std::sync::LazyLock;

use regex::Regex;

use super::Node;

/// What a plain scalar without a tag is.
pub(super) enum Plain {
    /// `<<`: a merge key, or an error in any other place.
    Merge,
    /// A value.
    Node(Node),
    /// `=`: the string as a key, an error in any other place.
    Value,
}

/// Returns what a plain scalar is under YAML 1.1, or why PyYAML fails to construct it.
pub(super) fn plain(text: &str) -> Result<Plain, &'static str> {
    let node = match text.chars().next() {
        None => Node::Null,
        Some('<') if text == "<<" => return Ok(Plain::Merge),
        Some('=') if text == "=" => return Ok(Plain::Value),
        Some('~') if text == "~" => Node::Null,
        Some('y' | 'Y' | 'n' | 'N' | 't' | 'T' | 'f' | 'F' | 'o' | 'O') => {
            if matches!(text, "null" | "Null" | "NULL") {
                Node::Null
            } else {
                implicit_boolean(text).map_or_else(|| string(text), Node::Bool)
            }
        }
        Some('-' | '+' | '.' | '0'..='9') => numeric(text)?,
        Some(_) => string(text),
    };
    Ok(Plain::Node(node))
}

/// Returns what a scalar with a tag of `tag:yaml.org,2002:` is, or why it is refused.
///
/// Python's `int()` and `float()` read more under an explicit tag than YAML has (other scripts' digits, spaces around);
/// such text is refused.
pub(super) fn tagged(tag: &str, text: &str) -> Result<Node, &'static str> {
    match tag {
        "binary" if is_base64(text) => Ok(Node::Binary),
        "binary" => Err("!!binary is not padded base64"),
        "bool" => boolean(&text.to_ascii_lowercase())
            .map(Node::Bool)
            .ok_or("!!bool is not a boolean"),
        "float" if FLOAT.is_match(text) || TAGGED_FLOAT.is_match(text) => {
            float(text).map(Node::Float)
        }
        "float" => Err("!!float is not a number that YAML 1.1 has"),
        "int" if INTEGER.is_match(text) => integer(text),
        "int" => Err("!!int is not an integer that YAML 1.1 has"),
        "null" => Ok(Node::Null),
        "str" => Ok(string(text)),
        "timestamp" => timestamp(text),
        "map" | "seq" | "set" => Err("a tag of a collection on a scalar"),
        _ => Err("a tag that is not supported"),
    }
}

/// Returns a description of a node, to compare the two readings of a scalar.
pub(super) fn describe(node: &Node) -> String {
    match node {
        Node::Bool(flag) => format!("boolean {flag}"),
        Node::Float(number) => format!("number {number:?}"),
        Node::Int(number) => format!("integer {number}"),
        _ => node.type_name().to_owned(),
    }
}

/// Returns a description of how the core schema of YAML 1.2 (10.3.2) reads a plain scalar.
pub(super) fn describe_1_2(text: &str) -> String {
    let node = match text {
        "" | "~" | "null" | "Null" | "NULL" => Node::Null,
        "true" | "True" | "TRUE" => Node::Bool(true),
        "false" | "False" | "FALSE" => Node::Bool(false),
        _ if !text.starts_with([
            '-', '+', '.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
        ]) =>
        {
            return "string".to_owned();
        }
        _ if FLOAT_1_2.is_match(text) => {
            let number = text.strip_prefix('+').unwrap_or(text);
            if number
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-')
            {
                number.parse().map_or(Node::BigInteger, Node::Int)
            } else {
                number.parse().map_or(Node::Null, Node::Float)
            }
        }
        _ => match text.trim_start_matches(['-', '+']) {
            ".inf" | ".Inf" | ".INF" if text.starts_with('-') => Node::Float(f64::NEG_INFINITY),
            ".inf" | ".Inf" | ".INF" => Node::Float(f64::INFINITY),
            ".nan" | ".NaN" | ".NAN" => Node::Float(f64::NAN),
            _ => match (text.strip_prefix("0o"), text.strip_prefix("0x")) {
                (Some(digits), _) if digits.bytes().all(|byte| matches!(byte, b'0'..=b'7')) => {
                    radix(digits, 8).unwrap_or(Node::BigInteger)
                }
                (_, Some(digits)) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                    radix(digits, 16).unwrap_or(Node::BigInteger)
                }
                _ => return "string".to_owned(),
            },
        },
    };
    describe(&node)
}

fn string(text: &str) -> Node {
    Node::String(text.into())
}

fn implicit_boolean(text: &str) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    let mut capitalised = lower.clone();
    capitalised.get_mut(..1)?.make_ascii_uppercase();
    let cased = text == lower || text == capitalised || text == text.to_ascii_uppercase();
    if cased { boolean(&lower) } else { None }
}

fn boolean(lower: &str) -> Option<bool> {
    match lower {
        "yes" | "true" | "on" => Some(true),
        "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

fn numeric(text: &str) -> Result<Node, &'static str> {
    if FLOAT.is_match(text) {
        float(text).map(Node::Float)
    } else if INTEGER.is_match(text) {
        integer(text)
    } else if TIMESTAMP.is_match(text) {
        timestamp(text)
    } else {
        Ok(string(text))
    }
}

/// Constructs an integer as `construct_yaml_int` does; the text matches [`INTEGER`].
fn integer(text: &str) -> Result<Node, &'static str> {
    let digits = text.replace('_', "");
    let (negative, digits) = sign(&digits);
    let magnitude = if let Some(binary) = digits.strip_prefix("0b") {
        radix(binary, 2)?
    } else if let Some(hexadecimal) = digits.strip_prefix("0x") {
        radix(hexadecimal, 16)?
    } else if digits.starts_with('0') {
        radix(digits, 8)?
    } else {
        let parts = digits
            .split(':')
            .map(|part| radix(part, 10))
            .collect::<Result<Vec<_>, _>>()?;
        let total = parts.iter().try_fold(0_i128, |total, part| {
            total.checked_mul(60)?.checked_add(part.as_int()?)
        });
        total.map_or(Node::BigInteger, Node::Int)
    };
    Ok(match magnitude {
        Node::Int(number) if negative => Node::Int(-number),
        other => other,
    })
}

/// Python refuses to read more decimal digits than this (`sys.int_info.default_max_str_digits`).
const MAX_DECIMAL_DIGITS: usize = 4300;

fn radix(digits: &str, radix: u32) -> Result<Node, &'static str> {
    if digits.is_empty() {
        return Err("an integer without digits");
    }
    if radix == 10 && digits.len() > MAX_DECIMAL_DIGITS {
        return Err("an integer of more than 4300 digits");
    }
    Ok(i128::from_str_radix(digits, radix).map_or(Node::BigInteger, Node::Int))
}

/// Powers of 60 are exact floats up to this many parts; beyond, Python rounds differently.
const MAX_SEXAGESIMAL_PARTS: usize = 13;

/// Constructs a float as `construct_yaml_float` does; the text matches [`FLOAT`] or [`TAGGED_FLOAT`].
fn float(text: &str) -> Result<f64, &'static str> {
    let lower = text.replace('_', "").to_ascii_lowercase();
    let (negative, digits) = sign(&lower);
    let magnitude = match digits {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        _ => {
            let parts = digits
                .split(':')
                .map(str::parse::<f64>)
                .collect::<Result<Vec<_>, _>>();
            let parts = parts.map_err(|_| "a number without digits")?;
            if parts.len() > MAX_SEXAGESIMAL_PARTS {
                return Err("a sexagesimal number of more than 13 parts");
            }
            let mut base = 1.0;
            parts.iter().rev().fold(0.0, |total, part| {
                let next = total + part * base;
                base *= 60.0;
                next
            })
        }
    };
    Ok(if negative { -magnitude } else { magnitude })
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Checks a timestamp as `construct_yaml_timestamp` and `datetime` do; the date must exist.
fn timestamp(text: &str) -> Result<Node, &'static str> {
    let wrong = "a date or time that does not exist";
    let parts = TIMESTAMP_PARTS
        .captures(text)
        .ok_or("!!timestamp is not a date or time")?;
    let part = |name: &str| {
        parts
            .name(name)
            .map_or(Ok(0), |found| found.as_str().parse::<i16>())
            .map_err(|_| wrong)
    };
    let small = |name: &str| part(name)?.try_into().map_err(|_| wrong);
    let year = part("year")?;
    let date = jiff::civil::Date::new(year, small("month")?, small("day")?);
    let time = jiff::civil::Time::new(small("hour")?, small("minute")?, small("second")?, 0);
    let offset = part("tz_hour")? * 60 + part("tz_minute")?;
    if date.is_ok() && time.is_ok() && year > 0 && offset < 24 * 60 {
        Ok(Node::Timestamp)
    } else {
        Err(wrong)
    }
}

/// Returns whether the text is base64 that every decoder reads alike: padded, only white space besides.
fn is_base64(text: &str) -> bool {
    let data: Vec<u8> = text
        .bytes()
        .filter(|byte| !matches!(byte, b' ' | b'\n' | b'\t' | b'\r'))
        .collect();
    let padding = data.iter().rev().take_while(|byte| **byte == b'=').count();
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    data.len().is_multiple_of(4) && padding <= 2 && data.iter().rev().skip(padding).all(is_digit)
}

fn pattern(source: &str) -> Regex {
    #[expect(
        clippy::expect_used,
        reason = "the patterns are constants, and a test uses each"
    )]
    Regex::new(source).expect("a constant pattern")
}

static FLOAT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)\A(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?
        |\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?
        |[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*
        |[-+]?\.(?:inf|Inf|INF)
        |\.(?:nan|NaN|NAN))\z",
    )
});

static TAGGED_FLOAT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\A[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?\z")
});

static FLOAT_1_2: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\A[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\z"));

static INTEGER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)\A(?:[-+]?0b[0-1_]+
        |[-+]?0[0-7_]+
        |[-+]?(?:0|[1-9][0-9_]*)
        |[-+]?0x[0-9a-fA-F_]+
        |[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)\z",
    )
});

static TIMESTAMP: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)\A(?:[0-9]{4}-[0-9]{2}-[0-9]{2}
        |[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[\ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?
        (?:[\ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)\z",
    )
});

static TIMESTAMP_PARTS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)\A(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})
        (?:(?:[Tt]|[\ \t]+)(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?:\.[0-9]*)?
        (?:[\ \t]*(?:Z|[-+](?P<tz_hour>[0-9]{1,2})(?::(?P<tz_minute>[0-9]{2}))?))?)?\z",
    )
});
