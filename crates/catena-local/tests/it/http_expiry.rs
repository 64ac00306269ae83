// SPDX-License-Identifier: MPL-2.0
//! What expired is removed, a day later, and nothing else.

use std::path::Path;

use catena_core::model::ids::RunId;
use catena_local::client::Client;
use catena_local::queue::{ArtifactContent, Expired, Resolution};
use catena_local::store::Table;
use jiff::SignedDuration;
use serde_json::json;

use crate::http_world::{World, caps, definition, task, world_in};
use crate::queue_world::{self, id, minutes};

async fn upload(world: &World, client: &Client, number: u8, name: &str, hours: i64) {
    let body = json!({"storageType": "s3", "expires": world.in_hours(hours)});
    let made = client.create_artifact(task(number), RunId(0), name, &body);
    let made = made.await.unwrap();
    let put = reqwest::Client::new().put(made["putUrl"].as_str().unwrap());
    let put = put.body(name.to_owned()).send().await.unwrap();
    assert_eq!(put.status(), 200);
}

async fn object(world: &World, client: &Client, number: u8, name: &str) {
    let body = json!({"storageType": "object", "expires": world.in_hours(1)});
    let made = client.create_artifact(task(number), RunId(0), name, &body);
    let made = made.await.unwrap();
    let begin = json!({
        "projectId": made["projectId"],
        "uploadId": made["uploadId"],
        "expires": world.in_hours(1),
        "proposedUploadMethods": {"dataInline": {"contentType": "text/o", "objectData": "eA=="}},
    });
    let path = format!("/api/object/v1/upload/{}", made["name"].as_str().unwrap());
    let begun = world.as_root("PUT", &path, Some(&begin)).await;
    assert_eq!(begun.status, 200, "{begun:?}");
}

/// How many files and directories are below, those of the task level counted.
fn contents(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).unwrap();
    let below = |path: std::path::PathBuf| if path.is_dir() { contents(&path) } else { 1 };
    entries.map(|entry| below(entry.unwrap().path())).sum()
}

fn records(world: &World) -> [usize; 4] {
    let store = world.local.services().store();
    let count = |table, prefix| store.scan(table, prefix).unwrap().len();
    [
        count(Table::Tasks, ""),
        count(Table::Statuses, ""),
        count(Table::Artifacts, ""),
        count(Table::Settings, "object/"),
    ]
}

#[tokio::test]
async fn a_day_after_its_expiry_an_artifact_goes_and_a_task_with_all_that_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let world = world_in(Some(dir.path().to_owned()), caps()).await;
    let blobs = dir.path().join("blobs");
    for number in 0..2 {
        let (_, client) = world.claimed(number).await;
        upload(&world, &client, number, "public/short", 1).await;
        upload(&world, &client, number, "public/long", 40).await;
        object(&world, &client, number, "public/object").await;
        let done = client.resolve(task(number), RunId(0), Resolution::Completed);
        done.await.unwrap();
    }
    let longer = json!({"dependencies": [task(0)], "expires": world.in_hours(1000)});
    world.create(task(2), longer).await;
    world.root.cancel(task(2)).await.unwrap();
    let get = async |path: String| world.as_root("GET", &path, None).await.status;
    let read = async |name: &str| {
        get(format!(
            "/api/queue/v1/task/{}/runs/0/artifacts/{name}",
            task(0)
        ))
        .await
    };
    let remove = async |hours| {
        world.clock.advance(SignedDuration::from_hours(hours));
        world.local.services().remove_expired().await.unwrap();
    };
    remove(24).await;
    assert_eq!(
        read("public/short").await,
        410,
        "that it expired is told for a day"
    );
    assert_eq!((records(&world), contents(&blobs)), ([3, 3, 6, 2], 6));
    remove(2).await;
    assert_eq!(read("public/short").await, 404);
    assert_eq!(read("public/long").await, 303);
    assert_eq!((records(&world), contents(&blobs)), ([3, 3, 2, 0], 2));
    remove(46).await;
    assert_eq!(records(&world)[0], 3, "the tasks expired 24 hours ago");
    remove(1).await;
    assert_eq!((records(&world), contents(&blobs)), ([1, 1, 0, 0], 0));
    let of = |number: u8, what: &str| format!("/api/queue/v1/task/{}{what}", task(number));
    assert_eq!(get(of(0, "")).await, 404);
    assert_eq!(get(of(0, "/status")).await, 404);
    assert_eq!(get(of(2, "/status")).await, 200);
    assert_eq!(
        get(format!("/api/queue/v1/task-group/{}/list", task(0))).await,
        404
    );
    let anew = definition(world.now(), json!({}));
    let made = world.as_root("PUT", &of(0, ""), Some(&anew)).await;
    assert_eq!(made.status, 200, "the id is free: {made:?}");
    let named = world.as_root("GET", &of(0, "/dependents"), None).await;
    let named = named.json()["tasks"][0]["status"]["taskId"].clone();
    assert_eq!(named, json!(task(2)), "which still names it");
    world.local.stop().await;
    let again = world_in(Some(dir.path().to_owned()), caps()).await;
    assert_eq!(records(&again), [2, 2, 0, 0]);
}

#[tokio::test]
async fn a_file_that_cannot_be_removed_keeps_no_other_from_being_removed() {
    let dir = tempfile::tempdir().unwrap();
    let world = world_in(Some(dir.path().to_owned()), caps()).await;
    for number in 0..2 {
        let (_, client) = world.claimed(number).await;
        upload(&world, &client, number, "public/short", 1).await;
        let done = client.resolve(task(number), RunId(0), Resolution::Completed);
        done.await.unwrap();
    }
    let store = world.local.services().store();
    // a directory is no file to remove, for whoever tries
    let stuck = store.blob_path(task(0), RunId(0), "public/short");
    std::fs::remove_file(&stuck).unwrap();
    std::fs::create_dir(&stuck).unwrap();
    world.clock.advance(SignedDuration::from_hours(26));
    world.local.services().remove_expired().await.unwrap();
    assert_eq!(records(&world)[2], 1, "the other is gone");
    std::fs::remove_dir(&stuck).unwrap();
    world.local.services().remove_expired().await.unwrap();
    assert_eq!(records(&world)[2], 0, "it was tried again");
}

#[tokio::test]
async fn what_can_still_change_is_not_removed() {
    let world = queue_world::World::new();
    let days = |days: i64| world.in_time(minutes(60 * 24 * days));
    let times = json!({"deadline": days(4), "expires": days(6)});
    world.running(1, times.clone()).await;
    let request = world.request(ArtifactContent::S3);
    world.artifact(1, "public/a", request).await.unwrap();
    world
        .create(2, json!({"deadline": days(1), "expires": days(1)}))
        .await;
    world.clock.advance(minutes(60 * 24 * 3));
    assert_eq!(
        world.queue.expired(),
        Expired::default(),
        "a run that takes artifacts, and a task that no sweep has ended"
    );
    world.resolve(1, 0, Resolution::Completed).await.unwrap();
    let artifact = (id(1), RunId(0), "public/a".to_owned());
    assert_eq!(world.queue.expired().artifacts, [artifact]);
    world.queue.sweep().await.unwrap();
    assert_eq!(world.queue.expired().tasks, [id(2)]);
    world.queue.remove(&world.queue.expired()).await.unwrap();
    assert!(world.queue.expired().is_empty());
    assert!(world.queue.status(id(1)).is_ok());
    assert!(world.queue.status(id(2)).is_err());
    world.sweep_after(minutes(60 * 24 * 30)).await;
}
