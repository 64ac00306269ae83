// SPDX-License-Identifier: MPL-2.0
//! How a report looks, and the page that it is written on.

use std::collections::BTreeMap;

use crate::escape::ascii;

/// How a report is to look. The caller decides whether there is a terminal, and how wide.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Style {
    /// Colours or none.
    pub colour: Colour,
    /// Which characters the ornaments and quotations may use.
    pub characters: Characters,
    /// Everything, or one screen.
    pub detail: Detail,
    /// Columns. Only running text is wrapped; identifiers are never broken.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            colour: Colour::Never,
            characters: Characters::Unicode,
            detail: Detail::Folded,
            width: 110,
        }
    }
}

/// Whether to write ANSI colours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Colour {
    /// The eight colours that every terminal has.
    Ansi,
    /// None.
    Never,
}

/// What the terminal can show.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Characters {
    /// ASCII only.
    Ascii,
    /// Everything visible.
    Unicode,
}

/// How much to show.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Detail {
    /// Everything.
    All,
    /// What fits on a screen; the rest as counts.
    Folded,
}

/// What a piece of text means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tone {
    Bad,
    Dim,
    Good,
    Plain,
    Strong,
    Warn,
}

/// A text in the making.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) style: &'a Style,
    pub(super) text: String,
}

impl<'a> Page<'a> {
    pub(super) fn new(style: &'a Style) -> Self {
        Self {
            style,
            text: String::new(),
        }
    }

    /// Returns the text, in the characters of the style.
    pub(super) fn finish(self) -> String {
        match self.style.characters {
            Characters::Ascii => ascii(&self.text),
            Characters::Unicode => self.text,
        }
    }

    /// Writes text and ends the line.
    pub(super) fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Writes text in a colour.
    pub(super) fn tone(&mut self, tone: Tone, text: &str) {
        let code = match tone {
            Tone::Bad => "1;31",
            Tone::Dim => "2",
            Tone::Good => "1;32",
            Tone::Strong => "1",
            Tone::Warn => "1;33",
            Tone::Plain => "",
        };
        if self.style.colour == Colour::Never || code.is_empty() {
            self.text.push_str(text);
        } else {
            self.text
                .push_str(&format!("\u{1b}[{code}m{text}\u{1b}[0m"));
        }
    }

    /// Starts a section.
    pub(super) fn heading(&mut self, tone: Tone, text: &str) {
        self.line("");
        self.tone(tone, text);
        self.line("");
    }

    /// Writes running text behind `first`, its further lines behind `rest`.
    pub(super) fn wrapped(&mut self, first: &str, rest: &str, text: &str) {
        self.text.push_str(first);
        self.wrapped_from(first.chars().count(), rest, text);
    }

    /// Writes running text from a column on, further lines behind `rest`.
    pub(super) fn wrapped_from(&mut self, mut column: usize, rest: &str, text: &str) {
        let mut fresh = true;
        for word in text.split(' ') {
            let length = word.chars().count();
            if !fresh && column + 1 + length > self.style.width {
                self.text.push('\n');
                self.text.push_str(rest);
                column = rest.chars().count();
                fresh = true;
            }
            if !fresh {
                self.text.push(' ');
                column += 1;
            }
            self.text.push_str(word);
            column += length;
            fresh = false;
        }
        self.text.push('\n');
    }

    /// Says how many things with which ids were folded away, if any were.
    pub(super) fn more(&mut self, ids: impl Iterator<Item = &'static str>) {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for id in ids {
            *counts.entry(id).or_default() += 1;
        }
        let total: usize = counts.values().sum();
        if total > 0 {
            let kinds: Vec<String> = counts.iter().map(|(id, n)| format!("{n} {id}")).collect();
            self.wrapped(
                "  … ",
                "      ",
                &format!(
                    "and {total} more: {} (--verbose shows all)",
                    kinds.join(", ")
                ),
            );
        }
    }
}
