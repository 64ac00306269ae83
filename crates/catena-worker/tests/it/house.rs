// SPDX-License-Identifier: MPL-2.0
//! A worker of the library with directories, a key and a script of its own, against the queue of a test.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use catena_crypto::signer::SigningKey;
use catena_worker::config::WorkerConfig;
use catena_worker::daemon::{self, DaemonError};
use catena_worker::guard;
use catena_worker::metrics::Metrics;
use catena_worker::notify::Notifier;
use catena_worker::queue::Retry;
use catena_worker::worker::{Pace, Stop, Worker};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::fake::Fake;

/// A running worker.
pub(crate) struct House {
    pub(crate) dir: TempDir,
    pub(crate) fake: Fake,
    pub(crate) stop: watch::Sender<Stop>,
    pub(crate) metrics: Arc<Metrics>,
    /// The worker that claims next.
    pub(crate) current: watch::Sender<Arc<Worker>>,
    running: JoinHandle<Result<(), DaemonError>>,
}

/// The configuration of a worker in `dir`, which the script knows as `$DIR`, that runs a shell script, as JSON.
pub(crate) fn config(dir: &Path, root_url: &str, script: &str) -> Value {
    let path = |name: &str| dir.join(name).display().to_string();
    json!({
        "taskcluster_root_url": root_url,
        "credentials": {"clientId": "worker", "accessToken": "permanent"},
        "provisioner_id": "prov", "worker_type": "type", "worker_group": "group", "worker_id": "worker",
        "work_dir": path("work"), "artifact_dir": path("artifacts"),
        "task_log_dir": path("artifacts/public/logs"), "log_dir": path("log"),
        "ed25519_private_key_path": path("key"), "verbose": false, "poll_interval": 1,
        "task_script": ["/bin/sh", "-c", script.replace("$DIR", dir.to_str().unwrap())],
    })
}

/// A quick pace, so that tests need no waiting.
pub(crate) fn pace() -> Pace {
    let quick = |retry: Retry| Retry {
        base: Duration::from_millis(2),
        cap: Duration::from_millis(10),
        ..retry
    };
    Pace {
        calls: Retry {
            attempts: 2,
            ..quick(Retry::CALLS)
        },
        uploads: quick(Retry::UPLOADS),
        until_lost: quick(Retry::UNTIL_LOST),
        faults: quick(Retry::FAULTS),
        grace: Duration::from_millis(200),
        patience: Duration::from_secs(1),
        parting: Duration::from_secs(3),
        silence: Duration::from_millis(100),
        ..Pace::default()
    }
}

impl House {
    /// Starts a worker whose script is this, in `sh`.
    pub(crate) async fn start(script: &str) -> Self {
        Self::start_with(script, |_| (), |_| ()).await
    }

    pub(crate) async fn start_with(
        script: &str,
        change: impl FnOnce(&mut Value),
        more: impl FnOnce(&mut WorkerConfig),
    ) -> Self {
        Self::start_at(pace(), script, change, more).await
    }

    /// As `start_with`, at another pace.
    pub(crate) async fn start_at(
        pace: Pace,
        script: &str,
        change: impl FnOnce(&mut Value),
        more: impl FnOnce(&mut WorkerConfig),
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        guard::close_on_exec();
        let fake = Fake::start().await;
        let mut page = config(dir.path(), &fake.url, script);
        change(&mut page);
        SigningKey::from_seed([7; 32])
            .write_new_file(dir.path().join("key"))
            .unwrap();
        let file = dir.path().join("scriptworker.yaml");
        std::fs::write(&file, page.to_string()).unwrap();
        let mut config = WorkerConfig::load(&file, &|_| None).unwrap_or_else(|why| panic!("{why}"));
        more(&mut config);
        let worker = Worker::new(config, pace).unwrap();
        let metrics = Arc::clone(&worker.metrics);
        let stop = watch::Sender::new(Stop::No);
        let (sender, current) = watch::channel(Arc::new(worker));
        let running = {
            let stop = stop.clone();
            let manager = Notifier::default();
            tokio::spawn(async move { daemon::run(current, &stop, &manager).await })
        };
        Self {
            dir,
            fake,
            stop,
            metrics,
            current: sender,
            running,
        }
    }

    /// Runs one task to its report, and ends.
    pub(crate) async fn one(self, payload: Value, report: &str) -> Self {
        self.fake.give(payload);
        self.fake.until(report).await;
        self.end().await
    }

    /// Lets the worker finish, and demands that it ends well and leaves nothing behind.
    pub(crate) async fn end(mut self) -> Self {
        self.stop.send_modify(|now| *now = (*now).max(Stop::Finish));
        let ended = tokio::time::timeout(Duration::from_secs(60), &mut self.running).await;
        ended.expect("the worker ends").unwrap().unwrap();
        for name in ["work", "artifacts/public/logs"] {
            let left: Vec<_> = std::fs::read_dir(self.path(name)).unwrap().collect();
            assert!(left.is_empty(), "{name}: {left:?}");
        }
        assert_eq!(self.fake.unsigned(), Vec::<String>::new());
        self
    }

    /// Waits until the worker ends by itself, and demands that it could not go on.
    pub(crate) async fn fail(&mut self) -> String {
        let ended = tokio::time::timeout(Duration::from_secs(60), &mut self.running).await;
        ended
            .expect("the worker ends")
            .unwrap()
            .unwrap_err()
            .to_string()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn worker_log(&self) -> String {
        std::fs::read_to_string(self.path("log/worker.log")).unwrap()
    }

    /// The log of the script, as it was uploaded.
    pub(crate) fn live_log(&self) -> String {
        self.fake.content("public/logs/live_backing.log")
    }

    /// The reports that were made.
    pub(crate) fn reports(&self) -> Vec<String> {
        let report = |event: &String| {
            ["completed", "failed", "exception"]
                .iter()
                .any(|kind| event.starts_with(kind))
        };
        self.fake.events().into_iter().filter(report).collect()
    }
}
