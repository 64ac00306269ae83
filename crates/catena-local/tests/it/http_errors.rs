// SPDX-License-Identifier: MPL-2.0
//! What is malformed, too large, unknown or not allowed is refused with the right status, and nothing is stored.

use catena_core::model::ids::RunId;
use catena_local::client::Client;
use catena_local::clock::ManualClock;
use catena_local::{Local, LocalOptions};
use jiff::Timestamp;
use serde_json::json;

use crate::http_world::{Hawk, World, definition, task, world};

#[tokio::test]
async fn bodies_that_are_no_json_of_the_schema_are_refused() {
    let world = world().await;
    let path = format!("/api/queue/v1/task/{}", task(0));
    let good = definition(world.now(), json!({}));
    let with = |change| definition(world.now(), change).to_string();
    let mut lacking = good.clone();
    lacking.as_object_mut().unwrap().remove("metadata");
    let json = "application/json";
    for (content_type, body, code) in [
        (json, "{".to_owned(), "MalformedPayload"),
        (json, "{\"a\":1}x".to_owned(), "MalformedPayload"),
        (json, "[".repeat(5000), "MalformedPayload"),
        ("text/plain", good.to_string(), "MalformedPayload"),
        (json, String::new(), "MalformedPayload"),
        (json, "[]".to_owned(), "InputValidationError"),
        (json, lacking.to_string(), "InputValidationError"),
        (json, with(json!({"surprise": 1})), "InputValidationError"),
        (
            json,
            with(json!({"priority": "urgent"})),
            "InputValidationError",
        ),
        (json, with(json!({"retries": 50})), "InputValidationError"),
        (
            json,
            with(json!({"deadline": "tomorrow"})),
            "InputValidationError",
        ),
        (
            json,
            with(json!({"deadline": "2026-99-99T00:00:00Z"})),
            "InputValidationError",
        ),
        (
            json,
            with(json!({"taskQueueId": "a/b/c"})),
            "InputValidationError",
        ),
        (
            json,
            with(json!({"taskGroupId": "../x"})),
            "InputValidationError",
        ),
        (json, with(json!({"scopes": ["ä"]})), "InputValidationError"),
        (
            json,
            with(json!({"provisionerId": "p", "workerType": "other"})),
            "InputError",
        ),
        (
            json,
            with(json!({"deadline": "2020-01-01T00:00:00Z"})),
            "InputError",
        ),
        (json, with(json!({"dependencies": [task(5)]})), "InputError"),
    ] {
        let mut hawk = Hawk::new(&world, &world.local.credentials(), "PUT", &path, &body);
        hawk.hash = None;
        let headers = [
            ("Authorization", &*hawk.text()),
            ("Content-Type", content_type),
        ];
        let answer = world.raw("PUT", &path, &headers, body.as_bytes()).await;
        let case = body.get(..80).unwrap_or(&body);
        assert_eq!(
            (answer.status, &*answer.code()),
            (400, code),
            "{case} {answer:?}"
        );
    }
    let missing = world.root.task(task(0)).await.unwrap_err();
    assert_eq!(missing.status(), Some(404), "nothing was stored");
}

#[tokio::test]
async fn bodies_over_the_cap_are_refused_announced_or_not() {
    let world = world().await;
    let path = format!("/api/queue/v1/task/{}", task(0));
    let body = definition(world.now(), json!({"extra": {"x": "y".repeat(30_000)}}));
    let announced = world.as_root("PUT", &path, Some(&body)).await;
    assert_eq!(
        (announced.status, &*announced.code()),
        (413, "InputTooLarge")
    );
    let body = body.to_string();
    let head = format!(
        "PUT {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        world.local.address(),
        body.len()
    );
    let chunked = format!("{body}\r\n0\r\n\r\n");
    let answer = world.wire(head.as_bytes(), chunked.as_bytes()).await;
    assert_eq!((answer.status, &*answer.code()), (413, "InputTooLarge"));
    assert_eq!(
        world.root.task(task(0)).await.unwrap_err().status(),
        Some(404)
    );
}

#[tokio::test]
async fn errors_say_what_was_asked() {
    let world = world().await;
    let path = format!("/api/queue/v1/task/{}/status", task(3));
    let answer = world.as_root("GET", &path, None).await;
    assert_eq!(answer.status, 404);
    let body = answer.json();
    assert_eq!(body["code"], "ResourceNotFound");
    assert_eq!(body["requestInfo"]["method"], "status");
    assert_eq!(body["requestInfo"]["params"], json!({"taskId": task(3)}));
    assert!(body["requestInfo"]["time"].as_str().unwrap().ends_with('Z'));
    let message = body["message"].as_str().unwrap();
    assert!(message.contains("\n---\n\n* method:     status\n* errorCode:  ResourceNotFound\n"));
    assert!(answer.body.starts_with("{\n  \"code\""), "{}", answer.body);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let world = world().await;
    world.create(task(0), json!({})).await;
    for (method, path) in [
        ("GET", "/api/queue/v1/nothing".to_owned()),
        ("GET", "/api/queue/v2/ping".to_owned()),
        ("GET", "/api/other/v1/ping".to_owned()),
        ("GET", "/api/queue/v1/".to_owned()),
        ("DELETE", format!("/api/queue/v1/task/{}", task(0))),
        ("GET", format!("/api/queue/v1/task/{}", task(1))),
        ("GET", format!("/api/queue/v1/task-group/{}/list", task(1))),
        (
            "GET",
            format!("/api/queue/v1/task/{}/runs/7/artifacts", task(0)),
        ),
        (
            "GET",
            format!("/api/queue/v1/task/{}/artifacts/public/x", task(0)),
        ),
        (
            "POST",
            format!("/api/queue/v1/task/{}/runs/7/completed", task(0)),
        ),
        ("GET", "/bucket/x".to_owned()),
    ] {
        let answer = world.as_root(method, &path, None).await;
        assert_eq!(answer.status, 404, "{method} {path} {answer:?}");
    }
    for (path, code) in [
        ("task/short", "InvalidRequestArguments"),
        (
            "task/AAAAAAAAQACAAAAAAAAAAA/runs/x/artifacts",
            "InvalidRequestArguments",
        ),
        ("task-group/x/list", "InvalidRequestArguments"),
        ("pending/one", "InvalidRequestArguments"),
        ("pending/a%2Fb%2Fc", "InvalidRequestArguments"),
    ] {
        let answer = world
            .as_root("GET", &format!("/api/queue/v1/{path}"), None)
            .await;
        assert_eq!((answer.status, &*answer.code()), (400, code), "{path}");
    }
}

#[tokio::test]
async fn conflicts_are_409() {
    let world = world().await;
    let (claim, client) = world.claimed(0).await;
    let other = definition(world.now(), json!({"payload": {"other": 1}}));
    let created = world.root.create_task(task(0), &other).await.unwrap_err();
    assert_eq!(created.status(), Some(409));
    world.root.cancel(task(0)).await.unwrap();
    let late = client.reclaim(task(0), claim.run).await.unwrap_err();
    assert_eq!(late.status(), Some(409));
    let body = json!({"storageType": "s3", "expires": world.in_hours(1)});
    let path = format!("/api/queue/v1/task/{}/runs/0/artifacts/public/x", task(0));
    let created = world
        .signed(&claim.credentials, "POST", &path, Some(&body))
        .await;
    assert_eq!(
        created.status, 200,
        "a cancelled run still takes artifacts for a while"
    );
}

#[tokio::test]
async fn ping_needs_nothing_and_pages_of_other_origins_may_ask() {
    let world = world().await;
    for service in ["queue", "index", "secrets", "auth", "object"] {
        let path = format!("/api/{service}/v1/ping");
        let answer = world
            .raw("GET", &path, &[("Authorization", "nonsense")], b"")
            .await;
        assert_eq!(
            (answer.status, &answer.json()["alive"]),
            (200, &json!(true))
        );
    }
    let path = format!("/api/queue/v1/task/{}", task(0));
    let preflight = world.raw("OPTIONS", &path, &[], b"").await;
    assert_eq!(preflight.status, 200);
    assert!(preflight.head.contains("access-control-allow-origin: *"));
}

#[tokio::test]
async fn names_that_play_tricks_are_refused_and_nothing_is_stored() {
    let world = world().await;
    let (claim, _) = world.claimed(0).await;
    let body = json!({"storageType": "s3", "expires": world.in_hours(1)});
    let long = "a".repeat(1025);
    for name in [
        "..",
        "../x",
        "public/../x",
        "public/..%2f..%2fx",
        "%2e%2e/x",
        "public%2F%2e%2e%2Fx",
        "public/%252e%252e/x",
        "public/%00",
        "public/a%0Ab",
        "public/a\\b",
        "public%5Cb",
        "public//x",
        "/public/x",
        "%2Fpublic/x",
        "public/x/",
        "public/.",
        "public/%C3%A4",
        "public/%ff",
        "public/%zz",
        "public/%7f",
        &long,
    ] {
        let path = format!("/api/queue/v1/task/{}/runs/0/artifacts/{name}", task(0));
        let answer = world
            .signed(&claim.credentials, "POST", &path, Some(&body))
            .await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (400, "InvalidRequestArguments"),
            "{name}"
        );
        let put = format!("/bucket/{}/0/{name}", task(0));
        let answer = world.raw("PUT", &put, &[], b"x").await;
        assert!((400..404).contains(&answer.status), "{name} {answer:?}");
    }
    let link = json!({"storageType": "link", "expires": world.in_hours(1), "artifact": "../x"});
    let path = format!("/api/queue/v1/task/{}/runs/0/artifacts/public/l", task(0));
    let answer = world
        .signed(&claim.credentials, "POST", &path, Some(&link))
        .await;
    assert_eq!(answer.status, 400);
    assert!(world.artifacts(task(0), RunId(0)).await.is_empty());
    let dir = world.local.services().store().blobs().to_owned();
    let left: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert_eq!(left, ["unfinished"], "no content was written");
}

/// A hostile site can give its own name the address of this server.
#[tokio::test]
async fn services_answer_under_loopback_names_and_given_ones_only() {
    let options = LocalOptions {
        hosts: vec!["tc.example".to_owned()],
        ..LocalOptions::default()
    };
    let local = Local::start(options).await.unwrap();
    let world = World {
        root: Client::new(local.root_url(), &local.credentials()).unwrap(),
        clock: ManualClock::at(Timestamp::now()),
        local,
    };
    let ask = async |hosts: &[&str]| {
        let hosts: String = hosts
            .iter()
            .map(|host| format!("Host: {host}\r\n"))
            .collect();
        let head = format!("GET /api/queue/v1/ping HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        world.wire(head.as_bytes(), b"").await
    };
    for host in [
        "localhost",
        "localhost:80",
        "127.0.0.1",
        "[::1]:9",
        "tc.example:443",
    ] {
        assert_eq!(ask(&[host]).await.status, 200, "{host}");
    }
    for hosts in [
        &["evil.example"][..],
        &["127.0.0.1.evil.example:80"],
        &["localhost", "evil.example"],
        &["tc.example.evil.example"],
        &[""],
    ] {
        let answer = ask(hosts).await;
        assert_eq!(answer.status, 421, "{hosts:?}");
        assert!(answer.body.contains("localhost"), "{answer:?}");
    }
    let bucket = "GET /bucket/x HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_eq!(world.wire(bucket.as_bytes(), b"").await.status, 421);
}
