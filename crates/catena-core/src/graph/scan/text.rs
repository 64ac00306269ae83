// SPDX-License-Identifier: MPL-2.0
//! Checks strings: UTF-8, no control characters, known escapes, surrogates in pairs only (P2, P23).

use super::bytes;
use super::utf8::{Sequence, Step};

/// A string that is being read, from behind its opening quote.
#[derive(Debug, Default)]
pub(super) struct Text {
    part: Part,
    /// The first half of a surrogate pair whose second half is due.
    high: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Part {
    /// Behind a backslash.
    Escape,
    /// Behind `\u` and some digits.
    Hex { digits: u8, code: u32 },
    /// Where the backslash of a second surrogate is due.
    PairBackslash,
    /// Where the `u` of a second surrogate is due.
    PairU,
    /// Between characters.
    #[default]
    Plain,
    /// Inside a character.
    Utf8(Sequence),
}

/// How far a string was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Progress {
    /// It ended; the closing quote is among the bytes taken.
    Complete {
        /// How many bytes were taken.
        taken: usize,
    },
    /// All bytes were taken, and more are due.
    More,
}

/// What is wrong with a string.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TextFault {
    /// What was expected.
    pub(super) expected: &'static str,
    /// Which byte is not it.
    pub(super) at: usize,
}

impl Text {
    /// Takes bytes up to the end of the string, and passes on what they say, escapes decoded.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn feed(
        &mut self,
        text: &[u8],
        mut pass: impl FnMut(&[u8]),
    ) -> Result<Progress, TextFault> {
        let mut at = 0;
        loop {
            if matches!(self.part, Part::Plain) {
                let rest = text.get(at..).unwrap_or_default();
                let run = bytes::plain(rest);
                pass(rest.get(..run).unwrap_or_default());
                at += run;
            }
            let Some(&byte) = text.get(at) else {
                return Ok(Progress::More);
            };
            if byte == b'"' && matches!(self.part, Part::Plain) {
                return Ok(Progress::Complete { taken: at + 1 });
            }
            self.take(byte, &mut pass)
                .map_err(|expected| TextFault { expected, at })?;
            at += 1;
        }
    }

    /// Takes one byte that is not plain.
    fn take(&mut self, byte: u8, pass: &mut impl FnMut(&[u8])) -> Result<(), &'static str> {
        self.part = match self.part {
            Part::Escape => Self::escape(byte, pass)?,
            Part::Hex { digits, code } => {
                let digit = char::from(byte)
                    .to_digit(16)
                    .ok_or("expected four hex digits")?;
                let code = code << 4 | digit;
                if digits < 3 {
                    Part::Hex {
                        digits: digits + 1,
                        code,
                    }
                } else {
                    self.unicode(code, pass)?
                }
            }
            Part::PairBackslash if byte == b'\\' => Part::PairU,
            Part::PairU if byte == b'u' => HEX,
            Part::PairBackslash | Part::PairU => return Err(PAIR),
            Part::Plain => match byte {
                b'\\' => Part::Escape,
                0..0x20 => return Err("expected no control character in a string"),
                _ => {
                    pass(&[byte]);
                    Sequence::start(byte).map(Part::Utf8).ok_or(UTF_8)?
                }
            },
            Part::Utf8(sequence) => {
                pass(&[byte]);
                match sequence.next(byte) {
                    Step::Complete => Part::Plain,
                    Step::Invalid => return Err(UTF_8),
                    Step::More(sequence) => Part::Utf8(sequence),
                }
            }
        };
        Ok(())
    }

    fn escape(byte: u8, pass: &mut impl FnMut(&[u8])) -> Result<Part, &'static str> {
        let character = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return Ok(HEX),
            _ => return Err("expected one of the escapes of JSON"),
        };
        pass(&[character]);
        Ok(Part::Plain)
    }

    fn unicode(&mut self, code: u32, pass: &mut impl FnMut(&[u8])) -> Result<Part, &'static str> {
        let code = match (self.high.take(), code) {
            (None, 0xd800..0xdc00) => {
                self.high = Some(code);
                return Ok(Part::PairBackslash);
            }
            (Some(high), 0xdc00..0xe000) => 0x1_0000 + ((high - 0xd800) << 10) + (code - 0xdc00),
            (Some(_), _) => return Err(PAIR),
            (None, _) => code,
        };
        let character = char::from_u32(code).ok_or(PAIR)?;
        pass(character.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(Part::Plain)
    }
}

/// Behind `\u`.
const HEX: Part = Part::Hex { digits: 0, code: 0 };
pub(super) const PAIR: &str = "expected surrogates in pairs only";
const UTF_8: &str = "expected UTF-8";

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a string cut at `cut`; returns what it says.
    fn read(text: &[u8], cut: usize) -> Result<Vec<u8>, TextFault> {
        let mut out = Vec::new();
        let mut reader = Text::default();
        let (head, tail) = text.split_at(cut);
        let mut progress = reader.feed(head, |piece| out.extend_from_slice(piece))?;
        if progress == Progress::More {
            progress = reader
                .feed(tail, |piece| out.extend_from_slice(piece))
                .map_err(|fault| TextFault {
                    at: cut + fault.at,
                    ..fault
                })?;
        }
        assert!(matches!(progress, Progress::Complete { .. }), "{text:?}");
        Ok(out)
    }

    #[test]
    fn p23_strings_cut_anywhere() {
        let text = br#"plain \" \\ \/ \b\f\n\r\t \u0041\u00e9\uD83D\ude00 "#;
        let text = [text.as_slice(), "é€😀 \u{7f}\"".as_bytes()].concat();
        let said = "plain \" \\ / \u{8}\u{c}\n\r\t Aé😀 é€😀 \u{7f}";
        for cut in 0..text.len() {
            assert_eq!(read(&text, cut).unwrap(), said.as_bytes(), "{cut}");
        }
    }

    #[test]
    fn p2_bad_strings_fail_at_the_same_byte_wherever_they_are_cut() {
        for (text, at) in [
            (b"a\x00\"".as_slice(), 1),
            (b"\x1f\"", 0),
            (b"\n\"", 0),
            (b"\\x41\"", 1),
            (b"\\U0041\"", 1),
            (b"\\u12g4\"", 4),
            (b"\\u+123\"", 2),
            (b"\\u12\"", 4),
            (b"\\ud800\"", 6),
            (b"\\ud800x\"", 6),
            (b"\\ud800\\n\"", 7),
            (b"\\ud800\\u0041\"", 11),
            (b"\\ud800\\ud800\"", 11),
            (b"\\udc00\"", 5),
            (b"\\udc00\\ud800\"", 5),
            (b"\x80\"", 0),
            (b"\xc3\"", 1),
            (b"\xc3(\"", 1),
            (b"\xc0\xaf\"", 0),
            (b"\xed\xa0\x80\"", 1),
            (b"\xf4\x90\x80\x80\"", 1),
            (b"\xff\"", 0),
        ] {
            for cut in 0..text.len() {
                assert_eq!(read(text, cut).unwrap_err().at, at, "{text:?}");
            }
        }
    }
}
