// SPDX-License-Identifier: MPL-2.0
//! The report for programs: JSON, schema `catena-report/1` (P26), described by `docs/report-v1.schema.json`.
//!
//! Members come in a fixed order and none is ever left out at the top. Characters that could drive a terminal are
//! written as `\u` escapes, so that the document can be printed as it is and still says the same.

use std::io;

use catena_core::lint::Lint;
use catena_core::report::{
    Basis, Fact, Finding, Link, Note, Relaxation, Report, RequestRecord, Subject, TaskStatus,
    Timing, Verdict,
};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};

/// The name of the format.
pub const SCHEMA: &str = "catena-report/1";

/// The name of the format of lint.
pub const LINT_SCHEMA: &str = "catena-lint/1";

/// What made the report.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Versions {
    /// catena's own version.
    pub catena: String,
    /// SHA-256 of the configuration that applied, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_sha256: Option<String>,
}

/// Renders a report, indented, with a final newline.
///
/// # Errors
/// None that data as plain as a report can cause; passed on so that nothing is swallowed.
pub fn render(report: &Report, versions: &Versions) -> serde_json::Result<String> {
    write(&document(report, versions))
}

/// Returns a report as a part of another document, for [`write()`].
#[must_use]
pub fn document<'a>(report: &'a Report, versions: &'a Versions) -> impl Serialize + 'a {
    Document {
        schema: SCHEMA,
        verdict: report.verdict,
        task_status: report.verdict.into(),
        headline: &report.headline,
        subject: &report.subject,
        profile: report.profile,
        basis: report.basis,
        relaxations: &report.relaxations,
        links: &report.links,
        findings: &report.findings,
        self_asserted: &report.self_asserted,
        notes: &report.notes,
        requests: &report.requests,
        timing: report.timing.as_ref(),
        versions,
    }
}

/// Renders what lint says, indented, with a final newline: schema `catena-lint/1`, described by
/// `docs/lint-v1.schema.json`.
///
/// # Errors
/// As for [`render`].
pub fn render_lint(lints: &[Lint], versions: &Versions) -> serde_json::Result<String> {
    write(&LintDocument {
        schema: LINT_SCHEMA,
        tasks: lints,
        versions,
    })
}

/// Writes any document as [`render`] writes reports: indented, safe on a terminal, with a final newline.
///
/// # Errors
/// As for [`render`].
pub fn write(document: &impl Serialize) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    document.serialize(&mut serde_json::Serializer::with_formatter(
        &mut bytes,
        Visible(PrettyFormatter::new()),
    ))?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

#[derive(Serialize)]
struct LintDocument<'a> {
    schema: &'static str,
    tasks: &'a [Lint],
    versions: &'a Versions,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    verdict: Verdict,
    /// What a worker would report (S51).
    task_status: TaskStatus,
    headline: &'a str,
    subject: &'a Subject,
    profile: &'static str,
    basis: Basis,
    relaxations: &'a [Relaxation],
    links: &'a [Link],
    findings: &'a [Finding],
    self_asserted: &'a [Fact],
    notes: &'a [Note],
    requests: &'a [RequestRecord],
    timing: Option<&'a Timing>,
    versions: &'a Versions,
}

/// Indents, and escapes beyond what JSON demands.
struct Visible(PrettyFormatter<'static>);

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut start = 0;
        for (at, c) in fragment.char_indices() {
            // printable ASCII and visible characters stay; serde_json has already taken out what is below U+0020
            if c != '\u{7f}' && (c.is_ascii() || c.escape_debug().len() == 1) {
                continue;
            }
            writer.write_all(fragment.as_bytes().get(start..at).unwrap_or_default())?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            start = at + c.len_utf8();
        }
        writer.write_all(fragment.as_bytes().get(start..).unwrap_or_default())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_say_the_same_and_cannot_drive_a_terminal() {
        let text = "a\u{1b}[0m\u{9b}\u{7f}\u{202e}\u{1f600}\u{e0041}é\n\"";
        let mut bytes = Vec::new();
        text.serialize(&mut serde_json::Serializer::with_formatter(
            &mut bytes,
            Visible(PrettyFormatter::new()),
        ))
        .unwrap();
        let written = String::from_utf8(bytes).unwrap();
        assert_eq!(
            written,
            "\"a\\u001b[0m\\u009b\\u007f\\u202e\u{1f600}\\udb40\\udc41é\\n\\\"\""
        );
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }
}
