// SPDX-License-Identifier: MPL-2.0
//! Refuses what the grammar of YAML 1.2 reads but PyYAML's scanner does not, or reads differently.
//!
//! Before parsing, [`text`] judges the characters. After it, [`layout`] walks the text between the scalars, where only
//! indicators, white space and comments can stand.

use std::collections::BTreeSet;
use std::ops::Range;

use granit_parser::{ScalarStyle, Span};

use super::compose::anchor_name;
use super::{Limits, Place, YamlError, YamlErrorKind};

/// The tokens of a text that are not indicators.
#[derive(Default)]
pub(super) struct Tokens {
    list: Vec<(Range<usize>, Token)>,
    end: usize,
}

/// A token that is not an indicator.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Token {
    /// `*name`.
    Alias,
    /// `&name` or a tag.
    Property,
    /// A scalar.
    Scalar(ScalarStyle),
}

impl Tokens {
    /// Adds a token unless it is an empty scalar.
    pub(super) fn add(&mut self, span: &Span, token: Token) {
        if let Some(range) = span.byte_range() {
            self.add_range(range, token);
        }
    }

    /// Returns where the last token ends.
    pub(super) const fn end(&self) -> usize {
        self.end
    }

    /// Adds a token unless it is empty.
    pub(super) fn add_range(&mut self, range: Range<usize>, token: Token) {
        if !range.is_empty() {
            self.end = self.end.max(range.end);
            self.list.push((range, token));
        }
    }
}

/// Returns the text without a leading byte order mark, if it is UTF-8 of characters that PyYAML reads.
///
/// UTF-16, which PyYAML would read, is refused, as are U+0085, U+2028 and U+2029, which are line breaks to PyYAML alone.
pub(super) fn text<'b>(bytes: &'b [u8], limits: &Limits) -> Result<&'b str, YamlError> {
    if bytes.len() > limits.bytes {
        let detail = format!("more than {} bytes", limits.bytes);
        return Err(YamlError::new(
            YamlErrorKind::Limit,
            Place { line: 1, column: 1 },
            detail,
        ));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let valid = String::from_utf8_lossy(valid);
            return Err(YamlError::syntax(
                place_of(&valid, valid.len()),
                "bytes that are not UTF-8",
            ));
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.char_indices().find(|(_, c)| !is_allowed(*c)) {
        Some((at, c)) => Err(YamlError::refused(
            place_of(text, at),
            format!("the character U+{:04X}", u32::from(c)),
        )),
        None => Ok(text),
    }
}

/// PyYAML's printable characters, without its three extra line breaks and the byte order mark.
const fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{fefe}'
        | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

/// Checks what stands between the tokens, and the tokens against where they stand.
pub(super) fn layout(text: &str, tokens: Tokens) -> Result<(), YamlError> {
    let mut tokens = tokens.list;
    tokens.sort_by_key(|(range, _)| range.start);
    let mut walk = Walk {
        text,
        flow: Vec::new(),
        explicit: BTreeSet::new(),
        key: None,
        started: false,
    };
    let mut at = 0;
    for (range, token) in tokens {
        walk.gap(at, range.start)?;
        walk.token(&range, token)?;
        at = range.end.max(at);
    }
    walk.gap(at, text.len())
}

struct Walk<'t> {
    text: &'t str,
    /// One per open flow collection.
    flow: Vec<Entry>,
    /// The columns of the `?` of block mappings that no `:` has answered yet.
    explicit: BTreeSet<usize>,
    /// Where the first token since the last indicator or line break begins.
    key: Option<usize>,
    /// Whether anything but white space and comments has been seen.
    started: bool,
}

/// An entry of a flow collection: where its first token began, and whether a `?` or `:` has been seen.
#[derive(Clone, Copy, Default)]
struct Entry {
    start: Option<usize>,
    explicit: bool,
}

impl Walk<'_> {
    fn error(&self, at: usize, detail: &str) -> YamlError {
        YamlError::syntax(place_of(self.text, at), detail)
    }

    fn slice(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }

    fn gap(&mut self, from: usize, to: usize) -> Result<(), YamlError> {
        let mut in_comment = false;
        for (offset, c) in self.slice(from, to).to_owned().char_indices() {
            let at = from + offset;
            match c {
                '\n' | '\r' => (in_comment, self.key) = (false, None),
                _ if in_comment => {}
                ' ' => {}
                '#' => in_comment = true,
                '.' if !self.started => return Err(self.error(at, "a `...` at the start")),
                '\t' => return Err(self.error(at, "a tab outside of a quoted or block scalar")),
                '[' | '{' => {
                    self.begin(at);
                    self.flow.push(Entry::default());
                }
                ']' | '}' => {
                    self.flow.pop();
                }
                ',' => self.entry(|entry| *entry = Entry::default()),
                '-' => {
                    self.explicit.split_off(&(self.column(at) + 1));
                }
                '?' if self.flow.is_empty() => self.explicit_key(at),
                '?' => self.entry(|entry| entry.explicit = true),
                ':' if self.flow.is_empty() => self.block_value(at)?,
                ':' => self.value(at)?,
                _ => {}
            }
            self.started |= !matches!(c, ' ' | '\n' | '\r') && !in_comment;
            self.key = match c {
                '[' | '{' | ']' | '}' => self.key.or(Some(at)),
                ' ' | '\r' => self.key,
                _ => None,
            };
        }
        Ok(())
    }

    fn entry(&mut self, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.flow.last_mut() {
            change(entry);
        }
    }

    fn begin(&mut self, at: usize) {
        self.entry(|entry| entry.start = entry.start.or(Some(at)));
    }

    fn explicit_key(&mut self, at: usize) {
        let column = self.column(at);
        self.explicit.split_off(&column);
        self.explicit.insert(column);
    }

    /// Checks a `:` of a block mapping: PyYAML wants a key before it, on its line or after a `?` in the same column.
    fn block_value(&mut self, at: usize) -> Result<(), YamlError> {
        if let Some(key) = self.key {
            self.explicit.split_off(&self.column(key));
            return Ok(());
        }
        let column = self.column(at);
        self.explicit.split_off(&(column + 1));
        if self.explicit.remove(&column) {
            Ok(())
        } else {
            Err(self.error(at, "a `:` without a key"))
        }
    }

    fn column(&self, at: usize) -> usize {
        self.slice(0, at)
            .bytes()
            .rev()
            .take_while(|byte| !matches!(byte, b'\n' | b'\r'))
            .count()
    }

    /// Checks a `:` in a flow collection: PyYAML wants a key before it, on one line and at most 1,024 characters long,
    /// unless a `?` began the entry.
    fn value(&self, at: usize) -> Result<(), YamlError> {
        let Some(entry) = self.flow.last() else {
            return Ok(());
        };
        if entry.explicit {
            return Ok(());
        }
        let Some(start) = entry.start else {
            return Err(self.error(at, "a `:` without a key in a flow collection"));
        };
        let key = self.slice(start, at);
        if key.contains(['\n', '\r']) || key.chars().count() > 1024 {
            return Err(self.error(
                start,
                "a key of a flow collection over several lines, or too long",
            ));
        }
        Ok(())
    }

    fn token(&mut self, range: &Range<usize>, token: Token) -> Result<(), YamlError> {
        self.begin(range.start);
        self.started = true;
        let is_block = matches!(
            token,
            Token::Scalar(ScalarStyle::Literal | ScalarStyle::Folded)
        );
        self.key = if is_block {
            None
        } else {
            self.key.or(Some(range.start))
        };
        let source = self.slice(range.start, range.end);
        match token {
            Token::Alias => anchor_name(
                source.trim_start_matches('*'),
                place_of(self.text, range.start),
            ),
            Token::Property => self.property(range),
            Token::Scalar(ScalarStyle::Plain) => self.plain(range.start, source),
            Token::Scalar(ScalarStyle::Literal | ScalarStyle::Folded) => {
                self.block(range.start, source)
            }
            Token::Scalar(ScalarStyle::DoubleQuoted) => self.double_quoted(range.start, source),
            Token::Scalar(ScalarStyle::SingleQuoted) => Ok(()),
        }
    }

    /// PyYAML ends an anchor before fewer characters than YAML 1.2, and wants white space after a tag.
    fn property(&self, range: &Range<usize>) -> Result<(), YamlError> {
        let is_anchor = self.text.as_bytes().get(range.start) == Some(&b'&');
        match self.text.as_bytes().get(range.end) {
            None | Some(b' ' | b'\n' | b'\r') => Ok(()),
            Some(b',' | b']' | b'}') if is_anchor => Ok(()),
            Some(_) => Err(self.error(range.start, "a tag or anchor without white space after it")),
        }
    }

    fn plain(&self, at: usize, source: &str) -> Result<(), YamlError> {
        if source.contains('\t') {
            return Err(self.error(at, "a tab in a plain scalar"));
        }
        if !self.flow.is_empty() && (source.contains('?') || source.starts_with(':')) {
            return Err(self.error(
                at,
                "a plain scalar of a flow collection with a `?`, or with a `:` at its start",
            ));
        }
        Ok(())
    }

    fn block(&self, at: usize, source: &str) -> Result<(), YamlError> {
        let header = source.lines().next().unwrap_or_default();
        if header
            .split('#')
            .next()
            .is_some_and(|before| before.contains('\t'))
        {
            return Err(self.error(at, "a tab in the header of a block scalar"));
        }
        Ok(())
    }

    /// An escaped surrogate is half a character in Python, and no character in JSON.
    fn double_quoted(&self, at: usize, source: &str) -> Result<(), YamlError> {
        let mut rest = source;
        while let Some(found) = rest.find('\\') {
            let escape = rest.get(found + 1..).unwrap_or_default();
            let digits = match escape.chars().next() {
                Some('u') => escape.get(1..5),
                Some('U') => escape.get(1..9),
                _ => None,
            };
            let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
            if code.is_some_and(|code| char::from_u32(code).is_none()) {
                return Err(self.error(at, "an escape that is not a character"));
            }
            let skip = escape.chars().next().map_or(0, char::len_utf8);
            rest = escape.get(skip..).unwrap_or_default();
        }
        Ok(())
    }
}

fn place_of(text: &str, at: usize) -> Place {
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    Place { line, column }
}
