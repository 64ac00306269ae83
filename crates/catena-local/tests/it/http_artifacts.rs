// SPDX-License-Identifier: MPL-2.0
//! Artifacts of every kind: create, upload, read (worker.md §12.3 to §12.5).

use catena_core::model::ids::RunId;
use catena_crypto::digest::{Algorithm, Digest};
use catena_local::client::Client;
use catena_local::queue::Resolution;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::http_world::{Answer, World, task, world};

fn at(name: &str) -> String {
    format!("/api/queue/v1/task/{}/runs/0/artifacts/{name}", task(0))
}

/// A world with a claimed task; artifacts are created as its worker.
struct Run {
    world: World,
    client: Client,
}

async fn run() -> Run {
    let world = world().await;
    let (_, client) = world.claimed(0).await;
    Run { world, client }
}

impl Run {
    async fn create(&self, name: &str, extra: Value) -> Value {
        let mut body = json!({"expires": self.world.in_hours(1)});
        let members = body.as_object_mut().unwrap();
        members.extend(extra.as_object().unwrap().clone());
        let created = self.client.create_artifact(task(0), RunId(0), name, &body);
        created.await.unwrap()
    }

    /// The path of a URL of this server.
    fn path(&self, url: &Value) -> String {
        let url = url.as_str().unwrap();
        url.strip_prefix(self.world.local.root_url())
            .unwrap()
            .to_owned()
    }

    async fn upload(&self, name: &str, body: &[u8]) -> Answer {
        let created = self.create(name, json!({"storageType": "s3"})).await;
        let path = self.path(&created["putUrl"]);
        self.world
            .raw("PUT", &path, &[("Content-Type", "text/x")], body)
            .await
    }

    async fn get(&self, path: &str) -> Answer {
        self.world.raw("GET", path, &[], b"").await
    }
}

#[tokio::test]
async fn s3_is_put_and_read_through_a_redirect() {
    let run = run().await;
    assert_eq!(run.upload("public/a b", b"one").await.status, 200);
    assert_eq!(
        run.upload("public/a b", b"two").await.status,
        200,
        "until its time is over"
    );
    for name in ["public%2Fa%20b", "public/a%20b"] {
        let answer = run.get(&at(name)).await;
        assert_eq!(answer.status, 303);
        assert!(
            answer
                .head
                .contains("x-taskcluster-artifact-storage-type: s3")
        );
        assert_eq!(answer.json()["storageType"], "s3");
        let place = run.path(&answer.json()["url"]);
        let content = run.get(&place).await;
        assert_eq!((content.status, &*content.body), (200, "two"));
        assert!(
            content.head.contains("content-type: text/x"),
            "as at the PUT"
        );
    }
    let content = at("public/a%20b").replace("/artifacts/", "/artifact-content/");
    let located = run.get(&content).await;
    assert_eq!(
        (located.status, &located.json()["storageType"]),
        (200, &json!("s3"))
    );
    let info = at("public/a%20b").replace("/artifacts/", "/artifact-info/");
    assert_eq!(run.get(&info).await.json()["name"], "public/a b");
}

#[tokio::test]
async fn put_urls_end_after_45_minutes_and_sign_one_artifact() {
    let run = run().await;
    let created = run.create("public/x", json!({"storageType": "s3"})).await;
    let path = run.path(&created["putUrl"]);
    let put = async |path: &str| run.world.raw("PUT", path, &[], b"x").await.status;
    assert_eq!(put(&path.replace("public/x", "public/y")).await, 403);
    assert_eq!(put(&path.replace("/0/", "/1/")).await, 403);
    assert_eq!(put(&path.replace("expires=", "expires=9")).await, 403);
    assert_eq!(put(path.split('?').next().unwrap()).await, 403);
    assert_eq!(
        run.get(&path).await.status,
        404,
        "nothing was stored; and GET needs no signature here"
    );
    run.world.clock.advance(SignedDuration::from_mins(45));
    assert_eq!(put(&path).await, 200);
    run.world.clock.advance(SignedDuration::from_secs(11));
    assert_eq!(put(&path).await, 403);
}

#[tokio::test]
async fn contents_over_the_cap_or_cut_short_leave_nothing() {
    let run = run().await;
    let answer = run.upload("public/big", &vec![b'x'; 100_001]).await;
    assert_eq!((answer.status, &*answer.code()), (413, "InputTooLarge"));
    let created = run
        .create("public/short", json!({"storageType": "s3"}))
        .await;
    let path = run.path(&created["putUrl"]);
    let address = run.world.local.address();
    let head = format!("PUT {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 10\r\n\r\n");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes())
        .await
        .unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"12345")
        .await
        .unwrap();
    tokio::io::AsyncWriteExt::shutdown(&mut stream)
        .await
        .unwrap();
    let mut rest = Vec::new();
    // the answer may be cut as well
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest).await;
    for name in ["public/big", "public/short"] {
        let place = run.path(&run.get(&at(name)).await.json()["url"]);
        assert_eq!(run.get(&place).await.status, 404, "{name}");
    }
    let body =
        json!({"storageType": "s3", "expires": run.world.in_hours(1), "contentLength": 100_001});
    let name = "public/announced";
    let refused = run
        .client
        .create_artifact(task(0), RunId(0), name, &body)
        .await;
    assert_eq!(refused.unwrap_err().status(), Some(413));
}

#[tokio::test]
async fn private_artifacts_need_their_scope_and_a_signed_url() {
    let run = run().await;
    assert_eq!(run.upload("private/x", b"secret").await.status, 200);
    let refused = run.get(&at("private/x")).await;
    assert_eq!(
        (refused.status, &*refused.code()),
        (403, "InsufficientScopes")
    );
    let answer = run.world.as_root("GET", &at("private/x"), None).await;
    let place = run.path(&answer.json()["url"]);
    assert_eq!(run.get(&place).await.body, "secret");
    assert_eq!(run.get(place.split('?').next().unwrap()).await.status, 403);
    let put = run.world.raw("PUT", &place, &[], b"other").await;
    assert_eq!(put.status, 403, "signed for GET");
    run.world.clock.advance(SignedDuration::from_mins(31));
    assert_eq!(run.get(&place).await.status, 403, "30 minutes");
}

#[tokio::test]
async fn references_links_and_errors() {
    let run = run().await;
    let url = "https://example.com/there";
    run.create("public/r", json!({"storageType": "reference", "url": url}))
        .await;
    let answer = run.get(&at("public/r")).await;
    assert_eq!((answer.status, &answer.json()["url"]), (303, &json!(url)));
    assert!(answer.head.contains(&format!("location: {url}")));
    assert!(answer.head.contains("no-store"), "never cached");
    let link = |to: &str| json!({"storageType": "link", "artifact": to});
    run.create("public/l", link("public/r")).await;
    assert_eq!(run.get(&at("public/l")).await.json()["url"], url);
    run.create("public/c1", link("public/c2")).await;
    run.create("public/c2", link("public/c1")).await;
    let cycle = run.get(&at("public/c1")).await;
    assert_eq!((cycle.status, &*cycle.code()), (400, "InputError"));
    run.create("public/self", link("public/self")).await;
    assert_eq!(run.get(&at("public/self")).await.status, 400);
    run.create("public/p", link("private/x")).await;
    assert_eq!(
        run.get(&at("public/p")).await.status,
        403,
        "a scope for every name"
    );
    run.create("public/none", link("public/absent")).await;
    assert_eq!(run.get(&at("public/none")).await.status, 404);
    let error = json!({"storageType": "error", "reason": "file-missing-on-worker", "message": "m"});
    run.create("public/e", error).await;
    let answer = run.get(&at("public/e")).await;
    assert_eq!(answer.status, 424);
    assert_eq!(
        answer.json(),
        json!({"reason": "file-missing-on-worker", "message": "m"})
    );
    let kinds: Vec<Value> = run.world.artifacts(task(0), RunId(0)).await;
    assert_eq!(kinds.len(), 8);
    assert!(kinds.iter().all(|kind| kind["storageType"] != "s3"));
}

#[tokio::test]
async fn bodies_of_artifacts_are_checked() {
    let run = run().await;
    let expires = run.world.in_hours(1);
    for (body, status) in [
        (json!({"storageType": "s3"}), 400),
        (json!({"storageType": "tape", "expires": expires}), 400),
        (
            json!({"storageType": "s3", "expires": expires, "url": "https://x/"}),
            400,
        ),
        (json!({"storageType": "s3", "expires": "never"}), 400),
        (
            json!({"storageType": "s3", "expires": run.world.in_hours(99)}),
            400,
        ),
        (
            json!({"storageType": "s3", "expires": run.world.in_hours(-1)}),
            400,
        ),
        (
            json!({"storageType": "s3", "expires": expires, "contentType": "a\nb"}),
            400,
        ),
        (json!({"storageType": "reference", "expires": expires}), 400),
        (
            json!({"storageType": "reference", "expires": expires, "url": "file:///etc/passwd"}),
            400,
        ),
        (
            json!({"storageType": "reference", "expires": expires, "url": "https://x/\r\nA: b"}),
            400,
        ),
        (
            json!({"storageType": "error", "expires": expires, "reason": "bored", "message": ""}),
            400,
        ),
    ] {
        let made = run
            .client
            .create_artifact(task(0), RunId(0), "public/x", &body)
            .await;
        assert_eq!(made.unwrap_err().status(), Some(status), "{body}");
    }
    assert!(run.world.artifacts(task(0), RunId(0)).await.is_empty());
    run.create("public/x", json!({"storageType": "s3"})).await;
    let other = json!({"storageType": "error", "reason": "file-missing-on-worker", "message": "m", "expires": expires});
    let made = run
        .client
        .create_artifact(task(0), RunId(0), "public/x", &other)
        .await;
    assert_eq!(made.unwrap_err().status(), Some(409));
}

#[tokio::test]
async fn artifacts_expire() {
    let run = run().await;
    assert_eq!(run.upload("public/x", b"x").await.status, 200);
    run.client
        .resolve(task(0), RunId(0), Resolution::Completed)
        .await
        .unwrap();
    let place = run.path(&run.get(&at("public/x")).await.json()["url"]);
    run.world.clock.advance(SignedDuration::from_hours(2));
    let gone = run.get(&at("public/x")).await;
    assert_eq!((gone.status, &*gone.code()), (410, "ResourceExpired"));
    assert_eq!(run.get(&place).await.status, 410);
}

#[tokio::test]
async fn objects_are_read_once_finished_and_never_change() {
    let run = run().await;
    let made = run
        .create("public/o", json!({"storageType": "object"}))
        .await;
    assert_eq!(run.get(&at("public/o")).await.status, 404, "not finished");
    let name = made["name"].as_str().unwrap();
    assert_eq!(name, format!("t/{}/0/public/o", task(0)));
    let text = |key: &str| made["credentials"][key].as_str().unwrap().to_owned();
    let credentials = catena_local::Credentials {
        client_id: text("clientId"),
        access_token: text("accessToken").into(),
        certificate: Some(text("certificate")),
    };
    let upload = |data: &str| {
        json!({
            "projectId": made["projectId"],
            "uploadId": made["uploadId"],
            "expires": run.world.in_hours(1),
            "proposedUploadMethods": {"dataInline": {"contentType": "text/o", "objectData": data}},
        })
    };
    let path = format!("/api/object/v1/upload/{name}");
    let put = async |body: Value| {
        run.world
            .signed(&credentials, "PUT", &path, Some(&body))
            .await
    };
    let foreign = json!({
        "projectId": made["projectId"],
        "uploadId": "AAAAAAAAQACAAAAAAAAAAA",
        "expires": run.world.in_hours(1),
        "proposedUploadMethods": {},
    });
    assert_eq!(put(foreign).await.status, 400, "an upload of nobody's");
    assert_eq!(put(upload("not base64!")).await.status, 400);
    let mut by_url = upload("");
    by_url["proposedUploadMethods"] =
        json!({"putUrl": {"contentType": "text/o", "contentLength": 5}});
    let url = run.path(&put(by_url).await.json()["uploadMethod"]["putUrl"]["url"]);
    let early = run.world.raw("PUT", &url, &[], b"early").await;
    assert_eq!(early.status, 200);
    let answer = put(upload("b2JqZWN0")).await;
    assert_eq!(answer.json()["uploadMethod"], json!({"dataInline": true}));
    let sha256 = "2958d416d08aa5a472d7b509036cb7eafd542add84527e66a145ea64cb4cdc75";
    let finish = |hash: &str| json!({"projectId": made["projectId"], "uploadId": made["uploadId"], "hashes": {"sha256": hash}});
    let end = format!("/api/object/v1/finish-upload/{name}");
    let wrong = run
        .world
        .signed(&credentials, "POST", &end, Some(&finish(&"0".repeat(64))))
        .await;
    assert_eq!(wrong.status, 400);
    let right = run
        .world
        .signed(&credentials, "POST", &end, Some(&finish(sha256)))
        .await;
    assert_eq!(right.status, 200, "{right:?}");
    let body = json!({"uploadId": made["uploadId"]});
    let done = run.world.as_root("PUT", &at("public/o"), Some(&body)).await;
    assert_eq!(done.status, 204, "{done:?}");
    let answer = run.get(&at("public/o")).await;
    assert_eq!(
        (answer.status, &answer.json()["storageType"]),
        (303, &json!("object"))
    );
    let content = run.get(&run.path(&answer.json()["url"])).await;
    assert_eq!(content.body, "object");
    assert_eq!(put(upload("b3RoZXI=")).await.status, 409, "immutable");
    let late = run.world.raw("PUT", &url, &[], b"later").await;
    assert_eq!((late.status, &*late.code()), (409, "RequestConflict"));
    assert_eq!(
        run.get(&run.path(&answer.json()["url"])).await.body,
        "object"
    );
    downloads(&run, name, sha256).await;
}

/// The object service tells where a finished object is, to who may know.
async fn downloads(run: &Run, name: &str, sha256: &str) {
    let start = format!("/api/object/v1/start-download/{name}");
    let body = json!({"acceptDownloadMethods": {"getUrl": true, "simple": true}});
    let download = run.world.as_root("PUT", &start, Some(&body)).await.json();
    assert_eq!(
        (&download["method"], &download["hashes"]["sha256"]),
        (&json!("getUrl"), &json!(sha256))
    );
    let simple = run
        .world
        .as_root("GET", &format!("/api/object/v1/download/{name}"), None)
        .await;
    assert_eq!(simple.status, 303);
    assert_eq!(
        run.get(&format!("/api/object/v1/download/{name}"))
            .await
            .status,
        403
    );
}

/// A PUT that is under way when the upload is finished either counts for the digests, or is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_has_the_content_that_it_was_finished_with() {
    let run = run().await;
    for round in 0..60 {
        let name = format!("public/o{round}");
        let made = run.create(&name, json!({"storageType": "object"})).await;
        let (object, ids) = (made["name"].as_str().unwrap(), &made);
        let begin = json!({
            "projectId": ids["projectId"],
            "uploadId": ids["uploadId"],
            "expires": run.world.in_hours(1),
            "proposedUploadMethods": {"putUrl": {"contentType": "text/o", "contentLength": 90_000}},
        });
        let path = format!("/api/object/v1/upload/{object}");
        let begun = run.world.as_root("PUT", &path, Some(&begin)).await.json();
        let url = run.path(&begun["uploadMethod"]["putUrl"]["url"]);
        let (one, other) = (vec![b'1'; 90_000], vec![b'2'; 90_000]);
        assert_eq!(run.world.raw("PUT", &url, &[], &one).await.status, 200);
        let body =
            json!({"projectId": ids["projectId"], "uploadId": ids["uploadId"], "hashes": {}});
        let end = format!("/api/object/v1/finish-upload/{object}");
        let (done, late) = tokio::join!(
            run.world.as_root("POST", &end, Some(&body)),
            run.world.raw("PUT", &url, &[], &other),
        );
        assert_eq!(done.status, 200, "{done:?}");
        assert!(matches!(late.status, 200 | 409), "{late:?}");
        let body = json!({"uploadId": made["uploadId"]});
        let done = run.world.as_root("PUT", &at(&name), Some(&body)).await;
        assert_eq!(done.status, 204, "{done:?}");
        let start = format!("/api/object/v1/start-download/{object}");
        let body = json!({"acceptDownloadMethods": {"getUrl": true}});
        let download = run.world.as_root("PUT", &start, Some(&body)).await.json();
        let content = run.get(&run.path(&download["url"])).await.body;
        assert_eq!(
            download["hashes"]["sha256"],
            Digest::of(Algorithm::Sha256, content.as_bytes()).hex(),
            "round {round}"
        );
    }
}

/// As long as either the object service or the queue has not heard that the upload is complete, nobody reads it.
#[tokio::test]
async fn what_is_uploaded_of_an_object_is_not_read_before_both_services_know_it_complete() {
    for finished in ["neither", "object", "queue"] {
        let run = run().await;
        let made = run
            .create("public/o", json!({"storageType": "object"}))
            .await;
        let name = made["name"].as_str().unwrap();
        let begin = json!({
            "projectId": made["projectId"],
            "uploadId": made["uploadId"],
            "expires": run.world.in_hours(1),
            "proposedUploadMethods": {"putUrl": {"contentType": "text/o", "contentLength": 5}},
        });
        let path = format!("/api/object/v1/upload/{name}");
        let begun = run.world.as_root("PUT", &path, Some(&begin)).await.json();
        let put = run.path(&begun["uploadMethod"]["putUrl"]["url"]);
        assert_eq!(run.world.raw("PUT", &put, &[], b"early").await.status, 200);
        let end =
            json!({"projectId": made["projectId"], "uploadId": made["uploadId"], "hashes": {}});
        let id = json!({"uploadId": made["uploadId"]});
        let done = match finished {
            "object" => {
                let path = format!("/api/object/v1/finish-upload/{name}");
                run.world.as_root("POST", &path, Some(&end)).await.status
            }
            "queue" => {
                let path = at("public/o");
                run.world.as_root("PUT", &path, Some(&id)).await.status
            }
            _ => 200,
        };
        assert!(matches!(done, 200 | 204), "{finished}: {done}");
        let content = format!("/bucket/{}/0/public/o", task(0));
        let read = run.get(&content).await;
        assert_eq!(read.status, 404, "{finished}: {read:?}");
        if finished != "queue" {
            assert_eq!(run.get(&at("public/o")).await.status, 404, "{finished}");
        }
        if finished != "object" {
            let path = format!("/api/object/v1/download/{name}");
            let found = run.world.as_root("GET", &path, None).await;
            assert_eq!(found.status, 404, "{finished}");
        }
    }
}

#[tokio::test]
async fn a_part_of_a_content_is_served_when_asked_for() {
    let run = run().await;
    let whole: String = (b'a'..=b'z').cycle().take(30_000).map(char::from).collect();
    assert_eq!(run.upload("public/x", whole.as_bytes()).await.status, 200);
    let place = run.path(&run.get(&at("public/x")).await.json()["url"]);
    let get = async |method: &str, range: &str| {
        run.world
            .raw(method, &place, &[("Range", range)], b"")
            .await
    };
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=100-20099", 100, 20_100),
        ("bytes=29990-", 29_990, 30_000),
        ("bytes=-10", 29_990, 30_000),
        ("bytes=29990-99999", 29_990, 30_000),
    ] {
        let part = get("GET", range).await;
        assert_eq!(
            (part.status, &*part.body),
            (206, &whole[from..to]),
            "{range}"
        );
        let said = format!("content-range: bytes {from}-{}/30000", to - 1);
        assert!(part.head.contains(&said), "{range}: {}", part.head);
        assert!(
            part.head
                .contains(&format!("content-length: {}", to - from))
        );
    }
    let beyond = get("GET", "bytes=30000-").await;
    assert_eq!((beyond.status, &*beyond.body), (416, ""));
    assert!(beyond.head.contains("content-range: bytes */30000"));
    for range in ["bytes=0-1,5-6", "bytes=x-y", "pages=1-2"] {
        let all = get("GET", range).await;
        assert_eq!((all.status, &*all.body), (200, &*whole), "{range}");
    }
    let head = get("HEAD", "bytes=0-1").await;
    assert_eq!(head.status, 200);
    assert!(head.head.contains("content-length: 30000"));
    assert!(head.head.contains("accept-ranges: bytes"));
}
