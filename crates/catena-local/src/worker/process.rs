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
    let group = Group(
        child
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)),
    );
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
    let why = cancel.wait_for(Option::is_some).await.map(|why| *why);
    match why {
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

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _};

    use super::*;

    /// Runs a shell script that holds a pipe open, until `stop`; returns how it ended. Its first line on the pipe says that it
    /// is up, and the pipe's end that nobody of its group is left.
    async fn held(script: &str, limit: Duration, stop: Option<Cancel>) -> Ended {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let log = File::create(dir.path().join("log")).unwrap();
        let command = [
            "/bin/sh".to_owned(),
            "-c".to_owned(),
            format!("exec 3>pipe; {script}"),
        ];
        let env = [("PATH".to_owned(), "/usr/bin:/bin".to_owned())];
        let (reason, mut cancel) = watch::channel(None);
        let reader = tokio::task::spawn_blocking(move || {
            let mut pipe = BufReader::new(File::open(pipe).unwrap());
            let mut line = String::new();
            pipe.read_line(&mut line).unwrap();
            assert_eq!(line, "up\n");
            if stop.is_some() {
                reason.send_replace(stop);
            }
            let mut rest = Vec::new();
            pipe.read_to_end(&mut rest).unwrap();
            // the reason's sender lives until here
            drop(reason);
        });
        let script = Script {
            command: &command,
            dir: dir.path(),
            env: &env,
            log: &log,
            limit,
            grace: Duration::from_millis(50),
        };
        let ended = run(&script, &mut cancel).await.unwrap();
        reader.await.unwrap();
        ended
    }

    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn what_ignores_term_is_killed_with_its_children() {
        let script = "trap '' TERM; (trap '' TERM; sleep 600) & echo up >&3; wait";
        let ended = held(script, LONG, Some(Cancel::Lost)).await;
        assert_eq!(ended, Ended::Cancelled(Cancel::Lost));
    }

    #[tokio::test]
    async fn what_is_left_in_the_background_ends_with_its_script() {
        let ended = held("sleep 600 & echo up >&3; exit 3", LONG, None).await;
        assert_eq!(ended, Ended::Exit(3));
    }

    #[tokio::test]
    async fn a_script_ends_when_its_time_is_over() {
        let ended = held("echo up >&3; sleep 600", Duration::from_millis(300), None).await;
        assert_eq!(ended, Ended::TimedOut);
    }

    #[tokio::test]
    async fn a_script_sees_its_own_environment_only() {
        let script = r#"test -z "$CARGO_MANIFEST_DIR" || exit 9; echo up >&3"#;
        assert_eq!(held(script, LONG, None).await, Ended::Exit(0));
    }
}
