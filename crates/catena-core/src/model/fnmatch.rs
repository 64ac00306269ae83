// SPDX-License-Identifier: MPL-2.0
//! The pattern language of upstream artifact paths: Python's `fnmatch.fnmatchcase` (V42).
//!
//! `*` is any run of characters, `/`, line breaks and leading dots included; `?` is one character; `[seq]` and `[!seq]`
//! are sets with ranges; a `[` that is not closed is itself. There is no escape character. The whole name must match.

/// Returns whether the whole name matches the pattern.
///
/// Matching never goes back further than to the last `*`: it takes at most pattern length × name length steps.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    let pattern = parse(pattern);
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut position) = (0, 0);
    // after the last `*`: the piece that follows it, and where the run it stands for ends
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = name.get(position) {
        match pattern.get(at) {
            Some(Piece::Run) => {
                star = Some((at + 1, position));
                at += 1;
            }
            Some(Piece::One(set)) if set.holds(*c) => {
                at += 1;
                position += 1;
            }
            _ => match &mut star {
                Some((after, end)) => {
                    *end += 1;
                    (at, position) = (*after, *end);
                }
                None => return false,
            },
        }
    }
    pattern
        .get(at..)
        .unwrap_or_default()
        .iter()
        .all(|piece| matches!(piece, Piece::Run))
}

enum Piece {
    One(Set),
    Run,
}

/// A set of characters: inclusive ranges, or all but those.
struct Set {
    negated: bool,
    ranges: Vec<(char, char)>,
}

impl Set {
    const ANY: Self = Self {
        negated: true,
        ranges: Vec::new(),
    };

    fn holds(&self, c: char) -> bool {
        self.ranges
            .iter()
            .any(|(low, high)| (*low..=*high).contains(&c))
            != self.negated
    }
}

fn parse(pattern: &str) -> Vec<Piece> {
    let characters: Vec<char> = pattern.chars().collect();
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(c) = characters.get(at) {
        at += 1;
        pieces.push(match c {
            '*' => Piece::Run,
            '?' => Piece::One(Set::ANY),
            '[' => match set_end(&characters, at) {
                Some(end) => {
                    let set = parse_set(characters.get(at..end).unwrap_or_default());
                    at = end + 1;
                    Piece::One(set)
                }
                None => Piece::One(Set {
                    negated: false,
                    ranges: vec![('[', '[')],
                }),
            },
            _ => Piece::One(Set {
                negated: false,
                ranges: vec![(*c, *c)],
            }),
        });
    }
    pieces
}

/// Returns where the `]` is that closes the set; one directly after `[` or `[!` belongs to the set.
fn set_end(characters: &[char], begin: usize) -> Option<usize> {
    let mut at = begin;
    at += usize::from(characters.get(at) == Some(&'!'));
    at += usize::from(characters.get(at) == Some(&']'));
    characters
        .get(at..)?
        .iter()
        .position(|c| *c == ']')
        .map(|offset| at + offset)
}

/// Reads the inside of `[…]`. A `-` between two characters makes a range; one whose ends are reversed stands for
/// nothing, as in `fnmatch.translate`.
fn parse_set(inside: &[char]) -> Set {
    let (mut negated, members) = match inside {
        ['!', members @ ..] => (true, members),
        members => (false, members),
    };
    let mut ranges = Vec::new();
    let mut rest = members;
    loop {
        rest = match rest {
            [] => return Set { negated, ranges },
            // in `fnmatch.translate` a `!` also negates behind reversed ranges, as those leave no trace
            ['!', tail @ ..] if ranges.is_empty() && !negated && !is_reversed(rest) => {
                negated = true;
                tail
            }
            [_, '-', _, tail @ ..] if is_reversed(rest) => tail,
            [low, '-', high, tail @ ..] => {
                ranges.push((*low, *high));
                tail
            }
            [c, tail @ ..] => {
                ranges.push((*c, *c));
                tail
            }
        };
    }
}

fn is_reversed(members: &[char]) -> bool {
    matches!(members, [low, '-', high, ..] if low > high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v42_pinned_and_measured_patterns() {
        for (pattern, name, expected) in [
            ("*", "public/x.log", true),
            ("*.log", "public/logs/x.log", true),
            ("*.log", "public/x.txt", false),
            ("public/*", "public/a/b", true),
            ("public/*.log", "public/a.log", true),
            ("public/*.txt", "public/a/b.txt", true),
            ("*", ".hidden", true),
            ("a*b", "a\nb", true),
            ("public/x[0-9]*", "public/x1", true),
            ("public/x[!0-9]*", "public/x1", false),
            ("public/x[!0-9]*", "public/xa", true),
            ("public/[x*", "public/[x", true),
            ("public/[x*", "public/x", false),
            ("public/a*", "public/A.txt", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("", "", true),
            ("*", "", true),
            ("a*", "ba", false),
            ("*a", "ab", false),
            ("**a**", "xay", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern:?} {name:?}");
        }
    }

    /// Each set, the characters of `abc]-!^[\x&|~` that Python's `fnmatch.fnmatchcase` lets it match.
    #[test]
    fn v42_sets_hold_what_python_lets_them_hold() {
        for (pattern, expected) in SETS {
            let held: String = SAMPLE
                .chars()
                .filter(|c| matches(pattern, &c.to_string()))
                .collect();
            assert_eq!(&held, expected, "{pattern:?}");
        }
    }

    #[test]
    fn v42_matching_does_not_explode() {
        let pattern = "a*".repeat(500) + "b";
        assert!(!matches(&pattern, &"a".repeat(1024)));
    }

    const SAMPLE: &str = "abc]-!^[\\x&|~";

    /// Made by Python 3.11.
    const SETS: &[(&str, &str)] = &[
        ("[abc]", "abc"),
        ("[!abc]", "]-!^[\\x&|~"),
        ("[a-c]", "abc"),
        ("[!a-c]", "]-!^[\\x&|~"),
        ("[c-a]", ""),
        ("[!c-a]", "abc]-!^[\\x&|~"),
        ("[]]", "]"),
        ("[]a]", "a]"),
        ("[!]]", "abc-!^[\\x&|~"),
        ("[!]a]", "bc-!^[\\x&|~"),
        ("[!]", ""),
        ("[]", ""),
        ("[-]", "-"),
        ("[a-]", "a-"),
        ("[-a]", "a-"),
        ("[a-c-x]", "abc-x"),
        ("[a-]]", ""),
        ("[--c]", "abc]-^[\\"),
        ("[!-]", "abc]!^[\\x&|~"),
        ("[!--c]", "!x&|~"),
        ("[^a]", "a^"),
        ("[[]", "["),
        ("[[a]", "a["),
        ("[\\]", "\\"),
        ("[a\\]", "a\\"),
        ("[&&]", "&"),
        ("[a&|~]", "a&|~"),
        ("[c-ax]", "x"),
        ("[xc-a]", "x"),
        ("[a-b-c]", "abc-"),
        ("[c-ab-a]", ""),
        ("[b-a-x]", "-x"),
        ("[!b-a-x]", "abc]!^[\\&|~"),
        ("[+--]", "-"),
        ("[*]", ""),
        ("[?]", ""),
        ("[a-cx-z]", "abcx"),
        ("[ca-]", "ac-"),
        ("[]-a]", "a]^"),
        ("[!]-a]", "bc-![\\x&|~"),
        ("[--]", "-"),
        ("[---]", "-"),
        ("[?-&!a]", "bc]-!^[\\x&|~"),
        ("[c-a!-x]", "abc]!^[\\&|~"),
        ("[c-a!]", "abc]-!^[\\x&|~"),
        ("[a--]", ""),
    ];
}
