// SPDX-License-Identifier: MPL-2.0
//! Comparison of definitions (V69a, V69b, V93, S42): what is equal, and where two values differ.

use catena_jsone::{Map, Value};

use crate::model::shape::describe;

/// Whether `true` may equal 1, as it does in Python (measured, V93).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exactness {
    /// Types count, numbers are exact (S42, always).
    Exact,
    /// As the reference compares: to tell a difference of type from a difference of value.
    Python,
}

/// One place where two values differ.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Difference {
    /// RFC 6901 pointer.
    pub(crate) pointer: String,
    /// What the first has.
    pub(crate) left: String,
    /// What the second has.
    pub(crate) right: String,
}

/// Returns the first `limit` differences, in the order of the keys.
pub(crate) fn differences(
    left: &Value,
    right: &Value,
    exactness: Exactness,
    limit: usize,
) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(
        left,
        right,
        exactness,
        limit,
        &mut String::new(),
        &mut found,
    );
    found
}

fn compare(
    left: &Value,
    right: &Value,
    exactness: Exactness,
    limit: usize,
    pointer: &mut String,
    found: &mut Vec<Difference>,
) {
    if found.len() >= limit {
        return;
    }
    let length = pointer.len();
    match (left, right) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<_> = a
                .keys()
                .chain(b.keys().filter(|key| !a.contains_key(*key)))
                .collect();
            keys.sort_unstable();
            for key in keys {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => compare(a, b, exactness, limit, pointer, found),
                    (a, b) => add(a, b, limit, pointer, found),
                }
                pointer.truncate(length);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for at in 0..a.len().max(b.len()) {
                pointer.push('/');
                pointer.push_str(&at.to_string());
                match (a.get(at), b.get(at)) {
                    (Some(a), Some(b)) => compare(a, b, exactness, limit, pointer, found),
                    (a, b) => add(a, b, limit, pointer, found),
                }
                pointer.truncate(length);
            }
        }
        _ if leaf_equal(left, right, exactness) => {}
        _ => add(Some(left), Some(right), limit, pointer, found),
    }
}

fn add(
    left: Option<&Value>,
    right: Option<&Value>,
    limit: usize,
    pointer: &str,
    found: &mut Vec<Difference>,
) {
    if found.len() < limit {
        found.push(Difference {
            pointer: pointer.to_owned(),
            left: describe(left),
            right: describe(right),
        });
    }
}

/// Compares leaves (V93): text by code points, numbers by value.
fn leaf_equal(left: &Value, right: &Value, exactness: Exactness) -> bool {
    match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Int(int), Value::Float(float)) | (Value::Float(float), Value::Int(int)) => {
            int_equals(*int, *float)
                || (exactness == Exactness::Python && close(*float, to_float(*int)))
        }
        (Value::Float(a), Value::Float(b)) => {
            a == b || (exactness == Exactness::Python && close(*a, *b))
        }
        (Value::Bool(flag), number) | (number, Value::Bool(flag))
            if exactness == Exactness::Python =>
        {
            let one = Value::Int(i128::from(*flag));
            matches!(number, Value::Int(_) | Value::Float(_)) && leaf_equal(&one, number, exactness)
        }
        _ => false,
    }
}

/// Returns whether a float is exactly an integer's value.
#[expect(
    clippy::as_conversions,
    reason = "the float is integral and within i128, so the conversion is exact"
)]
fn int_equals(int: i128, float: f64) -> bool {
    float.fract() == 0.0 && float.abs() < 1e30 && float as i128 == int
}

#[expect(
    clippy::as_conversions,
    reason = "rounding is what the comparison within a tolerance wants"
)]
const fn to_float(int: i128) -> f64 {
    int as f64
}

/// The reference's tolerance (V93): 2^-52, relative.
fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= f64::EPSILON * a.abs().max(b.abs())
}

/// Prunes a value (V69b): drops members and items that are `{}`, null, `[]` or `"null"` as written, then goes
/// into what remains; a container that becomes empty stays.
pub(crate) fn prune(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(
            items
                .iter()
                .filter(|item| !is_void(item))
                .map(prune)
                .collect(),
        ),
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(_, value)| !is_void(value))
                .map(|(key, value)| (key.clone(), prune(value)))
                .collect::<Map>(),
        ),
        other => other.clone(),
    }
}

/// Returns whether pruning drops a value.
pub(crate) fn is_void(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => &**text == "null",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Reading, parse};

    fn equal(left: &Value, right: &Value, exactness: Exactness) -> bool {
        differences(left, right, exactness, 1).is_empty()
    }

    fn value(text: &str) -> Value {
        parse(text.as_bytes(), Reading::Strict).unwrap()
    }

    #[test]
    fn prunes_as_written_v69b() {
        let cases = [
            (
                r#"{"a":{"b":null,"c":""},"d":[{},""]}"#,
                r#"{"a":{"c":""},"d":[""]}"#,
            ),
            (r#"{"a":{"b":null}}"#, r#"{"a":{}}"#),
            (r#"{"a":{}}"#, "{}"),
            (r#"{"a":"null","b":0,"c":false}"#, r#"{"b":0,"c":false}"#),
        ];
        for (given, pruned) in cases {
            assert!(
                equal(&prune(&value(given)), &value(pruned), Exactness::Exact),
                "{given}"
            );
        }
    }

    #[test]
    fn leaves_v93_s42() {
        assert!(equal(&value("1"), &value("1.0"), Exactness::Exact));
        assert!(!equal(&value("1"), &value("true"), Exactness::Exact));
        assert!(equal(&value("1"), &value("true"), Exactness::Python));
        assert!(!equal(
            &value("9007199254740993"),
            &value("9007199254740992.0"),
            Exactness::Exact
        ));
        assert!(!equal(
            &value("0.1"),
            &value("0.10000000000000002"),
            Exactness::Exact
        ));
        assert!(equal(
            &value("0.1"),
            &value("0.10000000000000002"),
            Exactness::Python
        ));
        assert!(!equal(
            &Value::Foreign("date"),
            &Value::Foreign("date"),
            Exactness::Python
        ));
        assert!(!equal(&value("[1,2]"), &value("[2,1]"), Exactness::Exact));
    }

    #[test]
    fn says_where() {
        let found = differences(
            &value(r#"{"a":[1,{"b/c":2}]}"#),
            &value(r#"{"a":[1,{"b/c":3}]}"#),
            Exactness::Exact,
            9,
        );
        assert_eq!(
            found,
            [Difference {
                pointer: "/a/1/b~1c".into(),
                left: "2".into(),
                right: "3".into()
            }]
        );
    }
}
