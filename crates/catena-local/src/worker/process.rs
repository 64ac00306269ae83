// SPDX-License-Identifier: MPL-2.0
//! Runs a command in a process group of its own, so that nothing of it is left when it is over.

use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// Why a task is to end before its script has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cancel {
    /// The run is no longer ours.
    Lost,
    /// The worker is told to stop.
    Shutdown,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ended {
    /// It was stopped.
    Cancelled(Cancel),
    /// With this status; 128 and the signal's number for a death by signal.
    Exit(i32),
    /// Its time was over, and it was stopped.
    TimedOut,
}

/// What to run, and where.
pub(super) struct Script<'a> {
    pub(super) command: &'a [String],
    pub(super) dir: &'a Path,
    pub(super) env: &'a [(String, String)],
    /// Takes stdout and stderr.
    pub(super) log: &'a File,
    /// How long it may run.
    pub(super) limit: Duration,
    /// The time between TERM and KILL.
    pub(super) grace: Duration,
}

/// Runs a command to its end, whatever that is. The environment is what `env` says and nothing else.
pub(super) async fn run(
    script: &Script<'_>,
    cancel: &mut watch::Receiver<Option<Cancel>>,
) -> io::Result<Ended> {
    let (program, arguments) = script
        .command
        .split_first()
        .ok_or_else(|| io::Error::other("an empty command"))?;
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(script.dir)
        .env_clear()
        .envs(script.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(script.log.try_clone()?)
        .stderr(script.log.try_clone()?)
        .process_group(0)
        .spawn()?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let ended = tokio::select! {
        status = child.wait() => {
            let status = status?;
            let signal = status.signal().map(|signal| 128_i32.saturating_add(signal));
            Ended::Exit(status.code().or(signal).unwrap_or(1))
        }
        () = tokio::time::sleep(script.limit) => {
            group.stop(&mut child, script.grace).await;
            Ended::TimedOut
        }
        why = cancelled(cancel) => {
            group.stop(&mut child, script.grace).await;
            Ended::Cancelled(why)
        }
    };
    // what the script left in the background ends with it, as in a container
    drop(group);
    Ok(ended)
}

/// Waits for a reason to stop.
async fn cancelled(cancel: &mut watch::Receiver<Option<Cancel>>) -> Cancel {
    match cancel.wait_for(Option::is_some).await {
        Ok(why) => why.unwrap_or(Cancel::Lost),
        // nobody is left to give one
        Err(_) => std::future::pending().await,
    }
}

/// A process group that is killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    /// TERM to all, and KILL to what is left when the leader has ended or its grace is over.
    async fn stop(&self, child: &mut Child, grace: Duration) {
        self.signal(Signal::TERM);
        // whether it took the hint or not, KILL follows on drop
        let _ = tokio::time::timeout(grace, child.wait()).await;
        self.signal(Signal::KILL);
        let _ = child.wait().await;
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // there may be nobody left
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
