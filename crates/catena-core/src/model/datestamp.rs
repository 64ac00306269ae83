// SPDX-License-Identifier: MPL-2.0
//! Relative datestamps of a task graph: `{"relative-datestamp": "4 hours"}` is the task's creation time plus so much
//! (V56, S44).

use std::borrow::Cow;
use std::sync::LazyLock;

use catena_jsone::{Map, Value};
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};
use regex::Regex;

const KEY: &str = "relative-datestamp";

/// What a `-` before the number means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sign {
    /// Nothing, as in the reference: `-1 day` is one day ahead (switch `datestamp_sign`).
    Ignore,
    /// An error (S44).
    Refuse,
}

/// Why a relative datestamp has no value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DatestampError {
    /// The creation time is not one.
    #[error("expected a creation time in ISO 8601, found {found:?}")]
    Created {
        /// The text, shortened.
        found: String,
    },
    /// The offset is not a number and a unit that the rule knows.
    #[error("expected an offset such as \"4 hours\", found {found:?}")]
    Offset {
        /// The text, shortened.
        found: String,
    },
    /// The sum is beyond the year 9999.
    #[error("the offset {found:?} leads beyond the year 9999")]
    Range {
        /// The text, shortened.
        found: String,
    },
    /// The member `relative-datestamp` is neither a string nor an object.
    #[error("expected a string or an object as relative datestamp, found {found}")]
    Type {
        /// The name of its type.
        found: &'static str,
    },
}

/// Returns the value with its relative datestamps replaced, borrowed if there are none.
///
/// # Errors
/// A [`DatestampError`] for the first datestamp that has no value, and for a creation time that cannot be read, even if
/// nothing needs it.
pub fn resolve<'v>(
    value: &'v Value,
    created: &str,
    sign: Sign,
) -> Result<Cow<'v, Value>, DatestampError> {
    let resolver = Resolver {
        base: base(created)?,
        sign,
    };
    if is_relative(value) {
        resolver.walk(value).map(Cow::Owned)
    } else {
        Ok(Cow::Borrowed(value))
    }
}

/// Returns whether anything in the value is to be replaced.
fn is_relative(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(is_relative),
        Value::Object(map) => datestamp(map).is_some() || map.values().any(is_relative),
        _ => false,
    }
}

fn datestamp(map: &Map) -> Option<&Value> {
    if map.len() == 1 { map.get(KEY) } else { None }
}

struct Resolver {
    base: DateTime,
    sign: Sign,
}

impl Resolver {
    fn walk(&self, value: &Value) -> Result<Value, DatestampError> {
        match value {
            Value::Array(items) => items
                .iter()
                .map(|item| self.walk(item))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Value::Object(map) => match datestamp(map) {
                Some(Value::String(offset)) => self.timestamp(offset).map(Value::from),
                Some(Value::Object(offsets)) => {
                    self.members(offsets, |offset| self.timestamp(offset).map(Into::into))
                }
                Some(other) => Err(DatestampError::Type {
                    found: other.type_name(),
                }),
                None => self.members(map, |key| Ok(key.into())),
            },
            other => Ok(other.clone()),
        }
    }

    fn members(
        &self,
        map: &Map,
        rename: impl Fn(&str) -> Result<std::sync::Arc<str>, DatestampError>,
    ) -> Result<Value, DatestampError> {
        let members = map
            .iter()
            .map(|(key, value)| Ok((rename(key)?, self.walk(value)?)));
        members.collect::<Result<Map, _>>().map(Value::Object)
    }

    fn timestamp(&self, offset: &str) -> Result<String, DatestampError> {
        let duration = parse_offset(offset, self.sign)?;
        let found = || DatestampError::Range {
            found: shorten(offset),
        };
        let time = self.base.checked_add(duration).map_err(|_| found())?;
        let (date, milliseconds) = (time.strftime("%Y-%m-%dT%H:%M:%S"), time.millisecond());
        Ok(format!("{date}.{milliseconds:03}Z"))
    }
}

/// Parses the creation time; its offset is discarded, not converted.
fn base(created: &str) -> Result<DateTime, DatestampError> {
    let error = || DatestampError::Created {
        found: shorten(created),
    };
    let parts = CREATED.captures(created).ok_or_else(error)?;
    let part = |name: &str| parts.name(name).map_or("0", |found| found.as_str());
    let small = |name: &str| part(name).parse::<i8>().map_err(|_| error());
    let year = part("year").parse::<i16>().map_err(|_| error())?;
    let date = Date::new(year, small("month")?, small("day")?).map_err(|_| error())?;
    let milliseconds = format!("{:0<3.3}", part("fraction"))
        .parse::<i32>()
        .map_err(|_| error())?;
    let time = Time::new(
        small("hour")?,
        small("minute")?,
        small("second")?,
        milliseconds * 1_000_000,
    );
    if year == 0 || small("offset_hour")? > 23 || small("offset_minute")? > 59 {
        return Err(error());
    }
    time.map(|time| date.to_datetime(time)).map_err(|_| error())
}

/// Parses an offset: the first place with a number, spaces and a unit counts, everything else is ignored (V56).
fn parse_offset(offset: &str, sign: Sign) -> Result<SignedDuration, DatestampError> {
    let error = || DatestampError::Offset {
        found: shorten(offset),
    };
    // Python's digits are those of all scripts
    if offset.chars().any(|c| !c.is_ascii() && c.is_numeric()) {
        return Err(error());
    }
    let parts = OFFSET.captures(offset).ok_or_else(error)?;
    let begin = parts.get(0).map_or(0, |found| found.start());
    let before = offset.get(..begin).unwrap_or_default().trim();
    if sign == Sign::Refuse && (before.starts_with('-') || before.ends_with('-')) {
        return Err(error());
    }
    let number = parts.name("number").map_or("", |found| found.as_str());
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(error());
    }
    let seconds: i64 = match parts.name("unit").map_or("", |found| found.as_str()) {
        "s" | "second" | "seconds" => 1,
        "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        "mo" | "month" | "months" => 30 * 86_400,
        "y" | "year" | "years" => 365 * 86_400,
        _ => return Err(error()),
    };
    let seconds = number
        .parse::<i64>()
        .ok()
        .and_then(|number| number.checked_mul(seconds));
    seconds
        .map(SignedDuration::from_secs)
        .ok_or(DatestampError::Range {
            found: shorten(offset),
        })
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

fn pattern(source: &str) -> Regex {
    #[expect(
        clippy::expect_used,
        reason = "the patterns are constants, and every test uses both"
    )]
    Regex::new(source).expect("a constant pattern")
}

/// The pattern of taskgraph's `value_of`, for ASCII digits.
static OFFSET: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<number>(?:[0-9]+)?\.?[0-9]+) *(?P<unit>[a-z]+)"));

/// What the queue writes, and the common forms besides of what Python's `datetime.fromisoformat` reads.
static CREATED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)\A(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})
        (?:[T\ ](?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]+))?)?)?
        (?:Z|[-+](?P<offset_hour>[0-9]{2})(?::?(?P<offset_minute>[0-9]{2}))?)?)?\z",
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: &str = "2018-01-01T12:00:00.123Z";

    fn stamp(offset: Value, sign: Sign) -> Result<String, DatestampError> {
        let value = Value::from([(KEY, offset)]);
        Ok(resolve(&value, CREATED, sign)?.as_str().unwrap().to_owned())
    }

    #[test]
    fn v56_measured_offsets() {
        for (offset, expected) in [
            ("0 seconds", "2018-01-01T12:00:00.123Z"),
            ("1day", "2018-01-02T12:00:00.123Z"),
            ("1d2h", "2018-01-02T12:00:00.123Z"),
            ("  4h", "2018-01-01T16:00:00.123Z"),
            ("10 min", "2018-01-01T12:10:00.123Z"),
            ("1 month", "2018-01-31T12:00:00.123Z"),
            ("1 mo", "2018-01-31T12:00:00.123Z"),
            ("1 year 2 days", "2019-01-01T12:00:00.123Z"),
            ("in 1.x 5 days", "2018-01-06T12:00:00.123Z"),
        ] {
            assert_eq!(
                stamp(offset.into(), Sign::Refuse).as_deref(),
                Ok(expected),
                "{offset}"
            );
        }
        for offset in [
            "1.5 hours",
            ".5 days",
            "2 weeks",
            "7 sec",
            "1 hr",
            "1 Days",
            "foo",
            "",
            "1",
            "1\tday",
            "٣1 days",
        ] {
            let error = DatestampError::Offset {
                found: offset.to_owned(),
            };
            assert_eq!(stamp(offset.into(), Sign::Ignore), Err(error));
        }
    }

    #[test]
    fn v56_other_types_are_errors() {
        assert_eq!(
            stamp(Value::Int(5), Sign::Refuse),
            Err(DatestampError::Type { found: "number" })
        );
        assert_eq!(
            stamp(Value::Null, Sign::Refuse),
            Err(DatestampError::Type { found: "null" })
        );
    }

    #[test]
    fn s44_signs() {
        for offset in ["-1 day", " - 1 day", "in -1 day"] {
            assert!(stamp(offset.into(), Sign::Refuse).is_err(), "{offset}");
            assert_eq!(
                stamp(offset.into(), Sign::Ignore).as_deref(),
                Ok("2018-01-02T12:00:00.123Z")
            );
        }
    }

    #[test]
    fn v56_overflow_is_an_error() {
        for offset in [
            "8000 years",
            "99999999999999999999 days",
            "9223372036854775807 years",
            "9223372036854775807 s",
        ] {
            let error = DatestampError::Range {
                found: offset.to_owned(),
            };
            assert_eq!(stamp(offset.into(), Sign::Refuse), Err(error));
        }
    }

    #[test]
    fn v56_walks_objects_and_lists() {
        let relative = |offset: &str| Value::from([(KEY, Value::from(offset))]);
        let keyed = Value::from([(
            KEY,
            Value::from([("1 day", Value::from(vec![relative("2 days")]))]),
        )]);
        let other = Value::from([(KEY, Value::from("1 day")), ("x", Value::Null)]);
        let value = Value::from([
            ("a", Value::from(vec![relative("1 s"), keyed])),
            ("b", other),
        ]);
        let resolved = resolve(&value, CREATED, Sign::Refuse).unwrap();
        let text = |pointer: &str| {
            resolved
                .pointer(pointer)
                .and_then(Value::as_str)
                .map(ToOwned::to_owned)
        };
        assert_eq!(text("/a/0").as_deref(), Some("2018-01-01T12:00:01.123Z"));
        assert_eq!(
            text("/a/1/2018-01-02T12:00:00.123Z/0").as_deref(),
            Some("2018-01-03T12:00:00.123Z")
        );
        assert_eq!(text("/b/relative-datestamp").as_deref(), Some("1 day"));
        let plain = Value::from([("a", Value::Null)]);
        assert!(matches!(
            resolve(&plain, CREATED, Sign::Refuse),
            Ok(Cow::Borrowed(_))
        ));
    }

    #[test]
    fn v56_base_drops_its_offset() {
        for (created, expected) in [
            ("2018-01-01T12:00:00+05:30", "2018-01-01T12:00:00.000Z"),
            (
                "2018-01-01 12:00:00.9999999-0100",
                "2018-01-01T12:00:00.999Z",
            ),
            ("2018-01-01T12:00:00,5", "2018-01-01T12:00:00.500Z"),
            ("2018-01-01", "2018-01-01T00:00:00.000Z"),
        ] {
            let value = Value::from([(KEY, Value::from("0 s"))]);
            assert_eq!(
                resolve(&value, created, Sign::Refuse).unwrap().as_str(),
                Some(expected)
            );
        }
        for created in [
            "",
            "now",
            "2018-13-01T12:00:00Z",
            "2018-02-30",
            "0000-01-01",
            "2018-01-01T24:00:00Z",
            "2018-01-01T12:00:60Z",
            "2018-01-01Z",
            "2018-01-01T12:00:00+24:00",
            "2018-01-01T12:00:00Zjunk",
        ] {
            assert!(
                resolve(&Value::Null, created, Sign::Refuse).is_err(),
                "{created}"
            );
        }
    }
}
