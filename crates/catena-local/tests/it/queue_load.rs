// SPDX-License-Identifier: MPL-2.0
//! Many workers at once.

use std::collections::HashSet;
use std::time::Duration;

use catena_local::queue::{Resolution, Worker};
use serde_json::json;
use tokio::task::JoinSet;

use crate::queue_world::{POOL, World, id};

const TASKS: u32 = 2_000;
const WORKERS: u32 = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_workers_claim_each_of_two_thousand_tasks_once() {
    let world = World::new();
    // the workers wait before there is work: each sees the last of it gone by a task of its own
    let mut workers = JoinSet::new();
    for number in 0..WORKERS {
        let queue = world.queue.clone();
        let worker = Worker {
            group: "group".to_owned(),
            id: format!("worker-{number}"),
        };
        workers.spawn(async move {
            let mut done = Vec::new();
            loop {
                let patience = Duration::from_secs(3600);
                for claim in queue.claim_work(POOL, &worker, 3, patience).await.unwrap() {
                    if claim.definition["tags"] == json!({"end": "yes"}) {
                        return done;
                    }
                    let task = claim.status.task_id;
                    let report = queue.resolve(task, claim.run, Resolution::Completed);
                    report.await.unwrap();
                    done.push((task, claim.run));
                }
            }
        });
    }
    let mut creators = JoinSet::new();
    for number in 0..TASKS {
        let queue = world.queue.clone();
        let definition = world.definition(id(number), json!({}));
        creators.spawn(async move { queue.create_task(id(number), definition).await.unwrap() });
    }
    while let Some(created) = creators.join_next().await {
        created.unwrap();
    }
    // each worker that meets an end stops at once and drops the rest of its claim, so there are enough ends for all
    for number in 0..WORKERS * 3 {
        let changes = json!({"tags": {"end": "yes"}, "priority": "lowest"});
        world.create(TASKS + number, changes).await;
    }
    let mut claimed = HashSet::new();
    while let Some(done) = workers.join_next().await {
        for run in done.unwrap() {
            assert!(claimed.insert(run), "claimed twice: {run:?}");
        }
    }
    let all = (0..TASKS).filter(|number| world.status(*number)["state"] == "completed");
    assert_eq!(all.count(), claimed.len());
    assert_eq!(u32::try_from(claimed.len()).unwrap(), TASKS);
}
