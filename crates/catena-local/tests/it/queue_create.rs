// SPDX-License-Identifier: MPL-2.0
//! `createTask`, definitions and groups (worker.md §12.2).

use catena_local::queue::complete;
use serde_json::{Value, json};

use crate::queue_world::{START, World, class, id, minutes};

#[test]
fn defaults_are_those_of_the_real_service() {
    // the definition of the recorded exchange, and what the real queue made of it
    let given = json!({
        "taskQueueId": "scriptworker-k8s/real-sw-1", "schedulerId": "real-level-1",
        "created": "2026-11-20T10:38:36.979535Z", "deadline": "2026-11-20T12:38:36.979535Z",
        "payload": {"case": "happy"}, "metadata": {"name": "t"}, "retries": 0, "priority": "normal",
    });
    let expected = json!({
        "provisionerId": "scriptworker-k8s", "workerType": "real-sw-1", "taskQueueId": "scriptworker-k8s/real-sw-1",
        "schedulerId": "real-level-1", "projectId": "none", "taskGroupId": id(7), "dependencies": [],
        "requires": "all-completed", "routes": [], "priority": "lowest", "retries": 0,
        "created": "2026-11-20T10:38:36.979Z", "deadline": "2026-11-20T12:38:36.979Z",
        "expires": "2027-11-20T12:38:36.979Z", "scopes": [], "payload": {"case": "happy"}, "metadata": {"name": "t"},
        "tags": {}, "extra": {},
    });
    let given = given.as_object().unwrap().clone();
    assert_eq!(Value::Object(complete(given, id(7))), expected);
}

#[test]
fn the_old_form_of_the_queue_id_is_completed() {
    let given = json!({"provisionerId": "proj", "workerType": "pool"});
    let done = complete(given.as_object().unwrap().clone(), id(1));
    assert_eq!(done["taskQueueId"], json!("proj/pool"));
    assert_eq!(done["retries"], json!(5));
    assert_eq!(done["schedulerId"], json!("-"));
}

#[tokio::test]
async fn a_new_task_is_pending_and_looks_as_the_real_one() {
    let world = World::new();
    let status = world.create(1, json!({"retries": 0})).await;
    let expected = json!({
        "taskId": id(1), "provisionerId": "proj", "workerType": "pool", "taskQueueId": "proj/pool", "schedulerId": "-",
        "projectId": "none", "taskGroupId": id(1), "priority": "lowest", "deadline": "2026-03-01T14:00:00.000Z",
        "expires": "2026-03-03T12:00:00.000Z", "retriesLeft": 0, "state": "pending",
        "runs": [{"runId": 0, "state": "pending", "reasonCreated": "scheduled", "scheduled": "2026-03-01T12:00:00.000Z"}],
    });
    assert_eq!(serde_json::to_value(&status).unwrap(), expected);
    assert_eq!(world.status(1), expected);
    assert_eq!(world.queue.pending("proj/pool"), 1);
}

#[tokio::test]
async fn creating_again_is_idempotent_for_the_same_definition_and_a_conflict_for_another() {
    let world = World::new();
    let definition = world.definition(id(1), json!({"tags": {"a": "b"}}));
    let first = world.queue.create_task(id(1), definition.clone()).await;
    let again = world.queue.create_task(id(1), definition.clone()).await;
    assert_eq!(first.unwrap(), again.unwrap());
    assert_eq!(world.queue.pending("proj/pool"), 1);
    let other = world.definition(id(1), json!({"tags": {"a": "c"}}));
    assert_eq!(
        class(world.queue.create_task(id(1), other).await),
        "conflict"
    );
    assert_eq!(world.queue.definition(id(1)).unwrap(), definition);
}

#[tokio::test]
async fn times_must_make_sense() {
    let world = World::new();
    let at = |wait| world.in_time(minutes(wait));
    let five_days = 5 * 24 * 60;
    for (changes, why) in [
        (json!({"created": at(-16)}), "created long ago"),
        (json!({"created": at(16)}), "created in the future"),
        (
            json!({"created": at(-10), "deadline": at(-5)}),
            "deadline past",
        ),
        (json!({"deadline": at(0)}), "deadline now"),
        (
            json!({"created": at(10), "deadline": at(5)}),
            "deadline before created",
        ),
        (
            json!({"deadline": at(five_days + 16), "expires": at(9 * 24 * 60)}),
            "deadline too far",
        ),
        (json!({"expires": at(119)}), "expires before deadline"),
        (json!({"deadline": "tomorrow"}), "no time"),
        (json!({"retries": -1}), "no number of retries"),
        (json!({"dependencies": ["../../etc/passwd"]}), "no task id"),
        (json!({"provisionerId": "other"}), "two queues"),
    ] {
        assert_eq!(class(world.try_create(1, changes).await), "input", "{why}");
        assert_eq!(class(world.queue.status(id(1))), "not found", "{why}");
    }
    let edge =
        json!({"created": at(-15), "deadline": at(five_days + 15), "expires": at(five_days + 15)});
    world.create(1, edge).await;
}

#[tokio::test]
async fn dependencies_must_exist_and_last_until_the_deadline() {
    let world = World::new();
    let unknown = world.try_create(1, json!({"dependencies": [id(2)]})).await;
    assert_eq!(class(unknown), "input");
    assert_eq!(class(world.queue.status(id(1))), "not found");
    let deadline = world.in_time(minutes(60));
    world
        .create(2, json!({"deadline": deadline, "expires": deadline}))
        .await;
    let expiring = world.try_create(1, json!({"dependencies": [id(2)]})).await;
    assert_eq!(class(expiring), "input");
}

#[tokio::test]
async fn a_group_has_one_scheduler_and_one_project() {
    let world = World::new();
    let group = json!({"taskGroupId": id(1), "schedulerId": "s", "projectId": "p"});
    world.create(1, group.clone()).await;
    world.create(2, group.clone()).await;
    for (key, other) in [("schedulerId", "t"), ("projectId", "q")] {
        let mut changes = group.clone();
        changes[key] = json!(other);
        assert_eq!(
            class(world.try_create(3, changes).await),
            "conflict",
            "{key}"
        );
    }
    let page = world.queue.task_group(id(1).as_str(), None, 10).unwrap();
    assert_eq!(page.items, [id(1), id(2)]);
}

#[tokio::test]
async fn groups_are_paged_in_the_order_of_creation() {
    let world = World::new();
    for number in [5, 3, 4, 1, 2] {
        world.create(number, json!({"taskGroupId": id(5)})).await;
    }
    world.create(9, json!({})).await;
    let mut seen = Vec::new();
    let mut token = None;
    loop {
        let page = world
            .queue
            .task_group(id(5).as_str(), token.as_deref(), 2)
            .unwrap();
        assert!(page.items.len() <= 2);
        seen.extend(page.items);
        token = page.continuation;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, [5, 3, 4, 1, 2].map(id));
    assert_eq!(
        world.queue.task_groups(10),
        [id(9), id(5)].map(|id| id.to_string())
    );
    assert_eq!(class(world.queue.task_group("none", None, 2)), "not found");
}

#[tokio::test]
async fn tokens_that_the_queue_did_not_make_are_refused() {
    let world = World::new();
    for number in 1..4 {
        world.create(number, json!({"taskGroupId": id(1)})).await;
    }
    let group = id(1).to_string();
    let token = world
        .queue
        .task_group(&group, None, 1)
        .unwrap()
        .continuation;
    assert!(world.queue.task_group(&group, token.as_deref(), 1).is_ok());
    // "group:99", "group:-1", "artifacts:1", no base64, and a very long one
    let long = "A".repeat(1 << 20);
    for bad in [
        "Z3JvdXA6OTk",
        "Z3JvdXA6LTE",
        "YXJ0aWZhY3RzOjE",
        "1",
        "",
        "%",
        &long,
    ] {
        let refused = world.queue.task_group(&group, Some(bad), 1);
        assert_eq!(class(refused), "input", "{:.20}", bad);
    }
}

#[tokio::test]
async fn times_are_kept_in_whole_milliseconds() {
    let world = World::new();
    world
        .clock
        .advance(jiff::SignedDuration::from_nanos(1_234_567));
    world.create(1, json!({})).await;
    assert_eq!(START, "2026-03-01T12:00:00Z");
    let scheduled = world.queue.status(id(1)).unwrap().runs[0].scheduled;
    assert_eq!(scheduled.to_string(), "2026-03-01T12:00:00.001Z");
}
