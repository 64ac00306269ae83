// SPDX-License-Identifier: MPL-2.0
//! What belongs to the worker stays the worker's: its logs and names (P36), its descriptors, what it signed.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use catena_core::model::ids::RunId;
use catena_core::policy::{Credentials, Secret};
use catena_crypto::digest::{Algorithm, Digest};
use catena_worker::metrics::Metrics;
use catena_worker::monitor::{self, Room};
use catena_worker::queue::{Body, Payload, Queue, QueueError, Retry};
use serde_json::json;

use crate::fake::{Fake, TASK};
use crate::house::House;

/// Without a verification there is no log of one, whoever writes it (P36).
#[tokio::test]
async fn a_script_writes_no_log_of_a_verification() {
    for end in ["exit 0", "exit 1"] {
        let forge = format!("echo TRUSTED > $DIR/artifacts/public/logs/chain_of_trust.log; {end}");
        let house = House::start_with(&forge, |_| (), |_| ()).await;
        let due = if end == "exit 0" {
            "completed"
        } else {
            "failed"
        };
        let house = house.one(json!({}), due).await;
        let forged = house.fake.artifact("public/logs/chain_of_trust.log");
        assert!(forged.is_none(), "{end}");
        let document = house.fake.content("public/chain-of-trust.json");
        assert!(!document.contains("chain_of_trust.log"), "{document}");
    }
}

/// Logs arrive under their names wherever the worker keeps them meanwhile.
#[tokio::test]
async fn logs_arrive_wherever_task_log_dir_is() {
    let change = |page: &mut serde_json::Value| {
        let other = page["work_dir"]
            .as_str()
            .unwrap()
            .replace("/work", "/logs-of-tasks");
        page["task_log_dir"] = json!(other);
    };
    // what a script puts in their place is no log
    let script = "mkdir -p $DIR/artifacts/public/logs; echo mine > $DIR/artifacts/public/logs/live_backing.log; echo said";
    let house = House::start_with(script, change, |_| ()).await;
    house.fake.give(json!({}));
    house.fake.until("completed").await;
    let log = house.live_log();
    assert!(log.contains("said") && !log.contains("mine"), "{log}");
}

/// A run that has no document keeps no file under a name of the worker (P36).
#[tokio::test]
async fn a_script_whose_time_is_over_leaves_no_name_of_the_worker() {
    let script = "echo '{}' > $DIR/artifacts/public/worker-info.json; \
                  echo '{}' > $DIR/artifacts/public/full-cot.json; echo x > $DIR/artifacts/public/x; sleep 600";
    let house = House::start_with(script, |_| (), |_| ()).await;
    let house = house.one(json!({"maxRunTime": 1}), "failed").await;
    assert!(house.fake.artifact("public/x").is_some());
    for name in ["worker-info", "full-cot"] {
        let forged = house.fake.artifact(&format!("public/{name}.json"));
        assert!(forged.is_none(), "{name}");
    }
}

/// What goes over the wire is what was signed, or the upload fails (generation.md 6.4).
#[tokio::test]
async fn content_that_is_not_what_was_hashed_is_no_artifact() {
    let fake = Fake::start().await;
    let credentials = Credentials {
        client_id: "worker".to_owned(),
        access_token: Secret::new("permanent"),
        certificate: None,
    };
    let queue = Queue::new(&fake.url, &credentials, Retry::CALLS).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large");
    let content = vec![7; 1 << 20];
    let (run, task, expires) = (RunId(0), TASK.parse().unwrap(), "2030-01-01T00:00:00.000Z");
    for (change, good) in [(None, true), (Some(b"EVIL"), false)] {
        fs::write(&path, &content).unwrap();
        let digest = Digest::of(Algorithm::Sha256, &content);
        let file = fs::File::open(&path).unwrap();
        let created = queue.create_s3(task, run, "public/large", "application/binary", expires);
        let created = created.await.unwrap();
        if let Some(change) = change {
            // behind the back of whoever holds it
            let mut other = fs::File::options().write(true).open(&path).unwrap();
            other.write_all(change).unwrap();
        }
        let body = Body {
            content: Payload::File(file, Some(digest)),
            length: 1 << 20,
            mime: "application/binary",
            gzip: false,
        };
        let sent = queue.put(&created, body, Duration::from_secs(60)).await;
        match good {
            true => sent.unwrap(),
            false => assert!(matches!(sent, Err(QueueError::Changed { .. })), "{sent:?}"),
        }
    }
}

/// Whoever opens connections and says nothing keeps the monitor busy for a moment, and never takes more than its part.
#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_outlasts_silent_callers() {
    let listener = monitor::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let room = Room {
        at_once: 2,
        longest: Duration::from_millis(100),
    };
    let metrics = Arc::new(Metrics::default());
    tokio::spawn(monitor::serve(listener, metrics, room));
    let asked = tokio::task::spawn_blocking(move || {
        let silent: Vec<_> = (0..10)
            .map(|_| {
                let mut connection = TcpStream::connect(address).unwrap();
                connection.write_all(b"GET /health HTTP/1.1\r\n").unwrap();
                connection
            })
            .collect();
        let mut connection = TcpStream::connect(address).unwrap();
        let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        connection.write_all(request).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        drop(silent);
        answer
    });
    let answer = asked.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}
