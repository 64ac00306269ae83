// SPDX-License-Identifier: MPL-2.0
//! Signals, as operators send them (worker.md 9).

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::worker::{Stop, Worker};

/// Listens from now on, for as long as the runtime lives.
///
/// SIGTERM and SIGINT stop the task in hand, a second one its uploads; SIGUSR1 lets it finish. SIGHUP calls `reload` on a
/// thread where it may take its time. `current` is the worker whose log tells of all this.
///
/// # Errors
/// The system refuses.
pub fn listen(
    stop: &watch::Sender<Stop>,
    current: watch::Receiver<Arc<Worker>>,
    reload: impl Fn() + Send + Sync + 'static,
) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut finish = signal(SignalKind::user_defined1())?;
    let stop = stop.clone();
    let reload = Arc::new(reload);
    tokio::spawn(async move {
        let warn = |line: &str| current.borrow().log.warn(line);
        loop {
            let (name, urgent) = tokio::select! {
                Some(()) = terminate.recv() => ("SIGTERM", true),
                Some(()) = interrupt.recv() => ("SIGINT", true),
                Some(()) = finish.recv() => ("SIGUSR1", false),
                Some(()) = hangup.recv() => {
                    warn("SIGHUP: the configuration is read again");
                    let reload = Arc::clone(&reload);
                    tokio::task::spawn_blocking(move || reload());
                    continue;
                }
                else => break,
            };
            let now = *stop.borrow();
            let next = next(now, urgent);
            if next > now {
                warn(&format!("{name}: {}", meaning(next)));
                stop.send_replace(next);
            }
        }
    });
    Ok(())
}

/// What a signal adds.
fn next(now: Stop, urgent: bool) -> Stop {
    match (now, urgent) {
        (Stop::Now | Stop::Abandon, true) => Stop::Abandon,
        (_, true) => Stop::Now,
        (now, false) => now.max(Stop::Finish),
    }
}

const fn meaning(stop: Stop) -> &'static str {
    match stop {
        Stop::No => "nothing stops",
        Stop::Finish => "no new claims; the task in hand is finished",
        Stop::Now => "no new claims; the task in hand is stopped, what it left is uploaded",
        Stop::Abandon => "uploads are skipped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_add_up_section_9() {
        assert_eq!(next(Stop::No, false), Stop::Finish);
        assert_eq!(next(Stop::Finish, false), Stop::Finish);
        assert_eq!(next(Stop::No, true), Stop::Now);
        assert_eq!(next(Stop::Finish, true), Stop::Now);
        assert_eq!(next(Stop::Now, true), Stop::Abandon);
        assert_eq!(next(Stop::Now, false), Stop::Now);
    }
}
