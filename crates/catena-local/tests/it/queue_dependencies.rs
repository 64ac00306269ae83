// SPDX-License-Identifier: MPL-2.0
//! Dependencies: who waits for whom, and what ends the wait.

use catena_local::clock::ManualClock;
use catena_local::queue::{Exception, Resolution};
use catena_local::store::Store;
use serde_json::json;

use crate::queue_world::{START, World, id, minutes};

#[tokio::test]
async fn a_task_runs_when_all_its_dependencies_completed() {
    let world = World::new();
    world.create(1, json!({})).await;
    world.create(2, json!({})).await;
    let waits = world
        .create(3, json!({"dependencies": [id(1), id(2)]}))
        .await;
    assert_eq!(serde_json::to_value(waits.state).unwrap(), "unscheduled");
    assert_eq!(world.claim(9).await.len(), 2);
    world.resolve(1, 0, Resolution::Completed).await.unwrap();
    assert_eq!(world.runs(3), json!([]));
    world.resolve(2, 0, Resolution::Completed).await.unwrap();
    assert_eq!(world.runs(3), json!([["pending", "scheduled", null]]));
    assert_eq!(world.claim(9).await.len(), 1);
}

#[tokio::test]
async fn after_a_failure_only_all_resolved_tasks_run() {
    let outcomes = [
        Resolution::Failed,
        Resolution::Exception(Exception::MalformedPayload),
    ];
    for outcome in outcomes {
        let world = World::new();
        world.running(1, json!({})).await;
        world.create(2, json!({"dependencies": [id(1)]})).await;
        let any = json!({"dependencies": [id(1)], "requires": "all-resolved"});
        world.create(3, any.clone()).await;
        world.resolve(1, 0, outcome).await.unwrap();
        assert_eq!(world.status(2)["state"], "unscheduled");
        assert_eq!(world.status(3)["state"], "pending");
        // the same for tasks that come later
        world.create(4, json!({"dependencies": [id(1)]})).await;
        world.create(5, any).await;
        assert_eq!(world.status(4)["state"], "unscheduled");
        assert_eq!(world.status(5)["state"], "pending");
        world.sweep_after(minutes(120)).await;
        let expected = json!([["exception", "exception", "deadline-exceeded"]]);
        assert_eq!(world.runs(2), expected);
    }
}

#[tokio::test]
async fn a_retry_is_no_end_and_a_successful_rerun_is() {
    let world = World::new();
    world.running(1, json!({"retries": 1})).await;
    let any = json!({"dependencies": [id(1)], "requires": "all-resolved"});
    world.create(2, any).await;
    world.create(3, json!({"dependencies": [id(1)]})).await;
    let shutdown = Resolution::Exception(Exception::WorkerShutdown);
    world.resolve(1, 0, shutdown).await.unwrap();
    assert_eq!(world.status(2)["state"], "unscheduled");
    world.claim(1).await;
    world.resolve(1, 1, shutdown).await.unwrap();
    assert_eq!(world.status(2)["state"], "pending");
    assert_eq!(world.status(3)["state"], "unscheduled");
    world.queue.cancel(id(2)).await.unwrap();
    world.queue.rerun(id(1)).await.unwrap();
    world.claim(1).await;
    world.resolve(1, 2, Resolution::Completed).await.unwrap();
    assert_eq!(world.status(3)["state"], "pending");
}

#[tokio::test]
async fn a_task_that_waits_for_itself_waits_until_it_is_scheduled() {
    let world = World::new();
    world.create(1, json!({"dependencies": [id(1)]})).await;
    assert_eq!(world.status(1)["state"], "unscheduled");
    assert!(world.claim(1).await.is_empty());
    let status = world.queue.schedule(id(1)).await.unwrap();
    assert_eq!(world.runs(1), json!([["pending", "scheduled", null]]));
    assert_eq!(world.queue.schedule(id(1)).await.unwrap(), status);
    world.claim(1).await;
    world.resolve(1, 0, Resolution::Completed).await.unwrap();
    assert_eq!(
        world.runs(1),
        json!([["completed", "scheduled", "completed"]])
    );
}

#[tokio::test]
async fn a_task_that_was_cancelled_while_it_waited_stays_so() {
    let world = World::new();
    world.running(1, json!({})).await;
    world.create(2, json!({"dependencies": [id(1)]})).await;
    world.queue.cancel(id(2)).await.unwrap();
    world.resolve(1, 0, Resolution::Completed).await.unwrap();
    assert_eq!(
        world.runs(2),
        json!([["exception", "exception", "canceled"]])
    );
}

#[tokio::test]
async fn tasks_wait_on_after_the_store_was_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(START.parse().unwrap());
    let world = World::at(Store::open(dir.path()).unwrap(), clock.clone());
    world.running(1, json!({})).await;
    world
        .create(2, json!({"dependencies": [id(1), id(2)]}))
        .await;
    world.create(3, json!({"dependencies": [id(1)]})).await;
    let before = [1, 2, 3].map(|number| world.status(number));
    drop(world);

    let world = World::at(Store::open(dir.path()).unwrap(), clock);
    assert_eq!([1, 2, 3].map(|number| world.status(number)), before);
    world.resolve(1, 0, Resolution::Completed).await.unwrap();
    assert_eq!(world.status(2)["state"], "unscheduled");
    assert_eq!(world.status(3)["state"], "pending");
}
