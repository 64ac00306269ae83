// SPDX-License-Identifier: MPL-2.0
//! Looks at eight bytes at a time: most of a task graph is indentation and short plain strings.

/// Returns the length of the whitespace at the head of a text.
pub(super) fn whitespace(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b' ' => at += spaces(text.get(at..).unwrap_or_default()),
            b'\n' | b'\r' | b'\t' => at += 1,
            _ => break,
        }
    }
    at
}

/// Returns the length of the head of a string that needs no further look: no quote, no backslash, no control
/// character, nothing beyond ASCII.
pub(super) fn plain(text: &[u8]) -> usize {
    let (words, tail) = text.as_chunks::<8>();
    let mut at = 0;
    for &word in words {
        let marks = special(u64::from_le_bytes(word));
        if marks != 0 {
            return at + first(marks);
        }
        at += 8;
    }
    let is_special = |byte: &u8| !matches!(byte, 0x20..=0x7f) || matches!(byte, b'"' | b'\\');
    at + tail.iter().position(is_special).unwrap_or(tail.len())
}

fn spaces(text: &[u8]) -> usize {
    let (words, tail) = text.as_chunks::<8>();
    let mut at = 0;
    for &word in words {
        let differing = u64::from_le_bytes(word) ^ each(b' ');
        if differing != 0 {
            return at + first(differing);
        }
        at += 8;
    }
    at + tail.iter().take_while(|&&byte| byte == b' ').count()
}

/// Marks the high bit of each byte that [`plain`] stops at. Above the first mark there may be false ones, because
/// the subtractions borrow; the first is exact.
const fn special(word: u64) -> u64 {
    let quote = word ^ each(b'"');
    let backslash = word ^ each(b'\\');
    let found = (word.wrapping_sub(each(0x20)) & !word)
        | (quote.wrapping_sub(each(1)) & !quote)
        | (backslash.wrapping_sub(each(1)) & !backslash)
        | word;
    found & each(0x80)
}

/// Returns which byte, in the order of the text, holds the lowest set bit.
fn first(marks: u64) -> usize {
    // invariant: a u64 has fewer than 64 trailing zeros unless it is 0, which no caller passes
    usize::try_from(marks.trailing_zeros() / 8).unwrap_or(0)
}

const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte at every place, before and behind plain and special neighbours.
    #[test]
    fn plain_stops_at_the_first_special_byte() {
        for byte in 0..=255_u8 {
            let special = !(0x20..0x80).contains(&byte) || b"\"\\".contains(&byte);
            for at in 0..20 {
                for fill in [b'a', b'!', b'#', b']', b'[', 0x7f, b' '] {
                    let mut text = vec![fill; 20];
                    text[at] = byte;
                    assert_eq!(plain(&text), if special { at } else { 20 });
                    text[at..].fill(byte);
                    assert_eq!(plain(&text), if special { at } else { 20 });
                    text[at + 1..].fill(0x01);
                    let next = if special { at } else { at + 1 };
                    assert_eq!(plain(&text), next.min(20));
                }
            }
        }
        assert_eq!(plain(b""), 0);
    }

    #[test]
    fn whitespace_is_four_characters() {
        for byte in 0..=255_u8 {
            let white = b" \n\r\t".contains(&byte);
            for at in 0..20 {
                for fill in *b" \n\r\t" {
                    let mut text = vec![fill; 20];
                    text[at] = byte;
                    assert_eq!(whitespace(&text), if white { 20 } else { at });
                }
            }
        }
        assert_eq!(whitespace(b""), 0);
    }
}
