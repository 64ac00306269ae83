// SPDX-License-Identifier: MPL-2.0
//! The processes of this machine, as `/proc` lists them. Where there is no `/proc`, there are none.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal};

/// A process at one moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Process {
    /// Its number.
    pub(crate) pid: Pid,
    /// The number of its parent; 0: it has none that can be seen.
    pub(crate) parent: i32,
    /// The number of its process group; 0: it began outside of what can be seen.
    pub(crate) group: i32,
    /// It has ended, and its parent has not asked how.
    pub(crate) zombie: bool,
    /// When it began: no other process with this number has the same.
    pub(crate) began: u64,
}

/// Returns all processes that can be seen.
pub(crate) fn all() -> Vec<Process> {
    let entries = fs::read_dir(PROC).into_iter().flatten().flatten();
    let numbers =
        entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    numbers.filter_map(look).collect()
}

/// Returns whether a process has this in the environment that it was started with. That of other users cannot be read.
pub(crate) fn carries(pid: Pid, variable: &[u8]) -> bool {
    let environment = fs::read(place(pid).join("environ")).unwrap_or_default();
    environment
        .split(|byte| *byte == 0)
        .any(|one| one == variable)
}

/// Looks at one process; `None` if it has gone.
fn look(pid: Pid) -> Option<Process> {
    let line = fs::read(place(pid).join("stat")).ok()?;
    read(pid, &String::from_utf8_lossy(&line))
}

/// Reads a line of `/proc/N/stat`: the name of the program, in parentheses, may hold anything.
fn read(pid: Pid, line: &str) -> Option<Process> {
    let (_, rest) = line.rsplit_once(')')?;
    let words: Vec<&str> = rest.split_ascii_whitespace().collect();
    let state = *words.first()?;
    Some(Process {
        pid,
        parent: words.get(1)?.parse().ok()?,
        group: words.get(2)?.parse().ok()?,
        zombie: matches!(state, "Z" | "X"),
        began: words.get(19)?.parse().ok()?,
    })
}

/// Kills this very process, not one that got its number later. It may have ended meanwhile.
///
/// Returns whether the system allowed it.
pub(crate) fn kill(process: &Process) -> bool {
    !matches!(send(process), Err(rustix::io::Errno::PERM))
}

#[cfg(target_os = "linux")]
fn send(process: &Process) -> rustix::io::Result<()> {
    use rustix::io::Errno;
    use rustix::process::{PidfdFlags, kill_process, pidfd_open, pidfd_send_signal};

    let pid = process.pid;
    let still = || look(pid).is_some_and(|found| found.began == process.began);
    match pidfd_open(pid, PidfdFlags::empty()) {
        // from here on the number means the process that was just looked at
        Ok(handle) if still() => pidfd_send_signal(handle, Signal::KILL),
        Ok(_) | Err(Errno::SRCH) => Ok(()),
        // an old system, or no descriptors left
        Err(_) if still() => kill_process(pid, Signal::KILL),
        Err(_) => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn send(process: &Process) -> rustix::io::Result<()> {
    rustix::process::kill_process(process.pid, Signal::KILL)
}

fn place(pid: Pid) -> PathBuf {
    Path::new(PROC).join(pid.as_raw_nonzero().to_string())
}

const PROC: &str = "/proc";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_have_any_name() {
        let pid = Pid::from_raw(7).unwrap();
        let line = "7 (a) Z 1 (b) S 3 5 5 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0 18446744073709551615";
        let due = Process {
            pid,
            parent: 3,
            group: 5,
            zombie: false,
            began: 4711,
        };
        assert_eq!(read(pid, line), Some(due));
        assert_eq!(read(pid, &line.replace(" S ", " Z ")).unwrap().began, 4711);
        assert!(read(pid, &line.replace(" S ", " Z ")).unwrap().zombie);
        assert_eq!(read(pid, "7 (a"), None);
        assert_eq!(read(pid, "7 (a) S 3"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn another_process_with_the_same_number_is_not_killed() {
        let mut child = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .unwrap();
        let found = look(Pid::from_child(&child)).unwrap();
        let earlier = Process {
            began: found.began - 1,
            ..found
        };
        assert!(kill(&earlier));
        assert!(child.try_wait().unwrap().is_none());
        assert!(kill(&found));
        assert!(!child.wait().unwrap().success());
    }
}
