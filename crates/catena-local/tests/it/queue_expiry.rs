// SPDX-License-Identifier: MPL-2.0
//! Claims and deadlines that pass.

use catena_core::model::ids::RunId;
use catena_local::clock::ManualClock;
use catena_local::queue::Resolution;
use catena_local::store::Store;
use serde_json::json;

use crate::queue_world::{START, World, class, id, minutes};

#[tokio::test]
async fn a_claim_that_expires_is_retried_until_retries_are_used_up() {
    let world = World::new();
    world.running(1, json!({"retries": 1})).await;
    world.sweep_after(minutes(20)).await;
    let expected = json!([
        ["exception", "scheduled", "claim-expired"],
        ["pending", "retry", null]
    ]);
    assert_eq!(world.runs(1), expected);
    assert_eq!(world.status(1)["retriesLeft"], 0);
    assert_eq!(
        class(world.resolve(1, 0, Resolution::Completed).await),
        "conflict"
    );
    assert_eq!(
        class(world.queue.reclaim(id(1), RunId(0)).await),
        "conflict"
    );
    assert_eq!(world.claim(1).await[0].run, RunId(1));
    world.sweep_after(minutes(20)).await;
    assert_eq!(
        world.runs(1)[1],
        json!(["exception", "retry", "claim-expired"])
    );
    assert_eq!(world.status(1)["state"], "exception");
    assert!(world.claim(1).await.is_empty());
}

#[tokio::test]
async fn a_claim_does_not_expire_early() {
    let world = World::new();
    world.running(1, json!({})).await;
    world.sweep_after(minutes(19)).await;
    assert_eq!(world.status(1)["state"], "running");
    // a sweep that is late changes nothing for a worker who reclaims in time
    world.queue.reclaim(id(1), RunId(0)).await.unwrap();
    world.sweep_after(minutes(2)).await;
    assert_eq!(world.status(1)["state"], "running");
}

#[tokio::test]
async fn claiming_expires_what_is_due_without_a_sweep() {
    let world = World::new();
    world.running(1, json!({})).await;
    world.clock.advance(minutes(20));
    assert_eq!(world.claim(1).await[0].run, RunId(1));
    world
        .create(
            2,
            json!({"created": world.in_time(minutes(0)), "deadline": world.in_time(minutes(1))}),
        )
        .await;
    world.clock.advance(minutes(1));
    assert!(world.claim(1).await.is_empty());
    assert_eq!(
        world.runs(2),
        json!([["exception", "scheduled", "deadline-exceeded"]])
    );
}

#[tokio::test]
async fn the_deadline_ends_what_has_not_ended() {
    let world = World::new();
    for number in 1..=2 {
        world.create(number, json!({"priority": "high"})).await;
    }
    world.claim(2).await;
    world.resolve(1, 0, Resolution::Completed).await.unwrap();
    world.create(3, json!({})).await;
    world.create(4, json!({"dependencies": [id(4)]})).await;
    world.create(5, json!({"dependencies": [id(2)], "requires": "all-resolved", "deadline": world.in_time(minutes(180))})).await;
    world.clock.advance(minutes(119));
    world.queue.reclaim(id(2), RunId(0)).await.unwrap();
    world.sweep_after(minutes(1)).await;
    assert_eq!(
        world.runs(1),
        json!([["completed", "scheduled", "completed"]])
    );
    let ended = json!([["exception", "scheduled", "deadline-exceeded"]]);
    assert_eq!(world.runs(2), ended);
    assert_eq!(world.runs(3), ended);
    assert_eq!(
        world.runs(4),
        json!([["exception", "exception", "deadline-exceeded"]])
    );
    assert_eq!(world.runs(5), json!([["pending", "scheduled", null]]));
    assert_eq!(world.queue.pending("proj/pool"), 1);
    for number in 1..=4 {
        assert_eq!(class(world.queue.cancel(id(number)).await), "conflict");
        assert_eq!(class(world.queue.rerun(id(number)).await), "conflict");
        assert_eq!(class(world.queue.schedule(id(number)).await), "conflict");
    }
}

#[tokio::test]
async fn a_deadline_leaves_no_retry_to_an_expired_claim() {
    let world = World::new();
    world.running(1, json!({})).await;
    world.sweep_after(minutes(120)).await;
    assert_eq!(
        world.runs(1),
        json!([["exception", "scheduled", "deadline-exceeded"]])
    );
    assert_eq!(
        class(world.queue.reclaim(id(1), RunId(0)).await),
        "conflict"
    );
}

#[tokio::test]
async fn claims_and_deadlines_pass_while_the_queue_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(START.parse().unwrap());
    let world = World::at(Store::open(dir.path()).unwrap(), clock.clone());
    world
        .running(1, json!({"deadline": world.in_time(minutes(240))}))
        .await;
    world.create(2, json!({})).await;
    drop(world);
    clock.advance(minutes(130));

    let world = World::at(Store::open(dir.path()).unwrap(), clock);
    assert_eq!(world.status(1)["state"], "running");
    world.queue.sweep().await.unwrap();
    let retried = json!([
        ["exception", "scheduled", "claim-expired"],
        ["pending", "retry", null]
    ]);
    assert_eq!(world.runs(1), retried);
    assert_eq!(
        world.runs(2),
        json!([["exception", "scheduled", "deadline-exceeded"]])
    );
}
