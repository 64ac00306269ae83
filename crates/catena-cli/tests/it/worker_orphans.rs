// SPDX-License-Identifier: MPL-2.0
//! `catena worker` and orphans that its scripts leave behind where not everything can be seen: a `/proc` that hides, none at
//! all, a limit on processes, orphans that cannot be read. All of these need root, and say so where they are left out.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::worker::{Worker, World, runs, two_slots};

/// A Python program that nobody of its user may look into from then on, as `ssh-agent`; it writes its number.
const SHY: &str = "import ctypes, os, sys, time
ctypes.CDLL(None).prctl(4, 0)
open(sys.argv[1] + '.new', 'w').write(str(os.getpid()))
os.rename(sys.argv[1] + '.new', sys.argv[1])
time.sleep(600)
";

/// A user without privileges, whose processes nobody else counts.
const USER: u32 = 65_531;

/// Whether a command works here; tells of it if not.
fn works(prefix: &[&str]) -> bool {
    let tried = Command::new(prefix[0])
        .args(&prefix[1..])
        .arg("true")
        .status();
    let works = tried.is_ok_and(|status| status.success());
    if !works {
        let line = format!("LEFT OUT, for this does not work here: {prefix:?}");
        io::stderr()
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
    }
    works
}

/// Runs a command as the first process of a container without privileges, with this for `/proc`.
fn container(mount: &str) -> Vec<String> {
    let command = format!("{mount} && exec {} \"$@\"", user().join(" "));
    let begin = [
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "sh",
        "-c",
    ];
    let words = begin.into_iter().chain([command.as_str(), "sh"]);
    words.map(str::to_owned).collect()
}

fn user() -> Vec<String> {
    let id = USER.to_string();
    let words = format!("setpriv --reuid={id} --regid={id} --clear-groups");
    words.split(' ').map(str::to_owned).collect()
}

fn start(prefix: &[&str], world: &World, config: &Path) -> Worker {
    for path in [&world.path("."), &world.path("key"), config] {
        chown(path, Some(USER), Some(USER)).unwrap();
    }
    Worker::start_within(prefix, config, Stdio::inherit())
}

fn shy(world: &World) -> PathBuf {
    let path = world.path("shy.py");
    fs::write(&path, SHY).unwrap();
    path
}

/// The children of a process.
fn children(of: u32) -> String {
    let lists = fs::read_dir(format!("/proc/{of}/task")).unwrap().flatten();
    let lists = lists.map(|thread| fs::read_to_string(thread.path().join("children")));
    lists.map(Result::unwrap_or_default).collect()
}

/// An orphan that `/proc` does not show (`hidepid=2`, systemd's `ProtectProc=invisible`) ends with its task as any other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orphan_that_proc_hides_stops_no_worker() {
    let prefix = container("mount -t proc -o hidepid=2 proc /proc");
    let prefix: Vec<&str> = prefix.iter().map(String::as_str).collect();
    if !works(&prefix) {
        return;
    }
    let world = World::start(Duration::from_secs(60)).await;
    shy(&world);
    let script = "
        for old in $DIR/hidden-*; do test -e $old && kill -0 $(cat $old) && exit 90; done
        own=$DIR/hidden-$TASK_ID
        setsid --fork env -i PATH=$PATH python3 $DIR/shy.py $own < /dev/null > $DIR/out 2>&1
        while ! test -e $own; do sleep 0.02; done
        # or this would show nothing
        kill -0 $(cat $own) || exit 91; test -e /proc/$(cat $own) && exit 92
        exit 0";
    let config = world.config(script);
    let _worker = start(&prefix, &world, &config);
    for number in 0..3 {
        let task = world.create(number).await;
        let log = world.completes(task).await;
        let due = "[taskcluster] processes that left the group of the script were killed: 1\n";
        assert!(log.contains(due), "{log}");
    }
}

/// Orphans that are dead count for the limit of their user until they are buried.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_orphans_do_not_use_up_the_processes_of_a_user_while_a_script_runs() {
    let user = user();
    let mut prefix = vec!["prlimit", "--nproc=200"];
    prefix.extend(user.iter().map(String::as_str));
    if !works(&prefix) {
        return;
    }
    let world = World::start(Duration::from_secs(60)).await;
    let script = "
        for round in $(seq 60); do
            for one in 1 2 3 4 5 6 7 8 9 10; do ( /bin/true & ) || exit 90; done
            sleep 0.05
        done
        echo all of them";
    let config = world.config(script);
    let worker = start(&prefix, &world, &config);
    let task = world.create(0).await;
    let log = world.completes(task).await;
    assert!(log.contains("\nall of them\n"), "{log}");
    assert!(!log.to_lowercase().contains("fork"), "{log}");
    assert_eq!(worker.end("-TERM").code(), Some(0));
}

/// P34: an orphan that nobody may look into is spared while it may belong to a script that runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_ends_spares_orphans_that_cannot_be_read_while_another_runs() {
    let user = user();
    let prefix: Vec<&str> = user.iter().map(String::as_str).collect();
    if !works(&prefix) {
        return;
    }
    let world = World::start(Duration::from_secs(60)).await;
    shy(&world);
    let (first, second) = (world.create(0).await, world.create(1).await);
    let script = format!(
        "slot={{slot}}; own=$DIR/own-$TASK_ID
        setsid --fork python3 $DIR/shy.py $own < /dev/null > $DIR/out 2>&1
        while ! test -e $own; do sleep 0.02; done
        test $TASK_ID = {second} && while ! test -e $DIR/own-{first}; do sleep 0.02; done
        test $TASK_ID = {first} && while ! test -e $DIR/go; do sleep 0.02; done
        # or this would show nothing
        cat /proc/$(cat $own)/environ && exit 90
        kill -0 $(cat $own)"
    );
    let config = world.config_with(&script, two_slots);
    let worker = start(&prefix, &world, &config);
    world.completes(second).await;
    assert_eq!(runs(&world.client, first).await, "running -");
    fs::write(world.path("go"), "").unwrap();
    world.completes(first).await;
    assert_eq!(children(worker.id()), "");
    assert_eq!(worker.end("-TERM").code(), Some(0));
}
