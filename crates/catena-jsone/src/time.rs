// SPDX-License-Identifier: MPL-2.0
//! `$fromNow` and `fromNow`: a point in time, moved by an offset such as `1 year 2 days`.
//!
//! There is no clock here. The reference reads its clock when `now` is null; that is an error here.

use jiff::SignedDuration;
use jiff::civil::DateTime;

use crate::error::{Error, Fault, excerpt};
use crate::text::is_space;

/// Returns `reference` moved by `offset`, as `YYYY-MM-DDTHH:MM:SS.mmmZ`. Without a reference it is an error, but a
/// malformed offset comes first, as in the reference implementation.
pub(crate) fn from_now(offset: &str, reference: Option<&str>) -> Result<String, Fault> {
    let out_of_range = || Error::template("date is outside of the years 1 to 9999");
    let (sign, offset) = split_sign(offset);
    let delta = parse_offset(offset).ok_or_else(|| {
        Error::template(format!(
            "offset string: '{}' does not parse",
            excerpt(offset)
        ))
    })?;
    let seconds = i64::try_from(sign * delta).map_err(|_| out_of_range())?;
    let reference =
        reference.ok_or_else(|| Error::template("the time to start from is not a string"))?;
    let reference = parse_time(reference).ok_or_else(|| {
        let found = excerpt(reference);
        Error::template(format!(
            "time '{found}' does not match YYYY-MM-DDTHH:MM:SS.fZ"
        ))
    })?;
    let moved = reference
        .checked_add(SignedDuration::from_secs(seconds))
        .ok()
        .filter(|moved| moved.year() >= 1)
        .ok_or_else(out_of_range)?;
    Ok(moved.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}

/// The units of an offset in the order in which they may stand, and their seconds. A year has 365 days, a month 30.
const UNITS: [(&[&str], i128); 7] = [
    (&["years", "year", "yr", "y"], 365 * DAY),
    (&["months", "month", "mo"], 30 * DAY),
    (&["weeks", "week", "wk", "w"], 7 * DAY),
    (&["days", "day", "d"], DAY),
    (&["hours", "hour", "hr", "h"], 3600),
    (&["minutes", "minute", "min", "m"], 60),
    (&["seconds", "second", "sec", "s"], 1),
];
const DAY: i128 = 86_400;

/// Returns the sign of an offset, which may be written `-`, `+` or `-+`, and the rest.
fn split_sign(offset: &str) -> (i128, &str) {
    let offset = offset.trim_start_matches(is_space);
    let (sign, offset) = match offset.strip_prefix('-') {
        Some(rest) => (-1, rest.trim_start_matches(is_space)),
        None => (1, offset),
    };
    (
        sign,
        offset
            .strip_prefix('+')
            .unwrap_or(offset)
            .trim_start_matches(is_space),
    )
}

/// Returns the seconds that an offset without sign stands for; saturates.
fn parse_offset(offset: &str) -> Option<i128> {
    let mut rest = offset.trim_matches(is_space);
    let mut units = UNITS.iter();
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let (digits, after) = split(rest, |c| c.is_ascii_digit());
        let (name, after) = split(after.trim_start_matches(is_space), |c| {
            c.is_ascii_alphabetic()
        });
        let (_, seconds) = units.find(|(names, _)| names.contains(&name))?;
        if digits.is_empty() {
            return None;
        }
        let amount = digits.parse().unwrap_or(i128::MAX); // too many digits: out of range whatever they are
        total = total.saturating_add(seconds.saturating_mul(amount));
        rest = after.trim_start_matches(is_space);
    }
    Some(total)
}

fn split(text: &str, part: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !part(c)).unwrap_or(text.len()))
}

/// Reads what Python's `strptime("%Y-%m-%dT%H:%M:%S.%fZ")` reads: no offset, a fraction is needed, leading zeros are
/// not (but for the year).
fn parse_time(text: &str) -> Option<DateTime> {
    let (year, rest) = text.split_once('-')?;
    let (month, rest) = rest.split_once('-')?;
    let (day, rest) = rest.split_once(['T', 't'])?;
    let (hour, rest) = rest.split_once(':')?;
    let (minute, rest) = rest.split_once(':')?;
    let (second, rest) = rest.split_once('.')?;
    let fraction = rest.strip_suffix(['Z', 'z'])?;
    let day = if day.len() == 2 {
        day.strip_prefix(' ').unwrap_or(day)
    } else {
        day
    };
    let microseconds =
        digits(fraction, 1, 6)? * 10_i32.pow(6 - u32::try_from(fraction.len()).ok()?);
    let small = |text| digits(text, 1, 2).and_then(|number| i8::try_from(number).ok());
    let year = i16::try_from(digits(year, 4, 4)?)
        .ok()
        .filter(|year| *year >= 1)?;
    DateTime::new(
        year,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        microseconds * 1000,
    )
    .ok()
}

fn digits(text: &str, min: usize, max: usize) -> Option<i32> {
    let fits = (min..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2017-01-19T16:27:20.974Z";

    #[test]
    fn offsets_are_read_like_the_reference() {
        let day = 86_400;
        for (offset, seconds) in [
            ("", 0),
            (" - + 1d2h ", -day - 7200),
            ("1 year 2mo 3wk", (365 + 60 + 21) * day),
            ("5min 1s", 301),
            ("1\u{a0}d", day),
        ] {
            let (sign, rest) = split_sign(offset);
            assert_eq!(
                parse_offset(rest).map(|delta| sign * delta),
                Some(seconds),
                "{offset}"
            );
        }
        for offset in [
            "1", "d", "1 dayss", "1h 1d", "1d 1d", "1D", "--1d", "+-1d", "1 d x", "1.5d",
        ] {
            assert_eq!(parse_offset(split_sign(offset).1), None, "{offset}");
        }
    }

    #[test]
    fn dates_out_of_range_are_errors() {
        for offset in [
            "99999999999999 years",
            "300000 years",
            "-2019 years",
            "8000 years",
        ] {
            assert!(
                from_now(offset, Some(NOW))
                    .unwrap_err()
                    .message
                    .contains("outside"),
                "{offset}"
            );
        }
        let digits = "9".repeat(10_000);
        assert!(from_now(&format!("{digits} y {digits} s"), Some(NOW)).is_err());
        assert_eq!(
            from_now("-2000 years", Some("2017-01-19T16:27:20.9Z")).unwrap(),
            "0018-05-19T16:27:20.900Z"
        );
    }

    #[test]
    fn times_are_read_like_the_reference() {
        assert_eq!(
            from_now("1d", Some("2017-01- 9t1:2:3.1239z")).unwrap(),
            "2017-01-10T01:02:03.123Z"
        );
        for time in [
            "",
            "2017-01-19T16:27:20Z",
            "2017-01-19T16:27:20.974+00:00",
            "2017-01-19T16:27:60.0Z",
            "2017-02-29T16:27:20.0Z",
            "0000-01-19T16:27:20.0Z",
            "+017-01-19T16:27:20.0Z",
            "2017-01-19T16:27:20.1234567Z",
        ] {
            assert!(from_now("", Some(time)).is_err(), "{time}");
        }
    }
}
