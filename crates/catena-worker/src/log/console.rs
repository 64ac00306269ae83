// SPDX-License-Identifier: MPL-2.0
//! stderr, for whoever reads it: a pipe that nobody empties must not stop a task.
//!
//! Lines wait in a queue for a thread that writes them. A queue that is full takes no more; how many lines were left out
//! is said as soon as there is room again. Other programs may share this stderr, so it is not made to return at once.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

/// Keeps stderr for structured lines: what only `verbose` asks for is not written there.
pub fn keep_structured() {
    STRUCTURED.store(true, Ordering::Relaxed);
}

pub(super) fn is_structured() -> bool {
    STRUCTURED.load(Ordering::Relaxed)
}

static STRUCTURED: AtomicBool = AtomicBool::new(false);

/// Gives a line to stderr, with its newline; never waits. Lines that nobody takes are left out, beyond a megabyte.
pub fn write(line: String) {
    console().push(line);
}

/// Waits until all lines are written, but not for long.
pub fn flush() {
    if let Some(console) = CONSOLE.get() {
        console.drain(MOMENT);
    }
}

static CONSOLE: OnceLock<Arc<Console>> = OnceLock::new();

fn console() -> &'static Arc<Console> {
    CONSOLE.get_or_init(|| {
        let console = Arc::new(Console::default());
        let writer = Arc::clone(&console);
        // without a thread lines are left out, once the queue is full
        let _ = thread::Builder::new()
            .name("console".to_owned())
            .spawn(move || writer.serve(&mut io::stderr()));
        console
    })
}

/// Lines on their way.
#[derive(Debug, Default)]
struct Console {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<String>,
    /// Their bytes.
    size: usize,
    /// Lines that were left out since the last one in the queue.
    left_out: u64,
    /// Something is being written.
    busy: bool,
}

impl Console {
    fn push(&self, line: String) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.put(line);
        drop(waiting);
        self.changed.notify_all();
    }

    /// Writes what comes, for ever.
    fn serve(&self, out: &mut dyn Write) {
        loop {
            let line = self.next();
            // there is no other place to complain
            let _ = out.write_all(line.as_bytes());
        }
    }

    /// Waits for a line, after the one before was written.
    fn next(&self) -> String {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.busy = false;
        self.changed.notify_all();
        loop {
            if let Some(line) = waiting.take() {
                waiting.busy = true;
                return line;
            }
            waiting = self
                .changed
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn drain(&self, most: Duration) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = |waiting: &mut Waiting| waiting.busy || !waiting.lines.is_empty();
        drop(self.changed.wait_timeout_while(waiting, most, pending));
    }
}

impl Waiting {
    /// Lines that were left out are told of in their place: before the next one that is taken.
    fn put(&mut self, line: String) {
        if self.size.saturating_add(line.len()) > MOST {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        for line in self.gap().into_iter().chain([line]) {
            self.size = self.size.saturating_add(line.len());
            self.lines.push_back(line);
        }
    }

    fn take(&mut self) -> Option<String> {
        let Some(line) = self.lines.pop_front() else {
            return self.gap();
        };
        self.size = self.size.saturating_sub(line.len());
        Some(line)
    }

    fn gap(&mut self) -> Option<String> {
        let count = std::mem::take(&mut self.left_out);
        (count > 0).then(|| format!("{count} lines were left out: nobody read this\n"))
    }
}

/// The bytes that may wait.
const MOST: usize = 1 << 20;
const MOMENT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Takes nothing until it is told to, as a full pipe does; says when it is given something, and what.
    struct Stuck {
        go: mpsc::Receiver<()>,
        out: mpsc::Sender<String>,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let text = String::from_utf8(bytes.to_vec()).map_err(io::Error::other)?;
            self.out.send(text).map_err(io::Error::other)?;
            self.go.recv().map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_nobody_takes_are_left_out_and_counted_where_they_were() {
        let console = Arc::new(Console::default());
        let (go, told) = mpsc::channel();
        let (given, written) = mpsc::channel();
        let writer = Arc::clone(&console);
        let mut stuck = Stuck {
            go: told,
            out: given,
        };
        thread::spawn(move || writer.serve(&mut stuck));
        let next = || {
            go.send(()).unwrap();
            written.recv().unwrap()
        };
        let line = |number: usize| format!("{number:01023}\n");
        // one is being written, 1,024 wait; this returns, which is what counts
        console.push(line(0));
        assert_eq!(written.recv().unwrap(), line(0));
        for number in 1..2000 {
            console.push(line(number));
        }
        console.drain(Duration::from_millis(1));
        assert_eq!(next(), line(1));
        // there is room again
        console.push("more\n".to_owned());
        for number in 2..=1024 {
            assert_eq!(next(), line(number));
        }
        assert_eq!(next(), "975 lines were left out: nobody read this\n");
        assert_eq!(next(), "more\n");
        // and when nothing follows
        for number in 0..1026 {
            console.push(line(number));
        }
        for number in 0..1024 {
            assert_eq!(next(), line(number));
        }
        assert_eq!(next(), "2 lines were left out: nobody read this\n");
        console.push("and it goes on\n".to_owned());
        assert_eq!(next(), "and it goes on\n");
    }
}
