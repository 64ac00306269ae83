// SPDX-License-Identifier: MPL-2.0
//! The process of a script, and everything that it started.

use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use command_fds::{CommandFdExt as _, FdMapping};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use super::household;
use super::lines::Lines;
use super::{CredentialsFile, Exit};

/// What is run.
#[derive(Debug)]
pub struct Script<'a> {
    /// Program and arguments; no shell.
    pub command: &'a [String],
    /// All of its variables.
    pub environment: Vec<(OsString, OsString)>,
    /// The one descriptor that it inherits beside its output.
    pub credentials: &'a CredentialsFile,
    /// The directory by which what it leaves behind is told from what others started.
    pub work_dir: &'a Path,
    /// How long it may run.
    pub limit: Duration,
    /// The time between TERM and KILL.
    pub grace: Duration,
}

/// How it ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// By itself.
    Exited(Exit),
    /// It was told to stop.
    Stopped(Exit),
    /// Its time was over.
    TimedOut(Exit),
}

impl Ended {
    /// Returns how the process itself ended.
    #[must_use]
    pub const fn exit(self) -> Exit {
        match self {
            Self::Exited(exit) | Self::Stopped(exit) | Self::TimedOut(exit) => exit,
        }
    }
}

/// Runs a script until it has ended and its output, too; or its time is over; or `stop` says so.
///
/// `give` gets the output: whole lines with their newline, very long ones in pieces.
///
/// # Errors
/// It cannot be started.
pub async fn run(
    script: Script<'_>,
    give: &(dyn Fn(&str) + Sync),
    stop: impl Future<Output = ()>,
) -> io::Result<Ended> {
    let limit = script.limit;
    let grace = script.grace;
    let (member, (mut child, mut group)) = household::start(script.work_dir, || {
        let child = spawn(script)?;
        let group = Group::of(&child)?;
        Ok((group.leader, (child, group)))
    })?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let leader = group.leader;
    // without reaping it: its number stays its own, so that the group can be killed in safety
    let exited = tokio::task::spawn_blocking(move || wait(leader));
    let mut over = Box::pin(async {
        let ((), (), _) = futures::join!(pump(stdout, give), pump(stderr, give), exited);
    });
    let why = tokio::select! {
        () = &mut over => None,
        () = tokio::time::sleep(limit) => Some(Why::Time),
        () = stop => Some(Why::Stop),
    };
    let mut finished = why.is_none();
    if !finished {
        group.signal(Signal::TERM);
        // whether it took the hint or not, KILL follows
        finished = tokio::time::timeout(grace, &mut over).await.is_ok();
    }
    // what the script left behind ends with it
    group.signal(Signal::KILL);
    if !finished {
        // what left the group keeps its pipe, and nobody waits for it
        let _ = tokio::time::timeout(DRAIN, &mut over).await;
    }
    drop(over);
    group.live = false;
    let exit = Exit::from(child.wait().await?);
    drop(member);
    Ok(match why {
        None => Ended::Exited(exit),
        Some(Why::Stop) => Ended::Stopped(exit),
        Some(Why::Time) => Ended::TimedOut(exit),
    })
}

enum Why {
    Stop,
    Time,
}

fn spawn(script: Script<'_>) -> io::Result<Child> {
    let (program, arguments) = script
        .command
        .split_first()
        .ok_or_else(|| io::Error::other("expected a program, found an empty task_script"))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(script.environment)
        .stdin(Stdio::inherit())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let mapping = FdMapping {
        parent_fd: script.credentials.descriptor()?,
        child_fd: script.credentials.number(),
    };
    command
        .fd_mappings(vec![mapping])
        .map_err(|why| io::Error::other(why.to_string()))?;
    command.spawn()
}

/// Waits until a process has ended, and leaves it for others to reap.
fn wait(pid: Pid) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), options) {}
}

/// Reads a pipe to its end.
async fn pump(pipe: Option<impl AsyncRead + Unpin>, give: &(dyn Fn(&str) + Sync)) {
    let Some(mut pipe) = pipe else {
        return;
    };
    let mut lines = Lines::default();
    let mut give = |text: &str| give(text);
    let mut buffer = vec![0; BUFFER];
    loop {
        match pipe.read(&mut buffer).await {
            Ok(0) => break,
            Ok(count) => lines.push(buffer.get(..count).unwrap_or_default(), &mut give),
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    lines.finish(&mut give);
}

/// A process group, which is killed if nobody waits for it any more.
struct Group {
    leader: Pid,
    /// The leader was not reaped, so its number is not somebody else's.
    live: bool,
}

impl Group {
    fn of(child: &Child) -> io::Result<Self> {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let leader = id
            .and_then(Pid::from_raw)
            .ok_or_else(|| io::Error::other("a process without a number"))?;
        Ok(Self { leader, live: true })
    }

    fn signal(&self, signal: Signal) {
        // there may be nobody left
        let _ = kill_process_group(self.leader, signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.live {
            self.signal(Signal::KILL);
        }
    }
}

const BUFFER: usize = 64 * 1024;
/// How long output is read that nobody of the group can write any more.
const DRAIN: Duration = Duration::from_secs(2);
