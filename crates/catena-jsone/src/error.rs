// SPDX-License-Identifier: MPL-2.0
//! What went wrong, and where in the template.
//!
//! Kinds and messages are those of the reference implementation (the official specification checks them
//! word for word); the place is ours: a JSON pointer into the template and a column in the expression.

use std::fmt;

/// Why a template could not be parsed or rendered.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{kind} {}: {message}", Place { pointer, column: *.column })]
#[non_exhaustive]
pub struct Error {
    /// The class of the error.
    pub kind: ErrorKind,
    /// What was expected and found. May quote the template, shortened.
    pub message: String,
    /// The JSON pointer (RFC 6901) of the part of the template that failed; empty for the whole template.
    pub pointer: String,
    /// The column, counted in characters from 1, in the string that `pointer` names (in the member's name
    /// if that is what was interpolated).
    pub column: Option<usize>,
}

/// An error on its way out: boxed, so that the frames of the recursion stay small.
pub(crate) type Fault = Box<Error>;

/// The classes of error; all but [`Limit`](Self::Limit) are the reference's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A builtin or a function of the context refused its arguments.
    Builtin,
    /// An expression is well-formed but cannot be evaluated.
    Interpreter,
    /// A limit was reached: nothing is said about the template's meaning.
    Limit,
    /// An expression is malformed.
    Syntax,
    /// An operator or an interpolation is used wrongly.
    Template,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Fault {
        Box::new(Self {
            kind,
            message: message.into(),
            pointer: String::new(),
            column: None,
        })
    }

    pub(crate) fn builtin(message: impl Into<String>) -> Fault {
        Self::new(ErrorKind::Builtin, message)
    }

    pub(crate) fn interpreter(message: impl Into<String>) -> Fault {
        Self::new(ErrorKind::Interpreter, message)
    }

    pub(crate) fn limit(message: impl Into<String>) -> Fault {
        Self::new(ErrorKind::Limit, message)
    }

    pub(crate) fn syntax(message: impl Into<String>) -> Fault {
        Self::new(ErrorKind::Syntax, message)
    }

    pub(crate) fn template(message: impl Into<String>) -> Fault {
        Self::new(ErrorKind::Template, message)
    }

    /// Returns the error with its place moved one step outwards: it happened in the member `step`.
    pub(crate) fn within(mut self: Box<Self>, step: impl fmt::Display) -> Fault {
        let step = step.to_string().replace('~', "~0").replace('/', "~1");
        self.pointer = format!("/{step}{}", self.pointer);
        self
    }

    /// Returns the error with the byte offset `at`, unless it has one.
    pub(crate) fn at(mut self: Box<Self>, at: usize) -> Fault {
        if self.column.is_none() {
            self.column = Some(at);
        }
        self
    }

    /// Returns the error with its byte offset turned into a column of `text`.
    pub(crate) fn in_text(mut self: Box<Self>, text: &str) -> Fault {
        self.column = self
            .column
            .map(|byte| 1 + text.char_indices().take_while(|(i, _)| *i < byte).count());
        self
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Builtin => "BuiltinError",
            Self::Interpreter => "InterpreterError",
            Self::Limit => "LimitError",
            Self::Syntax => "SyntaxError",
            Self::Template => "TemplateError",
        })
    }
}

struct Place<'e> {
    pointer: &'e str,
    column: Option<usize>,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at \"{}\"", self.pointer)?;
        self.column
            .map_or(Ok(()), |column| write!(f, " column {column}"))
    }
}

/// Returns `text`, cut where it gets too long for a message.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 160; // two lines of a terminal
    text.char_indices().nth(LONGEST).map_or_else(
        || text.to_owned(),
        |(end, _)| format!("{}…", text.get(..end).unwrap_or_default()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_is_escaped_and_counted_in_characters() {
        let error = Error::syntax("no")
            .at(3)
            .in_text("éé!")
            .within(2)
            .within("a/b~c");
        assert_eq!(error.pointer, "/a~1b~0c/2");
        assert_eq!(error.column, Some(3));
        assert_eq!(
            error.to_string(),
            "SyntaxError at \"/a~1b~0c/2\" column 3: no"
        );
    }

    #[test]
    fn excerpt_cuts_long_text_only() {
        assert_eq!(excerpt("short"), "short");
        assert_eq!(excerpt(&"é".repeat(1000)).chars().count(), 161);
    }
}
