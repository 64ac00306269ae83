// SPDX-License-Identifier: MPL-2.0
//! The official client asks the same URLs and gets the same answers from the same server.

use catena_core::document::Body;
use catena_core::model::ids::RunId;
use catena_core::request::Request;
use catena_evidence::{HttpSource, Source};
use serde_json::Value;
use taskcluster::{ClientBuilder, Queue, Retry};

use crate::http::options;
use crate::server::{Got, Reply, Server};

const TASK: &str = "YyxNNh7mTAmwDhB4Itm0jg";

/// Answers as a queue does, with listings of two pages.
fn queue(got: &Got) -> Reply {
    let (path, query) = got.target.split_once('?').unwrap_or((&got.target, ""));
    let json = |text: &str| Reply::ok(text).with("Content-Type", "application/json; charset=utf-8");
    match path.strip_prefix(&format!("/api/queue/v1/task/{TASK}")) {
        Some("") => {
            json(r#"{"payload": {"command": ["\u00e9"]}, "retries": 5, "priority": "low"}"#)
        }
        Some("/status") => json(r#"{"status": {"runs": [{"runId": 0, "state": "completed"}]}}"#),
        Some("/runs/0/artifacts") if query.is_empty() => json(
            r#"{"artifacts": [{"name": "public/a", "storageType": "s3"}], "continuationToken": "2/+="}"#,
        ),
        Some("/runs/0/artifacts") => {
            assert_eq!(query, "continuationToken=2%2F%2B%3D");
            json(r#"{"artifacts": [{"name": "public/b c", "storageType": "error"}]}"#)
        }
        _ => Reply::status(404),
    }
}

#[tokio::test]
async fn the_official_client_agrees() {
    let server = Server::start(queue).await;
    let official = ClientBuilder::new(server.root()).retry(Retry {
        retries: 0,
        ..Retry::default()
    });
    let official = Queue::new(official).unwrap();
    let ours = HttpSource::new(&options(&server.root())).unwrap();
    let (task, run) = (TASK.parse().unwrap(), RunId(0));
    let fetch = async |request: Request| -> Value {
        let Body::Bytes(bytes) = ours.fetch(&request).await.unwrap().body else {
            panic!()
        };
        serde_json::from_slice(&bytes).unwrap()
    };

    assert_eq!(
        fetch(Request::Definition { task }).await,
        official.task(TASK).await.unwrap()
    );
    assert_eq!(
        fetch(Request::Status { task }).await,
        official.status(TASK).await.unwrap()
    );
    let first = official.listArtifacts(TASK, "0", None, None).await.unwrap();
    let token = first["continuationToken"].as_str();
    let second = official
        .listArtifacts(TASK, "0", token, None)
        .await
        .unwrap();
    let names = |page: &Value| page["artifacts"].as_array().unwrap().clone();
    let both = [names(&first), names(&second)].concat();
    let listing = fetch(Request::ArtifactList { task, run }).await;
    assert_eq!(listing["artifacts"].as_array().unwrap(), &both);

    // every URL was asked twice, once by each
    let mut targets: Vec<_> = server.seen().into_iter().map(|got| got.target).collect();
    targets.sort();
    let (pairs, rest) = targets.as_chunks::<2>();
    assert!(
        rest.is_empty() && pairs.iter().all(|[a, b]| a == b),
        "{targets:?}"
    );

    let name = "public/build/a b+c(1).zip";
    let artifact = Request::Artifact {
        task,
        run,
        name: name.parse().unwrap(),
    };
    let asked = ours.fetch(&artifact).await.unwrap_err().origin;
    assert_eq!(*asked, official.getArtifact_url(TASK, "0", name).unwrap());
}
