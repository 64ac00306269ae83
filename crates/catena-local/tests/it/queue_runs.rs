// SPDX-License-Identifier: MPL-2.0
//! Claims, reports, retries, cancel and rerun (worker.md §12.1).

use std::time::Duration;

use catena_core::model::ids::RunId;
use catena_local::queue::{Exception, Resolution, RunState};
use serde_json::json;

use crate::queue_world::{POOL, World, class, id, minutes, worker};

const REASONS: [Exception; 5] = [
    Exception::WorkerShutdown,
    Exception::MalformedPayload,
    Exception::ResourceUnavailable,
    Exception::InternalError,
    Exception::IntermittentTask,
];

#[tokio::test]
async fn a_claim_holds_for_twenty_minutes_and_has_the_definition() {
    let world = World::new();
    let claim = world.running(1, json!({})).await;
    assert_eq!(claim.run, RunId(0));
    assert_eq!(claim.taken_until, world.now() + minutes(20));
    assert_eq!(claim.definition, world.queue.definition(id(1)).unwrap());
    assert_eq!(claim.status, world.queue.status(id(1)).unwrap());
    let run = &world.status(1)["runs"][0];
    let expected = json!({
        "runId": 0, "state": "running", "reasonCreated": "scheduled", "workerGroup": "group", "workerId": "worker",
        "takenUntil": "2026-03-01T12:20:00.000Z", "scheduled": "2026-03-01T12:00:00.000Z",
        "started": "2026-03-01T12:00:00.000Z",
    });
    assert_eq!(run, &expected);
    assert!(world.claim(1).await.is_empty());
}

#[tokio::test]
async fn the_highest_priority_goes_first_then_the_oldest() {
    let world = World::new();
    for (number, priority) in [
        (1, "low"),
        (2, "lowest"),
        (3, "highest"),
        (4, "low"),
        (5, "highest"),
    ] {
        world.create(number, json!({"priority": priority})).await;
    }
    let mut order = Vec::new();
    for claim in world.claim(3).await.into_iter().chain(world.claim(9).await) {
        order.push(claim.status.task_id);
    }
    assert_eq!(order, [3, 5, 1, 4, 2].map(id));
}

#[tokio::test]
async fn queues_are_apart() {
    let world = World::new();
    world.create(1, json!({"taskQueueId": "proj/other"})).await;
    assert!(world.claim(1).await.is_empty());
    let other = world
        .queue
        .claim_work("proj/other", &worker(), 1, Duration::ZERO)
        .await;
    assert_eq!(other.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_claim_gives_up_when_its_patience_ends() {
    let world = World::new();
    let start = tokio::time::Instant::now();
    let patience = Duration::from_secs(20);
    let claims = world.queue.claim_work(POOL, &worker(), 1, patience).await;
    assert!(claims.unwrap().is_empty());
    assert!(start.elapsed() >= patience);
}

#[tokio::test]
async fn a_claim_that_waits_gets_the_task_that_comes() {
    let world = World::new();
    let queue = world.queue.clone();
    let waiting = async {
        // the test would hang without the wake-up
        let (worker, hour) = (worker(), Duration::from_secs(3600));
        queue.claim_work(POOL, &worker, 1, hour).await.unwrap()
    };
    let (claims, _) = tokio::join!(waiting, world.create(1, json!({})));
    assert_eq!(claims.len(), 1);
}

#[tokio::test]
async fn a_claim_that_is_dropped_while_it_waits_takes_nothing_with_it() {
    let world = World::new();
    let hour = Duration::from_secs(3600);
    let (gone_worker, stays_worker) = (worker(), worker());
    let mut gone = Box::pin(world.queue.claim_work(POOL, &gone_worker, 1, hour));
    assert!(futures::poll!(&mut gone).is_pending());
    let mut stays = Box::pin(world.queue.claim_work(POOL, &stays_worker, 1, hour));
    assert!(futures::poll!(&mut stays).is_pending());
    // the first is woken, and leaves without having looked
    world.create(1, json!({})).await;
    drop(gone);
    assert_eq!(stays.await.unwrap().len(), 1);
}

#[tokio::test]
async fn reclaiming_holds_longer_and_needs_a_running_run() {
    let world = World::new();
    world.running(1, json!({})).await;
    world.sweep_after(minutes(15)).await;
    let again = world.queue.reclaim(id(1), RunId(0)).await.unwrap();
    assert_eq!(again.taken_until, world.now() + minutes(20));
    world.sweep_after(minutes(19)).await;
    assert_eq!(world.status(1)["state"], "running");
    assert_eq!(
        class(world.queue.reclaim(id(1), RunId(1)).await),
        "not found"
    );
    assert_eq!(
        class(world.queue.reclaim(id(2), RunId(0)).await),
        "not found"
    );
    world.resolve(1, 0, Resolution::Completed).await.unwrap();
    assert_eq!(
        class(world.queue.reclaim(id(1), RunId(0)).await),
        "conflict"
    );
    world.create(2, json!({})).await;
    assert_eq!(
        class(world.queue.reclaim(id(2), RunId(0)).await),
        "conflict"
    );
}

#[tokio::test]
async fn reports_are_idempotent_for_the_same_outcome_only() {
    let final_exceptions = [
        Exception::MalformedPayload,
        Exception::ResourceUnavailable,
        Exception::InternalError,
    ];
    let all: Vec<Resolution> = [Resolution::Completed, Resolution::Failed]
        .into_iter()
        .chain(REASONS.map(Resolution::Exception))
        .collect();
    let firsts = [Resolution::Completed, Resolution::Failed]
        .into_iter()
        .chain(final_exceptions.map(Resolution::Exception));
    for first in firsts {
        let world = World::new();
        world.running(1, json!({})).await;
        let status = world.resolve(1, 0, first).await.unwrap();
        assert_eq!(status.runs.len(), 1, "{first:?} is final");
        for &then in &all {
            let outcome = world.resolve(1, 0, then).await;
            if then == first {
                assert_eq!(outcome.unwrap(), status);
            } else {
                assert_eq!(class(outcome), "conflict", "{first:?}, then {then:?}");
            }
        }
    }
}

#[tokio::test]
async fn reports_need_a_running_run() {
    let world = World::new();
    world.create(1, json!({})).await;
    assert_eq!(
        class(world.resolve(1, 0, Resolution::Completed).await),
        "conflict"
    );
    assert_eq!(
        class(world.resolve(1, 1, Resolution::Completed).await),
        "not found"
    );
    let huge = world.resolve(1, u32::MAX, Resolution::Completed).await;
    assert_eq!(class(huge), "not found");
    assert_eq!(
        class(world.resolve(2, 0, Resolution::Completed).await),
        "not found"
    );
    assert_eq!(world.runs(1), json!([["pending", "scheduled", null]]));
}

#[tokio::test]
async fn shutdown_and_intermittent_runs_are_retried_until_retries_are_used_up() {
    for (exception, created) in [
        (Exception::WorkerShutdown, "retry"),
        (Exception::IntermittentTask, "task-retry"),
    ] {
        let world = World::new();
        world.running(1, json!({"retries": 1})).await;
        let report = Resolution::Exception(exception);
        let status = world.resolve(1, 0, report).await.unwrap();
        assert_eq!((status.retries_left, status.runs.len()), (0, 2));
        // the same report again makes no further run
        assert_eq!(world.resolve(1, 0, report).await.unwrap(), status);
        assert_eq!(world.claim(1).await[0].run, RunId(1));
        world.resolve(1, 1, report).await.unwrap();
        let reason = exception.as_str();
        let expected = json!([
            ["exception", "scheduled", reason],
            ["exception", created, reason]
        ]);
        assert_eq!(world.runs(1), expected);
        assert!(world.claim(1).await.is_empty());
    }
}

#[tokio::test]
async fn cancelling_ends_what_has_not_ended_and_is_idempotent() {
    let world = World::new();
    world.create(1, json!({})).await;
    world.queue.cancel(id(1)).await.unwrap();
    assert_eq!(
        world.runs(1),
        json!([["exception", "scheduled", "canceled"]])
    );
    assert_eq!(world.queue.pending(POOL), 0);
    let before = world.status(1);
    world.clock.advance(minutes(1));
    world.queue.cancel(id(1)).await.unwrap();
    assert_eq!(world.status(1), before);

    world.running(2, json!({})).await;
    world.queue.cancel(id(2)).await.unwrap();
    assert_eq!(
        world.runs(2),
        json!([["exception", "scheduled", "canceled"]])
    );
    assert_eq!(
        class(world.resolve(2, 0, Resolution::Completed).await),
        "conflict"
    );

    world.create(3, json!({"dependencies": [id(3)]})).await;
    world.queue.cancel(id(3)).await.unwrap();
    assert_eq!(
        world.runs(3),
        json!([["exception", "exception", "canceled"]])
    );

    world.running(4, json!({})).await;
    world.resolve(4, 0, Resolution::Completed).await.unwrap();
    world.queue.cancel(id(4)).await.unwrap();
    assert_eq!(
        world.runs(4),
        json!([["completed", "scheduled", "completed"]])
    );
    assert_eq!(class(world.queue.cancel(id(5)).await), "not found");
}

#[tokio::test]
async fn rerunning_makes_a_run_with_all_retries() {
    let world = World::new();
    world.running(1, json!({"retries": 1})).await;
    world
        .resolve(1, 0, Resolution::Exception(Exception::WorkerShutdown))
        .await
        .unwrap();
    world.claim(1).await;
    world.resolve(1, 1, Resolution::Completed).await.unwrap();
    let status = world.queue.rerun(id(1)).await.unwrap();
    assert_eq!((status.retries_left, status.runs.len()), (1, 3));
    assert_eq!(status.runs[2].reason_created, "rerun");
    // a report on a run that is not the latest comes too late, even if it says the same
    let late = world.resolve(1, 1, Resolution::Completed).await;
    assert_eq!(class(late), "conflict");
    // pending and running tasks are left alone
    assert_eq!(world.queue.rerun(id(1)).await.unwrap(), status);
    let claimed = world.claim(1).await.pop().unwrap().status;
    assert_eq!(world.queue.rerun(id(1)).await.unwrap(), claimed);
    assert_eq!(class(world.queue.rerun(id(2)).await), "not found");
}

#[tokio::test]
async fn a_task_has_at_most_fifty_runs() {
    let world = World::new();
    world.create(1, json!({"retries": 49})).await;
    for _ in 1..50 {
        world.queue.cancel(id(1)).await.unwrap();
        world.queue.rerun(id(1)).await.unwrap();
    }
    let status = world.queue.cancel(id(1)).await.unwrap();
    assert_eq!((status.retries_left, status.runs.len()), (0, 50));
    assert_eq!(class(world.queue.rerun(id(1)).await), "conflict");
}

#[tokio::test]
async fn latest_is_the_highest_run_whatever_its_state() {
    let world = World::new();
    world.create(1, json!({"dependencies": [id(1)]})).await;
    assert_eq!(class(world.queue.latest_run(id(1))), "not found");
    world.queue.cancel(id(1)).await.unwrap();
    let status = world.queue.rerun(id(1)).await.unwrap();
    assert_eq!(status.runs[1].state, RunState::Pending);
    assert_eq!(world.queue.latest_run(id(1)).unwrap(), RunId(1));
    assert_eq!(class(world.queue.latest_run(id(2))), "not found");
}
