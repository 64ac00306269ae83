// SPDX-License-Identifier: MPL-2.0
//! 50 workers claim 5,000 tasks over HTTP, with signed requests, from a server over a directory on disk.
//!
//! All tasks are created first, so no claim has to wait for one; every tenth run is given back once as
//! `intermittent-task`, so that there are second runs. What must hold: each run is claimed once, no request fails, and 99
//! of 100 claims are answered within 50 ms. Client and server share the machine's cores. Ends with 1 otherwise.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures, and stops where it cannot go on"
)]

use std::collections::HashSet;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use catena_core::model::ids::{RunId, TaskId};
use catena_local::client::{ClaimedTask, Client};
use catena_local::queue::{Exception, Resolution, Worker};
use catena_local::{Local, LocalOptions};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const WORKERS: usize = 50;
const TASKS: u32 = 5_000;
/// One in so many first runs is given back.
const AGAIN: u32 = 10;
const GOAL: Duration = Duration::from_millis(50);
const POOL: &str = "bench/claims";

#[tokio::main]
async fn main() -> ExitCode {
    let directory = tempfile::tempdir().unwrap();
    let options = LocalOptions {
        dir: Some(directory.path().to_owned()),
        ..LocalOptions::default()
    };
    let local = Local::start(options).await.unwrap();
    let client = Client::new(local.root_url(), &local.credentials()).unwrap();

    let begun = Instant::now();
    create(&client).await;
    let created = begun.elapsed();

    let begun = Instant::now();
    let figures = work(&client).await;
    let worked = begun.elapsed();
    report(&figures, created, worked)
}

/// What one worker saw: its claims with their latencies.
type Figures = Vec<(TaskId, RunId, Duration)>;

/// Creates the tasks, as many at a time as there are workers.
async fn create(client: &Client) {
    let places = Arc::new(Semaphore::new(WORKERS));
    let mut calls = JoinSet::new();
    for number in 0..TASKS {
        let (client, places) = (client.clone(), Arc::clone(&places));
        calls.spawn(async move {
            let _place = places.acquire().await.unwrap();
            client
                .create_task(task_id(number), &definition())
                .await
                .unwrap();
        });
    }
    while let Some(call) = calls.join_next().await {
        call.unwrap();
    }
}

/// Lets the workers claim until all is done; a claim that is still waiting then is dropped.
async fn work(client: &Client) -> Figures {
    let done = Arc::new(AtomicU32::new(0));
    let (over, ended) = tokio::sync::watch::channel(false);
    let over = Arc::new(over);
    let mut workers = JoinSet::new();
    for number in 0..WORKERS {
        let worker = Worker {
            group: "bench".to_owned(),
            id: format!("worker-{number}"),
        };
        let (client, done, over) = (client.clone(), Arc::clone(&done), Arc::clone(&over));
        let mut ended = ended.clone();
        workers.spawn(async move {
            let mut figures = Figures::new();
            loop {
                let begun = Instant::now();
                let claims = tokio::select! {
                    claims = client.claim_work(POOL, &worker, 1) => claims.unwrap(),
                    _ = ended.wait_for(|over| *over) => return figures,
                };
                for claim in claims {
                    figures.push((claim.status.task_id, claim.run, begun.elapsed()));
                    if finish(&client, &claim).await
                        && done.fetch_add(1, Ordering::Relaxed) + 1 == TASKS
                    {
                        over.send_replace(true);
                    }
                }
            }
        });
    }
    let mut figures = Figures::new();
    while let Some(worker) = workers.join_next().await {
        figures.append(&mut worker.unwrap());
    }
    figures
}

/// Resolves a run as its worker; returns whether the task is over.
async fn finish(client: &Client, claim: &ClaimedTask) -> bool {
    let client = client.with(&claim.credentials).unwrap();
    let task = claim.status.task_id;
    let again = claim.run == RunId(0) && comes_back(task);
    let how = if again {
        Resolution::Exception(Exception::IntermittentTask)
    } else {
        Resolution::Completed
    };
    client.resolve(task, claim.run, how).await.unwrap();
    !again
}

fn report(figures: &Figures, created: Duration, worked: Duration) -> ExitCode {
    let runs: HashSet<(TaskId, RunId)> =
        figures.iter().map(|(task, run, _)| (*task, *run)).collect();
    let expected = (0..TASKS)
        .map(|number| if comes_back(task_id(number)) { 2 } else { 1 })
        .sum::<usize>();
    let mut times: Vec<Duration> = figures.iter().map(|(_, _, time)| *time).collect();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    println!(
        "created {TASKS} tasks at {:.0}/s; {WORKERS} workers claimed and resolved {} runs at {:.0}/s",
        f64::from(TASKS) / created.as_secs_f64(),
        figures.len(),
        f64::from(u32::try_from(figures.len()).unwrap()) / worked.as_secs_f64(),
    );
    println!(
        "claimWork: p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, most {:.1} ms",
        at(50),
        at(90),
        at(99),
        at(100)
    );
    let once = runs.len() == figures.len() && figures.len() == expected;
    if !once {
        println!(
            "expected {expected} runs claimed once each, found {} claims of {} runs",
            figures.len(),
            runs.len()
        );
    }
    let fast = at(99) < GOAL.as_secs_f64() * 1e3;
    if !fast {
        println!("expected p99 below {} ms", GOAL.as_millis());
    }
    if once && fast {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Ids that follow from a number: a version 4 UUID in 22 letters.
fn task_id(number: u32) -> TaskId {
    format!("{number:08}QAO{number:010}A").parse().unwrap()
}

/// Whether the first run of a task is given back.
fn comes_back(task: TaskId) -> bool {
    let text = task.to_string();
    text[..8].parse::<u32>().unwrap() % AGAIN == 0
}

fn definition() -> Value {
    let now = Timestamp::now();
    let later = |hours| now + jiff::SignedDuration::from_hours(hours);
    json!({
        "taskQueueId": POOL,
        "schedulerId": "bench",
        "created": now,
        "deadline": later(1),
        "expires": later(2),
        "payload": {"command": ["true"], "maxRunTime": 600},
        "metadata": {"name": "n", "description": "d", "owner": "nobody@example.com", "source": "https://example.com/"},
    })
}
