// SPDX-License-Identifier: MPL-2.0
//! Whatever a script started ends with it, also what left its process group (worker.md 5, 7).
//!
//! The worker adopts what outlives a script ([`crate::guard::adopt`]), so that every process that a script started
//! descends from the worker, whatever group, session or environment it gave itself. When a script has ended, all
//! descendants are killed that do not belong to a script that still runs, and whoever is dead is asked how it ended, so
//! that no zombie stays. Where orphans go elsewhere, the processes that carry the slot's directory are killed.
//!
//! Children are found by the list that the system keeps of them, which shows also those that `/proc` hides; where it keeps
//! none, by a look at all processes. Without `/proc` nothing can be found, and only the dead are buried.
//!
//! A process that descends from no script that runs belongs to one all the same if it, or one that it started or that
//! started it, is in the process group of that script or carries its directory. Where this cannot be read, it may belong to
//! any script that ran when it was found, and is spared until the last of them has ended. Slots of the same user can
//! deceive each other in this; they could do worse.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, getpid};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::dead::{self, Dead, has_children, reap};
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
        if look.blind {
            log.warn(
                "/proc is not there, or is that of others: what leaves the group of its script cannot be found and goes on",
            );
        }
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

/// Asks orphans that are dead how they ended, as soon as the system tells of it, for ever, so that they do not use up the
/// processes that a user may have while a script runs.
pub(crate) async fn bury() {
    let mut ends = signal(SignalKind::child()).ok();
    loop {
        tokio::select! {
            () = signalled(ends.as_mut()) => {}
            // a signal may be kept from us
            () = tokio::time::sleep(BURIAL) => {}
        }
        if dead::first().is_some() {
            // what goes wrong is tried again
            let _ = tokio::task::spawn_blocking(|| members().bury()).await;
        }
    }
}

/// Waits for the signal.
async fn signalled(ends: Option<&mut Signal>) {
    let news = match ends {
        Some(ends) => ends.recv().await,
        None => None,
    };
    if news.is_none() {
        std::future::pending::<()>().await;
    }
}

/// What one look found.
#[derive(Debug, Default)]
struct Look {
    /// Number and beginning of a process that ends, and whether it is alive and left the group of the last script.
    found: Vec<((i32, u64), bool)>,
    /// Nothing is left.
    over: bool,
    /// Nothing can be seen, and nobody was told of this.
    blind: bool,
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
    /// Orphans that do not show whose they are, and the scripts that ran when they were found.
    doubtful: BTreeMap<(i32, u64), BTreeSet<i32>>,
    /// It was said that nothing can be seen.
    blind: bool,
}

static MEMBERS: Mutex<Members> = Mutex::new(Members::NONE);

fn members() -> MutexGuard<'static, Members> {
    MEMBERS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Members {
    const NONE: Self = Self {
        scripts: BTreeMap::new(),
        last: BTreeMap::new(),
        before: None,
        doubtful: BTreeMap::new(),
        blind: false,
    };

    /// Remembers the children that whoever started the worker left it, before it does anything with children.
    fn know(&mut self) {
        if self.before.is_some() {
            return;
        }
        let me = getpid().as_raw_nonzero().get();
        let children = match has_children() {
            true => seen(&|_| false).unwrap_or_default(),
            false => Vec::new(),
        };
        let children = children.iter().filter(|process| process.parent == me);
        self.before = Some(children.map(id).collect());
    }

    /// Kills what nobody owns, and buries the dead.
    fn end(&mut self, work_dir: &Path) -> Look {
        if !guard::adopts() {
            return self.end_marked(work_dir);
        }
        let over = Look {
            over: true,
            ..Look::default()
        };
        if !has_children() {
            return over;
        }
        let enter = |number: i32| !self.scripts.contains_key(&number);
        let Some(all) = seen(&enter) else {
            self.bury();
            let blind = !std::mem::replace(&mut self.blind, true);
            return Look { blind, ..over };
        };
        let me = getpid().as_raw_nonzero().get();
        self.doubt(&all, me, &|process| {
            process.began == 0 || processes::shows(process.pid, &[]).is_none()
        });
        let nobodys = self.nobodys(&all, me, &|pid, dir| processes::carries(pid, &marker(dir)));
        // a process whose first thread has ended looks dead, and is not: so the dead are killed, too
        let refused = |process: &&Process| !processes::kill(process) && !self.scripts.is_empty();
        let (others, ours): (Vec<&Process>, Vec<_>) = nobodys.into_iter().partition(refused);
        let look = self.told(ours.iter().copied(), work_dir);
        for process in others.iter().chain(&ours) {
            if process.parent == me && (process.zombie || process.began == 0) {
                self.gone(process.pid);
            }
        }
        // processes that follow each other quickly hide from a look, but the worker has a child as long as one lives
        let others =
            !self.scripts.is_empty() || self.before.as_ref().is_some_and(|b| !b.is_empty());
        Look {
            over: look.over && others,
            ..look
        }
    }

    /// Notes which orphans cannot be read, so that they may belong to any script that runs now.
    fn doubt(&mut self, all: &[Process], me: i32, dark: &dyn Fn(&Process) -> bool) {
        let running: BTreeSet<i32> = self.scripts.keys().copied().collect();
        let orphans = all.iter().filter(|process| {
            let script = process.parent == me && running.contains(&process.number());
            !script && !process.zombie && !running.is_empty() && dark(process)
        });
        let known = std::mem::take(&mut self.doubtful);
        let since = |process| known.get(&process).unwrap_or(&running).clone();
        self.doubtful = orphans
            .map(|process| (id(process), since(id(process))))
            .collect();
    }

    /// Asks an orphan how it ended, and forgets it if it has.
    fn gone(&mut self, pid: Pid) -> bool {
        let gone = reap(pid);
        if let (true, Some(before)) = (gone, &mut self.before) {
            before.retain(|(number, _)| *number != pid.as_raw_nonzero().get());
        }
        gone
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
            blind: false,
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
    fn bury(&mut self) {
        if !guard::adopts() {
            return;
        }
        for _ in 0..ROUND {
            let Some(Dead(number)) = dead::first() else {
                return;
            };
            let named = number
                .filter(|number| !self.scripts.contains_key(number))
                .and_then(Pid::from_raw);
            if !named.is_some_and(|pid| self.gone(pid)) {
                // a script that has ended, but not its output, hides others
                return self.bury_all();
            }
        }
    }

    /// Buries orphans that are dead, whoever else is.
    fn bury_all(&mut self) {
        let me = getpid().as_raw_nonzero().get();
        for process in seen(&|_| false).unwrap_or_default() {
            let dead = process.parent == me && (process.zombie || process.began == 0);
            if dead && !self.scripts.contains_key(&process.number()) {
                self.gone(process.pid);
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
            let known =
                head.is_none_or(|head| self.scripts.contains_key(number) || self.was_before(head));
            !known && !house.iter().any(|process| self.owned(process, carries))
        });
        houses.into_values().flatten().collect()
    }

    /// Whether a script that runs owns an orphan.
    fn owned(&self, process: &Process, carries: &dyn Fn(Pid, &Path) -> bool) -> bool {
        let scripts = &self.scripts;
        let doubtful = self.doubtful.get(&id(process));
        scripts.contains_key(&process.group)
            || scripts.values().any(|dir| carries(process.pid, dir))
            || doubtful.is_some_and(|whose| whose.iter().any(|one| scripts.contains_key(one)))
    }

    /// Whether a child was there before the first script; what hides tells no beginning.
    fn was_before(&self, (number, began): (i32, u64)) -> bool {
        self.before
            .iter()
            .flatten()
            .any(|before| before.0 == number && (before.1 == began || before.1 == 0 || began == 0))
    }
}

fn id(process: &Process) -> (i32, u64) {
    (process.number(), process.began)
}

/// Looks at the children of this process and at what descends from those that `enter` says yes to; or at more. `None`:
/// nothing can be seen.
fn seen(enter: &dyn Fn(i32) -> bool) -> Option<Vec<Process>> {
    let family = || processes::family(enter).unwrap_or_else(processes::all);
    processes::are_listed().then(family)
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

/// How long processes are killed again and again.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many are named in the log.
const SHOWN: usize = 10;
const PAUSE: Duration = Duration::from_millis(2);
/// How long the dead wait that no signal tells of.
const BURIAL: Duration = Duration::from_secs(1);
/// How many are buried at most before others get their turn.
const ROUND: u32 = 1000;

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
            before: Some(BTreeSet::from([(101, 1)])),
            ..Members::NONE
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

    #[test]
    fn orphans_that_cannot_be_read_are_spared_until_the_scripts_of_their_time_have_ended() {
        let hidden = Process {
            began: 0,
            ..process(220, ME, 220)
        };
        let all = [
            process(ME, 1, ME),
            process(200, ME, 200),
            process(300, ME, 300),
            // two that cannot be read, of which one has a child that can, and is hidden itself
            process(210, ME, 210),
            hidden,
            process(221, 220, 221),
            // one that can
            process(230, ME, 230),
            // nobody asked this one how it ended
            Process {
                zombie: true,
                ..process(240, ME, 240)
            },
        ];
        let mut members = Members::NONE;
        let mut nobodys = |scripts: &[i32]| -> Vec<i32> {
            let dir = |leader: &i32| (*leader, format!("/work/{leader}").into());
            members.scripts = scripts.iter().map(dir).collect();
            let dark = |process: &Process| [210, 220, 240].contains(&process.number());
            members.doubt(&all, ME, &dark);
            let found = members.nobodys(&all, ME, &|_, _| false);
            found.iter().map(|process| process.number()).collect()
        };
        // each look when 400 ends, which is not there any more
        assert_eq!(nobodys(&[200, 300]), [230, 240]);
        assert_eq!(nobodys(&[200]), [230, 240, 300]);
        // a script that began after they were found has none of them
        assert_eq!(nobodys(&[500]), [200, 210, 220, 221, 230, 240, 300]);
    }

    #[test]
    fn a_child_that_was_there_before_is_known_when_it_hides() {
        let members = Members {
            before: Some(BTreeSet::from([(101, 7), (102, 0)])),
            ..Members::NONE
        };
        assert!(members.was_before((101, 7)) && members.was_before((101, 0)));
        assert!(members.was_before((102, 7)));
        assert!(!members.was_before((101, 8)) && !members.was_before((103, 0)));
    }
}
