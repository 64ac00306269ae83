// SPDX-License-Identifier: MPL-2.0
//! Data as text for pages. Templates escape markup; here control characters become visible and lengths bounded.

use catena_report::escape::clean;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::queue::{RunState, TaskState};

/// How many characters of a name are shown.
const NAME: usize = 200;
/// How many characters of a line of a log or a document are shown.
const LINE: usize = 4000;

/// Returns what somebody else wrote on one line, visible and bounded.
pub(super) fn show(text: &str) -> String {
    within(text, NAME)
}

/// As [`show`], with another bound.
pub(super) fn within(text: &str, most: usize) -> String {
    clean(text, most)
}

/// Returns a line of a log: without the colours that terminals know, tabs kept, the rest visible.
pub(super) fn line(text: &str) -> String {
    let plain = without_colours(text);
    if plain.chars().nth(LINE).is_some() {
        return clean(&plain, LINE);
    }
    let parts: Vec<String> = plain.split('\t').map(|part| clean(part, LINE)).collect();
    parts.join("\t")
}

/// Leaves out `ESC [ … letter`.
fn without_colours(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        out.push_str(before);
        let length = after
            .bytes()
            .take_while(|byte| matches!(byte, b'0'..=b'?'))
            .count();
        rest = match after.as_bytes().get(length) {
            Some(b'@'..=b'~') => after.get(length.saturating_add(1)..).unwrap_or_default(),
            _ => {
                out.push('\u{1b}');
                out.push('[');
                after
            }
        };
    }
    out.push_str(rest);
    out
}

/// Returns a document of several lines, each visible.
pub(super) fn document(text: &str) -> String {
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A time, in the ways pages show it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Time {
    /// For programs.
    pub(super) iso: String,
    /// In full.
    pub(super) text: String,
    /// Seen from now.
    pub(super) ago: String,
}

impl Time {
    pub(super) fn new(time: Timestamp, now: Timestamp) -> Self {
        Self {
            iso: format!("{time:.3}"),
            text: absolute(time),
            ago: relative(time, now),
        }
    }
}

/// `2026-01-02 03:04:05 UTC`.
pub(super) fn absolute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn relative(time: Timestamp, now: Timestamp) -> String {
    let past = now.duration_since(time);
    let size = past.abs();
    let (n, unit) = match size.as_secs() {
        0..5 => return "just now".to_owned(),
        n @ 5..60 => (n, "s"),
        n @ 60..3600 => (n / 60, "min"),
        n @ 3600..86400 => (n / 3600, "h"),
        n => (n / 86400, "d"),
    };
    if past.is_negative() {
        format!("in {n} {unit}")
    } else {
        format!("{n} {unit} ago")
    }
}

/// How long something took, or has taken.
pub(super) fn took(from: Timestamp, to: Timestamp) -> String {
    let span = to.duration_since(from).max(SignedDuration::ZERO);
    match span.as_secs() {
        n @ 0..60 => format!("{n}.{} s", span.subsec_millis() / 100),
        n @ 60..3600 => format!("{} min {:02} s", n / 60, n % 60),
        n => format!("{} h {:02} min", n / 3600, n % 3600 / 60),
    }
}

/// Characters that are written as they are within a part of a URL.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Encodes a part of a path, or a value in a query.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// A state with its mark, so that colour is not all that tells it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct State {
    /// Its name, and the class of its style.
    pub(super) name: &'static str,
    pub(super) mark: &'static str,
}

impl From<TaskState> for State {
    fn from(state: TaskState) -> Self {
        let (name, mark) = match state {
            TaskState::Unscheduled => ("unscheduled", "·"),
            TaskState::Pending => ("pending", "○"),
            TaskState::Running => ("running", "▸"),
            TaskState::Completed => ("completed", "✓"),
            TaskState::Failed => ("failed", "✗"),
            TaskState::Exception => ("exception", "!"),
        };
        Self { name, mark }
    }
}

impl From<RunState> for State {
    fn from(state: RunState) -> Self {
        match state {
            RunState::Pending => TaskState::Pending,
            RunState::Running => TaskState::Running,
            RunState::Completed => TaskState::Completed,
            RunState::Failed => TaskState::Failed,
            RunState::Exception => TaskState::Exception,
        }
        .into()
    }
}

/// Whether a task may still change by itself.
pub(super) fn is_open(state: TaskState) -> bool {
    matches!(
        state,
        TaskState::Unscheduled | TaskState::Pending | TaskState::Running
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_lose_colours_and_show_what_else_drives_a_terminal() {
        assert_eq!(line("a\u{1b}[1;31mred\u{1b}[0m\tb"), "ared\tb");
        assert_eq!(line("\u{1b}]0;title\u{7}"), r"\u{1b}]0;title\u{7}");
        assert_eq!(line("x\u{202e}y"), r"x\u{202e}y");
        // what only begins like a colour stays, visibly
        assert_eq!(line("\u{1b}[12"), r"\u{1b}[12");
        assert_eq!(line("\u{1b}[é"), r"\u{1b}[é");
    }

    #[test]
    fn long_lines_are_cut_and_say_so() {
        assert!(line(&"x".repeat(LINE + 7)).ends_with("… (+7 characters)"));
        assert_eq!(line(&"x".repeat(LINE)).len(), LINE);
    }

    #[test]
    fn times_are_told_from_now() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let at = |text: &str| Time::new(text.parse().unwrap(), now).ago;
        assert_eq!(at("2026-01-02T03:04:03Z"), "just now");
        assert_eq!(at("2026-01-02T03:03:05Z"), "1 min ago");
        assert_eq!(at("2025-12-31T03:04:05Z"), "2 d ago");
        assert_eq!(at("2026-01-02T05:04:05Z"), "in 2 h");
        assert_eq!(Time::new(now, now).text, "2026-01-02 03:04:05 UTC");
    }

    #[test]
    fn parts_of_urls_are_encoded() {
        assert_eq!(
            encoded("public/a b?&\"<.log"),
            "public%2Fa%20b%3F%26%22%3C.log"
        );
    }
}
