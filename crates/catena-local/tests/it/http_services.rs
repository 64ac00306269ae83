// SPDX-License-Identifier: MPL-2.0
//! Index, secrets, roles and clients.

use catena_local::client::Client;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::http_world::{task, world};

#[tokio::test]
async fn the_index_finds_tasks_of_the_highest_rank() {
    let world = world().await;
    let expires = world.in_hours(2);
    let put = async |name: &str, number, rank| {
        world
            .root
            .put_index(name, task(number), rank, expires)
            .await
            .unwrap();
    };
    put("a.b.c", 0, 5).await;
    put("a.b.d", 1, 0).await;
    put("a.b.c", 2, 4).await;
    let nobody = Client::anonymous(world.local.root_url()).unwrap();
    assert_eq!(
        nobody.find_task("a.b.c").await.unwrap(),
        task(0),
        "a lower rank does nothing"
    );
    put("a.b.c", 3, 5).await;
    assert_eq!(nobody.find_task("a.b.c").await.unwrap(), task(3));
    let missing = nobody.find_task("a.b").await.unwrap_err();
    assert_eq!(missing.status(), Some(404));
    let denied = nobody
        .put_index("a.b.c", task(0), 9, expires)
        .await
        .unwrap_err();
    assert_eq!(denied.status(), Some(403));
    let list = async |path: &str| world.as_root("GET", path, None).await.json();
    let tasks = list("/api/index/v1/tasks/a.b").await;
    assert_eq!(tasks["tasks"].as_array().unwrap().len(), 2);
    let first = list("/api/index/v1/tasks/a.b?limit=1").await;
    assert_eq!(first["continuationToken"], "a.b.c");
    let second = list("/api/index/v1/tasks/a.b?limit=1&continuationToken=a.b.c").await;
    assert_eq!(second["tasks"][0]["namespace"], "a.b.d");
    let names = list("/api/index/v1/namespaces/a").await;
    assert_eq!(
        names["namespaces"],
        json!([{"namespace": "a.b", "name": "b"}])
    );
    for bad in ["a..b", "a.%20.b", "..", "%00"] {
        let answer = world
            .as_root("GET", &format!("/api/index/v1/task/{bad}"), None)
            .await;
        assert_eq!(answer.status, 400, "{bad}");
    }
    world.clock.advance(SignedDuration::from_hours(3));
    assert_eq!(
        nobody.find_task("a.b.c").await.unwrap_err().status(),
        Some(404),
        "expired"
    );
}

#[tokio::test]
async fn artifacts_are_found_by_index() {
    let world = world().await;
    let (claim, client) = world.claimed(0).await;
    for name in ["public/x", "private/x"] {
        let body = json!({"storageType": "s3", "expires": world.in_hours(1)});
        let made = client
            .create_artifact(task(0), claim.run, name, &body)
            .await
            .unwrap();
        let put = reqwest::Client::new().put(made["putUrl"].as_str().unwrap());
        assert_eq!(put.body(name).send().await.unwrap().status(), 200);
    }
    world
        .root
        .put_index("i.x", task(0), 0, world.in_hours(1))
        .await
        .unwrap();
    let public = world
        .raw("GET", "/api/index/v1/task/i.x/artifacts/public/x", &[], b"")
        .await;
    assert_eq!(public.status, 303);
    let private = "/api/index/v1/task/i.x/artifacts/private%2Fx";
    assert_eq!(world.raw("GET", private, &[], b"").await.status, 403);
    let private = world.as_root("GET", private, None).await;
    for (answer, content) in [(public, "public/x"), (private, "private/x")] {
        let url = answer.json()["url"].as_str().unwrap().to_owned();
        let got = reqwest::get(url).await.unwrap();
        assert_eq!(got.text().await.unwrap(), content);
    }
}

#[tokio::test]
async fn secrets_are_given_to_who_may_and_to_no_log() {
    let world = world().await;
    let name = "project/x/token";
    let secret = json!({"token": "hush"});
    world
        .root
        .put_secret(name, &secret, world.in_hours(1))
        .await
        .unwrap();
    assert_eq!(world.root.secret(name).await.unwrap(), secret);
    let nobody = Client::anonymous(world.local.root_url()).unwrap();
    assert_eq!(nobody.secret(name).await.unwrap_err().status(), Some(403));
    let path = "/api/secrets/v1/secret/project/x/token";
    let body = json!({"secret": {"token": "hush"}, "expires": "never"});
    let refused = world.as_root("PUT", path, Some(&body)).await;
    assert_eq!(refused.status, 400);
    assert!(!refused.body.contains("hush"), "{}", refused.body);
    let names = world
        .as_root("GET", "/api/secrets/v1/secrets", None)
        .await
        .json();
    assert_eq!(names["secrets"], json!([name]));
    world.clock.advance(SignedDuration::from_hours(2));
    let expired = world.as_root("GET", path, None).await;
    assert_eq!((expired.status, &*expired.code()), (410, "ResourceExpired"));
}

#[tokio::test]
async fn roles_and_clients_give_no_more_than_their_maker_has() {
    let world = world().await;
    let expires = world.in_hours(1);
    let maker = ["auth:create-role:*", "auth:create-client:*", "a:*"];
    let credentials = world
        .root
        .create_client("maker", &maker, expires)
        .await
        .unwrap();
    let client = Client::new(world.local.root_url(), &credentials).unwrap();
    client.create_role("mine", &["a:1"]).await.unwrap();
    let status = |error: catena_local::client::ClientError| error.status();
    let more = client.create_role("more", &["b:1"]).await.map_err(status);
    assert_eq!(more.unwrap_err(), Some(403));
    let more = client
        .create_client("m", &["*"], expires)
        .await
        .map_err(status);
    assert_eq!(more.err().unwrap(), Some(403));
    for taken in ["maker", "root", "static/taskcluster/queue"] {
        let made = world
            .root
            .create_client(taken, &[], expires)
            .await
            .map_err(status);
        assert_eq!(made.err().unwrap(), Some(409), "{taken}");
    }
    let again = world
        .root
        .create_role("mine", &["a:2"])
        .await
        .map_err(status);
    assert_eq!(again.unwrap_err(), Some(409));
    let role: Value = world
        .as_root("GET", "/api/auth/v1/roles/mine", None)
        .await
        .json();
    assert_eq!(role["scopes"], json!(["a:1"]));
    let client = world
        .as_root("GET", "/api/auth/v1/clients/maker", None)
        .await;
    assert!(!client.body.contains(&*credentials.access_token));
    let path = "/api/auth/v1/github/app/owner/repo-token";
    let token = world.as_root("POST", path, Some(&json!({}))).await;
    assert_eq!(token.status, 404, "no GitHub app");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_at_once_the_higher_rank_stays_in_the_index() {
    let world = world().await;
    let expires = world.in_hours(2);
    for round in 0..100 {
        let name = format!("r.n{round}");
        let put = |number, rank| world.root.put_index(&name, task(number), rank, expires);
        let (high, low) = tokio::join!(put(1, 2), put(0, 1));
        high.unwrap();
        low.unwrap();
        let found = world.root.find_task(&name).await.unwrap();
        assert_eq!(found, task(1), "round {round}");
    }
}

/// What the index signs for a caller is worth what the caller may read, also where the artifact is a link to another.
#[tokio::test]
async fn a_link_of_the_index_opens_no_more_than_its_caller_may_read() {
    let world = world().await;
    let (claim, client) = world.claimed(0).await;
    let create = async |name: &str, extra: Value| {
        let mut body = json!({"expires": world.in_hours(1)});
        let members = body.as_object_mut().unwrap();
        members.extend(extra.as_object().unwrap().clone());
        let made = client.create_artifact(task(0), claim.run, name, &body);
        made.await.unwrap()
    };
    let made = create("secret/y", json!({"storageType": "s3"})).await;
    let put = reqwest::Client::new().put(made["putUrl"].as_str().unwrap());
    assert_eq!(put.body("y").send().await.unwrap().status(), 200);
    let link = json!({"storageType": "link", "artifact": "secret/y"});
    create("private/x", link).await;
    let insert = world.root.put_index("i.x", task(0), 0, world.in_hours(1));
    insert.await.unwrap();
    let path = "/api/index/v1/task/i.x/artifacts/private%2Fx";
    for (client, scopes, status) in [
        ("narrow", vec!["queue:get-artifact:private/*"], 403),
        ("wide", vec!["queue:get-artifact:*"], 200),
        (
            "each",
            vec![
                "queue:get-artifact:private/x",
                "queue:get-artifact:secret/y",
            ],
            200,
        ),
        ("queue", vec!["queue:*"], 200),
        ("all", vec!["*"], 200),
        (
            "other",
            vec!["queue:get-artifact:private/x", "secrets:*", "queue:get*x"],
            403,
        ),
        (
            "both",
            vec!["queue:get-artifact:private/x", "queue:get-artifact:*"],
            200,
        ),
    ] {
        let made = world.root.create_client(client, &scopes, world.in_hours(1));
        let answer = world.signed(&made.await.unwrap(), "GET", path, None).await;
        assert_eq!(answer.status, 303, "{client}");
        let url = answer.json()["url"].as_str().unwrap().to_owned();
        let got = reqwest::get(url).await.unwrap();
        assert_eq!(got.status(), status, "{client}");
    }
    assert_eq!(world.raw("GET", path, &[], b"").await.status, 403);
}
