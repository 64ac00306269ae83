// SPDX-License-Identifier: MPL-2.0
//! Numbers as Python prints them after it has read them.

use std::fmt;

use catena_jsone::float_repr;

/// The most digits of an integer that Python reads (its guard against quadratic time).
const MAX_DIGITS: usize = 4300;

/// A finite number in its final form.
#[derive(Clone, Eq, PartialEq)]
pub struct Number(String);

impl Number {
    /// Takes a number as JSON writes it; `None` if it is no finite float, or an integer of more than 4,300 digits.
    ///
    /// An integer keeps its digits (`-0` is `0`); all else becomes a float of 64 bits.
    #[must_use]
    pub fn parse(written: &str) -> Option<Self> {
        if written.contains(['.', 'e', 'E']) {
            let value: f64 = written.parse().ok()?;
            return value.is_finite().then(|| Self(float_repr(value)));
        }
        let digits = written.strip_prefix('-').unwrap_or(written);
        let fits = digits.len() <= MAX_DIGITS && !digits.is_empty();
        if !fits || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        Some(Self(if digits == "0" { "0" } else { written }.to_owned()))
    }

    /// Returns the number as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<u32> for Number {
    fn from(number: u32) -> Self {
        Self(number.to_string())
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        Number::parse(text).unwrap().0
    }

    #[test]
    fn g23_integers_keep_every_digit_p37() {
        for text in ["0", "-1", "18446744073709551617", &"9".repeat(4300)] {
            assert_eq!(written(text), text);
        }
        assert_eq!(written("-0"), "0");
        assert_eq!(Number::parse(&"9".repeat(4301)), None);
    }

    #[test]
    fn g23_floats_are_written_as_python_writes_them() {
        for (text, expected) in [
            ("1.0", "1.0"),
            ("-0.0", "-0.0"),
            ("1e5", "100000.0"),
            ("1E15", "1000000000000000.0"),
            ("1e16", "1e+16"),
            ("123456789012345678.0", "1.2345678901234568e+17"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("1.5e-7", "1.5e-07"),
            ("1e-300", "1e-300"),
            ("5e-324", "5e-324"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("0.1", "0.1"),
            ("2.98023223876953125e-08", "2.9802322387695312e-08"),
            ("2223007634874.78125", "2223007634874.7812"),
            ("1e-400", "0.0"),
            ("3.14159265358979323846", "3.141592653589793"),
        ] {
            assert_eq!(written(text), expected, "{text}");
        }
    }

    #[test]
    fn g23_what_is_not_finite_is_no_number() {
        for text in ["1e999", "-1e999", "", "-", "NaN", "0x1"] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }
}
