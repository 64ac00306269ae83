// SPDX-License-Identifier: MPL-2.0
//! What `catena worker` writes to stderr and `worker.log`, and that nobody who reads neither stops it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::worker::{Worker, World, runs, wait};

/// Structured logs say which task a line is about (P41).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_on_stderr_are_json_if_somebody_wants_that() {
    let world = World::start(Duration::from_secs(60)).await;
    let path = world.path("stderr");
    let stderr = File::create(&path).unwrap();
    let config = world.config_with("echo said", |page| page["verbose"] = json!(true));
    let prefix = ["env", "CATENA_LOG=info", "CATENA_LOG_FORMAT=json"];
    let worker = Worker::start_within(&prefix, &config, stderr.into());
    let task = world.create(0).await;
    world.completes(task).await;
    assert_eq!(worker.end("-TERM").code(), Some(0));
    let text = fs::read_to_string(&path).unwrap();
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}")))
        .collect();
    let said = events
        .iter()
        .find(|event| event["fields"]["message"] == "said")
        .unwrap();
    assert_eq!(said["span"]["task"], task.to_string());
    assert_eq!(
        (&said["span"]["run"], &said["span"]["slot"]),
        (&json!("0"), &json!(0))
    );
    assert!(!text.contains("never-to-be-seen"));
}

/// A disk that is full, a reader that is gone, one that does not read: nothing of it stops a task.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stderr_that_takes_nothing_stops_nothing() {
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    let gone = || Stdio::from(io::pipe().unwrap().1);
    let (reader, writer) = io::pipe().unwrap();
    (&writer).write_all(&[b'x'; 65536]).unwrap();
    let unread = || Stdio::from(writer.try_clone().unwrap());
    let world = World::start(Duration::from_secs(60)).await;
    let stderrs: [(&str, &dyn Fn() -> Stdio); 3] =
        [("full", &full), ("gone", &gone), ("unread", &unread)];
    let mut number = 0;
    for prefix in [&["env"][..], &["env", "CATENA_LOG=debug"]] {
        for (name, stderr) in stderrs {
            let config = world.config_with("echo said", |page| page["verbose"] = json!(true));
            let worker = Worker::start_within(prefix, &config, stderr());
            let task = world.create(number).await;
            number += 1;
            world.completes(task).await;
            assert_eq!(worker.end("-TERM").code(), Some(0), "{prefix:?} {name}");
            let log = world.path("log/worker.log");
            let lines = fs::read_to_string(&log).unwrap();
            assert!(
                lines.contains("claims from") && lines.contains("stopped"),
                "{lines}"
            );
            fs::remove_file(log).unwrap();
        }
    }
    drop(reader);
}

/// §13: SIGUSR1 busy, and rotation by rename.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_worker_told_to_finish_does_and_goes_on_in_a_new_log_if_its_own_was_renamed() {
    let world = World::start(Duration::from_secs(60)).await;
    let script = "touch $DIR/up; while ! test -e $DIR/go; do sleep 0.02; done";
    let config = world.config_with(script, |page| page["watch_log_file"] = json!(true));
    let worker = Worker::start(&config);
    let task = world.create(0).await;
    wait("the script", async || world.path("up").exists()).await;
    let (log, old) = (world.path("log/worker.log"), world.path("log/old"));
    fs::rename(&log, &old).unwrap();
    worker.signal("-USR1");
    let read = || fs::read_to_string(&log).unwrap_or_default();
    wait("told", async || read().contains("SIGUSR1")).await;
    let next = world.create(1).await;
    fs::write(world.path("go"), "").unwrap();
    assert_eq!(worker.wait().code(), Some(0));
    assert_eq!(runs(&world.client, task).await, "completed completed");
    assert_eq!(runs(&world.client, next).await, "pending -");
    assert!(read().contains("stopped"), "{}", read());
    let old = fs::read_to_string(old).unwrap();
    assert!(
        old.contains("claims from") && !old.contains("SIGUSR1"),
        "{old}"
    );
}
