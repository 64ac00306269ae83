// SPDX-License-Identifier: MPL-2.0
//! The scanner: a state machine over the bytes of the text, which may be cut anywhere.
//!
//! 1. The text is one object; outside strings there are only the characters that JSON's grammar has.
//! 2. Strings, numbers and containers each obey their own rules: [`Text`], [`Number`], [`Nesting`].
//! 3. The keys of the outermost object are decoded; none may appear twice. For those that are task ids the place of
//!    their value is recorded.
//! 4. The first fault ends the scan for good.
//!
//! It decides whether the whole is one JSON object that everyone reads alike (P2 `json-strict`, P23, S45). What the
//! entries mean is decided when they are used, from their own bytes and by the full parser, which also refuses
//! duplicate keys inside them.

mod bytes;
mod key;
mod nesting;
mod number;
mod text;
mod utf8;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use self::bytes::whitespace;
use self::key::{Key, KeyCollector};
use self::nesting::{Container, Nesting};
use self::number::Number;
use self::text::{Progress, Text};
use crate::json::MAX_DEPTH;
use crate::model::ids::TaskId;

/// Where each entry of a task graph lies: byte ranges of the values of the top-level object.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GraphIndex {
    entries: HashMap<TaskId, Range<u64>>,
}

impl GraphIndex {
    /// Returns the tasks, in no order that means anything.
    pub fn tasks(&self) -> impl Iterator<Item = TaskId> + '_ {
        self.entries.keys().copied()
    }

    /// Returns the byte range of the entry of a task.
    #[must_use]
    pub fn range(&self, task: TaskId) -> Option<Range<u64>> {
        self.entries.get(&task).cloned()
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether the graph has no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Why the text is not a task graph.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message} at byte {offset}")]
pub struct ScanError {
    /// What was expected, and what was found.
    pub message: String,
    /// Where, from 0.
    pub offset: u64,
    /// Whether Python's reader would have taken the text (`json-strict`, P2), so that only we refuse it.
    pub strictness: bool,
}

/// Takes a task graph in pieces, in order.
#[derive(Debug, Default)]
pub struct GraphScanner {
    state: State,
    /// How many bytes were taken.
    offset: u64,
    nesting: Nesting,
    text: Text,
    number: Number,
    key: KeyCollector,
    /// Where the last string began, with its quote.
    text_start: u64,
    /// The task whose value is due or being read.
    task: Option<TaskId>,
    /// Where the value of the outermost object that is being read began.
    value_start: u64,
    index: GraphIndex,
    /// The outermost keys that are no task ids.
    others: HashSet<[u8; 32]>,
    failed: Option<ScanError>,
}

/// What is due next.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum State {
    /// The colon behind a key.
    Colon,
    /// Behind a value: a comma or the end of the container.
    CommaOrEnd,
    /// Only whitespace.
    End,
    /// The rest of a number.
    InNumber,
    /// The rest of a string.
    InText(Role),
    /// The rest of `true`, `false` or `null`.
    InWord(&'static [u8]),
    /// Behind a comma in an object.
    Key,
    /// Behind `{`.
    KeyOrEnd,
    /// The outermost object.
    #[default]
    Start,
    /// Behind a colon, or a comma in an array.
    Value,
    /// Behind `[`.
    ValueOrEnd,
}

/// What a string is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Role {
    /// A key inside an entry.
    Key,
    /// A key of the outermost object.
    OuterKey,
    /// A value.
    Value,
}

impl GraphScanner {
    /// Returns a scanner at the start of the text.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// What is wrong with the text so far; every later call says the same.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), ScanError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let mut rest = piece;
        while !rest.is_empty() {
            match self.step(rest) {
                Ok(taken) => {
                    self.offset += wide(taken);
                    rest = rest.get(taken..).unwrap_or_default();
                }
                Err(error) => {
                    self.failed = Some(error.clone());
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Ends the text and returns the index.
    ///
    /// # Errors
    /// What is missing, or what [`push`](Self::push) found.
    pub fn finish(self) -> Result<GraphIndex, ScanError> {
        match (self.failed, self.state) {
            (Some(error), _) => Err(error),
            (None, State::End) => Ok(self.index),
            (None, state) => Err(ScanError {
                message: format!("expected {}, found the end of the text", state.due()),
                offset: self.offset,
                strictness: false,
            }),
        }
    }

    /// Takes at least one byte, or ends a number; returns how many bytes.
    fn step(&mut self, rest: &[u8]) -> Result<usize, ScanError> {
        match self.state {
            State::InNumber => self.number(rest),
            State::InText(role) => self.text(role, rest),
            State::InWord(due) => self.word(due, rest),
            _ => {
                let space = whitespace(rest);
                match rest.get(space) {
                    Some(&byte) => self
                        .structure(byte, self.offset + wide(space))
                        .map(|()| space + 1),
                    None => Ok(space),
                }
            }
        }
    }

    /// Takes the byte at an offset, which is between values.
    fn structure(&mut self, byte: u8, at: u64) -> Result<(), ScanError> {
        match (self.state, byte) {
            (State::KeyOrEnd | State::Key, b'"') => {
                let outer = self.nesting.depth() == 1;
                self.text_start = at;
                self.state = State::InText(if outer { Role::OuterKey } else { Role::Key });
            }
            (State::Colon, b':') => self.state = State::Value,
            (State::CommaOrEnd, b',') => {
                self.state = match self.nesting.innermost() {
                    Container::Array => State::Value,
                    Container::Object => State::Key,
                };
            }
            (State::Start, b'{') => self.open(Container::Object, at)?,
            (State::CommaOrEnd | State::KeyOrEnd | State::ValueOrEnd, b'}' | b']')
                if self.nesting.innermost().closing_byte() == byte =>
            {
                self.nesting.close();
                self.complete(at + 1);
            }
            (State::Value | State::ValueOrEnd, _) => self.value(byte, at)?,
            _ => return Err(self.unexpected(byte, at)),
        }
        Ok(())
    }

    /// Takes the first byte of a value.
    fn value(&mut self, byte: u8, at: u64) -> Result<(), ScanError> {
        let state = match byte {
            b'"' => State::InText(Role::Value),
            b'{' => return self.open(Container::Object, at),
            b'[' => return self.open(Container::Array, at),
            b'-' | b'0'..=b'9' => {
                self.number.clear();
                self.number.feed(&[byte]);
                State::InNumber
            }
            b't' => State::InWord(b"rue"),
            b'f' => State::InWord(b"alse"),
            b'n' => State::InWord(b"ull"),
            _ => return Err(self.unexpected(byte, at)),
        };
        self.begin(at);
        self.state = state;
        Ok(())
    }

    fn unexpected(&self, byte: u8, offset: u64) -> ScanError {
        let (due, found) = (self.state.due(), byte.escape_ascii());
        ScanError {
            message: format!("expected {due}, found `{found}`"),
            offset,
            strictness: matches!(byte, b'N' | b'I'),
        }
    }

    /// Returns an error about the byte `ahead` bytes behind those taken so far.
    fn fault(&self, ahead: usize, message: &str) -> ScanError {
        ScanError {
            message: message.to_owned(),
            offset: self.offset + wide(ahead),
            strictness: false,
        }
    }

    /// Opens a container.
    fn open(&mut self, container: Container, at: u64) -> Result<(), ScanError> {
        self.begin(at);
        if !self.nesting.open(container) {
            return Err(ScanError {
                message: format!("expected at most {MAX_DEPTH} levels of nesting"),
                offset: at,
                strictness: true,
            });
        }
        self.state = match container {
            Container::Array => State::ValueOrEnd,
            Container::Object => State::KeyOrEnd,
        };
        Ok(())
    }

    /// Notes where a value begins.
    fn begin(&mut self, at: u64) {
        if self.nesting.depth() == 1 {
            self.value_start = at;
        }
    }

    /// Notes that a value ended before `end`.
    fn complete(&mut self, end: u64) {
        self.state = State::CommaOrEnd;
        match self.nesting.depth() {
            0 => self.state = State::End,
            1 => {
                if let Some(task) = self.task.take() {
                    self.index.entries.insert(task, self.value_start..end);
                }
            }
            _ => {}
        }
    }

    fn number(&mut self, rest: &[u8]) -> Result<usize, ScanError> {
        let taken = self.number.feed(rest);
        if taken < rest.len() {
            let sound = self.number.finish();
            sound.map_err(|expected| ScanError {
                // `-Infinity`, and what JSON can write but 64 bits cannot hold
                strictness: expected != number::DIGIT || rest.get(taken) == Some(&b'I'),
                ..self.fault(taken, expected)
            })?;
            self.complete(self.offset + wide(taken));
        }
        Ok(taken)
    }

    fn word(&mut self, due: &'static [u8], rest: &[u8]) -> Result<usize, ScanError> {
        let mut pairs = due.iter().zip(rest);
        let taken = pairs.len();
        if let Some(ahead) = pairs.position(|(due, byte)| due != byte) {
            return Err(self.fault(ahead, "expected true, false or null"));
        }
        match due.get(taken..) {
            Some(due) if !due.is_empty() => self.state = State::InWord(due),
            _ => self.complete(self.offset + wide(taken)),
        }
        Ok(taken)
    }

    fn text(&mut self, role: Role, rest: &[u8]) -> Result<usize, ScanError> {
        let key = &mut self.key;
        let progress = match role {
            Role::OuterKey => self.text.feed(rest, |piece| key.extend(piece)),
            Role::Key | Role::Value => self.text.feed(rest, |_| ()),
        };
        let progress = progress.map_err(|fault| ScanError {
            strictness: fault.expected == text::PAIR,
            ..self.fault(fault.at, fault.expected)
        })?;
        let Progress::Complete { taken } = progress else {
            return Ok(rest.len());
        };
        match role {
            Role::Key => self.state = State::Colon,
            Role::OuterKey => self.outer_key()?,
            Role::Value => self.complete(self.offset + wide(taken)),
        }
        Ok(taken)
    }

    /// Ends a key of the outermost object (S45: none twice).
    fn outer_key(&mut self) -> Result<(), ScanError> {
        let fault = |message| ScanError {
            message,
            offset: self.text_start,
            strictness: true,
        };
        self.task = None;
        match self.key.finish() {
            Key::Other(digest) => {
                if !self.others.insert(digest) {
                    return Err(fault("expected each key once, found one again".to_owned()));
                }
            }
            Key::Task(task) => {
                if self.index.entries.contains_key(&task) {
                    return Err(fault(format!(
                        "expected each task once, found {task} again"
                    )));
                }
                self.task = Some(task);
            }
        }
        if self.index.len() + self.others.len() >= MAX_KEYS {
            return Err(fault(format!("expected fewer than {MAX_KEYS} entries")));
        }
        self.state = State::Colon;
        Ok(())
    }
}

impl State {
    /// Returns what is due, for people.
    const fn due(self) -> &'static str {
        match self {
            Self::Colon => "a colon",
            Self::CommaOrEnd => "a comma or the end of the container",
            Self::End => "nothing but whitespace",
            Self::InNumber => "the rest of a number",
            Self::InText(_) => "the rest of a string",
            Self::InWord(_) => "true, false or null",
            Self::Key => "a key",
            Self::KeyOrEnd => "a key or the end of the object",
            Self::Start => "an object",
            Self::Value => "a value",
            Self::ValueOrEnd => "a value or the end of the array",
        }
    }
}

/// Returns a length as an offset.
fn wide(length: usize) -> u64 {
    // invariant: no supported machine has more than 64 bits
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// How many keys the outermost object may have, so that memory stays bounded: thirty times the tasks of the
/// largest graph that was measured.
const MAX_KEYS: usize = 1_000_000;
