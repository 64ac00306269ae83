// SPDX-License-Identifier: MPL-2.0
//! A queue whose time the test decides, and tasks for it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use catena_core::model::ids::{RunId, TaskId};
use catena_local::clock::ManualClock;
use catena_local::queue::{
    Artifact, ArtifactContent, ArtifactRequest, Claim, Queue, QueueError, QueueSettings,
    Resolution, Status, Worker, complete,
};
use catena_local::store::Store;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

/// When the tests begin.
pub(crate) const START: &str = "2026-03-01T12:00:00Z";
/// The queue that tasks go to.
pub(crate) const POOL: &str = "proj/pool";

/// The task id of a number.
pub(crate) fn id(number: u32) -> TaskId {
    let mut uuid = [0_u8; 16];
    uuid[..4].copy_from_slice(&number.to_be_bytes());
    uuid[6] = 0x40;
    uuid[8] = 0x80;
    URL_SAFE_NO_PAD.encode(uuid).parse().unwrap()
}

pub(crate) fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

pub(crate) fn worker() -> Worker {
    Worker {
        group: "group".to_owned(),
        id: "worker".to_owned(),
    }
}

/// A queue in memory, a clock, and the settings of the real service.
pub(crate) struct World {
    pub(crate) queue: Queue,
    pub(crate) clock: ManualClock,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::over(Store::ephemeral().unwrap())
    }

    pub(crate) fn over(store: Store) -> Self {
        Self::at(store, ManualClock::at(START.parse().unwrap()))
    }

    pub(crate) fn at(store: Store, clock: ManualClock) -> Self {
        let queue = Queue::open(store, clock.clock(), QueueSettings::default()).unwrap();
        Self { queue, clock }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.clock().now()
    }

    pub(crate) fn in_time(&self, wait: SignedDuration) -> String {
        format!("{:.3}", self.now() + wait)
    }

    /// A definition with its defaults: deadline in two hours, expiry in two days, changed as said.
    pub(crate) fn definition(&self, task: TaskId, changes: Value) -> Map<String, Value> {
        let mut definition = json!({
            "taskQueueId": POOL,
            "created": self.in_time(SignedDuration::ZERO),
            "deadline": self.in_time(minutes(120)),
            "expires": self.in_time(minutes(2880)),
            "payload": {},
            "metadata": {"name": "n", "description": "d", "owner": "o@example.com", "source": "https://example.com"},
        });
        let object = definition.as_object_mut().unwrap();
        object.extend(changes.as_object().unwrap().clone());
        complete(object.clone(), task)
    }

    pub(crate) async fn try_create(
        &self,
        number: u32,
        changes: Value,
    ) -> Result<Status, QueueError> {
        let definition = self.definition(id(number), changes);
        self.queue.create_task(id(number), definition).await
    }

    pub(crate) async fn create(&self, number: u32, changes: Value) -> Status {
        self.try_create(number, changes).await.unwrap()
    }

    /// Claims without waiting.
    pub(crate) async fn claim(&self, tasks: usize) -> Vec<Claim> {
        self.queue
            .claim_work(POOL, &worker(), tasks, Duration::ZERO)
            .await
            .unwrap()
    }

    pub(crate) async fn resolve(
        &self,
        number: u32,
        run: u32,
        resolution: Resolution,
    ) -> Result<Status, QueueError> {
        self.queue.resolve(id(number), RunId(run), resolution).await
    }

    /// Creates a task and claims it.
    pub(crate) async fn running(&self, number: u32, changes: Value) -> Claim {
        self.create(number, changes).await;
        self.claim(1).await.pop().unwrap()
    }

    pub(crate) async fn sweep_after(&self, wait: SignedDuration) {
        self.clock.advance(wait);
        self.queue.sweep().await.unwrap();
    }

    pub(crate) fn status(&self, number: u32) -> Value {
        serde_json::to_value(self.queue.status(id(number)).unwrap()).unwrap()
    }

    /// `[[state, reasonCreated, reasonResolved], …]` of the runs.
    pub(crate) fn runs(&self, number: u32) -> Value {
        let status = self.status(number);
        let runs = status["runs"].as_array().unwrap();
        let runs = runs.iter().map(|run| {
            json!([
                run["state"],
                run["reasonCreated"],
                run.get("reasonResolved")
            ])
        });
        Value::Array(runs.collect())
    }

    /// A request for an artifact of type text that lasts an hour.
    pub(crate) fn request(&self, content: ArtifactContent) -> ArtifactRequest {
        ArtifactRequest {
            content,
            content_type: Some("text/plain".to_owned()),
            content_length: None,
            expires: self.now() + minutes(60),
        }
    }

    pub(crate) async fn artifact(
        &self,
        number: u32,
        name: &str,
        request: ArtifactRequest,
    ) -> Result<Artifact, QueueError> {
        self.queue
            .create_artifact(id(number), RunId(0), name, request)
            .await
    }
}

/// The class of a refusal.
pub(crate) fn class<T: std::fmt::Debug>(outcome: Result<T, QueueError>) -> &'static str {
    match outcome {
        Ok(found) => panic!("expected a refusal, found {found:?}"),
        Err(QueueError::NotFound(_)) => "not found",
        Err(QueueError::Conflict(_)) => "conflict",
        Err(QueueError::Input(_)) => "input",
        Err(QueueError::Expired(_)) => "expired",
        Err(QueueError::Store(error)) => panic!("{error}"),
    }
}
