// SPDX-License-Identifier: MPL-2.0
//! `catena worker` and what its scripts do beside their work: processes that they leave behind, and looks at the worker.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::worker::{Worker, World, runs, text, two_slots, wait};

/// Three orphans that leave the group, two of them without the worker's variables; `$DIR/pids` has their numbers.
const ORPHANS: &str = "
    orphan() { setsid \"$@\" sh -c 'echo $$ >> $DIR/pids; touch $DIR/up-$$; sleep 600' < /dev/null > /dev/null 2>&1 & }
    touch $DIR/pids; orphan; orphan env -i PATH=$PATH; orphan env -i PATH=$PATH setsid --fork
    before=$(cat $DIR/before 2> /dev/null || echo 0); echo $((before + 3)) > $DIR/before
    while test $(wc -l < $DIR/pids) -lt $((before + 3)); do sleep 0.02; done";

/// The children of a process and whether each is dead: from `/proc/N/stat`.
fn children(of: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let stats = entries.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    let child = |stat: &String| {
        let (_, rest) = stat.rsplit_once(')').unwrap();
        rest.split_ascii_whitespace().nth(1) == Some(of)
    };
    stats.filter(child).collect()
}

async fn ten_tasks_leave_nothing(world: &World, worker: u32) {
    for number in 0..10 {
        let task = world.create(number).await;
        let log = world.completes(task).await;
        let due = "[taskcluster] processes that left the group of the script were killed: ";
        assert!(log.contains(due), "{log}");
        // neither alive nor dead
        assert_eq!(children(&worker.to_string()), Vec::<String>::new());
    }
}

/// worker.md 5, 7: what leaves the process group, and clears its environment, ends with its task all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orphans_of_a_script_end_with_it_and_leave_no_zombies() {
    let world = World::start(Duration::from_secs(60)).await;
    let worker = Worker::start(&world.config(ORPHANS));
    ten_tasks_leave_nothing(&world, worker.id()).await;
    let pids = fs::read_to_string(world.path("pids")).unwrap();
    assert_eq!(pids.lines().count(), 30);
    for pid in pids.lines() {
        // the number may be somebody else's by now
        let line = fs::read_to_string(Path::new("/proc").join(pid).join("cmdline"));
        assert!(!line.unwrap_or_default().contains("up-$$"), "{pid}");
    }
    assert_eq!(worker.end("-TERM").code(), Some(0));
}

/// A worker in a container is the first process there, whose children all orphans become.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_the_first_process_leaves_no_zombies() {
    let apart = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
    let tried = Command::new(apart[0])
        .args(&apart[1..])
        .arg("true")
        .status();
    if !tried.is_ok_and(|status| status.success()) {
        // the other test shows the same without a namespace
        return;
    }
    let world = World::start(Duration::from_secs(60)).await;
    let config = world.config(ORPHANS);
    let outer = Worker::start_within(&apart, &config, Stdio::inherit());
    let mut inner = None;
    wait("the worker", async || {
        !children(&outer.id().to_string()).is_empty()
    })
    .await;
    for stat in children(&outer.id().to_string()) {
        inner = stat.split(' ').next().unwrap().parse().ok();
    }
    ten_tasks_leave_nothing(&world, inner.unwrap()).await;
}

/// A survivor of one task that makes verified files writable, and changes them, does not see the next task.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_survivor_changes_nothing_of_the_next_task() {
    let world = World::start(Duration::from_secs(60)).await;
    let script = "
        printf good > $DIR/work/file; chmod 444 $DIR/work/file
        if ! test -e $DIR/survivor; then
            setsid env -i PATH=$PATH sh -c 'echo > $DIR/survivor
                while :; do chmod u+w $DIR/work/file; echo EVIL > $DIR/work/file; mkdir -p $DIR/work/$$; done' \
                < /dev/null > /dev/null 2>&1 &
            while ! test -e $DIR/survivor; do sleep 0.02; done
            exit 0
        fi
        # long enough for a loop that runs thousands of times a second
        sleep 0.3; test \"$(cat $DIR/work/file)\" = good";
    let worker = Worker::start(&world.config(script));
    for number in 0..2 {
        let task = world.create(number).await;
        wait("completed", async || {
            runs(&world.client, task).await.ends_with("ed")
        })
        .await;
        assert_eq!(runs(&world.client, task).await, "completed completed");
    }
    assert_eq!(worker.end("-TERM").code(), Some(0));
}

/// P38: a script of the same user sees neither the worker's environment, nor its descriptors, nor its memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_of_the_same_user_cannot_look_into_the_worker() {
    let world = World::start(Duration::from_secs(60)).await;
    let script = "
        # what it may see of others of its user, or the rest would show nothing
        sleep 600 > $DIR/out 2>&1 & cat /proc/$!/environ > $DIR/out && ls /proc/$!/fd > $DIR/out || exit 90
        for what in environ maps mem auxv stack; do
            head -c 1 /proc/$PPID/$what > $DIR/out && echo \"sees $what\"
        done
        ls /proc/$PPID/fd && echo sees descriptors
        for number in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
            echo forged > /proc/$PPID/fd/$number && echo \"writes $number\"
        done
        id -u; echo a > $DIR/artifacts/public/a.txt";
    let config = world.config(script);
    let id: u32 = 65534;
    // root sees everything
    let root = own_uid() == 0;
    if root {
        for path in [".", "key", "scriptworker.json"] {
            chown(world.path(path), Some(id), Some(id)).unwrap();
        }
    }
    let drop = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let prefix: &[&str] = if root { &drop } else { &[] };
    let worker = Worker::start_within(prefix, &config, Stdio::inherit());
    let task = world.create(0).await;
    wait("an end", async || {
        runs(&world.client, task).await.ends_with("ed")
    })
    .await;
    let log = text(&world.client, task, "public/logs/live_backing.log").await;
    let end = runs(&world.client, task).await;
    assert_eq!(end, "completed completed", "{log}");
    assert!(log.starts_with("[taskcluster:header] {"), "{log}");
    assert!(!log.contains("sees ") && !log.contains("writes "), "{log}");
    assert!(log.contains("Permission denied"), "{log}");
    if root {
        assert!(log.contains("\n65534\n"), "{log}");
    }
    // and it can still write what it signs
    let signature = "public/chain-of-trust.json.sig";
    let signature = world.client.artifact(task, None, signature, 64).await;
    assert_eq!(signature.unwrap().len(), 64);
    assert_eq!(worker.end("-TERM").code(), Some(0));
}

fn own_uid() -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self/status").unwrap().uid()
}

/// worker.md 10: a console that nobody reads stops neither tasks nor the worker.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_that_nobody_reads_stops_nothing() {
    let world = World::start(Duration::from_secs(60)).await;
    let config = world.config_with("seq 100000", |page| page["verbose"] = json!(true));
    let worker = Worker::start_within(&[], &config, Stdio::piped());
    for number in 0..2 {
        let task = world.create(number).await;
        world.completes(task).await;
    }
    assert_eq!(worker.end("-TERM").code(), Some(0));
    // the file has everything
    let log = fs::read_to_string(world.path("log/worker.log")).unwrap();
    assert_eq!(log.matches(" - 99999\n").count(), 2);
    assert!(log.ends_with("stopped\n"), "the end");
}

/// Processes that follow each other faster than anybody can look are ended as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_of_processes_ends_with_its_script() {
    let world = World::start(Duration::from_secs(60)).await;
    let script = "
        touch $DIR/relay
        env -i PATH=$PATH python3 -c \"
import os
os.setsid()
count = 0
while os.path.exists('$DIR/relay'):
    if os.fork():
        os._exit(0)
    os.setsid()
    count += 1
    if count == 100:
        open('$DIR/up', 'w').write('up')
\" < /dev/null > /dev/null 2>&1 &
        while ! test -s $DIR/up; do sleep 0.01; done";
    let worker = Worker::start(&world.config(script));
    let task = world.create(0).await;
    world.completes(task).await;
    assert_eq!(children(&worker.id().to_string()), Vec::<String>::new());
    assert_eq!(worker.end("-TERM").code(), Some(0));
}

/// What an entry point started before it became the worker is not the worker's to end, whether a script runs or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_that_were_there_before_are_left_alone() {
    let world = World::start(Duration::from_secs(60)).await;
    let entry = format!(
        "sleep 600 & echo $! > {0}/helper; exec \"$@\"",
        world.path(".").display()
    );
    for (number, verify) in [(0, true), (1, false)] {
        let config = world.config_with(ORPHANS, |page| {
            page["verify_chain_of_trust"] = json!(verify);
            page["cot_product"] = json!("firefox");
            page["cot_job_type"] = json!("signing");
        });
        let worker = Worker::start_within(&["sh", "-c", &entry, "sh"], &config, Stdio::inherit());
        let task = world.create(number).await;
        wait("an end", async || {
            let runs = runs(&world.client, task).await;
            runs.starts_with("completed completed")
                || runs.starts_with("exception malformed-payload")
        })
        .await;
        let left = children(&worker.id().to_string());
        let helper = fs::read_to_string(world.path("helper")).unwrap();
        let due = format!("{} (sleep) S ", helper.trim());
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(left[0].starts_with(&due), "{left:?}");
        assert_eq!(worker.end("-TERM").code(), Some(0));
        let killed = Command::new("kill").arg(helper.trim()).status().unwrap();
        assert!(killed.success());
    }
}

/// P34: a task that ends takes no process of another one with it, in whatever group that is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_ends_leaves_the_orphans_of_another_slot_alone() {
    let world = World::start(Duration::from_secs(60)).await;
    let (first, second) = (world.create(0).await, world.create(1).await);
    let script = format!(
        "slot={{slot}}; mkdir -p $DIR/$TASK_ID; cd $DIR/$TASK_ID
        setsid --fork sh -c 'echo $$ > own.new; mv own.new own; exec sleep 600' < /dev/null > /dev/null 2>&1
        setsid --fork env -i PATH=$PATH sh -c 'echo $$ > bare.new; mv bare.new bare; exec sleep 600' < /dev/null > /dev/null 2>&1
        while ! test -e own || ! test -e bare; do sleep 0.02; done
        test $TASK_ID = {second} && while ! test -e $DIR/{first}/own; do sleep 0.02; done
        test $TASK_ID = {first} && while ! test -e $DIR/go; do sleep 0.02; done
        kill -0 $(cat own)"
    );
    let config = world.config_with(&script, two_slots);
    let worker = Worker::start(&config);
    world.completes(second).await;
    assert_eq!(runs(&world.client, first).await, "running -");
    fs::write(world.path("go"), "").unwrap();
    world.completes(first).await;
    assert_eq!(children(&worker.id().to_string()), Vec::<String>::new());
    assert_eq!(worker.end("-TERM").code(), Some(0));
}
