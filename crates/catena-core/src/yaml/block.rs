// SPDX-License-Identifier: MPL-2.0
//! Reads block scalars as PyYAML's scanner does. It differs from YAML 1.2 where a scalar ends with the text, without a
//! line break, and where a scalar is the whole document.

/// A block scalar as PyYAML reads it.
pub(super) struct BlockScalar {
    /// Its value.
    pub(super) value: String,
    /// The offset at which PyYAML's scanner goes on.
    pub(super) end: usize,
}

/// Reads the block scalar whose `|` or `>` is at `start`; `min_indent` is one more than the column of the collection
/// around it, at least 1. Returns `None` if there is none, or for a header that PyYAML refuses.
pub(super) fn scan(text: &str, start: usize, min_indent: usize) -> Option<BlockScalar> {
    let mut cursor = Cursor {
        text,
        at: start,
        column: 0,
    };
    let (folded, chomping, increment) = cursor.header()?;
    let mut breaks = String::new();
    let indent = match increment {
        Some(increment) => {
            let indent = min_indent + increment - 1;
            cursor.breaks(indent, &mut breaks);
            indent
        }
        None => cursor.leading(&mut breaks).max(min_indent),
    };
    let mut value = String::new();
    let mut line_break = "";
    while cursor.column == indent && cursor.peek().is_some() {
        value.push_str(&breaks);
        let flush = !matches!(cursor.peek(), Some(b' ' | b'\t'));
        value.push_str(cursor.rest_of_line());
        line_break = cursor.line_break();
        breaks.clear();
        cursor.breaks(indent, &mut breaks);
        if cursor.column != indent || cursor.peek().is_none() {
            break;
        }
        if !folded || line_break.is_empty() || !flush || matches!(cursor.peek(), Some(b' ' | b'\t'))
        {
            value.push_str(line_break);
        } else if breaks.is_empty() {
            value.push(' ');
        }
    }
    if chomping != Chomping::Strip {
        value.push_str(line_break);
    }
    if chomping == Chomping::Keep {
        value.push_str(&breaks);
    }
    Some(BlockScalar {
        value,
        end: cursor.at,
    })
}

/// Returns the offset of the first `|` or `>` that is not in a comment.
pub(super) fn indicator(text: &str, from: usize) -> Option<usize> {
    outside_comments(text, from)
        .find(|(_, c)| matches!(c, '|' | '>'))
        .map(|(at, _)| at)
}

/// Returns the column of the first `-` that is not in a comment and begins an item.
pub(super) fn dash_column(text: &str, from: usize) -> Option<usize> {
    let is_space = |byte: Option<&u8>| matches!(byte, None | Some(b' ' | b'\n' | b'\r'));
    let bytes = text.as_bytes();
    let (at, _) = outside_comments(text, from).find(|(at, c)| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        *c == '-' && is_space(before) && is_space(bytes.get(at + 1))
    })?;
    Some(
        bytes
            .get(..at)?
            .iter()
            .rev()
            .take_while(|byte| !matches!(byte, b'\n' | b'\r'))
            .count(),
    )
}

fn outside_comments(text: &str, from: usize) -> impl Iterator<Item = (usize, char)> {
    let mut in_comment = false;
    text.get(from..)
        .unwrap_or_default()
        .char_indices()
        .filter_map(move |(at, c)| {
            in_comment = c == '#' || (in_comment && !matches!(c, '\n' | '\r'));
            (!in_comment).then_some((from + at, c))
        })
}

/// Returns whether a text holds white space and comments only.
pub(super) fn is_blank(text: &str) -> bool {
    let mut lines = text.split(['\n', '\r']);
    lines.all(|line| {
        matches!(
            line.trim_start_matches(' ').chars().next(),
            None | Some('#')
        )
    })
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Chomping {
    Clip,
    Keep,
    Strip,
}

struct Cursor<'t> {
    text: &'t str,
    at: usize,
    /// Counted in leading spaces only.
    column: usize,
}

impl<'t> Cursor<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        self.at += 1;
        self.column += 1;
    }

    /// Reads the indicators, a comment and the line break.
    fn header(&mut self) -> Option<(bool, Chomping, Option<usize>)> {
        let folded = match self.peek()? {
            b'|' => false,
            b'>' => true,
            _ => return None,
        };
        let line = self.rest_of_line();
        self.line_break();
        let (indicators, comment) = line
            .get(1..)?
            .split_once(' ')
            .unwrap_or((line.get(1..)?, ""));
        if !matches!(
            comment.trim_start_matches(' ').chars().next(),
            None | Some('#')
        ) {
            return None;
        }
        let (mut chomping, mut increment) = (None, None);
        for indicator in indicators.chars() {
            match indicator {
                '+' if chomping.is_none() => chomping = Some(Chomping::Keep),
                '-' if chomping.is_none() => chomping = Some(Chomping::Strip),
                '1'..='9' if increment.is_none() => {
                    increment = indicator.to_digit(10)?.try_into().ok()
                }
                _ => return None,
            }
        }
        Some((folded, chomping.unwrap_or(Chomping::Clip), increment))
    }

    /// Skips leading blank lines and spaces, and returns the largest column on the way.
    fn leading(&mut self, breaks: &mut String) -> usize {
        let mut widest = 0;
        loop {
            match self.peek() {
                Some(b' ') => {
                    self.space();
                    widest = widest.max(self.column);
                }
                Some(b'\n' | b'\r') => breaks.push_str(self.line_break()),
                _ => return widest,
            }
        }
    }

    /// Skips blank lines and up to `indent` spaces of the next line.
    fn breaks(&mut self, indent: usize, breaks: &mut String) {
        loop {
            while self.column < indent && self.peek() == Some(b' ') {
                self.space();
            }
            match self.line_break() {
                "" => return,
                line_break => breaks.push_str(line_break),
            }
        }
    }

    fn rest_of_line(&mut self) -> &'t str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let line = rest.split(['\n', '\r']).next().unwrap_or_default();
        self.at += line.len();
        line
    }

    fn line_break(&mut self) -> &'static str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = if rest.starts_with("\r\n") {
            2
        } else {
            usize::from(rest.starts_with(['\n', '\r']))
        };
        if length == 0 {
            return "";
        }
        self.at += length;
        self.column = 0;
        "\n"
    }
}
