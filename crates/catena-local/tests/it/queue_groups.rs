// SPDX-License-Identifier: MPL-2.0
//! Groups that are sealed and cancelled.

use catena_local::clock::ManualClock;
use catena_local::queue::Resolution;
use catena_local::store::Store;
use serde_json::{Value, json};

use crate::http_world::{self, task};
use crate::queue_world::{START, World, class, id};

#[tokio::test]
async fn a_sealed_group_takes_no_more_tasks_also_after_the_store_was_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(START.parse().unwrap());
    let world = World::at(Store::open(dir.path()).unwrap(), clock.clone());
    let member = json!({"taskGroupId": id(1)});
    world.create(1, member.clone()).await;
    let group = id(1).to_string();
    let sealed = world.queue.seal_group(&group).await.unwrap();
    assert_eq!(sealed.sealed, Some(world.now()));
    clock.advance(crate::queue_world::minutes(1));
    assert_eq!(world.queue.seal_group(&group).await.unwrap(), sealed);
    let again = json!({"taskGroupId": id(1), "created": START, "deadline": world.status(1)["deadline"], "expires": world.status(1)["expires"]});
    world.create(1, again).await;
    drop(world);
    let world = World::at(Store::open(dir.path()).unwrap(), clock);
    assert_eq!(world.queue.group(&group).unwrap(), sealed);
    assert_eq!(class(world.try_create(2, member).await), "conflict");
    assert!(world.queue.status(id(2)).is_err());
    world.create(3, json!({})).await;
    let unknown = id(9).to_string();
    assert_eq!(class(world.queue.seal_group(&unknown).await), "not found");
    assert_eq!(class(world.queue.cancel_group(&unknown).await), "not found");
}

#[tokio::test]
async fn cancelling_a_group_ends_what_has_not_ended_and_what_that_would_begin() {
    let world = World::new();
    let member = |more: Value| {
        let mut member = json!({"taskGroupId": id(1)});
        let members = member.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        member
    };
    world.running(1, member(json!({}))).await;
    world.resolve(1, 0, Resolution::Completed).await.unwrap();
    world.running(2, member(json!({}))).await;
    world.create(3, member(json!({}))).await;
    let waits = json!({"dependencies": [id(3)], "requires": "all-resolved"});
    world.create(4, member(waits)).await;
    world.create(5, json!({})).await;
    let group = id(1).to_string();
    assert_eq!(class(world.queue.cancel_group(&group).await), "conflict");
    assert_eq!(
        world.status(3)["state"],
        "pending",
        "not sealed, so nothing happened"
    );
    world.queue.seal_group(&group).await.unwrap();
    let cancelled = world.queue.cancel_group(&group).await.unwrap();
    assert_eq!(cancelled, [id(2), id(3), id(4)]);
    for number in 2..=4 {
        assert_eq!(world.status(number)["state"], "exception");
        let runs = world.runs(number);
        assert_eq!(runs.as_array().unwrap().last().unwrap()[2], "canceled");
    }
    assert_eq!(world.status(1)["state"], "completed");
    assert_eq!(world.status(5)["state"], "pending");
    assert!(world.queue.cancel_group(&group).await.unwrap().is_empty());
    world.queue.rerun(id(3)).await.unwrap();
    assert_eq!(world.queue.cancel_group(&group).await.unwrap(), [id(3)]);
}

#[tokio::test]
async fn groups_are_sealed_and_cancelled_by_whoever_may() {
    let world = http_world::world().await;
    world
        .create(task(0), json!({"schedulerId": "s", "projectId": "p"}))
        .await;
    let path = format!("/api/queue/v1/task-group/{}", task(0));
    let own = format!("s/{}", task(0));
    let one = world.raw("GET", &path, &[], b"").await.json();
    assert_eq!(
        (&one["taskGroupId"], &one["schedulerId"]),
        (&json!(task(0)), &json!("s"))
    );
    assert_eq!((one.get("sealed"), one.get("projectId")), (None, None));
    for (number, (what, scope, status)) in [
        ("seal", format!("queue:cancel-task-group:{own}"), 403),
        (
            "seal",
            "queue:seal-task-group-in-project:other".to_owned(),
            403,
        ),
        ("cancel", format!("queue:cancel-task-group:{own}"), 409),
        ("seal", format!("queue:seal-task-group:{own}"), 200),
        ("seal", "queue:seal-task-group-in-project:p".to_owned(), 200),
        ("cancel", format!("queue:seal-task-group:{own}"), 403),
        ("cancel", "queue:cancel-task-in-project:p".to_owned(), 200),
        ("cancel", format!("queue:cancel-task-group:{own}"), 200),
    ]
    .into_iter()
    .enumerate()
    {
        let client = format!("client-{number}");
        let scopes = [scope.as_str()];
        let made = world
            .root
            .create_client(&client, &scopes, world.in_hours(1));
        let place = format!("{path}/{what}");
        let answer = world
            .signed(&made.await.unwrap(), "POST", &place, None)
            .await;
        assert_eq!(answer.status, status, "{what} with {scope}: {answer:?}");
        if (what, number) == ("cancel", 6) {
            let due = json!({"taskGroupId": task(0), "taskGroupSize": 1, "cancelledCount": 1, "taskIds": [task(0)]});
            assert_eq!(answer.json(), due);
        }
    }
    let list = world
        .raw("GET", &format!("{path}/list"), &[], b"")
        .await
        .json();
    assert!(list["sealed"].is_string(), "{list}");
    assert_eq!(list["tasks"][0]["status"]["state"], "exception");
    assert_eq!(
        world
            .raw("GET", "/api/queue/v1/task-group/x", &[], b"")
            .await
            .status,
        400
    );
}
