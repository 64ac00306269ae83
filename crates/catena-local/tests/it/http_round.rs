// SPDX-License-Identifier: MPL-2.0
//! Whole rounds from create to complete, and what answers look like (worker.md §12).

use std::time::Duration;

use bytes::Bytes;
use catena_core::model::ids::RunId;
use catena_local::client::{Client, Upload};
use catena_local::http::Caps;
use catena_local::queue::{Exception, Resolution, TaskState};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::http_world::{Hawk, QUEUE, caps, definition, task, worker, world, world_in};

const LIMIT: usize = 1 << 20;

#[tokio::test]
async fn a_task_goes_from_create_to_complete() {
    let world = world().await;
    let (claim, client) = world.claimed(0).await;
    assert_eq!(claim.task["payload"], json!({"command": ["true"]}));
    let (id, run) = (task(0), claim.run);
    let again = client.reclaim(id, run).await.unwrap();
    let client = client.with(&again.credentials).unwrap();
    let packed = Upload {
        bytes: gzip(b"content"),
        content_type: "text/plain".to_owned(),
        content_encoding: Some("gzip"),
    };
    let expires = world.in_hours(1);
    let name = "public/a b/c.txt";
    client
        .upload_artifact(id, run, name, expires, packed)
        .await
        .unwrap();
    let status = client
        .resolve(id, run, Resolution::Completed)
        .await
        .unwrap();
    assert_eq!(status.state, TaskState::Completed);
    let reader = Client::anonymous(world.local.root_url()).unwrap();
    for run in [Some(run), None] {
        let content = reader.artifact(id, run, name, LIMIT).await.unwrap();
        assert_eq!(content, b"content");
    }
    let group = reader.task_group(id.as_str()).await.unwrap();
    assert_eq!(group[0]["status"]["state"], "completed");
    assert_eq!(group[0]["task"]["taskGroupId"], id.as_str());
    let twice = client
        .resolve(id, run, Resolution::Failed)
        .await
        .unwrap_err();
    assert_eq!(twice.status(), Some(409));
}

fn gzip(bytes: &[u8]) -> Bytes {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().into()
}

#[tokio::test]
async fn the_official_client_does_the_same_round() {
    let world = world().await;
    let id = task(1);
    let official = |id: &str, token: &str, certificate: Option<&str>| {
        let mut credentials = taskcluster::Credentials::new(id, token);
        credentials.certificate = certificate.map(str::to_owned);
        let builder = taskcluster::ClientBuilder::new(world.local.root_url());
        taskcluster::Queue::new(builder.credentials(credentials)).unwrap()
    };
    let mine = world.local.credentials();
    let queue = official(&mine.client_id, &mine.access_token, None);
    let created = queue
        .createTask(id.as_str(), &definition(world.now(), json!({})))
        .await
        .unwrap();
    assert_eq!(created["status"]["state"], "pending");
    let body = json!({"workerGroup": "g", "workerId": "w", "tasks": 1});
    let claimed = queue.claimWork(QUEUE, &body).await.unwrap();
    let claim = &claimed["tasks"][0];
    let text = |key: &str| claim["credentials"][key].as_str().unwrap();
    let worker = official(
        text("clientId"),
        text("accessToken"),
        Some(text("certificate")),
    );
    let expires = world.in_hours(1);
    let body = json!({"storageType": "s3", "contentType": "text/plain", "expires": expires});
    let name = "public/logs/x.txt";
    let put = worker
        .createArtifact(id.as_str(), "0", name, &body)
        .await
        .unwrap();
    let sent = reqwest::Client::new()
        .put(put["putUrl"].as_str().unwrap())
        .header("content-type", "text/plain")
        .body("hello");
    assert_eq!(sent.send().await.unwrap().status(), 200);
    worker.reclaimTask(id.as_str(), "0").await.unwrap();
    let done = worker.reportCompleted(id.as_str(), "0").await.unwrap();
    assert_eq!(done["status"]["state"], "completed");
    // redirects are not followed by this client: it gets the body of the 303
    let found = queue.getLatestArtifact(id.as_str(), name).await.unwrap();
    let content = reqwest::get(found["url"].as_str().unwrap()).await.unwrap();
    assert_eq!(content.text().await.unwrap(), "hello");
    let listed = queue
        .listArtifacts(id.as_str(), "0", None, None)
        .await
        .unwrap();
    assert_eq!(listed["artifacts"][0]["name"], name);
    assert_eq!(queue.task(id.as_str()).await.unwrap()["retries"], 5);
    let url = queue
        .getArtifact_signed_url(id.as_str(), "0", name, Duration::from_mins(1))
        .unwrap();
    assert_eq!(
        reqwest::get(url).await.unwrap().text().await.unwrap(),
        "hello"
    );
    let refused = queue.status(task(2).as_str()).await.unwrap_err();
    assert_eq!(taskcluster::err_status_code(&refused).unwrap(), 404);
}

#[tokio::test]
async fn answers_look_like_those_of_the_real_service() {
    let world = world().await;
    let created = world
        .as_root(
            "PUT",
            &format!("/api/queue/v1/task/{}", task(0)),
            Some(&definition(world.now(), json!({}))),
        )
        .await;
    assert_eq!(created.status, 200);
    let start = format!("{{\n  \"status\": {{\n    \"taskId\": \"{}\",\n", task(0));
    assert!(created.body.starts_with(&start), "{}", created.body);
    assert!(
        created
            .head
            .contains("content-type: application/json; charset=utf-8")
    );
    assert!(
        created
            .head
            .contains("cache-control: no-store no-cache must-revalidate")
    );
    let body = json!({"workerGroup": "g", "workerId": "w", "tasks": 1});
    // plain or encoded slash: the same queue
    let claimed = world
        .as_root("POST", "/api/queue/v1/claim-work/prov/type", Some(&body))
        .await
        .json();
    let claim = &claimed["tasks"][0];
    let until = claim["takenUntil"].as_str().unwrap();
    let in_status = claim["status"]["runs"][0]["takenUntil"].as_str().unwrap();
    assert_eq!(until.strip_suffix("+00:00"), in_status.strip_suffix('Z'));
    let id = claim["credentials"]["clientId"].as_str().unwrap();
    let start = format!("task-client/{}/0/on/g/w/until/", task(0));
    assert!(
        id.strip_prefix(&start).unwrap().parse::<f64>().is_ok(),
        "{id}"
    );
    let certificate = claim["credentials"]["certificate"].as_str().unwrap();
    let certificate: Value = serde_json::from_str(certificate).unwrap();
    assert_eq!(certificate["issuer"], "static/taskcluster/queue");
    assert_eq!(
        certificate["scopes"],
        json!([
            format!("queue:reclaim-task:{}/0", task(0)),
            format!("queue:resolve-task:{}/0", task(0)),
            format!("queue:create-artifact:{}/0", task(0)),
        ])
    );
    let keys: Vec<&str> = claimed["tasks"][0]["task"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(keys.len(), 19, "all defaults are there: {keys:?}");
}

#[tokio::test]
async fn a_claim_waits_for_work_and_a_client_that_leaves_takes_none() {
    let patient = Caps {
        poll: Duration::from_secs(600),
        ..caps()
    };
    let world = world_in(None, patient).await;
    let path = "/api/queue/v1/claim-work/prov%2Ftype";
    let body = r#"{"workerGroup":"g","workerId":"gone","tasks":1}"#;
    let header = Hawk::new(&world, &world.local.credentials(), "POST", path, body).text();
    let address = world.local.address();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {header}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut leaving = TcpStream::connect(address).await.unwrap();
    leaving.write_all(request.as_bytes()).await.unwrap();
    drop(leaving);
    let mine = worker();
    let waiting = world.root.claim_work(QUEUE, &mine, 1);
    let creating = async {
        // whatever the order, the client that left must not get it
        for _ in 0..20 {
            world.root.status(task(9)).await.unwrap_err();
        }
        world.create(task(0), json!({})).await;
    };
    let (claims, ()) = tokio::join!(waiting, creating);
    assert_eq!(claims.unwrap()[0].status.task_id, task(0));
    let status = world.root.status(task(0)).await.unwrap();
    assert_eq!(status.runs[0].worker_id.as_deref(), Some("worker-1"));
}

#[tokio::test]
async fn the_end_of_the_server_ends_long_polls_and_frees_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let patient = Caps {
        poll: Duration::from_secs(600),
        ..caps()
    };
    let world = world_in(Some(dir.path().to_owned()), patient).await;
    world
        .create(task(0), json!({"taskQueueId": "other/type"}))
        .await;
    let token = world.local.credentials().access_token;
    let (local, root) = (world.local, world.root);
    let mine = worker();
    let waiting = root.claim_work(QUEUE, &mine, 1);
    let (claims, ()) = tokio::join!(waiting, local.stop());
    // it got an empty answer, or came too late for one
    assert!(claims.map_or(true, |claims| claims.is_empty()));
    drop(root);
    let again = world_in(Some(dir.path().to_owned()), caps()).await;
    assert_eq!(again.local.credentials().access_token, token);
    let status = again.root.status(task(0)).await.unwrap();
    assert_eq!(status.state, TaskState::Pending);
}

#[tokio::test]
async fn exceptions_are_retried_and_unknown_reasons_refused() {
    let world = world().await;
    let (claim, client) = world.claimed(0).await;
    let path = format!("/api/queue/v1/task/{}/runs/0/exception", task(0));
    let body = json!({"reason": "superseded"});
    let refused = world
        .signed(&claim.credentials, "POST", &path, Some(&body))
        .await;
    assert_eq!(
        (refused.status, &*refused.code()),
        (400, "InputValidationError")
    );
    let gone = Resolution::Exception(Exception::WorkerShutdown);
    let status = client.resolve(task(0), RunId(0), gone).await.unwrap();
    assert_eq!((status.runs.len(), status.state), (2, TaskState::Pending));
    let cancelled = world.root.cancel(task(0)).await.unwrap();
    assert_eq!(cancelled.state, TaskState::Exception);
    let rerun = world.root.rerun(task(0)).await.unwrap();
    assert_eq!(rerun.state, TaskState::Pending);
}

#[tokio::test]
async fn lists_have_pages() {
    let world = world().await;
    let group = task(0).to_string();
    for number in 0..3 {
        world
            .create(task(number), json!({"taskGroupId": group}))
            .await;
    }
    let list = format!("/api/queue/v1/task-group/{group}/list?limit=2");
    let first = world.as_root("GET", &list, None).await.json();
    assert_eq!(first["tasks"].as_array().unwrap().len(), 2);
    let token = first["continuationToken"].as_str().unwrap();
    let second = format!("{list}&continuationToken={token}");
    let second = world.as_root("GET", &second, None).await.json();
    assert_eq!(second["tasks"].as_array().unwrap().len(), 1);
    assert!(second.get("continuationToken").is_none());
    for bad in ["limit=0", "limit=1001", "limit=x", "continuationToken=zzz"] {
        let path = format!("/api/queue/v1/task-group/{group}/list?{bad}");
        assert_eq!(world.as_root("GET", &path, None).await.status, 400, "{bad}");
    }
    let pending = world
        .as_root("GET", "/api/queue/v1/pending/prov%2Ftype", None)
        .await;
    assert_eq!(pending.json()["pendingTasks"], 3);
}
