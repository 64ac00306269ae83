// SPDX-License-Identifier: MPL-2.0
//! How long a claim takes when 50 workers claim 5,000 tasks, over the library and a store on disk.
//!
//! The tasks are there before the workers begin, so no claim waits for work. Each worker claims one task, completes it,
//! and claims the next. Ends with 1 if the 99th percentile of the claims is above 50 ms, or a task was claimed twice.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures, and stops where it cannot go on"
)]

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use catena_core::model::ids::TaskId;
use catena_local::clock::Clock;
use catena_local::queue::{Queue, QueueSettings, Resolution, Worker, complete};
use catena_local::store::Store;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

const TASKS: u32 = 5_000;
const WORKERS: u32 = 50;
const POOL: &str = "proj/pool";
const GOAL: Duration = Duration::from_millis(50);

/// What a worker did: which tasks, and how long each claim took.
type Done = Vec<(TaskId, Duration)>;

fn id(number: u32) -> TaskId {
    let mut uuid = [0_u8; 16];
    uuid[..4].copy_from_slice(&number.to_be_bytes());
    uuid[6] = 0x40;
    uuid[8] = 0x80;
    URL_SAFE_NO_PAD.encode(uuid).parse().unwrap()
}

/// A definition of about the size of a build task's.
fn definition(number: u32) -> Map<String, Value> {
    let now = Timestamp::now();
    let definition = json!({
        "taskQueueId": POOL, "taskGroupId": id(0), "created": now.to_string(),
        "deadline": (now + SignedDuration::from_hours(1)).to_string(),
        "payload": {"command": ["x".repeat(4_000)]}, "metadata": {"name": "n"},
    });
    complete(definition.as_object().unwrap().clone(), id(number))
}

async fn create(queue: &Queue) {
    let mut creators = JoinSet::new();
    for number in 0..TASKS {
        let queue = queue.clone();
        creators.spawn(async move {
            let created = queue.create_task(id(number), definition(number)).await;
            created.unwrap();
        });
    }
    while let Some(created) = creators.join_next().await {
        created.unwrap();
    }
}

async fn work(queue: Queue, number: u32) -> Done {
    let worker = Worker {
        group: "group".to_owned(),
        id: format!("worker-{number}"),
    };
    let mut done = Vec::new();
    loop {
        let start = Instant::now();
        let claims = queue.claim_work(POOL, &worker, 1, Duration::ZERO).await;
        let took = start.elapsed();
        let Some(claim) = claims.unwrap().pop() else {
            return done;
        };
        done.push((claim.status.task_id, took));
        let report = queue.resolve(claim.status.task_id, claim.run, Resolution::Completed);
        report.await.unwrap();
    }
}

async fn measure(queue: Queue) -> Done {
    let mut workers = JoinSet::new();
    for number in 0..WORKERS {
        workers.spawn(work(queue.clone(), number));
    }
    let mut all = Vec::new();
    while let Some(done) = workers.join_next().await {
        all.extend(done.unwrap());
    }
    all
}

fn main() -> ExitCode {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let queue = Queue::open(store, Clock::system(), QueueSettings::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build();
    let runtime = runtime.unwrap();
    let start = Instant::now();
    runtime.block_on(create(&queue));
    let created = start.elapsed();
    let done = runtime.block_on(measure(queue));
    let whole = start.elapsed();

    let tasks: HashSet<TaskId> = done.iter().map(|(task, _)| *task).collect();
    let mut times: Vec<Duration> = done.iter().map(|(_, took)| *took).collect();
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    println!(
        "claims  distinct  create s  whole s  p50 ms  p90 ms  p99 ms  most ms  (goal: p99 at most 50)"
    );
    println!(
        "{:6}  {:8}  {:8.2}  {:7.2}  {:6.1}  {:6.1}  {:6.1}  {:7.1}",
        done.len(),
        tasks.len(),
        created.as_secs_f64(),
        whole.as_secs_f64(),
        at(50),
        at(90),
        at(99),
        at(100)
    );
    let once = done.len() == tasks.len() && u32::try_from(tasks.len()) == Ok(TASKS);
    if once && at(99) <= GOAL.as_secs_f64() * 1e3 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
