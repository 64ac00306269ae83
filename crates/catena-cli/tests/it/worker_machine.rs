// SPDX-License-Identifier: MPL-2.0
//! `catena worker` on a machine that is broken or shared, and configurations that are read again while it runs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::worker::{Worker, World, runs, wait};

/// A change of a configuration.
type Change<'a> = &'a dyn Fn(&mut Value);

/// Without a place for temporary files no script gets credentials: nothing is claimed, and a task that was, is given back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_without_temporary_files_gives_tasks_back_and_claims_none() {
    let world = World::start(Duration::from_secs(60)).await;
    let (tmp, log) = (world.path("tmp"), world.path("log/worker.log"));
    fs::create_dir(&tmp).unwrap();
    let worker = Worker::start_with(
        &world.config("exit 0"),
        &[("TMPDIR", tmp.to_str().unwrap())],
    );
    let told = |text: &str| {
        fs::read_to_string(&log)
            .unwrap_or_default()
            .matches(text)
            .count()
    };
    wait("a worker", async || told("claims from") > 0).await;
    for number in 0..8 {
        // most likely while a request for work is under way; else the probe sees it first, and there is another try
        fs::remove_dir(&tmp).unwrap();
        let (refused, again) = (told("slot 0 claims nothing: "), told("slot 0 claims again"));
        let task = world.create(number).await;
        wait("refused twice", async || {
            told("slot 0 claims nothing: ") > refused + 1
        })
        .await;
        let seen = runs(&world.client, task).await;
        fs::create_dir(&tmp).unwrap();
        wait("well", async || told("slot 0 claims again") > again).await;
        wait("completed", async || {
            runs(&world.client, task)
                .await
                .ends_with("completed completed")
        })
        .await;
        if seen == "exception worker-shutdown, pending -" {
            assert!(told("no file for the credentials of the script") > 0);
            assert_eq!(worker.end("-TERM").code(), Some(0));
            return;
        }
        assert_eq!(seen, "pending -");
    }
    panic!("never while a request for work was under way");
}

/// A second worker would kill the script of the first, and empty its directories.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_worker_with_the_same_directories_ends_and_says_who_has_them() {
    let world = World::start(Duration::from_secs(60)).await;
    let script =
        "touch $DIR/up; while ! test -e $DIR/go; do sleep 0.02; done; test -e $DIR/work/task.json";
    let config = world.config(script);
    let first = Worker::start(&config);
    let task = world.create(0).await;
    wait("the script", async || world.path("up").exists()).await;
    let second = world.config_with(script, |page| {
        page["log_dir"] = json!(world.path("log2").display().to_string());
    });
    assert_eq!(Worker::start(&second).wait().code(), Some(5));
    let holder = fs::read_to_string(world.path(".work.lock")).unwrap();
    assert_eq!(holder, format!("process {}, group/worker\n", first.id()));
    fs::write(world.path("go"), "").unwrap();
    world.completes(task).await;
    // what a dead worker held is free
    first.end("-KILL");
    let third = Worker::start(&second);
    let next = world.create(1).await;
    world.completes(next).await;
    assert_eq!(third.end("-TERM").code(), Some(0));
}

/// SIGHUP with directories that cannot be used, or another number of slots, changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_cannot_follow_is_refused_and_the_worker_goes_on() {
    let world = World::start(Duration::from_secs(60)).await;
    let worker = Worker::start(&world.config("exit 0"));
    let log = || fs::read_to_string(world.path("log/worker.log")).unwrap_or_default();
    wait("a worker", async || log().contains("claims from")).await;
    let slots = |page: &mut Value| {
        page["x_cot"] = json!({"capacity": 2});
        for key in ["work_dir", "artifact_dir", "task_log_dir"] {
            page[key] = json!(
                world
                    .path("x")
                    .join(key)
                    .join("{slot}")
                    .display()
                    .to_string()
            );
        }
        page["task_script"] = json!(["/bin/sh", "-c", "exit 0", "{slot}"]);
    };
    let nowhere = |page: &mut Value| page["work_dir"] = json!("/proc/nope/work");
    let changes: [(Change<'_>, &str); 2] = [
        (
            &slots,
            "x_cot.capacity: expected 1, which only a new start changes, found 2",
        ),
        (&nowhere, "/proc/nope"),
    ];
    for (number, (change, due)) in changes.into_iter().enumerate() {
        world.config_with("exit 0", change);
        worker.signal("-HUP");
        wait("refused", async || {
            log().matches("the old configuration stays").count() > number
        })
        .await;
        assert!(log().contains(due), "{}", log());
    }
    let task = world.create(0).await;
    world.completes(task).await;
    assert_eq!(worker.end("-TERM").code(), Some(0));
}

/// After SIGHUP the new log gets every line.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_goes_on_where_the_new_configuration_says() {
    let world = World::start(Duration::from_secs(60)).await;
    let worker = Worker::start(&world.config("exit 0"));
    let (old, new) = (world.path("log/worker.log"), world.path("new/worker.log"));
    let log = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    wait("a worker", async || log(&old).contains("claims from")).await;
    world.config_with("exit 0", |page| {
        page["log_dir"] = json!(world.path("new").display().to_string());
    });
    worker.signal("-HUP");
    wait("read again", async || log(&new).contains("was read again")).await;
    worker.signal("-HUP");
    wait("read again", async || {
        log(&new).matches("was read again").count() == 2
    })
    .await;
    assert_eq!(worker.end("-TERM").code(), Some(0));
    let new = log(&new);
    assert!(
        new.contains("SIGHUP: ") && new.ends_with("stopped\n"),
        "{new}"
    );
    let old = log(&old);
    assert_eq!(old.matches("SIGHUP: ").count(), 1, "{old}");
    assert!(!old.contains("stopped"), "{old}");
}
