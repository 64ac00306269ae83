// SPDX-License-Identifier: MPL-2.0
//! Checks UTF-8 one byte at a time (Unicode, table 3-7), so that a sequence may be cut anywhere.

/// What is still missing of a sequence: how many bytes, and between which bounds the next one lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Sequence {
    left: u8,
    low: u8,
    high: u8,
}

impl Sequence {
    /// Starts a sequence of two to four bytes; `None` for a byte that starts none.
    pub(super) const fn start(lead: u8) -> Option<Self> {
        let (left, low, high) = match lead {
            0xc2..=0xdf => (1, 0x80, 0xbf),
            // no overlong forms
            0xe0 => (2, 0xa0, 0xbf),
            // no surrogates
            0xed => (2, 0x80, 0x9f),
            0xe1..=0xef => (2, 0x80, 0xbf),
            // no overlong forms
            0xf0 => (3, 0x90, 0xbf),
            0xf1..=0xf3 => (3, 0x80, 0xbf),
            // nothing beyond U+10FFFF
            0xf4 => (3, 0x80, 0x8f),
            _ => return None,
        };
        Some(Self { left, low, high })
    }

    /// Takes the next byte.
    pub(super) const fn next(self, byte: u8) -> Step {
        if byte < self.low || byte > self.high {
            Step::Invalid
        } else if self.left == 1 {
            Step::Complete
        } else {
            Step::More(Self {
                left: self.left - 1,
                low: 0x80,
                high: 0xbf,
            })
        }
    }
}

/// What a byte does to a sequence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// It ends it.
    Complete,
    /// It does not belong there.
    Invalid,
    /// It continues it.
    More(Sequence),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid(bytes: &[u8]) -> bool {
        let (&lead, rest) = bytes.split_first().unwrap();
        let mut state = Sequence::start(lead).map(Step::More);
        for &byte in rest {
            state = match state {
                Some(Step::More(sequence)) => Some(sequence.next(byte)),
                _ => None,
            };
        }
        state == Some(Step::Complete)
    }

    #[test]
    fn every_character_is_accepted() {
        for c in '\u{80}'..=char::MAX {
            assert!(valid(c.encode_utf8(&mut [0; 4]).as_bytes()), "{c:?}");
        }
    }

    #[test]
    fn agrees_with_the_standard_library_on_short_texts() {
        let interesting = [
            0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1,
            0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
        ];
        let one_character =
            |bytes: &[u8]| std::str::from_utf8(bytes).is_ok_and(|text| text.chars().count() == 1);
        for a in 0x80..=0xff {
            for b in 0..=0xff {
                assert_eq!(valid(&[a, b]), one_character(&[a, b]), "{a:x} {b:x}");
                for c in interesting {
                    assert_eq!(valid(&[a, b, c]), one_character(&[a, b, c]));
                    for d in interesting {
                        let bytes = [a, b, c, d];
                        assert_eq!(valid(&bytes), one_character(&bytes), "{bytes:x?}");
                    }
                }
            }
        }
    }
}
