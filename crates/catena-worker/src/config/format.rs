// SPDX-License-Identifier: MPL-2.0
//! How lines of `worker.log` look: `log_fmt` and `log_datefmt` (P41).
//!
//! Six attributes with Python's widths, and dates in strftime. Anything else is an error at start, not a line that lacks
//! something later.

use std::fmt::Write as _;

use jiff::Zoned;

/// How important a line is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// For whoever looks for a fault.
    Debug,
    /// What happens.
    Info,
    /// Odd, and survived.
    Warning,
    /// A task went wrong by no fault of its own.
    Error,
    /// The worker cannot go on.
    Critical,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }
}

/// One line to be.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// When, in local time.
    pub time: &'a Zoned,
    /// How important.
    pub level: Level,
    /// What.
    pub message: &'a str,
}

/// A layout that was understood.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LineFormat {
    parts: Vec<Part>,
    date: String,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Text(String),
    Field { field: Field, width: i32 },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Field {
    Level,
    Message,
    Name,
    Process,
    Thread,
    Time,
}

impl Default for LineFormat {
    fn default() -> Self {
        let field = |field, width| Part::Field { field, width };
        Self {
            parts: vec![
                field(Field::Time, 0),
                Part::Text(" ".to_owned()),
                field(Field::Level, 8),
                Part::Text(" - ".to_owned()),
                field(Field::Message, 0),
            ],
            date: "%Y-%m-%dT%H:%M:%S".to_owned(),
        }
    }
}

impl LineFormat {
    /// Reads both keys.
    ///
    /// # Errors
    /// The key that is wrong, and why.
    pub fn parse(line: &str, date: &str) -> Result<Self, (&'static str, String)> {
        let parts = parts(line).map_err(|why| ("log_fmt", why))?;
        let sample = Zoned::new(jiff::Timestamp::UNIX_EPOCH, jiff::tz::TimeZone::UTC);
        jiff::fmt::strtime::format(date, &sample).map_err(|why| {
            (
                "log_datefmt",
                format!("expected a layout of strftime: {why}"),
            )
        })?;
        Ok(Self {
            parts,
            date: date.to_owned(),
        })
    }

    /// Returns the line, without its newline.
    #[must_use]
    pub fn line(&self, record: &Record<'_>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field { field, width } => {
                    let value = self.value(*field, record);
                    pad(&mut out, &value, *width);
                }
            }
        }
        out
    }

    fn value(&self, field: Field, record: &Record<'_>) -> String {
        match field {
            Field::Level => record.level.name().to_owned(),
            Field::Message => record.message.to_owned(),
            Field::Name => "scriptworker".to_owned(),
            Field::Process => std::process::id().to_string(),
            Field::Thread => "MainThread".to_owned(),
            // was tried when it was read
            Field::Time => jiff::fmt::strtime::format(&self.date, record.time).unwrap_or_default(),
        }
    }
}

/// A negative width fills up behind.
fn pad(out: &mut String, value: &str, width: i32) {
    let columns = usize::try_from(width.unsigned_abs()).unwrap_or_default();
    // writing to a string cannot fail
    let _ = match width {
        ..0 => write!(out, "{value:<columns$}"),
        _ => write!(out, "{value:>columns$}"),
    };
}

/// Reads `text %(field)8s text`.
fn parts(line: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            text.push('%');
            rest = after;
            continue;
        }
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text)));
        }
        let (part, after) = field(after)?;
        parts.push(part);
        rest = after;
    }
    text.push_str(rest);
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

fn field(text: &str) -> Result<(Part, &str), String> {
    let wrong = || {
        "expected %(NAME)s with an optional width, where NAME is asctime, levelname, message, name, process or threadName"
            .to_owned()
    };
    let (name, rest) = text
        .strip_prefix('(')
        .and_then(|text| text.split_once(')'))
        .ok_or_else(wrong)?;
    let field = match name {
        "asctime" => Field::Time,
        "levelname" => Field::Level,
        "message" => Field::Message,
        "name" => Field::Name,
        "process" => Field::Process,
        "threadName" => Field::Thread,
        _ => return Err(format!("{}, found {name:?}", wrong())),
    };
    let digits = rest.len()
        - rest
            .trim_start_matches(|c: char| c == '-' || c.is_ascii_digit())
            .len();
    let (width, rest) = rest.split_at(digits);
    let width = match width {
        "" => 0,
        width => width
            .parse()
            .ok()
            .filter(|w: &i32| w.abs() <= 200)
            .ok_or_else(wrong)?,
    };
    let number = field == Field::Process && rest.starts_with('d');
    match rest.strip_prefix(if number { 'd' } else { 's' }) {
        Some(rest) => Ok((Part::Field { field, width }, rest)),
        None => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: &str, date: &str) -> Result<String, (&'static str, String)> {
        let time = "2026-03-01T10:02:03[UTC]".parse::<Zoned>().unwrap();
        Ok(LineFormat::parse(format, date)?.line(&Record {
            time: &time,
            level: Level::Info,
            message: "m 100%",
        }))
    }

    #[test]
    fn lines_look_as_python_writes_them_p41() {
        let date = "%Y-%m-%dT%H:%M:%S";
        let due = "2026-03-01T10:02:03     INFO - m 100%";
        assert_eq!(
            line("%(asctime)s %(levelname)8s - %(message)s", date).unwrap(),
            due
        );
        assert_eq!(
            line(
                "%(levelname)-8s|%(name)s %% %(threadName)s: %(message)s",
                date
            )
            .unwrap(),
            "INFO    |scriptworker % MainThread: m 100%"
        );
        let process = line("%(process)d", date).unwrap();
        assert_eq!(process, std::process::id().to_string());
    }

    #[test]
    fn what_is_not_understood_is_refused_p41() {
        for format in [
            "%(funcName)s",
            "%(message)d",
            "%s",
            "{message}%",
            "%(asctime",
        ] {
            assert_eq!(line(format, "%Y").unwrap_err().0, "log_fmt", "{format}");
        }
        assert_eq!(line("%(message)s", "%!").unwrap_err().0, "log_datefmt");
    }
}
