// SPDX-License-Identifier: MPL-2.0
//! Numbers the way Python handles them: exact integers, floats that print with the fewest digits.

use std::cmp::Ordering;
use std::fmt::Write as _;

use crate::error::{Error, Fault};
use crate::value::Value;

/// Rounds to the nearest float, like Python's `float()`.
#[expect(
    clippy::as_conversions,
    reason = "there is no other way; the rounding is the one that is wanted"
)]
pub(crate) const fn to_float(number: i128) -> f64 {
    number as f64
}

/// Returns the integer that a float without a fraction is.
#[expect(clippy::as_conversions, reason = "the range is checked before")]
pub(crate) fn to_int(number: f64) -> Option<i128> {
    const LIMIT: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0; // 2^127
    (number.fract() == 0.0 && (-LIMIT..LIMIT).contains(&number)).then_some(number as i128)
}

/// Returns a float as a value; refuses what JSON cannot write.
pub(crate) fn float(number: f64) -> Result<Value, Fault> {
    if number.is_finite() {
        Ok(Value::Float(number))
    } else {
        Err(Error::interpreter("number is not finite"))
    }
}

/// Returns an integer as a value; `None` stands for one that needs more than 128 bits.
pub(crate) fn int(number: Option<i128>) -> Result<Value, Fault> {
    number
        .map(Value::Int)
        .ok_or_else(|| Error::limit("integer needs more than 128 bits"))
}

/// Compares two numbers exactly; booleans count as 0 and 1. `None` if one is not a number.
pub(crate) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Float(left), right) => compare_mixed(integer(right)?, *left).map(Ordering::reverse),
        (left, Value::Float(right)) => compare_mixed(integer(left)?, *right),
        (left, right) => Some(integer(left)?.cmp(&integer(right)?)),
    }
}

/// Returns the integer that Python sees: booleans count as 0 and 1.
pub(crate) fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Bool(flag) => Some(i128::from(*flag)),
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

fn compare_mixed(left: i128, right: f64) -> Option<Ordering> {
    match to_int(right.trunc()) {
        // beyond 2^127 only the sign matters
        None => 0.0.partial_cmp(&right),
        Some(whole) => Some(left.cmp(&whole).then(0.0.partial_cmp(&right.fract())?)),
    }
}

/// Returns the quotient of two integers, rounded once, like Python's `/`. The divisor is not zero.
pub(crate) fn divide(left: i128, right: i128) -> f64 {
    const EXACT: u128 = 1 << 53; // floats hold integers up to here exactly
    let (dividend, divisor) = (left.unsigned_abs(), right.unsigned_abs());
    if dividend <= EXACT && divisor <= EXACT {
        return to_float(left) / to_float(right);
    }
    let mut quotient = dividend / divisor;
    let mut rest = dividend % divisor;
    let mut scale = 1.0;
    // 64 significant bits, the last of which also stands for all that follow, round like the exact value
    while rest != 0 && quotient < 1 << 63 {
        // rest < divisor <= 2^127, so doubling cannot overflow
        let bit = u128::from(rest * 2 >= divisor);
        rest = rest * 2 - bit * divisor;
        quotient = quotient * 2 + bit;
        scale *= 2.0;
    }
    let sticky = u128::from(rest != 0);
    let magnitude = unsigned_to_float(quotient | sticky) / scale;
    if (left < 0) == (right < 0) {
        magnitude
    } else {
        -magnitude
    }
}

#[expect(
    clippy::as_conversions,
    reason = "rounds to nearest, which is what is wanted"
)]
const fn unsigned_to_float(number: u128) -> f64 {
    number as f64
}

/// Raises a number to a power, like Python's `**`.
pub(crate) fn power(base: &Value, exponent: &Value) -> Result<Value, Fault> {
    if let (Value::Int(base), Value::Int(exponent @ 0..)) = (base, exponent) {
        return int(match (base, exponent) {
            (0 | 1, 1..) => Some(*base),
            (-1, _) => Some(if exponent % 2 == 0 { 1 } else { -1 }),
            _ => u32::try_from(*exponent)
                .ok()
                .and_then(|exponent| base.checked_pow(exponent)),
        });
    }
    let (base, exponent) = (as_float(base), as_float(exponent));
    if base == 0.0 && exponent < 0.0 {
        return Err(Error::interpreter(
            "zero cannot be raised to a negative power",
        ));
    }
    float(base.powf(exponent)) // a complex result comes out as NaN
}

/// Returns a number as float; anything else as NaN.
pub(crate) const fn as_float(value: &Value) -> f64 {
    match value {
        Value::Float(number) => *number,
        Value::Int(number) => to_float(*number),
        _ => f64::NAN,
    }
}

/// Parses text like Python's `float()`: blanks around, single underscores between digits.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim_matches(crate::text::is_space);
    let allowed = |byte: u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E' | b'_');
    let bytes = text.as_bytes();
    let digit = |i: Option<usize>| i.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
    let well_placed = bytes.iter().enumerate().all(|(i, byte)| {
        allowed(*byte) && (*byte != b'_' || digit(i.checked_sub(1)) && digit(i.checked_add(1)))
    });
    well_placed
        .then(|| text.replace('_', "").parse().ok())
        .flatten()
}

/// Writes a float like Python's `repr`: the fewest digits that read back as the same float, of these the nearest to it
/// and of two equally near the even ones; an exponent below 1e-4 and from 1e16 on, with a sign and at least two digits.
#[must_use]
pub fn float_repr(number: f64) -> String {
    let mut out = String::new();
    write_float(number, &mut out);
    out
}

/// As [`float_repr`], at the end of a text.
pub(crate) fn write_float(number: f64, out: &mut String) {
    let scientific = shortest(number);
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, digits) = digits
        .strip_prefix('-')
        .map_or(("", digits), |digits| ("-", digits));
    // writing to a string cannot fail
    let _ = match exponent {
        -4..16 => write!(out, "{sign}{}", plain(&digits.replace('.', ""), exponent)),
        _ => {
            let by = if exponent < 0 { '-' } else { '+' };
            write!(out, "{sign}{digits}e{by}{:02}", exponent.abs())
        }
    };
}

/// Returns the shortest form, as `d.ddde±x`. Of two shortest forms that are equally near, the standard library takes
/// the upper one; formatting with that many digits rounds such a tie to even, as Python does.
fn shortest(number: f64) -> String {
    let upper = format!("{number:e}");
    let (mantissa, _) = upper.split_once('e').unwrap_or((&upper, ""));
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let even = format!("{number:.*e}", digits.saturating_sub(1));
    if even
        .parse::<f64>()
        .is_ok_and(|read| read.to_bits() == number.to_bits())
    {
        even
    } else {
        upper
    }
}

/// Puts the point into digits of which the first has the weight 10^exponent; there is a digit on either side of it.
fn plain(digits: &str, exponent: i32) -> String {
    let before = usize::try_from(exponent + 1).unwrap_or(0);
    if before == 0 {
        let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
        return format!("0.{}{digits}", "0".repeat(zeros));
    }
    match digits.split_at_checked(before) {
        Some((whole, "")) => format!("{whole}.0"),
        Some((whole, fraction)) => format!("{whole}.{fraction}"),
        None => format!("{digits}{}.0", "0".repeat(before - digits.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: f64) -> String {
        let mut out = String::new();
        write_float(number, &mut out);
        out
    }

    #[test]
    fn floats_print_like_python() {
        let cases = [
            (2.0, "2.0"),
            (-0.0, "-0.0"),
            // of two shortest forms the even one
            (2.980_232_238_769_531_3e-8, "2.9802322387695312e-08"),
            (2_223_007_634_874.781_3, "2223007634874.7812"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (9_007_199_254_740_993.0, "9007199254740992.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (5e-324, "5e-324"),
        ];
        for (number, expected) in cases {
            assert_eq!(text(number), expected);
        }
    }

    #[test]
    fn integers_and_floats_compare_exactly() {
        let order =
            |left: i128, right: f64| compare(&Value::Int(left), &Value::Float(right)).unwrap();
        assert_eq!(
            order(9_007_199_254_740_993, 9_007_199_254_740_992.0),
            Ordering::Greater
        );
        assert_eq!(order(1, 1.0), Ordering::Equal);
        assert_eq!(order(-1, -1.5), Ordering::Greater);
        assert_eq!(order(0, -0.5), Ordering::Greater);
        assert_eq!(order(i128::MAX, 1e300), Ordering::Less);
        assert_eq!(order(i128::MIN, -1e300), Ordering::Greater);
        assert_eq!(
            compare(&Value::Bool(true), &Value::Float(1.0)),
            Some(Ordering::Equal)
        );
    }

    #[test]
    fn division_rounds_once() {
        assert_eq!(text(divide(4, 2)), "2.0");
        assert_eq!(
            text(divide(10_i128.pow(30) + 1, 3)),
            "3.333333333333333e+29"
        );
        assert_eq!(
            text(divide(-9_007_199_254_740_993, 1)),
            "-9007199254740992.0"
        );
        assert_eq!(text(divide(1, 10_i128.pow(38))), "1e-38");
        assert_eq!(text(divide(i128::MIN, i128::MIN + 1)), "1.0");
    }

    #[test]
    fn number_text_is_read_like_python() {
        for (text, expected) in [
            (" 1_000.5\n", 1000.5),
            ("+.5", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
        ] {
            assert_eq!(parse_float(text), Some(expected));
        }
        for text in ["", "inf", "nan", "1__0", "_1", "1_", "0x1", "1 2", "1._5"] {
            assert_eq!(parse_float(text), None, "{text}");
        }
    }
}
