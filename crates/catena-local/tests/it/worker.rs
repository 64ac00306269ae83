// SPDX-License-Identifier: MPL-2.0
//! The demo's workers against the real services: what they report, what they upload, and that the readers of the core accept
//! the documents of each family (generation.md 2, 3, 5).

use std::sync::Arc;
use std::time::Duration;

use catena_core::model::ids::{RunId, TaskId};
use catena_core::model::link::Link;
use catena_core::model::task_type::WorkerImplementation;
use catena_crypto::digest::{Algorithm, Digest};
use catena_crypto::signer::{Signer as _, SigningKey};
use catena_local::client::Client;
use catena_local::queue::{Exception, Resolution, Worker};
use catena_local::worker::{self, Event, Family, WorkerOptions};
use catena_local::{Local, LocalOptions};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

const DOCKER: &str = "some-pool/docker";
const GENERIC: &str = "some-pool/generic";
const SCRIPT: &str = "scriptworker-k8s/some-signing";

const IDS: [&str; 3] = [
    "YyxNNh7mTAmwDhB4Itm0jg",
    "MS4kukUGRKiDDt22gp5Vbg",
    "oS9Kaq7zSSyZxl7bAS9HVQ",
];

/// The services, and workers for three pools.
struct Bench {
    client: Client,
    events: mpsc::UnboundedReceiver<Event>,
    stop: watch::Sender<bool>,
    _local: Local,
    _dir: TempDir,
}

fn key() -> SigningKey {
    SigningKey::from_seed([7; 32])
}

fn id(index: usize) -> TaskId {
    IDS[index].parse().unwrap()
}

impl Bench {
    async fn start(claim_timeout: Option<Duration>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = LocalOptions {
            claim_timeout,
            ..LocalOptions::default()
        };
        let local = Local::start(options).await.unwrap();
        let client = Client::new(local.root_url(), &local.credentials()).unwrap();
        let (sender, events) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        for (pool, family) in [
            (DOCKER, Family::DockerWorker),
            (GENERIC, Family::GenericWorker),
            (SCRIPT, Family::Scriptworker),
        ] {
            let options = WorkerOptions {
                family,
                pool: pool.to_owned(),
                worker: Worker {
                    group: "group".to_owned(),
                    id: "worker".to_owned(),
                },
                key: Arc::new(key()),
                dir: dir.path().to_owned(),
                program: "/nowhere/catena".into(),
                env: Vec::new(),
                script: "cat cot/*/public/out/a > \"$ARTIFACT_DIR/public/copy\"".to_owned(),
                grace: Duration::from_millis(100),
                events: Some(sender.clone()),
            };
            let (client, stopped) = (client.clone(), stopped.clone());
            tokio::spawn(async move { worker::run(&client, &options, stopped).await });
        }
        Self {
            client,
            events,
            stop,
            _local: local,
            _dir: dir,
        }
    }

    async fn create(&self, task: TaskId, pool: &str, payload: Value) {
        let now = Timestamp::now();
        let (provisioner, worker_type) = pool.split_once('/').unwrap();
        let definition = json!({
            "provisionerId": provisioner, "workerType": worker_type, "created": now,
            "deadline": now + SignedDuration::from_hours(1), "payload": payload,
            "metadata": {"name": "n", "description": "d", "owner": "o@example.org", "source": "https://example.org/x"},
        });
        self.client.create_task(task, &definition).await.unwrap();
    }

    /// Waits for the end of a run.
    async fn end(&mut self) -> Event {
        loop {
            let event = self.events.recv().await.unwrap();
            if !matches!(event, Event::Claimed { .. }) {
                return event;
            }
        }
    }

    async fn resolved(&mut self) -> Resolution {
        match self.end().await {
            Event::Resolved { how, .. } => how,
            other => panic!("{other:?}"),
        }
    }

    async fn artifact(&self, task: TaskId, name: &str) -> Vec<u8> {
        self.client
            .artifact(task, Some(RunId(0)), name, 1 << 20)
            .await
            .unwrap()
    }

    async fn log(&self, task: TaskId) -> String {
        String::from_utf8(self.artifact(task, "public/logs/live_backing.log").await).unwrap()
    }

    /// Reads a run's document as a verification does, and returns it.
    async fn document(&self, task: TaskId, worker: WorkerImplementation) -> Value {
        let body = self.artifact(task, "public/chain-of-trust.json").await;
        let signature = self.artifact(task, "public/chain-of-trust.json.sig").await;
        let keys = [key().public_key().clone()];
        let link = Link::fetched(task, RunId(0), worker, body.clone().into());
        let link = link.verify_signature(&signature, &keys).unwrap();
        link.bind().unwrap();
        let document: Value = serde_json::from_slice(&body).unwrap();
        let definition = self.client.task(task).await.unwrap();
        assert_eq!(document["task"], definition);
        for (name, digests) in document["artifacts"].as_object().unwrap() {
            let bytes = self.artifact(task, name).await;
            assert_eq!(
                digests["sha256"],
                Digest::of(Algorithm::Sha256, &bytes).hex(),
                "{name}"
            );
        }
        document
    }
}

fn names(document: &Value) -> Vec<&str> {
    let artifacts = document["artifacts"].as_object().unwrap();
    artifacts.keys().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_family_leaves_a_document_that_the_core_accepts() {
    let mut bench = Bench::start(None).await;
    let generic = json!({
        "command": [["/bin/sh", "-c", "mkdir -p out; echo a > out/a"], "echo b"], "maxRunTime": 60, "osGroups": [],
        "artifacts": [{"type": "directory", "name": "public/out", "path": "out"}], "features": {"chainOfTrust": true},
    });
    bench.create(id(0), GENERIC, generic).await;
    assert_eq!(bench.resolved().await, Resolution::Completed);
    let document = bench
        .document(id(0), WorkerImplementation::GenericWorker)
        .await;
    assert_eq!(
        names(&document),
        ["public/logs/certified.log", "public/out/a"]
    );
    assert!(bench.log(id(0)).await.contains("b\n"));

    let docker = json!({
        "image": {"type": "task-image", "taskId": IDS[0], "path": "public/out/a"}, "command": ["/bin/sh", "-c", "true"],
        "maxRunTime": 60, "artifacts": {"public/none": {"type": "file", "path": "none"}}, "features": {"chainOfTrust": true},
    });
    bench.create(id(1), DOCKER, docker).await;
    assert_eq!(bench.resolved().await, Resolution::Completed);
    let document = bench
        .document(id(1), WorkerImplementation::DockerWorker)
        .await;
    let image = format!("sha256:{}", Digest::of(Algorithm::Sha256, b"a\n").hex());
    assert_eq!(document["environment"]["imageArtifactHash"], image);
    // what a task declares and does not make is an error artifact, and not listed
    assert_eq!(names(&document), ["public/logs/certified.log"]);
    let missing = bench
        .client
        .artifact(id(1), None, "public/none", 1)
        .await
        .unwrap_err();
    assert_eq!(missing.status(), Some(424));

    let script = json!({"maxRunTime": 60, "upstreamArtifacts": [
        {"taskId": IDS[0], "taskType": "build", "paths": ["public/out/a"], "formats": []}]});
    bench.create(id(2), SCRIPT, script).await;
    assert_eq!(bench.resolved().await, Resolution::Completed);
    let document = bench
        .document(id(2), WorkerImplementation::Scriptworker)
        .await;
    assert_eq!(
        names(&document),
        ["public/copy", "public/logs/live_backing.log"]
    );
    assert_eq!(bench.artifact(id(2), "public/copy").await, b"a\n");
    bench.stop.send_replace(true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payload_that_does_not_fit_is_malformed_and_the_log_says_why() {
    let mut bench = Bench::start(None).await;
    let malformed = Resolution::Exception(Exception::MalformedPayload);
    let cases = [
        (
            DOCKER,
            json!({"image": "i", "command": ["true"]}),
            "maxRunTime",
        ),
        (
            DOCKER,
            json!({"image": {"type": "task-image", "taskId": IDS[2], "path": "public/x"}, "command": ["true"], "maxRunTime": 1}),
            "image: ",
        ),
        (
            GENERIC,
            json!({"command": [], "maxRunTime": 1}),
            "payload.command",
        ),
    ];
    for (index, (pool, payload, due)) in cases.into_iter().enumerate() {
        bench.create(id(index), pool, payload).await;
        assert_eq!(bench.resolved().await, malformed, "{due}");
        let log = bench.log(id(index)).await;
        assert!(log.contains(due), "{log}");
        let status = bench.client.status(id(index)).await.unwrap();
        assert_eq!(
            status.runs[0].reason_resolved.as_deref(),
            Some("malformed-payload")
        );
    }
}

/// Reading a pipe would wait for somebody to write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_is_no_artifact() {
    let mut bench = Bench::start(None).await;
    let payload = json!({"command": ["mkfifo out"], "maxRunTime": 60, "artifacts": [
        {"type": "file", "path": "out", "name": "public/out"}]});
    bench.create(id(0), GENERIC, payload).await;
    assert_eq!(bench.resolved().await, Resolution::Completed);
    let refused = bench
        .client
        .artifact(id(0), Some(RunId(0)), "public/out", 1 << 20)
        .await
        .unwrap_err();
    assert_eq!(refused.status(), Some(424));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_and_time_outs_are_failed() {
    let mut bench = Bench::start(None).await;
    let payload = |script: &str| json!({"command": [script], "maxRunTime": 1});
    bench.create(id(0), GENERIC, payload("exit 3")).await;
    assert_eq!(bench.resolved().await, Resolution::Failed);
    bench
        .create(id(1), GENERIC, payload("exec sleep 600"))
        .await;
    assert_eq!(bench.resolved().await, Resolution::Failed);
    assert!(bench.log(id(1)).await.contains("maxRunTime"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_cancelled_is_lost_and_its_script_ends() {
    let mut bench = Bench::start(Some(Duration::from_secs(2))).await;
    let payload = json!({"command": ["exec sleep 600"], "maxRunTime": 600});
    bench.create(id(0), GENERIC, payload).await;
    let claimed = bench.events.recv().await.unwrap();
    assert!(matches!(claimed, Event::Claimed { .. }));
    bench.client.cancel(id(0)).await.unwrap();
    // the next reclaim is refused, long before the script would end
    assert!(matches!(bench.end().await, Event::Lost { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_told_to_stop_hands_its_task_back() {
    let mut bench = Bench::start(None).await;
    let payload = json!({"command": ["exec sleep 600"], "maxRunTime": 600});
    bench.create(id(0), GENERIC, payload).await;
    let claimed = bench.events.recv().await.unwrap();
    assert!(matches!(claimed, Event::Claimed { .. }));
    bench.stop.send_replace(true);
    assert_eq!(
        bench.resolved().await,
        Resolution::Exception(Exception::WorkerShutdown)
    );
    let status = bench.client.status(id(0)).await.unwrap();
    assert_eq!(status.runs.len(), 2, "the queue tries again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_the_workers_own_files_are_no_artifacts_of_a_task() {
    let mut bench = Bench::start(None).await;
    let script = "mkdir logs; for name in live live_backing certified; do echo x > logs/$name.log; done; echo a > a";
    let file = |name: &str, path: &str| json!({"type": "file", "name": name, "path": path});
    let artifacts = json!([
        file("public/chain-of-trust.json", "a"),
        file("public/chain-of-trust.json.sig", "none"),
        {"type": "directory", "name": "public/logs", "path": "logs"},
        file("public/logs/live_backing.log", "none"),
        file("public/a", "a"),
    ]);
    let generic = json!({"command": [script], "maxRunTime": 60, "osGroups": [], "artifacts": artifacts,
        "features": {"chainOfTrust": true}});
    bench.create(id(0), GENERIC, generic).await;
    let mut artifacts = json!({"public/logs": {"type": "directory", "path": "logs"}});
    for (name, path) in [
        ("public/chain-of-trust.json", "a"),
        ("public/logs/live_backing.log", "logs/live.log"),
        ("public/logs/live.log", "none"),
        ("public/a", "a"),
    ] {
        artifacts[name] = json!({"type": "file", "path": path});
    }
    let docker = json!({"image": "i", "command": ["/bin/sh", "-c", script], "maxRunTime": 60, "artifacts": artifacts,
        "features": {"chainOfTrust": true}});
    bench.create(id(1), DOCKER, docker).await;
    for _ in 0..2 {
        assert_eq!(bench.resolved().await, Resolution::Completed);
    }
    for (task, worker) in [
        (id(0), WorkerImplementation::GenericWorker),
        (id(1), WorkerImplementation::DockerWorker),
    ] {
        let document = bench.document(task, worker).await;
        assert_eq!(names(&document), ["public/a", "public/logs/certified.log"]);
        let log = bench.log(task).await;
        for name in [
            "chain-of-trust.json",
            "logs/live_backing.log",
            "logs/live.log",
        ] {
            let line = format!("public/{name} is the worker's to write, and was skipped\n");
            assert!(log.contains(&line), "{log}");
        }
        let live = bench.client.artifact(task, None, "public/logs/live.log", 1);
        assert_eq!(live.await.unwrap_err().status(), Some(404));
    }
}
