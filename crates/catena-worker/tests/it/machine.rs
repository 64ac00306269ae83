// SPDX-License-Identifier: MPL-2.0
//! A machine that is broken, and a queue that is down: nothing is claimed that cannot be run, and nothing without a pause.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use catena_worker::config::WorkerConfig;
use catena_worker::queue::Retry;
use catena_worker::worker::Pace;
use serde_json::{Value, json};

use crate::daemon::unstartable;
use crate::fake::Fault;
use crate::house::{House, pace};

fn at_once(page: &mut Value) {
    page["poll_interval"] = json!(0);
}

/// Waits until something is so.
async fn until(what: &str, is: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn refusals(house: &House, log: &str) -> usize {
    let log = fs::read_to_string(house.path(log)).unwrap();
    log.matches("slot 0 claims nothing: log_dir").count()
}

#[tokio::test]
async fn a_worker_without_room_for_logs_claims_nothing_until_there_is() {
    let house = House::start_with("exit 0", at_once, |_| ()).await;
    house.fake.until("claim").await;
    fs::rename(house.path("log"), house.path("away")).unwrap();
    until("broken", || house.metrics.health().ill == 1).await;
    let health = house.metrics.health();
    assert!(!health.well);
    assert!(health.to_json().contains("\"status\":\"broken\""));
    let claims = house.fake.count("claim");
    house.fake.give(json!({}));
    let told = refusals(&house, "away/worker.log");
    until("tried again", || {
        refusals(&house, "away/worker.log") > told + 1
    })
    .await;
    assert_eq!(house.fake.count("claim"), claims);
    assert_eq!(house.reports(), Vec::<String>::new());
    fs::rename(house.path("away"), house.path("log")).unwrap();
    house.fake.until("completed").await;
    assert!(house.metrics.health().well);
    let house = house.end().await;
    assert!(house.worker_log().contains("slot 0 claims again"));
}

/// What goes missing between probe and claim costs no task: the queue makes another run of it.
#[tokio::test]
async fn a_task_whose_log_cannot_be_begun_is_given_back() {
    let house = House::start_with("exit 0", at_once, |_| ()).await;
    for _ in 0..50 {
        let claims = house.fake.count("claim");
        house.fake.until_count("claim", claims + 1).await;
        // the request is under way, unless this comes too late: then the probe sees it, and there is another try
        fs::rename(house.path("log"), house.path("away")).unwrap();
        house.fake.give(json!({}));
        until("broken", || house.metrics.health().ill == 1).await;
        let given_back = house
            .reports()
            .contains(&"exception worker-shutdown".to_owned());
        fs::rename(house.path("away"), house.path("log")).unwrap();
        let done = house.fake.count("completed");
        if given_back {
            house.fake.give(json!({}));
            house.fake.until_count("completed", done + 1).await;
            let house = house.end().await;
            assert!(house.worker_log().contains("nothing was run: log_dir"));
            return;
        }
        house.fake.until_count("completed", done + 1).await;
    }
    panic!("never between probe and claim: {:?}", house.reports());
}

/// So does a directory that goes missing meanwhile.
#[tokio::test]
async fn a_task_whose_directory_is_gone_is_given_back() {
    let house = House::start_with("exit 0", at_once, |_| ()).await;
    for _ in 0..50 {
        let claims = house.fake.count("claim");
        house.fake.until_count("claim", claims + 1).await;
        // the request is under way, unless this comes too late: then the probe sees it, and there is another try
        fs::rename(house.path("work"), house.path("away")).unwrap();
        house.fake.give(json!({}));
        let report = "exception worker-shutdown";
        until("noticed", || {
            house.metrics.health().ill == 1 || house.fake.count(report) > 0
        })
        .await;
        let done = house.fake.count("completed");
        if house.fake.count(report) > 0 {
            // it was made anew
            house.fake.give(json!({}));
            house.fake.until_count("completed", done + 1).await;
            let house = house.end().await;
            let log = house.worker_log();
            assert!(log.contains("nothing was run: work_dir: "), "{log}");
            return;
        }
        fs::rename(house.path("away"), house.path("work")).unwrap();
        house.fake.until_count("completed", done + 1).await;
    }
    panic!("never between probe and claim: {:?}", house.reports());
}

/// worker.md 2: the process ends only for configuration, key or disk.
#[tokio::test]
async fn a_machine_that_stays_broken_ends_the_worker() {
    let pace = Pace {
        broken: Duration::ZERO,
        ..pace()
    };
    let mut house = House::start_at(pace, "exit 0", at_once, |_| ()).await;
    house.fake.until("claim").await;
    fs::remove_dir_all(house.path("work")).unwrap();
    let why = house.fail().await;
    assert!(
        why.contains("work_dir, ") && why.contains("expected room"),
        "{why}"
    );
    assert_eq!(house.reports(), Vec::<String>::new());
}

/// A script that was removed is missed before a task is claimed for it.
#[tokio::test]
async fn a_script_that_is_gone_is_missed_before_a_claim() {
    let change = |page: &mut Value| {
        at_once(page);
        unstartable(page);
    };
    let house = House::start_with("", change, |_| ()).await;
    house.fake.until("claim").await;
    fs::remove_file(house.path("script")).unwrap();
    until("broken", || house.metrics.health().ill == 1).await;
    let log = house.worker_log();
    assert!(
        log.contains("claims nothing: task_script: expected a program"),
        "{log}"
    );
}

fn slow(base: u64) -> Pace {
    let base = Duration::from_millis(base);
    Pace {
        faults: Retry {
            base,
            cap: base * 8,
            ..Retry::FAULTS
        },
        ..pace()
    }
}

/// The first claims fail, and the pauses between them grow: 20 + 40 + 80 + 160 + 160 ms.
#[tokio::test]
async fn claims_that_fail_are_asked_again_after_growing_pauses() {
    let house = House::start_at(slow(20), "exit 0", at_once, |_| ()).await;
    house.fake.until("claim").await;
    house.fake.fail("claim", 5, Fault::Status(503));
    house.fake.until_count("claim", 2).await;
    let begun = Instant::now();
    house.fake.until_count("claim", 7).await;
    assert!(begun.elapsed() >= Duration::from_millis(460));
    // one that succeeds ends the row
    house.one(json!({}), "completed").await;
}

/// 60 + 120 ms after two faults; a task that goes well ends the row.
#[tokio::test]
async fn faults_of_the_worker_slow_it_down() {
    let change = |page: &mut Value| {
        at_once(page);
        unstartable(page);
    };
    let house = House::start_at(slow(60), "", change, |_| ()).await;
    for _ in 0..3 {
        house.fake.give(json!({}));
    }
    house.fake.until("exception internal-error").await;
    let begun = Instant::now();
    house.fake.until_count("exception internal-error", 3).await;
    assert!(begun.elapsed() >= Duration::from_millis(180));
    house.end().await;
}

/// A script that says 5 is no fault of ours.
#[tokio::test]
async fn a_script_that_ends_with_5_slows_nothing_down() {
    let an_hour = Duration::from_secs(3600);
    let pace = Pace {
        faults: Retry {
            base: an_hour,
            cap: an_hour,
            ..Retry::FAULTS
        },
        ..pace()
    };
    let house = House::start_at(pace, "exit 5", at_once, |_| ()).await;
    house.fake.give(json!({}));
    house.fake.give(json!({}));
    house.fake.until_count("exception internal-error", 2).await;
    house.end().await;
}

/// `reclaim_interval` is longer than the queue lets a claim be held.
#[tokio::test]
async fn a_claim_is_renewed_in_time_whatever_the_interval() {
    let script = "while ! test -e $DIR/go; do sleep 0.02; done";
    let house = House::start(script).await;
    house.fake.hold(3);
    house.fake.give(json!({}));
    house.fake.until_count("reclaim", 2).await;
    fs::write(house.path("go"), "").unwrap();
    house.fake.until("completed").await;
    assert_eq!(house.end().await.reports(), ["completed"]);
}

/// What was replaced is held by nobody, its log included.
#[tokio::test]
async fn a_worker_that_was_replaced_ends() {
    let house = House::start("exit 0").await;
    house.fake.until("claim").await;
    let old = Arc::clone(&house.current.borrow());
    let file = house.path("scriptworker.yaml");
    let config = WorkerConfig::load(&file, &|_| None).unwrap_or_else(|why| panic!("{why}"));
    let new = old.followed(config, pace()).unwrap();
    let weak = Arc::downgrade(&old);
    drop(old);
    house.current.send_replace(Arc::new(new));
    until("nobody", || weak.strong_count() == 0).await;
    house.one(json!({}), "completed").await;
}
