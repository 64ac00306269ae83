// SPDX-License-Identifier: MPL-2.0
//! Whatever a script started ends with it, also what left its process group (worker.md 5, 7).
//!
//! The worker adopts what outlives a script ([`crate::guard::adopt`]), so that every process that a script started
//! descends from the worker, whatever group, session or environment it gave itself. When a script has ended, all
//! descendants are killed that do not belong to a script that still runs, and whoever is dead is asked how it ended, so
//! that no zombie stays. Where orphans go elsewhere, the processes that carry the slot's directory are killed.
//!
//! A process that descends from no script that runs belongs to one all the same if it, or one that it started or that
//! started it, is in the process group of that script or carries its directory. Slots of the same user can deceive each
//! other in this; they could do worse.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, getpid, waitid};

use super::environment::marker;
use crate::guard;
use crate::log::Log;
use crate::processes::{self, Process};

/// Processes that do not end.
#[derive(Debug, thiserror::Error)]
#[error("{0} processes that a script left behind do not end")]
pub(crate) struct Strays(usize);

/// A script that runs; it is forgotten when this is dropped.
#[derive(Debug)]
pub(super) struct Member(i32);

impl Drop for Member {
    fn drop(&mut self) {
        let mut members = members();
        if let Some(work_dir) = members.scripts.remove(&self.0) {
            members.last.insert(work_dir, self.0);
        }
    }
}

/// Starts a script for a work directory. Nobody takes it for an orphan meanwhile.
pub(super) fn start<T>(
    work_dir: &Path,
    spawn: impl FnOnce() -> io::Result<(Pid, T)>,
) -> io::Result<(Member, T)> {
    let mut members = members();
    members.know();
    let (leader, started) = spawn()?;
    let leader = leader.as_raw_nonzero().get();
    members.scripts.insert(leader, work_dir.to_owned());
    Ok((Member(leader), started))
}

/// Ends what the scripts of a work directory left behind, now that none of them runs, and returns how many had left the
/// process group.
///
/// # Errors
/// [`Strays`]: they do not end, or may not be killed.
pub(crate) async fn settle(work_dir: &Path, log: &Log) -> Result<usize, Strays> {
    let begun = Instant::now();
    let mut strayed = BTreeSet::new();
    loop {
        let dir = work_dir.to_owned();
        let look = tokio::task::spawn_blocking(move || {
            let mut members = members();
            members.know();
            members.end(&dir)
        });
        let look = look.await;
        let look = look.unwrap_or_default();
        if look.over {
            return Ok(strayed.len());
        }
        let left = look.found.len().max(1);
        for (process, strays) in look.found {
            if strays && strayed.insert(process) && strayed.len() <= SHOWN {
                let number = process.0;
                log.warn(&format!(
                    "process {number} left the group of its script: it is killed"
                ));
            }
        }
        if begun.elapsed() > PATIENCE {
            let why = Strays(left);
            log.error(&why.to_string());
            return Err(why);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Asks orphans that are dead how they ended, for ever, so that they do not stay as zombies while a script runs for long.
pub(crate) async fn bury() {
    loop {
        tokio::time::sleep(BURIAL).await;
        // what goes wrong is tried again
        let _ = tokio::task::spawn_blocking(|| members().bury()).await;
    }
}

/// What one look found.
#[derive(Debug, Default)]
struct Look {
    /// Number and beginning of a process that ends, and whether it is alive and left the group of the last script.
    found: Vec<((i32, u64), bool)>,
    /// Nothing is left.
    over: bool,
}

/// The children of this process: they are its own, not those of a worker in it.
#[derive(Debug)]
struct Members {
    /// Scripts that run, by the number of their process, and their work directories.
    scripts: BTreeMap<i32, PathBuf>,
    /// The last script of each work directory.
    last: BTreeMap<PathBuf, i32>,
    /// Children that were there before the first script: number and beginning.
    before: Option<BTreeSet<(i32, u64)>>,
}

static MEMBERS: Mutex<Members> = Mutex::new(Members {
    scripts: BTreeMap::new(),
    last: BTreeMap::new(),
    before: None,
});

fn members() -> MutexGuard<'static, Members> {
    MEMBERS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Members {
    /// Remembers the children that whoever started the worker left it, before it does anything with children.
    fn know(&mut self) {
        if self.before.is_some() {
            return;
        }
        let me = getpid().as_raw_nonzero().get();
        let children = match has_children() {
            true => processes::all(),
            false => Vec::new(),
        };
        let children = children.iter().filter(|process| process.parent == me);
        self.before = Some(children.map(id).collect());
    }

    /// Kills what nobody owns, and buries the dead.
    fn end(&self, work_dir: &Path) -> Look {
        if !guard::adopts() {
            return self.end_marked(work_dir);
        }
        if !has_children() {
            return Look {
                over: true,
                ..Look::default()
            };
        }
        let all = processes::all();
        let me = getpid().as_raw_nonzero().get();
        let nobodys = self.nobodys(&all, me, &|pid, dir| processes::carries(pid, &marker(dir)));
        // a process whose first thread has ended looks dead, and is not: so the dead are killed, too
        let refused = |process: &&Process| !processes::kill(process) && !self.scripts.is_empty();
        let (others, ours): (Vec<&Process>, Vec<_>) = nobodys.into_iter().partition(refused);
        for process in others.iter().chain(&ours) {
            if process.parent == me && process.zombie {
                reap(process.pid);
            }
        }
        let look = self.told(ours, work_dir);
        // processes that follow each other quickly hide from a look, but the worker has a child as long as one lives
        let others =
            !self.scripts.is_empty() || self.before.as_ref().is_some_and(|b| !b.is_empty());
        Look {
            over: look.over && others,
            ..look
        }
    }

    fn told<'a>(&self, found: impl IntoIterator<Item = &'a Process>, work_dir: &Path) -> Look {
        let last = self.last.get(work_dir);
        let strays = |process: &Process| !process.zombie && Some(&process.group) != last;
        let found = found.into_iter();
        let found: Vec<_> = found
            .map(|process| (id(process), strays(process)))
            .collect();
        Look {
            over: found.is_empty(),
            found,
        }
    }

    /// As [`end`](Self::end), where orphans are not ours: those that say whose they are.
    fn end_marked(&self, work_dir: &Path) -> Look {
        let (me, due) = (getpid(), marker(work_dir));
        let found = processes::all().into_iter().filter(|process| {
            process.pid != me && !process.zombie && processes::carries(process.pid, &due)
        });
        let found: Vec<Process> = found.collect();
        found.iter().for_each(|process| {
            processes::kill(process);
        });
        self.told(&found, work_dir)
    }

    /// Buries orphans that are dead.
    fn bury(&self) {
        if !guard::adopts() || !has_children() {
            return;
        }
        let me = getpid().as_raw_nonzero().get();
        let dead = processes::all()
            .into_iter()
            .filter(|process| process.parent == me && process.zombie);
        for process in dead {
            if !self
                .scripts
                .contains_key(&process.pid.as_raw_nonzero().get())
            {
                reap(process.pid);
            }
        }
    }

    /// Returns the descendants of `me` that belong to no script that runs, and were not there before.
    fn nobodys<'a>(
        &self,
        all: &'a [Process],
        me: i32,
        carries: &dyn Fn(Pid, &Path) -> bool,
    ) -> Vec<&'a Process> {
        let by_number: BTreeMap<i32, &Process> =
            all.iter().map(|process| (id(process).0, process)).collect();
        // by the child of ours that they descend from
        let mut houses: BTreeMap<i32, Vec<&Process>> = BTreeMap::new();
        for process in all {
            if let Some(child) = child_of(me, process, &by_number) {
                houses.entry(id(child).0).or_default().push(process);
            }
        }
        houses.retain(|number, house| {
            let head = by_number.get(number).map(|head| id(head));
            let known = head.is_none_or(|head| {
                let before = self.before.as_ref();
                self.scripts.contains_key(number) || before.is_some_and(|all| all.contains(&head))
            });
            !known && !house.iter().any(|process| self.owned(process, carries))
        });
        houses.into_values().flatten().collect()
    }

    /// Whether a script that runs owns an orphan.
    fn owned(&self, process: &Process, carries: &dyn Fn(Pid, &Path) -> bool) -> bool {
        let scripts = &self.scripts;
        scripts.contains_key(&process.group)
            || scripts.values().any(|dir| carries(process.pid, dir))
    }
}

fn id(process: &Process) -> (i32, u64) {
    (process.pid.as_raw_nonzero().get(), process.began)
}

/// Returns the child of `me` that a process descends from, or is.
fn child_of<'a>(
    me: i32,
    process: &'a Process,
    all: &BTreeMap<i32, &'a Process>,
) -> Option<&'a Process> {
    let mut at = process;
    // numbers are used again, so that what was read in a moment may have a circle
    for _ in 0..all.len() {
        if at.parent == me {
            return Some(at);
        }
        at = all.get(&at.parent)?;
    }
    None
}

fn has_children() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::All, options), Err(rustix::io::Errno::CHILD))
}

/// Asks an orphan how it ended, if it has.
fn reap(pid: Pid) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    // it may not be over: then it is asked again
    let _ = waitid(WaitId::Pid(pid), options);
}

/// How long processes are killed again and again.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many are named in the log.
const SHOWN: usize = 10;
const PAUSE: Duration = Duration::from_millis(2);
const BURIAL: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    const ME: i32 = 100;

    fn process(pid: i32, parent: i32, group: i32) -> Process {
        Process {
            pid: Pid::from_raw(pid).unwrap(),
            parent,
            group,
            zombie: false,
            began: 1,
        }
    }

    /// Who is to be killed when one script has ended, and others run; `marked`: who carries the directory of slot 1.
    fn nobodys(scripts: &[i32], all: &[Process], marked: &[i32]) -> Vec<i32> {
        let members = Members {
            scripts: scripts
                .iter()
                .map(|&leader| (leader, "/work/1".into()))
                .collect(),
            last: BTreeMap::new(),
            before: Some(BTreeSet::from([(101, 1)])),
        };
        let carries = |pid: Pid, _: &Path| marked.contains(&pid.as_raw_nonzero().get());
        let found = members.nobodys(all, ME, &carries);
        found.into_iter().map(|process| id(process).0).collect()
    }

    #[test]
    fn orphans_of_a_lonely_script_are_found_whatever_they_did_section_5() {
        let all = [
            process(1, 0, 1),
            process(ME, 1, ME),
            // there before the worker, and what it started
            process(101, ME, ME),
            process(102, 101, ME),
            // an orphan in a group of its own, and what it started
            process(200, ME, 200),
            process(201, 200, 201),
            process(202, 201, 201),
            // one that joined our group
            process(203, ME, ME),
            // somebody else's
            process(300, 1, 300),
            process(301, 300, 300),
        ];
        assert_eq!(nobodys(&[], &all, &[]), [200, 201, 202, 203]);
    }

    #[test]
    fn orphans_of_another_script_are_spared_if_anything_shows_whose_they_are() {
        let all = [
            process(ME, 1, ME),
            // a script that runs, and a child of it that left its group
            process(200, ME, 200),
            process(201, 200, 201),
            // its orphan, still in its group, with a child that is not
            process(210, ME, 200),
            process(211, 210, 211),
            // its orphan, which left the group; the child carries the directory
            process(220, ME, 220),
            process(221, 220, 220),
            // nobody's
            process(230, ME, 230),
        ];
        assert_eq!(nobodys(&[200], &all, &[221]), [230]);
        assert_eq!(nobodys(&[200], &all, &[]), [220, 221, 230]);
    }

    #[test]
    fn a_number_that_is_used_again_is_no_way_out() {
        // 101 was there before the worker, and is another process now
        let again = Process {
            began: 2,
            ..process(101, ME, 101)
        };
        // a circle, which no machine has for long
        let all = [again, process(400, 401, 400), process(401, 400, 400)];
        assert_eq!(nobodys(&[], &all, &[]), [101]);
    }
}
