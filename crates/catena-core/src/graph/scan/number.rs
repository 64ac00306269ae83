// SPDX-License-Identifier: MPL-2.0
//! Checks numbers: the grammar of JSON, and that the value fits 64 bits (P2, P23).

/// A number that is being read.
#[derive(Debug, Default)]
pub(super) struct Number {
    part: Part,
    negative: bool,
    /// The digits from the first that is not 0, as many as can matter.
    significant: String,
    /// How many of the digits stand before the point; below 0 for zeros behind the point.
    magnitude: i64,
    exponent: i64,
    exponent_negative: bool,
}

/// What was read last.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Part {
    #[default]
    Start,
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    E,
    ExponentSign,
    Exponent,
}

impl Number {
    /// Makes room for the next number.
    pub(super) fn clear(&mut self) {
        let mut significant = std::mem::take(&mut self.significant);
        significant.clear();
        *self = Self {
            significant,
            ..Self::default()
        };
    }

    /// Takes the bytes that belong to the number; returns how many. Fewer than all means that it ended.
    pub(super) fn feed(&mut self, text: &[u8]) -> usize {
        let ends = text.iter().position(|&byte| !self.take(byte));
        ends.unwrap_or(text.len())
    }

    /// Takes one byte, unless the number ends before it.
    fn take(&mut self, byte: u8) -> bool {
        self.part = match (self.part, byte) {
            (Part::Start, b'-') => {
                self.negative = true;
                Part::Minus
            }
            (Part::Start | Part::Minus, b'0') => Part::Zero,
            (Part::Start | Part::Minus | Part::Integer, b'0'..=b'9') => {
                self.keep(byte);
                self.magnitude += 1;
                Part::Integer
            }
            (Part::Zero | Part::Integer, b'.') => Part::Point,
            (Part::Point | Part::Fraction, b'0'..=b'9') => {
                if byte == b'0' && self.significant.is_empty() {
                    self.magnitude -= 1;
                } else {
                    self.keep(byte);
                }
                Part::Fraction
            }
            (Part::Zero | Part::Integer | Part::Fraction, b'e' | b'E') => Part::E,
            (Part::E, b'+' | b'-') => {
                self.exponent_negative = byte == b'-';
                Part::ExponentSign
            }
            (Part::E | Part::ExponentSign | Part::Exponent, b'0'..=b'9') => {
                let digit = i64::from(byte - b'0');
                self.exponent = self.exponent.saturating_mul(10).saturating_add(digit);
                Part::Exponent
            }
            _ => return false,
        };
        true
    }

    fn keep(&mut self, digit: u8) {
        if self.significant.len() < SIGNIFICANT {
            self.significant.push(char::from(digit));
        }
    }

    /// Ends the number.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn finish(&self) -> Result<(), &'static str> {
        match self.part {
            Part::Zero => Ok(()),
            Part::Integer if self.fits() => Ok(()),
            Part::Integer => Err("expected an integer of at most 64 bits"),
            Part::Fraction | Part::Exponent if self.is_finite() => Ok(()),
            Part::Fraction | Part::Exponent => {
                Err("expected a number within the range of a double")
            }
            _ => Err(DIGIT),
        }
    }

    /// Returns whether the integer is an `i64` or a `u64`.
    fn fits(&self) -> bool {
        // invariant: as many digits as an i128 can hold in any case
        if self.magnitude > 20 {
            return false;
        }
        let limit = if self.negative {
            1 << 63
        } else {
            u128::from(u64::MAX)
        };
        self.significant.parse::<u128>().is_ok_and(|n| n <= limit)
    }

    /// Returns whether the value rounds to a finite double.
    fn is_finite(&self) -> bool {
        let exponent = if self.exponent_negative {
            -self.exponent
        } else {
            self.exponent
        };
        // the value is 0.{significant} × 10^power
        let power = self.magnitude.saturating_add(exponent);
        self.significant.is_empty()
            || power < LARGEST_POWER
            || power == LARGEST_POWER
                && format!("0.{}e{LARGEST_POWER}", self.significant)
                    .parse::<f64>()
                    .is_ok_and(f64::is_finite)
    }
}

/// The largest doubles have 309 digits, and so has 2^1024 − 2^970, from which on values round to infinity. Further
/// digits cannot change on which side of it a value lies.
const LARGEST_POWER: i64 = 309;
/// The digits that can matter.
const SIGNIFICANT: usize = 309;

/// What is due where a number ends too early.
pub(super) const DIGIT: &str = "expected a digit";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), &'static str> {
        let mut number = Number::default();
        number.feed(b"-98.7e-6");
        number.clear();
        if number.feed(text.as_bytes()) == text.len() {
            number.finish()
        } else {
            Err("trailing")
        }
    }

    #[test]
    fn p23_grammar() {
        for good in [
            "0", "-0", "7", "-10", "0.0", "1.50", "1e5", "1E+5", "1e-05", "0e0", "-0.0e-0",
            "12.3e4",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "", "-", "01", "-01", "00", "+1", ".5", "1.", "1.e5", "1e", "1e+", "1e5.0", "1.2.3",
            "--1", "1-", "0x1", "1e5e5", "1_000", "0-", "1.5-", "1e5+",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn p23_integers_fit_64_bits() {
        for good in [
            "18446744073709551615",
            "9223372036854775808",
            "-9223372036854775808",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let many = "9".repeat(1000);
        for bad in [
            "18446744073709551616",
            "-9223372036854775809",
            "99999999999999999999",
            "100000000000000000000",
            &many,
        ] {
            assert!(check(bad).is_err(), "{bad}");
            assert!(
                check(&format!("{bad}.0")).is_ok() == (bad.len() < 309),
                "{bad}"
            );
        }
    }

    #[test]
    fn p2_floats_are_finite() {
        // 2^1024 − 2^970, the least that rounds to infinity
        let least = "1797693134862315807937289714053034150799341327100378269361737789804449682927\
                     6475094664901797758720709633028641669288791094655554785194040263065748867150\
                     5820681908902000708383676273854845817711531764475730270069855571366959622842\
                     9148198608349364752927190741684443655107043427115596995080930428801779041744\
                     97792";
        assert_eq!((least.len(), &least[308..]), (309, "2"));
        let below = format!("{}1", &least[..308]);
        let long = format!("0.{}1e310", "0".repeat(400));
        for text in [
            &format!("{least}.0"),
            &format!("{least}e0"),
            &format!("{below}.{}", "9".repeat(2000)),
            &format!("{below}{}e-500", "9".repeat(500)),
            &format!("{least}{}e-500", "0".repeat(500)),
            &format!("0.{}{least}e1000", "0".repeat(1000)),
            &format!("0.{}{below}9e1000", "0".repeat(1000)),
            &long,
            "1e308",
            "1e309",
            "-1e309",
            "1.7976931348623157e308",
            "1.7976931348623158e308",
            "1.7976931348623159e308",
            "0e999999999999999999999999",
            "0.000e999999999999999999999999",
            "1e99999999999999999999999999",
            "1e-99999999999999999999999999",
            "0.1e309",
            "0.2e309",
            "0.01e311",
        ] {
            let finite = text.parse::<f64>().unwrap().is_finite();
            assert_eq!(check(text).is_ok(), finite, "{text}");
        }
    }

    #[test]
    fn cutting_makes_no_difference() {
        let text = b"-120.0450e+067,";
        for cut in 0..text.len() {
            let mut number = Number::default();
            assert_eq!(number.feed(&text[..cut]), cut);
            assert_eq!(number.feed(&text[cut..]), text.len() - 1 - cut);
            assert_eq!(number.finish(), Ok(()));
            assert_eq!(number.significant, "1200450");
            assert_eq!((number.magnitude, number.exponent), (3, 67));
        }
    }
}
