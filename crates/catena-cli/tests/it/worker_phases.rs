// SPDX-License-Identifier: MPL-2.0
//! `catena worker` as a process that is told to stop, or loses its claim, while it verifies and while it uploads
//! (worker.md 6, 9, 13).

use std::path::PathBuf;
use std::time::Duration;

use catena_core::model::ids::RunId;
use serde_json::{Value, json};

use crate::front::Front;
use crate::worker::{Worker, World, runs, text, wait};

const LIVE_LOG: &str = "public/logs/live_backing.log";
const SIGNATURE: &str = "public/chain-of-trust.json.sig";

/// A worker's configuration, with a door between it and the queue.
async fn config(world: &World, script: &str, change: impl FnOnce(&mut Value)) -> (Front, PathBuf) {
    let front = Front::start(world.root_url()).await;
    let path = world.config_with(script, |page| {
        page["taskcluster_root_url"] = json!(front.url);
        page["artifact_upload_timeout"] = json!(2);
        page["x_cot"] = json!({"retry": {"base": 0.05, "cap": 0.2}});
        change(page);
    });
    (front, path)
}

/// A worker that verifies a task whose definition does not come.
async fn verifying(world: &World) -> (Front, PathBuf) {
    let (front, path) = config(world, "exit 0", |page| {
        page["verify_chain_of_trust"] = json!(true);
        page["cot_product"] = json!("firefox");
        page["cot_job_type"] = json!("signing");
    })
    .await;
    front.hold("GET /api/queue/v1/task/", usize::MAX);
    (front, path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_terminated_while_verifying_gives_its_task_back() {
    let world = World::start(Duration::from_secs(60)).await;
    let (front, config) = verifying(&world).await;
    let task = world.create(0).await;
    let worker = Worker::start(&config);
    front.until_held().await;
    assert_eq!(worker.end("-TERM").code(), Some(0));
    let due = "exception worker-shutdown, pending -";
    assert_eq!(runs(&world.client, task).await, due);
    let log = world
        .client
        .artifact(task, Some(RunId(0)), LIVE_LOG, 1 << 20)
        .await;
    let log = String::from_utf8(log.unwrap()).unwrap();
    assert!(
        log.contains("the verification was stopped: the worker was told to stop"),
        "{log}"
    );
}

/// Cancelled: the queue answers 409 to the next reclaim.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_lost_while_verifying_is_given_up() {
    let world = World::start(Duration::from_secs(60)).await;
    let (front, config) = verifying(&world).await;
    let task = world.create(0).await;
    let worker = Worker::start(&config);
    front.until_held().await;
    world.client.cancel(task).await.unwrap();
    wait("the log", async || {
        let log = world.client.artifact(task, None, LIVE_LOG, 1 << 20).await;
        log.is_ok()
    })
    .await;
    let log = text(&world.client, task, LIVE_LOG).await;
    assert!(
        log.contains("the verification was stopped: the claim is lost"),
        "{log}"
    );
    assert_eq!(runs(&world.client, task).await, "exception canceled");
    assert_eq!(worker.end("-TERM").code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_terminated_while_uploading_uploads_everything() {
    let world = World::start(Duration::from_secs(60)).await;
    let script = "echo a > $DIR/artifacts/public/a.txt";
    let (front, config) = config(&world, script, |_| ()).await;
    // the first attempt comes to nothing
    front.hold("PUT /", 1);
    let task = world.create(0).await;
    let worker = Worker::start(&config);
    front.until_held().await;
    assert_eq!(worker.end("-TERM").code(), Some(0));
    assert_eq!(runs(&world.client, task).await, "completed completed");
    assert_eq!(text(&world.client, task, "public/a.txt").await, "a\n");
    let signature = world.client.artifact(task, None, SIGNATURE, 64).await;
    assert_eq!(signature.unwrap().len(), 64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_terminated_twice_while_uploading_uploads_no_more() {
    let world = World::start(Duration::from_secs(60)).await;
    let script = "echo a > $DIR/artifacts/public/a.txt";
    let (front, config) = config(&world, script, |page| {
        page["artifact_upload_timeout"] = json!(600);
    })
    .await;
    front.hold("PUT /", usize::MAX);
    let task = world.create(0).await;
    let worker = Worker::start(&config);
    front.until_held().await;
    worker.signal("-TERM");
    let log = || std::fs::read_to_string(world.path("log/worker.log")).unwrap_or_default();
    // two signals that come at once are one
    wait("the first", async || {
        log().contains("what it left is uploaded")
    })
    .await;
    assert_eq!(worker.end("-TERM").code(), Some(0));
    let due = "exception worker-shutdown, pending -";
    assert_eq!(runs(&world.client, task).await, due);
    assert!(log().contains("uploads were skipped"), "{}", log());
}
