// SPDX-License-Identifier: MPL-2.0
//! Scripts that outlived their worker.
//!
//! A worker that is killed cannot stop its script, which would go on writing into the directories of the next task. So
//! every script carries the name of its directory in a variable, and a worker that starts ends what carries the name of
//! one of its own: the whole process group, as the dead worker would have done. Where there is no `/proc`, the service
//! manager has to do it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, getpid, kill_process_group};

use super::environment::marker;
use crate::log::Log;
use crate::processes;

/// Ends the scripts that were started for this work directory, and waits until they are gone.
pub(crate) async fn end(work_dir: &Path, log: &Log) {
    for attempt in 0..ATTEMPTS {
        let groups = groups(work_dir);
        if groups.is_empty() {
            return;
        }
        for group in groups {
            if attempt == 0 {
                let group = group.as_raw_nonzero();
                log.warn(&format!(
                    "the script of a worker that died is still there, process group {group}: it is killed"
                ));
            }
            // it may have ended meanwhile
            let _ = kill_process_group(group, Signal::KILL);
        }
        tokio::time::sleep(PAUSE).await;
    }
    log.error("the script of a worker that died does not end");
}

/// Finds the process groups with a process that carries this directory.
fn groups(work_dir: &Path) -> Vec<Pid> {
    let (me, due) = (getpid(), marker(work_dir));
    let all = processes::all();
    let mine = all.iter().find(|process| process.pid == me);
    let marked = all
        .iter()
        .filter(|process| processes::carries(process.pid, &due));
    let groups: BTreeSet<i32> = marked.map(|process| process.group).collect();
    let others = groups
        .into_iter()
        .filter(|group| mine.is_none_or(|mine| mine.group != *group));
    // in a container the group of the first process may have no number
    others.filter_map(Pid::from_raw).collect()
}

const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::process::{Command, Stdio};

    use super::super::environment::WORK_DIR;
    use super::*;
    use crate::config::{LineFormat, LogConfig};

    #[tokio::test]
    async fn only_scripts_of_the_same_directory_end_with_their_group_section_5() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::open(&LogConfig {
            dir: dir.path().to_owned(),
            format: LineFormat::default(),
            verbose: false,
            watch: false,
            max_bytes: 0,
            max_backups: 0,
        })
        .unwrap();
        let start = |work: &str| {
            Command::new("/bin/sh")
                // a grandchild in the group, whose output shows when it ends
                .args(["-c", "env -i sleep 600 & exec sleep 600"])
                .env(WORK_DIR, dir.path().join(work))
                .stdout(Stdio::piped())
                .process_group(0)
                .spawn()
                .unwrap()
        };
        let (mut old, mut other) = (start("work"), start("work2"));
        // the child has its variables as soon as it runs the shell; reaping is its parent's affair
        let reaper = std::thread::spawn(move || {
            let output = old.stdout.take();
            let status = old.wait().unwrap();
            std::io::read_to_string(output.unwrap()).unwrap();
            status
        });
        end(&dir.path().join("work"), &log).await;
        let status = reaper.join().unwrap();
        assert_eq!(
            std::os::unix::process::ExitStatusExt::signal(&status),
            Some(9)
        );
        assert!(
            other.try_wait().unwrap().is_none(),
            "another worker's script lives"
        );
        let group = Pid::from_child(&other);
        kill_process_group(group, Signal::KILL).unwrap();
        other.wait().unwrap();
    }
}
