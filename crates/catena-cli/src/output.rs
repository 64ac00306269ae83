// SPDX-License-Identifier: MPL-2.0
//! Where text goes: data to stdout, the rest to stderr, colours to terminals only.

use std::env;
use std::error::Error as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use catena_core::report::{Report, Verdict};
use catena_report::escape::clean;
use catena_report::json::{self, Versions};
use catena_report::text::{self, Characters, Colour, Detail, Style};
use catena_worker::log::console;

use crate::args::{Format, When};
use crate::failure::Failure;

/// Starts logging to stderr if CATENA_LOG names what to log, as in `CATENA_LOG=debug`; as lines of JSON if CATENA_LOG_FORMAT
/// is `json` (P41).
pub(crate) fn start_log() {
    let filter = env::var("CATENA_LOG").ok();
    let Some(filter) = filter.filter(|filter| !filter.trim().is_empty()) else {
        return;
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        // else it complains to the stderr that it could not write to, and panics
        .log_internal_errors(false)
        .with_writer(|| Stderr);
    // only a second subscriber is refused, and there is none
    let _ = match env::var("CATENA_LOG_FORMAT").as_deref() {
        Ok("json") => {
            console::keep_structured();
            log.json().try_init()
        }
        _ => log.try_init(),
    };
}

/// Lets nothing wait for stderr from now on: a worker goes on if nobody reads it.
pub(crate) fn wait_no_more() {
    IMPATIENT.store(true, Ordering::Relaxed);
}

static IMPATIENT: AtomicBool = AtomicBool::new(false);

/// stderr, or the queue before it.
struct Stderr;

impl io::Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match IMPATIENT.load(Ordering::Relaxed) {
            true => console::write(String::from_utf8_lossy(bytes).into_owned()),
            false => io::stderr().write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Prints data.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        // whoever closed the pipe has read what it wanted
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Write { source: error })
        }
        _ => Ok(()),
    }
}

/// Prints why nothing was decided, with the causes that the message does not quote itself.
pub(crate) fn complain(failure: &Failure) {
    let mut message = failure.to_string();
    let mut cause = failure.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        cause = error.source();
    }
    say(&format!("catena: {}", clean(&message, 2000)));
}

/// Prints a line that is no data.
pub(crate) fn say(text: &str) {
    // there is no other place to complain
    let _ = Stderr.write_all(format!("{text}\n").as_bytes());
    if IMPATIENT.load(Ordering::Relaxed) {
        console::flush();
    }
}

/// Prints a report. If nobody sees stdout, what went wrong is also the last line of stderr.
pub(crate) fn report(
    report: &Report,
    versions: &Versions,
    format: Format,
    color: When,
) -> Result<(), Failure> {
    let text = match format {
        Format::All | Format::Text => text::render(report, &style(color, format.detail())),
        Format::Json => {
            json::render(report, versions).map_err(|source| Failure::Render { source })?
        }
        Format::Line => format!("{}\n", text::one_line(report)),
    };
    print(&text)?;
    if report.verdict != Verdict::Trusted && !io::stdout().is_terminal() {
        say(&text::one_line(report));
    }
    Ok(())
}

/// Writes the report as a `chain_of_trust.log` (V6, P35): a summary in one line, then everything, also what passed.
/// The file appears whole, and is closed before the process goes on (S54).
pub(crate) fn log(report: &Report, path: &Path) -> Result<(), Failure> {
    let style = Style {
        detail: Detail::All,
        ..Style::default()
    };
    let text = format!(
        "{}\n\n{}",
        text::one_line(report),
        text::render(report, &style)
    );
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|source: io::Error| Failure::File {
        path: path.to_owned(),
        source,
    })
}

/// Returns how pages are to look on this stdout.
pub(crate) fn style(color: When, detail: Detail) -> Style {
    let terminal = io::stdout().is_terminal();
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let colour = match color {
        When::Always => Colour::Ansi,
        When::Auto
            if terminal
                && !set("NO_COLOR")
                && env::var_os("TERM").is_none_or(|term| term != "dumb") =>
        {
            Colour::Ansi
        }
        When::Auto | When::Never => Colour::Never,
    };
    let characters = if terminal && !utf8() {
        Characters::Ascii
    } else {
        Characters::Unicode
    };
    let default = Style::default();
    let width = match terminal_size::terminal_size() {
        Some((terminal_size::Width(columns), _)) if terminal => usize::from(columns),
        _ => env::var("COLUMNS")
            .ok()
            .and_then(|columns| columns.parse().ok())
            .unwrap_or(default.width),
    };
    let width = width.clamp(60, 1000);
    Style {
        colour,
        characters,
        detail,
        width,
    }
}

/// Whether the locale has UTF-8, as `LC_ALL`, `LC_CTYPE` and `LANG` say, in this order.
fn utf8() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| env::var(name).ok().filter(|v| !v.is_empty()));
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}
