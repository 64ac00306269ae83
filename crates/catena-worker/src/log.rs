// SPDX-License-Identifier: MPL-2.0
//! `worker.log` (worker.md 10): a line at a time, rotated by us or by somebody else, and on the console if wanted.
//!
//! Each line is an event of `tracing` as well.
//!
//! A log that cannot be written never stops a task; the console gets the line then. A console that takes nothing never
//! stops a task either (`console`).

pub mod console;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Zoned;

use crate::config::{Level, LineFormat, LogConfig, Record};

/// Writes lines. A clone is the same log.
#[derive(Clone, Debug)]
pub struct Log(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    format: LineFormat,
    verbose: bool,
    sink: Mutex<Sink>,
}

impl Log {
    /// Opens `worker.log` in its directory, which is made.
    ///
    /// # Errors
    /// The directory or file cannot be made or written.
    pub fn open(config: &LogConfig) -> io::Result<Self> {
        fs::create_dir_all(&config.dir)?;
        let path = config.dir.join("worker.log");
        let policy = match (config.watch, config.max_bytes, config.max_backups) {
            (true, ..) => Policy::Watch,
            (false, 1.., 1..) => Policy::Rotate {
                bytes: config.max_bytes,
                backups: config.max_backups,
            },
            _ => Policy::Append,
        };
        let sink = Sink {
            file: Opened::new(&path)?,
            path,
            policy,
        };
        Ok(Self(Arc::new(Inner {
            format: config.format.clone(),
            verbose: config.verbose,
            sink: Mutex::new(sink),
        })))
    }

    /// Writes a line for whoever looks for a fault; only if `verbose`.
    pub fn debug(&self, message: &str) {
        if self.0.verbose {
            self.write(Level::Debug, message);
        }
    }

    /// Writes a line about what happens.
    pub fn info(&self, message: &str) {
        self.write(Level::Info, message);
    }

    /// Writes a line about something odd.
    pub fn warn(&self, message: &str) {
        self.write(Level::Warning, message);
    }

    /// Writes a line about something that went wrong.
    pub fn error(&self, message: &str) {
        self.write(Level::Error, message);
    }

    /// Writes a line about the end of the worker.
    pub fn critical(&self, message: &str) {
        self.write(Level::Critical, message);
    }

    fn write(&self, level: Level, message: &str) {
        let time = Zoned::now();
        let mut line = self.0.format.line(&Record {
            time: &time,
            level,
            message,
        });
        line.push('\n');
        let mut sink = self.0.sink.lock().unwrap_or_else(PoisonError::into_inner);
        let written = sink.write(&line);
        drop(sink);
        // once, and nothing between lines of JSON but what has no other place
        let verbose = self.0.verbose && !console::is_structured();
        if (verbose || written.is_err()) && !taken(level) {
            console::write(line);
        }
        trace(level, message);
    }

    /// Waits a moment until the console has what it was given, before the process ends.
    pub fn flush(&self) {
        console::flush();
    }
}

/// Hands the line to whoever listens to structured logs (P41); what the task is, the span says.
fn trace(level: Level, message: &str) {
    match level {
        Level::Debug => tracing::debug!(target: TARGET, "{message}"),
        Level::Info => tracing::info!(target: TARGET, "{message}"),
        Level::Warning => tracing::warn!(target: TARGET, "{message}"),
        Level::Error | Level::Critical => tracing::error!(target: TARGET, "{message}"),
    }
}

/// Whether somebody listens to structured logs of that level.
fn taken(level: Level) -> bool {
    match level {
        Level::Debug => tracing::enabled!(target: TARGET, tracing::Level::DEBUG),
        Level::Info => tracing::enabled!(target: TARGET, tracing::Level::INFO),
        Level::Warning => tracing::enabled!(target: TARGET, tracing::Level::WARN),
        Level::Error | Level::Critical => tracing::enabled!(target: TARGET, tracing::Level::ERROR),
    }
}

const TARGET: &str = "catena_worker";

/// What happens to a file that has become old.
#[derive(Clone, Copy, Debug)]
enum Policy {
    Append,
    Rotate { bytes: u64, backups: u32 },
    Watch,
}

#[derive(Debug)]
struct Sink {
    path: PathBuf,
    policy: Policy,
    file: Opened,
}

/// A file, and which one it is.
#[derive(Debug)]
struct Opened {
    file: File,
    place: (u64, u64),
}

impl Opened {
    fn new(path: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        let metadata = file.metadata()?;
        Ok(Self {
            file,
            place: (metadata.dev(), metadata.ino()),
        })
    }

    fn is(&self, found: &fs::Metadata) -> bool {
        (found.dev(), found.ino()) == self.place
    }
}

impl Sink {
    fn write(&mut self, line: &str) -> io::Result<()> {
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        match self.policy {
            Policy::Append => {}
            Policy::Watch => {
                self.follow()?;
            }
            Policy::Rotate { bytes, backups } => {
                // beside a worker that was replaced and still has a task, another log writes the same file
                let size = self.follow()?;
                if size > 0 && size.saturating_add(length) > bytes {
                    self.rotate(backups)?;
                }
            }
        }
        self.file.file.write_all(line.as_bytes())
    }

    /// Opens the file anew if another one, or none, has its name. Returns its size.
    fn follow(&mut self) -> io::Result<u64> {
        match fs::metadata(&self.path) {
            Ok(found) if self.file.is(&found) => Ok(found.len()),
            _ => {
                self.file = Opened::new(&self.path)?;
                Ok(self.file.file.metadata()?.len())
            }
        }
    }

    /// `worker.log.1` is the youngest of the old ones.
    fn rotate(&mut self, backups: u32) -> io::Result<()> {
        let old = |number: u32| {
            let mut path = self.path.clone().into_os_string();
            path.push(format!(".{number}"));
            PathBuf::from(path)
        };
        for number in (1..backups).rev() {
            match fs::rename(old(number), old(number + 1)) {
                Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
                _ => {}
            }
        }
        fs::rename(&self.path, old(1))?;
        self.file = Opened::new(&self.path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(dir: &Path, watch: bool, max_bytes: u64) -> Log {
        Log::open(&LogConfig {
            dir: dir.to_owned(),
            format: LineFormat::parse("%(levelname)s %(message)s", "%Y").unwrap(),
            verbose: false,
            watch,
            max_bytes,
            max_backups: 2,
        })
        .unwrap()
    }

    fn read(dir: &Path, name: &str) -> String {
        fs::read_to_string(dir.join(name)).unwrap()
    }

    #[test]
    fn a_file_that_somebody_renamed_is_made_anew_section_10() {
        let dir = tempfile::tempdir().unwrap();
        let log = log(dir.path(), true, 0);
        log.info("one");
        fs::rename(dir.path().join("worker.log"), dir.path().join("old")).unwrap();
        log.info("two");
        assert_eq!(read(dir.path(), "old"), "INFO one\n");
        assert_eq!(read(dir.path(), "worker.log"), "INFO two\n");
    }

    #[test]
    fn a_large_file_is_rotated_section_10() {
        let dir = tempfile::tempdir().unwrap();
        let log = log(dir.path(), false, 20);
        for message in ["one", "two", "three", "four", "five", "six", "seven"] {
            log.warn(message);
        }
        assert_eq!(read(dir.path(), "worker.log"), "WARNING seven\n");
        assert_eq!(read(dir.path(), "worker.log.1"), "WARNING six\n");
        assert_eq!(read(dir.path(), "worker.log.2"), "WARNING five\n");
        assert!(!dir.path().join("worker.log.3").exists());
    }

    /// A reload makes a log of its own for the same file, while a task in hand keeps the old one.
    #[test]
    fn two_logs_of_one_file_rotate_it_once_section_10() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (log(dir.path(), false, 20), log(dir.path(), false, 20));
        old.warn("one");
        new.warn("two");
        old.warn("three");
        assert_eq!(read(dir.path(), "worker.log"), "WARNING three\n");
        assert_eq!(read(dir.path(), "worker.log.1"), "WARNING two\n");
        assert_eq!(read(dir.path(), "worker.log.2"), "WARNING one\n");
    }

    #[test]
    fn debug_lines_need_verbose_section_10() {
        let dir = tempfile::tempdir().unwrap();
        let log = log(dir.path(), false, 0);
        log.debug("nothing");
        log.error("something");
        assert_eq!(read(dir.path(), "worker.log"), "ERROR something\n");
    }
}
