// SPDX-License-Identifier: MPL-2.0
//! The processes of this machine, as `/proc` lists them. Where there is no `/proc`, there are none.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, getpgid, getpid};

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
    /// When it began: no other process with this number has the same. 0: it is a child of ours that `/proc` hides.
    pub(crate) began: u64,
}

/// Returns all processes that can be seen.
pub(crate) fn all() -> Vec<Process> {
    let entries = fs::read_dir(PROC).into_iter().flatten().flatten();
    let numbers =
        entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    numbers.filter_map(look).collect()
}

/// Returns whether `/proc` is there and has the numbers by which this process knows others.
pub(crate) fn are_listed() -> bool {
    let me = getpid().as_raw_nonzero().to_string();
    fs::read_link(Path::new(PROC).join("self")).is_ok_and(|link| link == Path::new(&me))
}

/// Returns the children of this process, also those that `/proc` hides (`hidepid`), and what descends from those that
/// `enter` says yes to, as far as it can be seen. `None`: this system lists no children.
pub(crate) fn family(enter: &dyn Fn(i32) -> bool) -> Option<Vec<Process>> {
    let mut found: Vec<Process> = children(getpid())?.into_iter().map(child).collect();
    let mut seen: BTreeSet<i32> = found.iter().map(Process::number).collect();
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        at += 1;
        if at > MOST {
            break;
        }
        let ours = parent.parent == getpid().as_raw_nonzero().get();
        if ours && !enter(parent.number()) {
            continue;
        }
        let theirs = children(parent.pid).unwrap_or_default();
        let new = theirs
            .into_iter()
            .filter(|pid| seen.insert(pid.as_raw_nonzero().get()));
        found.extend(new.filter_map(look));
    }
    Some(found)
}

/// Lists the children of a process, also those that are dead.
fn children(pid: Pid) -> Option<Vec<Pid>> {
    let mut told = None;
    for thread in fs::read_dir(place(pid).join("task")).ok()?.flatten() {
        // a thread may end meanwhile
        if let Ok(line) = fs::read_to_string(thread.path().join("children")) {
            let numbers = line.split_ascii_whitespace();
            let numbers = numbers.filter_map(|number| Pid::from_raw(number.parse().ok()?));
            told.get_or_insert_with(Vec::new).extend(numbers);
        }
    }
    told
}

/// Looks at a child of this process; what cannot be seen of it is left out.
fn child(pid: Pid) -> Process {
    look(pid).unwrap_or_else(|| Process {
        pid,
        parent: getpid().as_raw_nonzero().get(),
        group: getpgid(Some(pid)).map_or(0, |group| group.as_raw_nonzero().get()),
        zombie: false,
        began: 0,
    })
}

impl Process {
    /// Returns its number.
    pub(crate) fn number(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }
}

/// Returns whether a process has this in the environment that it was started with. That of other users cannot be read.
pub(crate) fn carries(pid: Pid, variable: &[u8]) -> bool {
    shows(pid, variable).unwrap_or_default()
}

/// As [`carries`]; `None` if this process may not read it.
pub(crate) fn shows(pid: Pid, variable: &[u8]) -> Option<bool> {
    match fs::read(place(pid).join("environ")) {
        Ok(environment) => {
            let mut variables = environment.split(|byte| *byte == 0);
            Some(variables.any(|one| one == variable))
        }
        Err(why) if why.kind() == io::ErrorKind::PermissionDenied => None,
        Err(_) => Some(false),
    }
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
    let still = || match process.began {
        0 => is_child(pid),
        began => look(pid).is_some_and(|found| found.began == began),
    };
    match pidfd_open(pid, PidfdFlags::empty()) {
        // from here on the number means the process that was just looked at
        Ok(handle) if still() => pidfd_send_signal(handle, Signal::KILL),
        Ok(_) | Err(Errno::SRCH) => Ok(()),
        // an old system, or no descriptors left
        Err(_) if still() => kill_process(pid, Signal::KILL),
        Err(_) => Ok(()),
    }
}

/// Whether this is a child of ours that nobody has asked how it ended: then its number is not somebody else's.
#[cfg(target_os = "linux")]
fn is_child(pid: Pid) -> bool {
    use rustix::process::{WaitId, WaitIdOptions, waitid};

    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    waitid(WaitId::Pid(pid), options).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn send(process: &Process) -> rustix::io::Result<()> {
    rustix::process::kill_process(process.pid, Signal::KILL)
}

fn place(pid: Pid) -> PathBuf {
    Path::new(PROC).join(pid.as_raw_nonzero().to_string())
}

const PROC: &str = "/proc";
/// How many processes are entered in one look.
const MOST: usize = 100_000;

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;

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
    fn children_are_listed_with_what_they_started_where_they_are_entered() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "sleep 600 & echo $!; wait"])
            .stdout(std::process::Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = io::BufReader::new(child.stdout.take().unwrap());
        io::BufRead::read_line(&mut output, &mut line).unwrap();
        let (mine, theirs) = (Pid::from_child(&child), line.trim().parse().unwrap());
        let numbers = |enter: bool| -> BTreeSet<i32> {
            let found = family(&|number| enter && number == mine.as_raw_nonzero().get());
            found.unwrap().iter().map(Process::number).collect()
        };
        let mine_number = mine.as_raw_nonzero().get();
        assert!(numbers(true).is_superset(&BTreeSet::from([mine_number, theirs])));
        assert!(numbers(false).contains(&mine_number) && !numbers(false).contains(&theirs));
        rustix::process::kill_process_group(mine, Signal::KILL).unwrap();
        child.wait().unwrap();
        assert!(!numbers(true).contains(&mine_number));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_child_that_cannot_be_seen_is_killed_by_its_number_and_nobody_else() {
        let start = || {
            let mut command = std::process::Command::new("sleep");
            command.arg("600").spawn().unwrap()
        };
        let mut child = start();
        let hidden = Process {
            began: 0,
            ..look(Pid::from_child(&child)).unwrap()
        };
        // not a child of ours: 0 says nothing of it
        let parent = rustix::process::getppid().unwrap();
        assert!(!is_child(parent) && is_child(hidden.pid));
        assert!(kill(&hidden));
        assert!(!child.wait().unwrap().success());
        assert!(!is_child(hidden.pid));
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
