// SPDX-License-Identifier: MPL-2.0
//! Priorities that change, and who depends on whom.

use catena_core::model::ids::RunId;
use catena_local::clock::ManualClock;
use catena_local::queue::{Exception, Priority, Resolution};
use catena_local::store::Store;
use serde_json::json;

use crate::http_world::{self, task};
use crate::queue_world::{START, World, class, id};

#[tokio::test]
async fn a_pending_run_moves_to_the_place_of_its_new_priority() {
    let world = World::new();
    for number in 1..=3 {
        world.create(number, json!({"priority": "low"})).await;
    }
    let raised = world.queue.change_priority(id(3), Priority::High).await;
    assert_eq!(raised.unwrap().priority, Priority::High);
    let lowered = world.queue.change_priority(id(1), Priority::Lowest).await;
    assert_eq!(lowered.unwrap().priority, Priority::Lowest);
    assert_eq!(world.queue.pending("proj/pool"), 3);
    let order: Vec<_> = world
        .claim(3)
        .await
        .into_iter()
        .map(|claim| (claim.status.task_id, claim.definition["priority"].clone()))
        .collect();
    let due = [
        (id(3), json!("high")),
        (id(2), json!("low")),
        (id(1), json!("lowest")),
    ];
    assert_eq!(order, due);
    assert!(world.claim(1).await.is_empty(), "each is claimed once");
}

#[tokio::test]
async fn a_priority_that_changed_meanwhile_is_not_changed() {
    let world = World::new();
    world.create(1, json!({"priority": "low"})).await;
    let change = async |from, to| {
        let changed = world.queue.change_priority_from(id(1), from, to);
        changed.await.unwrap().map(|status| status.priority)
    };
    let raised = change(Priority::Low, Priority::High).await;
    assert_eq!(raised, Some(Priority::High));
    assert_eq!(change(Priority::Low, Priority::Medium).await, None);
    assert_eq!(world.status(1)["priority"], "high");
    let unknown = world
        .queue
        .change_priority_from(id(9), Priority::Low, Priority::Low);
    assert_eq!(class(unknown.await), "not found");
}

#[tokio::test]
async fn a_new_priority_is_kept_and_counts_for_later_runs() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(START.parse().unwrap());
    let world = World::at(Store::open(dir.path()).unwrap(), clock.clone());
    world.running(1, json!({"priority": "lowest"})).await;
    world.create(2, json!({"priority": "medium"})).await;
    let definition = world.definition(id(1), json!({"priority": "lowest"}));
    world
        .queue
        .change_priority(id(1), Priority::Highest)
        .await
        .unwrap();
    drop(world);
    let world = World::at(Store::open(dir.path()).unwrap(), clock);
    assert_eq!(world.status(1)["priority"], "highest");
    assert_eq!(
        world.queue.definition(id(1)).unwrap()["priority"],
        "highest"
    );
    let again = world.queue.create_task(id(1), definition).await;
    assert!(again.is_ok(), "it was created so, and may be again");
    let shutdown = Resolution::Exception(Exception::WorkerShutdown);
    world.resolve(1, 0, shutdown).await.unwrap();
    let claim = world.claim(1).await.pop().unwrap();
    assert_eq!((claim.status.task_id, claim.run), (id(1), RunId(1)));
    world.resolve(1, 1, Resolution::Completed).await.unwrap();
    let late = world.queue.change_priority(id(1), Priority::Low).await;
    assert_eq!(class(late), "conflict");
    let unknown = world.queue.change_priority(id(9), Priority::Low).await;
    assert_eq!(class(unknown), "not found");
}

#[tokio::test]
async fn who_may_raise_may_not_lower() {
    let world = http_world::world().await;
    world.create(task(0), json!({"priority": "medium"})).await;
    let path = format!("/api/queue/v1/task/{}/priority", task(0));
    let scope = |verb: &str, what: &str| format!("queue:{verb}-task-priority{what}");
    let id = format!(":{}", task(0));
    for (number, (scope, to, status)) in [
        (scope("raise", &id), "low", 403),
        (scope("raise", &id), "high", 200),
        (scope("lower", &id), "highest", 403),
        (scope("lower", &id), "low", 200),
        (scope("change", &id), "high", 200),
        (scope("change", "-in-queue:prov/type"), "low", 200),
        (scope("change", "-in-queue:prov/other"), "high", 403),
        ("queue:create-task:highest:*".to_owned(), "high", 403),
        ("*".to_owned(), "normal", 400),
    ]
    .into_iter()
    .enumerate()
    {
        let client = format!("client-{number}");
        let scopes = [scope.as_str()];
        let made = world
            .root
            .create_client(&client, &scopes, world.in_hours(1));
        let body = json!({ "newPriority": to });
        let answer = world
            .signed(&made.await.unwrap(), "POST", &path, Some(&body))
            .await;
        assert_eq!(answer.status, status, "{scope} {to}: {answer:?}");
        if status == 200 {
            assert_eq!(answer.json()["status"]["priority"], to);
        }
    }
    let shown = world.root.task(task(0)).await.unwrap();
    assert_eq!(shown["priority"], "low");
}

#[tokio::test]
async fn dependent_tasks_are_listed_in_pages_also_when_they_no_longer_wait() {
    let world = http_world::world().await;
    for (number, on) in [(0, &[][..]), (1, &[0]), (2, &[0, 1]), (3, &[0])] {
        let on: Vec<_> = on.iter().map(|on| task(*on)).collect();
        world
            .create(task(number), json!({ "dependencies": on }))
            .await;
    }
    world.root.cancel(task(1)).await.unwrap();
    let list = async |of, query: &str| {
        let path = format!("/api/queue/v1/task/{}/dependents{query}", task(of));
        let answer = world.as_root("GET", &path, None).await.json();
        let tasks = answer["tasks"].as_array().unwrap_or(&Vec::new()).clone();
        let ids: Vec<_> = tasks
            .iter()
            .map(|one| one["status"]["taskId"].clone())
            .collect();
        (answer, ids)
    };
    let ids = |all: &[u8]| all.iter().map(|one| json!(task(*one))).collect::<Vec<_>>();
    let (answer, found) = list(0, "").await;
    assert_eq!(found, ids(&[1, 2, 3]));
    assert_eq!(answer["taskId"], json!(task(0)));
    assert_eq!(answer["tasks"][0]["task"]["dependencies"], json!([task(0)]));
    assert_eq!(list(1, "").await.1, ids(&[2]));
    assert_eq!(list(3, "").await.1, ids(&[]));
    let (first, found) = list(0, "?limit=2").await;
    assert_eq!(found, ids(&[1, 2]));
    let token = first["continuationToken"].as_str().unwrap();
    let (second, found) = list(0, &format!("?limit=2&continuationToken={token}")).await;
    assert_eq!((found, second.get("continuationToken")), (ids(&[3]), None));
    let missing = format!("/api/queue/v1/task/{}/dependents", task(9));
    assert_eq!(world.as_root("GET", &missing, None).await.status, 404);
    let bad = format!(
        "/api/queue/v1/task/{}/dependents?continuationToken=x",
        task(0)
    );
    assert_eq!(world.as_root("GET", &bad, None).await.status, 400);
}
