// SPDX-License-Identifier: MPL-2.0
//! Makes text that somebody else wrote fit for a terminal: visible, on one line, of bounded length (B5).

use std::fmt::Write;

/// The bound for identifiers and names within a line.
pub const SHORT: usize = 120;

/// Returns `text` on one line, with everything escaped that would not show as itself.
///
/// Escaped are control characters (ANSI sequences with them), bidirectional and other format characters, line
/// separators, unassigned and private code points and combining marks. What is longer than `limit` characters
/// ends in a count of what was cut.
#[must_use]
pub fn clean(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit) + 16);
    for (at, c) in text.chars().enumerate() {
        if at == limit {
            let more = text.chars().skip(limit).count();
            // writing to a string cannot fail
            let _ = write!(out, "… (+{more} characters)");
            break;
        }
        push(&mut out, c);
    }
    out
}

/// Returns `text` in ASCII alone: our own ornaments as look-alikes, the rest escaped.
#[must_use]
pub fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '…' => out.push_str("..."),
            '├' | '└' => out.push(if c == '├' { '|' } else { '`' }),
            '─' => out.push('-'),
            '│' => out.push('|'),
            '→' => out.push_str("->"),
            '✗' => out.push('x'),
            _ if c.is_ascii() => out.push(c),
            _ => out.extend(c.escape_unicode()),
        }
    }
    out
}

fn push(out: &mut String, c: char) {
    match c {
        '\n' | '\r' | '\t' => out.extend(c.escape_default()),
        // beyond ASCII, `escape_debug` escapes exactly what has no shape of its own
        _ if c.is_ascii_control() || !c.is_ascii() => out.extend(c.escape_debug()),
        _ => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_task_writes_cannot_drive_the_terminal() {
        assert_eq!(clean("a\u{1b}[31mred\u{7}\n", 99), r"a\u{1b}[31mred\u{7}\n");
        assert_eq!(clean("\u{9b}31m\u{7f}", 99), r"\u{9b}31m\u{7f}");
        assert_eq!(
            clean("x\u{202e}exe.\u{2066}\u{200b}\u{feff}\u{2028}", 99),
            r"x\u{202e}exe.\u{2066}\u{200b}\u{feff}\u{2028}"
        );
        assert_eq!(
            clean("e\u{301}\u{e0041}\u{ad}", 99),
            r"e\u{301}\u{e0041}\u{ad}"
        );
    }

    #[test]
    fn ordinary_text_stays_readable() {
        assert_eq!(
            clean("it's \"C:\\x\" – Größe 日本", 99),
            "it's \"C:\\x\" – Größe 日本"
        );
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        assert_eq!(clean("abcdef", 3), "abc… (+3 characters)");
        assert_eq!(clean("abc", 3), "abc");
    }

    #[test]
    fn ascii_has_a_look_alike_for_each_ornament() {
        assert_eq!(ascii("├─ a → b…\n└─ ✗ │ é"), "|- a -> b...\n`- x | \\u{e9}");
    }
}
