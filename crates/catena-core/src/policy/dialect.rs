// SPDX-License-Identifier: MPL-2.0
//! Reads the Python regular expressions of policies (S22).
//!
//! A pattern is compiled twice. *Compat* means what Python's `re.search` makes of it. *Strict* reads
//! `(/|.git|$)` as `(/|\.git(/|$)|$)`, `$` as the end only, and `\d`, `\w`, `\s` as ASCII. Whatever the two
//! languages would read differently and no policy needs (look-around, back references, flags, possessive
//! quantifiers, set operations) is refused.

use std::iter::Peekable;
use std::str::Chars;

use regex::{Regex, RegexBuilder};

/// How a pattern is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Dialect {
    /// As Python does.
    Compat,
    /// As its author meant it.
    Strict,
}

/// Compiles a Python pattern.
pub(super) fn compile(pattern: &str, dialect: Dialect) -> Result<Regex, String> {
    RegexBuilder::new(&translate(pattern, dialect)?)
        .size_limit(MAX_COMPILED)
        .nest_limit(MAX_NESTING)
        .build()
        .map_err(|error| {
            error
                .to_string()
                .lines()
                .last()
                .unwrap_or_default()
                .trim()
                .to_owned()
        })
}

/// Rewrites a Python pattern for the `regex` crate.
pub(super) fn translate(pattern: &str, dialect: Dialect) -> Result<String, String> {
    if pattern.len() > MAX_PATTERN {
        return Err(format!("a pattern of {} bytes", pattern.len()));
    }
    let meant = match dialect {
        Dialect::Compat => pattern.to_owned(),
        Dialect::Strict => GIT_SUFFIXES
            .iter()
            .fold(pattern.to_owned(), |text, suffix| {
                text.replace(suffix, r"(?:/|\.git(?:/|$)|$)")
            }),
    };
    let mut out = String::with_capacity(meant.len() + 16);
    let mut rest = meant.chars().peekable();
    let mut quantified = Quantified::No;
    while let Some(c) = rest.next() {
        let next = match (c, quantified) {
            ('*' | '+', Quantified::No) => {
                out.push(c);
                Quantified::Yes
            }
            ('?', Quantified::No | Quantified::Yes) => {
                out.push(c);
                if quantified == Quantified::No {
                    Quantified::Yes
                } else {
                    Quantified::Lazy
                }
            }
            ('{', Quantified::No) => {
                out.push(c);
                repetition(&mut rest, &mut out)?;
                Quantified::Yes
            }
            ('*' | '+' | '?' | '{', _) => return Err("a quantifier after a quantifier".to_owned()),
            _ => {
                atom(c, &mut rest, &mut out, dialect)?;
                Quantified::No
            }
        };
        quantified = next;
    }
    Ok(out)
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Quantified {
    Lazy,
    No,
    Yes,
}

fn atom(
    c: char,
    rest: &mut Peekable<Chars<'_>>,
    out: &mut String,
    dialect: Dialect,
) -> Result<(), String> {
    match c {
        '\\' => escape(rest, out, dialect, Place::Outside),
        '[' => class(rest, out, dialect),
        '(' => group(rest, out),
        '$' => {
            out.push_str(if dialect == Dialect::Strict {
                r"\z"
            } else {
                r"(?:\n?\z)"
            });
            Ok(())
        }
        // a lone brace is a literal in Python
        '}' => {
            out.push_str(r"\}");
            Ok(())
        }
        _ => {
            out.push(c);
            Ok(())
        }
    }
}

/// `{m}`, `{m,}` or `{m,n}`; Python reads anything else as text.
fn repetition(rest: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    let mut inner = String::new();
    let closed = loop {
        match rest.next() {
            Some('}') => break true,
            Some(c) => inner.push(c),
            None => break false,
        }
    };
    let (low, high) = inner.split_once(',').unwrap_or((&inner, "0"));
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !closed || low.is_empty() || !number(low) || !number(high) {
        return Err(format!("a repetition {{{inner}}}"));
    }
    out.push_str(&inner);
    out.push('}');
    Ok(())
}

/// `(`, `(?:` or `(?P<name>`.
fn group(rest: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    out.push('(');
    if rest.next_if_eq(&'?').is_none() {
        return Ok(());
    }
    match rest.next() {
        Some(':') => out.push_str("?:"),
        Some('P') if rest.next_if_eq(&'<').is_some() => out.push_str("?P<"),
        _ => return Err("a group other than (…), (?:…) and (?P<name>…)".to_owned()),
    }
    Ok(())
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Place {
    Class,
    NegatedClass,
    Outside,
}

fn escape(
    rest: &mut Peekable<Chars<'_>>,
    out: &mut String,
    dialect: Dialect,
    place: Place,
) -> Result<(), String> {
    let c = rest.next().ok_or("a backslash at the end")?;
    // a negated class keeps the Unicode meaning, so that strict always accepts the less
    let ascii = dialect == Dialect::Strict && place != Place::NegatedClass;
    let members = match c {
        'd' => r"0-9",
        'w' => r"0-9A-Za-z_",
        's' => r"\t\n\x0B\x0C\r ",
        _ => "",
    };
    match c {
        'd' | 'w' | 's' if ascii && place == Place::Outside => out.extend(["[", members, "]"]),
        'd' | 'w' | 's' if ascii => out.push_str(members),
        'A' | 'b' | 'B' if place == Place::Outside => out.extend(['\\', c]),
        'Z' if place == Place::Outside => out.push_str(r"\z"),
        'd' | 'w' | 's' | 'D' | 'W' | 'S' | 'n' | 'r' | 't' | 'f' | 'v' => out.extend(['\\', c]),
        '<' | '>' => out.push(c),
        _ if c.is_ascii_punctuation() || c == ' ' => out.extend(['\\', c]),
        _ => return Err(format!("an escape \\{c}")),
    }
    Ok(())
}

fn class(rest: &mut Peekable<Chars<'_>>, out: &mut String, dialect: Dialect) -> Result<(), String> {
    out.push('[');
    let place = if rest.next_if_eq(&'^').is_some() {
        out.push('^');
        Place::NegatedClass
    } else {
        Place::Class
    };
    if rest.next_if_eq(&']').is_some() {
        out.push_str(r"\]");
    }
    while let Some(c) = rest.next() {
        match c {
            ']' => {
                out.push(']');
                return Ok(());
            }
            '\\' => escape(rest, out, dialect, place)?,
            '-' if rest.peek() == Some(&'-') => return Err("a set with --".to_owned()),
            // set operations in one language or the other
            '[' | '&' | '~' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    Err("a set without ]".to_owned())
}

/// What S22 reads as `(/|\.git(/|$)|$)`.
const GIT_SUFFIXES: [&str; 2] = ["(/|.git|$)", r"(/|\.git|$)"];
/// The longest built-in pattern has 75 bytes.
const MAX_PATTERN: usize = 2048;
/// Bytes of a compiled pattern; the largest built-in one takes a few kB, or 40 kB with Unicode digits.
const MAX_COMPILED: usize = 1 << 20;
/// Depth of groups.
const MAX_NESTING: u32 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(dialect: Dialect, pattern: &str, text: &str) -> bool {
        compile(pattern, dialect).unwrap().is_match(text)
    }

    #[test]
    fn strict_reads_what_the_author_meant_s22() {
        let git = "^(?P<path>/a/b)(/|.git|$)";
        for (text, compat, strict) in [
            ("/a/b", true, true),
            ("/a/b/", true, true),
            ("/a/b.git", true, true),
            ("/a/b.git/x", true, true),
            ("/a/b-git-x", true, false),
            ("/a/b.gitx", true, false),
            ("/a/b\n", true, false),
            ("/a/b\nx", false, false),
            ("/a/bgit", false, false),
        ] {
            assert_eq!(finds(Dialect::Compat, git, text), compat, "{text:?}");
            assert_eq!(finds(Dialect::Strict, git, text), strict, "{text:?}");
        }
        assert!(finds(Dialect::Compat, r"^esr\d+$", "esr1\u{0662}"));
        assert!(!finds(Dialect::Strict, r"^esr\d+$", "esr1\u{0662}"));
        assert!(!finds(Dialect::Strict, r"^[\d]$", "\u{0662}"));
        assert!(!finds(Dialect::Strict, r"^[^\d]$", "\u{0662}"));
    }

    #[test]
    fn python_and_rust_agree_on_what_is_left_s22() {
        for (pattern, text) in [
            (r"^a\<b$", "a<b"),
            ("^[]a]+$", "]a"),
            ("^[[a]$", "["),
            ("^[&&]$", "&"),
            ("^a{2,3}$", "aaa"),
            ("^a}$", "a}"),
            (r"a\Z", "ba"),
            ("^a+?b$", "aab"),
            (r"^\\d$", r"\d"),
        ] {
            assert!(finds(Dialect::Compat, pattern, text), "{pattern}");
        }
        for bad in [
            "a++",
            "a**",
            "a?+",
            "a{2}+",
            "a{,2}",
            "a{2",
            "a{x}",
            "(?i)a",
            "(?=a)",
            "(?P=a)",
            r"(a)\1",
            "[a--b]",
            "[a",
            "(",
            "a\\",
            r"\p{L}",
            r"[\b]",
            &"a".repeat(3000),
            "((a{100}){100}){100}",
        ] {
            assert!(compile(bad, Dialect::Compat).is_err(), "{bad}");
        }
    }
}
