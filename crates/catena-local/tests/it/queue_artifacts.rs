// SPDX-License-Identifier: MPL-2.0
//! Artifacts (worker.md §12.3, "Queue facts" of the rulings).

use catena_core::model::ids::RunId;
use catena_local::clock::ManualClock;
use catena_local::queue::{ArtifactContent, ArtifactRequest, Resolution};
use catena_local::store::Store;
use serde_json::json;

use crate::queue_world::{START, World, class, id, minutes};

const NAME: &str = "public/a.txt";

fn object(upload: &str) -> ArtifactContent {
    ArtifactContent::Object {
        upload_id: upload.to_owned(),
        finished: false,
    }
}

fn reference(url: &str) -> ArtifactContent {
    ArtifactContent::Reference {
        url: url.to_owned(),
    }
}

fn link(target: &str) -> ArtifactContent {
    ArtifactContent::Link {
        artifact: target.to_owned(),
    }
}

fn error(message: &str) -> ArtifactContent {
    ArtifactContent::Error {
        reason: "file-missing-on-worker".to_owned(),
        message: message.to_owned(),
    }
}

#[tokio::test]
async fn an_artifact_is_listed_as_the_real_service_does() {
    let world = World::new();
    world.running(1, json!({})).await;
    let request = world.request(ArtifactContent::S3);
    let made = world.artifact(1, NAME, request).await.unwrap();
    let expected = json!({
        "storageType": "s3", "name": NAME, "contentType": "text/plain", "expires": "2026-03-01T13:00:00.000Z",
    });
    assert_eq!(serde_json::to_value(&made).unwrap(), expected);
    assert_eq!(world.queue.artifact(id(1), RunId(0), NAME).unwrap(), made);
    let page = world.queue.artifacts(id(1), RunId(0), None, 10).unwrap();
    assert_eq!(page.items, [made]);
    assert_eq!(page.continuation, None);
}

#[tokio::test]
async fn unknown_tasks_and_runs_and_runs_that_nobody_claimed_are_bad_input() {
    let world = World::new();
    let request = || world.request(ArtifactContent::S3);
    assert_eq!(class(world.artifact(1, NAME, request()).await), "input");
    world.create(1, json!({})).await;
    assert_eq!(class(world.artifact(1, NAME, request()).await), "input");
    let other = world
        .queue
        .create_artifact(id(1), RunId(1), NAME, request());
    assert_eq!(class(other.await), "input");
    world.queue.cancel(id(1)).await.unwrap();
    assert_eq!(class(world.artifact(1, NAME, request()).await), "input");
    assert_eq!(
        class(world.queue.artifact(id(1), RunId(0), NAME)),
        "not found"
    );
}

#[tokio::test]
async fn expiry_is_from_a_quarter_of_an_hour_ago_to_that_of_the_task() {
    let world = World::new();
    world.running(1, json!({})).await;
    let until = |wait| ArtifactRequest {
        expires: world.now() + minutes(wait),
        ..world.request(ArtifactContent::S3)
    };
    assert_eq!(class(world.artifact(1, NAME, until(-16)).await), "input");
    assert_eq!(class(world.artifact(1, NAME, until(2881)).await), "input");
    world.artifact(1, "public/past", until(-15)).await.unwrap();
    world
        .artifact(1, "public/future", until(2880))
        .await
        .unwrap();
    let past = world.queue.artifact(id(1), RunId(0), "public/past");
    assert_eq!(class(past), "expired");
}

#[tokio::test]
async fn a_run_takes_artifacts_while_it_runs_and_a_while_after_an_exception() {
    let world = World::new();
    for (number, outcome) in [(1, Resolution::Completed), (2, Resolution::Failed)] {
        world.running(number, json!({})).await;
        world.resolve(number, 0, outcome).await.unwrap();
        let request = world.request(ArtifactContent::S3);
        assert_eq!(
            class(world.artifact(number, NAME, request).await),
            "conflict"
        );
    }
    world.running(3, json!({})).await;
    world.queue.cancel(id(3)).await.unwrap();
    world.clock.advance(minutes(24));
    let request = world.request(ArtifactContent::S3);
    world
        .artifact(3, "public/late", request.clone())
        .await
        .unwrap();
    world.clock.advance(minutes(1));
    assert_eq!(
        class(world.artifact(3, "public/later", request).await),
        "conflict"
    );
}

#[tokio::test]
async fn creating_again_may_only_extend_the_expiry() {
    let world = World::new();
    world.running(1, json!({})).await;
    for (name, content) in [
        ("a", ArtifactContent::S3),
        ("b", error("gone")),
        ("c", reference("https://example.com/")),
        ("d", link(NAME)),
    ] {
        let request = world.request(content);
        let first = world.artifact(1, name, request.clone()).await.unwrap();
        let again = world.artifact(1, name, request.clone()).await.unwrap();
        assert_eq!(first, again);
        let mut later = request.clone();
        later.expires += minutes(5);
        let extended = world.artifact(1, name, later.clone()).await.unwrap();
        assert_eq!(extended.expires, later.expires);
        assert_eq!(
            class(world.artifact(1, name, request).await),
            "conflict",
            "{name}"
        );
        let kept = world.queue.artifact(id(1), RunId(0), name).unwrap();
        assert_eq!(kept, extended);
    }
}

#[tokio::test]
async fn other_properties_are_a_conflict() {
    let world = World::new();
    world.running(1, json!({})).await;
    let contents = [
        ArtifactContent::S3,
        object("u"),
        reference("https://example.com/"),
        link("x"),
        error("gone"),
    ];
    for (number, before) in contents.iter().enumerate() {
        let name = format!("public/{number}");
        let made = world
            .artifact(1, &name, world.request(before.clone()))
            .await
            .unwrap();
        let others = contents
            .iter()
            .chain([&const { ArtifactContent::S3 }])
            .filter(|now| *now != before);
        for now in others {
            if let (ArtifactContent::Reference { .. }, ArtifactContent::Link { .. }) = (before, now)
            {
                continue;
            }
            let outcome = world.artifact(1, &name, world.request(now.clone())).await;
            assert_eq!(class(outcome), "conflict", "{before:?}, then {now:?}");
        }
        if !matches!(before, ArtifactContent::Link { .. }) {
            let mut other_type = world.request(before.clone());
            other_type.content_type = Some("text/html".to_owned());
            assert_eq!(
                class(world.artifact(1, &name, other_type).await),
                "conflict"
            );
        }
        assert_eq!(
            world
                .queue
                .artifacts(id(1), RunId(0), None, 99)
                .unwrap()
                .items[number],
            made
        );
    }
    for (before, now) in [(link("x"), link("y")), (error("gone"), error("lost"))] {
        let name = format!("public/{before:?}");
        world
            .artifact(1, &name, world.request(before))
            .await
            .unwrap();
        let outcome = world.artifact(1, &name, world.request(now)).await;
        assert_eq!(class(outcome), "conflict");
    }
}

#[tokio::test]
async fn a_reference_may_point_elsewhere_or_become_a_link() {
    let world = World::new();
    world.running(1, json!({})).await;
    for content in [
        reference("https://a.example"),
        reference("https://b.example"),
        link("x"),
    ] {
        let mut request = world.request(content.clone());
        if matches!(content, ArtifactContent::Link { .. }) {
            request.content_type = Some("application/x-other".to_owned());
        }
        let made = world.artifact(1, NAME, request).await.unwrap();
        assert_eq!(made.content, content);
    }
    let back = world.request(reference("https://a.example"));
    assert_eq!(class(world.artifact(1, NAME, back).await), "conflict");
}

#[tokio::test]
async fn the_type_of_a_link_is_not_compared() {
    let world = World::new();
    world.running(1, json!({})).await;
    world
        .artifact(1, NAME, world.request(link("x")))
        .await
        .unwrap();
    let mut other = world.request(link("x"));
    other.content_type = None;
    assert!(world.artifact(1, NAME, other).await.is_ok());
}

#[tokio::test]
async fn an_object_is_not_there_before_it_is_finished() {
    let world = World::new();
    world.running(1, json!({})).await;
    world
        .artifact(1, NAME, world.request(object("first")))
        .await
        .unwrap();
    assert_eq!(
        class(world.queue.artifact(id(1), RunId(0), NAME)),
        "not found"
    );
    // again: the upload that is under way
    let again = world
        .artifact(1, NAME, world.request(object("second")))
        .await
        .unwrap();
    assert_eq!(again.content, object("first"));
    let finish = |upload| world.queue.finish_artifact(id(1), RunId(0), NAME, upload);
    assert_eq!(class(finish("second").await), "input");
    assert_eq!(
        class(world.queue.artifact(id(1), RunId(0), NAME)),
        "not found"
    );
    finish("first").await.unwrap();
    finish("first").await.unwrap();
    assert!(world.queue.artifact(id(1), RunId(0), NAME).is_ok());
    world
        .artifact(1, "public/s3", world.request(ArtifactContent::S3))
        .await
        .unwrap();
    let s3 = world
        .queue
        .finish_artifact(id(1), RunId(0), "public/s3", "first");
    assert_eq!(class(s3.await), "input");
    let none = world
        .queue
        .finish_artifact(id(1), RunId(0), "public/none", "first");
    assert_eq!(class(none.await), "not found");
}

#[tokio::test]
async fn lists_are_paged_by_name_and_survive() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(START.parse().unwrap());
    let world = World::at(Store::open(dir.path()).unwrap(), clock.clone());
    world.running(1, json!({})).await;
    for name in ["public/b", "public/a", "private/c", "public/a/b"] {
        world
            .artifact(1, name, world.request(ArtifactContent::S3))
            .await
            .unwrap();
    }
    drop(world);
    let world = World::at(Store::open(dir.path()).unwrap(), clock);
    let mut names = Vec::new();
    let mut token = None;
    loop {
        let page = world
            .queue
            .artifacts(id(1), RunId(0), token.as_deref(), 3)
            .unwrap();
        names.extend(page.items.into_iter().map(|artifact| artifact.name));
        token = page.continuation;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(names, ["private/c", "public/a", "public/a/b", "public/b"]);
    let bad = world
        .queue
        .artifacts(id(1), RunId(0), Some("Z3JvdXA6MA"), 3);
    assert_eq!(class(bad), "input");
    assert_eq!(
        class(world.queue.artifacts(id(1), RunId(1), None, 3)),
        "not found"
    );
    assert_eq!(
        class(world.queue.artifacts(id(2), RunId(0), None, 3)),
        "not found"
    );
}

#[tokio::test]
async fn runs_have_artifacts_of_their_own() {
    let world = World::new();
    world.running(1, json!({})).await;
    world
        .artifact(1, NAME, world.request(ArtifactContent::S3))
        .await
        .unwrap();
    world.resolve(1, 0, Resolution::Completed).await.unwrap();
    world.queue.rerun(id(1)).await.unwrap();
    assert_eq!(
        class(world.queue.artifact(id(1), RunId(1), NAME)),
        "not found"
    );
    assert!(world.queue.artifact(id(1), RunId(0), NAME).is_ok());
}
