// SPDX-License-Identifier: MPL-2.0
//! Splits an expression into tokens, one at a time: what follows the end of an interpolation is never looked at.

use crate::error::{Error, Fault, excerpt};
use crate::text::is_space;

/// A token. `kind` is its class as error messages name it: the symbol itself, `identifier`, `number`, `string`,
/// or one of the words `true`, `false`, `null`, `in`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'s> {
    pub(crate) kind: &'static str,
    pub(crate) text: &'s str,
    pub(crate) start: usize,
}

/// The tokens of `source`, from `offset` on.
pub(crate) struct Tokens<'s> {
    source: &'s str,
    start: usize,
    offset: usize,
}

/// Longer symbols stand before their prefixes.
const SYMBOLS: [&str; 23] = [
    "**", "+", "-", "*", "/", "[", "]", ".", "(", ")", "{", "}", ":", ",", ">=", "<=", "<", ">",
    "==", "!=", "!", "&&", "||",
];

impl<'s> Tokens<'s> {
    pub(crate) const fn new(source: &'s str, offset: usize) -> Self {
        Self {
            source,
            start: offset,
            offset,
        }
    }

    /// Returns the next token; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Token<'s>>, Fault> {
        let rest = self.source.get(self.offset..).unwrap_or_default();
        let trimmed = rest.trim_start_matches(is_space);
        let start = self.offset + rest.len() - trimmed.len();
        let Some((kind, length)) = scan(trimmed) else {
            self.offset = start;
            return if trimmed.is_empty() {
                Ok(None)
            } else {
                Err(self.unexpected(trimmed).at(start))
            };
        };
        self.offset = start + length;
        Ok(Some(Token {
            kind,
            text: trimmed.get(..length).unwrap_or_default(),
            start,
        }))
    }

    fn unexpected(&self, rest: &str) -> Fault {
        let source = excerpt(self.source.get(self.start..).unwrap_or_default());
        Error::syntax(format!(
            "Unexpected input for '{source}' at '{}'",
            excerpt(rest)
        ))
    }
}

/// Returns class and length of the token at the beginning of `text`.
fn scan(text: &str) -> Option<(&'static str, usize)> {
    if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| text.starts_with(symbol)) {
        return Some((symbol, symbol.len()));
    }
    match text.bytes().next()? {
        b'0'..=b'9' => Some(("number", number_length(text))),
        quote @ (b'\'' | b'"') => {
            let inner = text.get(1..)?;
            Some(("string", inner.find(char::from(quote))? + 2))
        }
        byte if is_word(byte) => {
            let length = text.bytes().take_while(|byte| is_word(*byte)).count();
            let word = ["true", "false", "in", "null"]
                .into_iter()
                .find(|word| text.get(..length) == Some(word));
            Some((word.unwrap_or("identifier"), length))
        }
        _ => None,
    }
}

/// Returns the length of `[0-9]+(\.[0-9]+)?`.
fn number_length(text: &str) -> usize {
    let digits = |from: usize| {
        text.bytes()
            .skip(from)
            .take_while(u8::is_ascii_digit)
            .count()
    };
    let whole = digits(0);
    match digits(whole + 1) {
        fraction if fraction > 0 && text.as_bytes().get(whole) == Some(&b'.') => {
            whole + 1 + fraction
        }
        _ => whole,
    }
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<(&'static str, usize)> {
        let mut tokens = Tokens::new(source, 0);
        std::iter::from_fn(|| {
            tokens
                .next()
                .unwrap()
                .map(|token| (token.kind, token.start))
        })
        .collect()
    }

    #[test]
    fn words_and_numbers_are_split_like_the_reference() {
        assert_eq!(kinds("in insinuation"), [("in", 0), ("identifier", 3)]);
        assert_eq!(
            kinds("1.a 1.5"),
            [("number", 0), (".", 1), ("identifier", 2), ("number", 4)]
        );
        assert_eq!(
            kinds("2**-3"),
            [("number", 0), ("**", 1), ("-", 3), ("number", 4)]
        );
        assert_eq!(kinds("\u{1f}\u{a0}'a\n\"'"), [("string", 3)]);
    }

    #[test]
    fn unknown_input_is_an_error_where_it_stands() {
        let mut tokens = Tokens::new("a =", 0);
        tokens.next().unwrap();
        let error = tokens.next().unwrap_err();
        assert_eq!(error.message, "Unexpected input for 'a =' at '='");
        assert_eq!(error.column, Some(2));
    }
}
