// SPDX-License-Identifier: MPL-2.0
//! What the queue knows, in the words and the JSON of its API (worker.md §12.2, §12.3).

use catena_core::model::ids::{RunId, TaskId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// State of a run (worker.md §12.1).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// To be claimed.
    Pending,
    /// Claimed.
    Running,
    /// Reported completed.
    Completed,
    /// Reported failed.
    Failed,
    /// Ended in some other way; the reason says how.
    Exception,
}

/// State of a task: that of its latest run, or `unscheduled` without one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// Its dependencies are not fulfilled.
    Unscheduled,
    /// As [`RunState::Pending`].
    Pending,
    /// As [`RunState::Running`].
    Running,
    /// As [`RunState::Completed`].
    Completed,
    /// As [`RunState::Failed`].
    Failed,
    /// As [`RunState::Exception`].
    Exception,
}

/// Priority; claims take the highest first, then the oldest.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Priority {
    Lowest,
    VeryLow,
    Low,
    Medium,
    High,
    VeryHigh,
    Highest,
}

/// Which ends of its dependencies a task waits for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requires {
    /// All completed.
    AllCompleted,
    /// All ended, in whatever way.
    AllResolved,
}

/// Reasons that `reportException` takes (worker.md §12.1). `worker-shutdown` and `intermittent-task` are followed by
/// another run while retries are left.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Exception {
    WorkerShutdown,
    MalformedPayload,
    ResourceUnavailable,
    InternalError,
    IntermittentTask,
}

/// How a worker ends its run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resolution {
    /// `reportCompleted`.
    Completed,
    /// `reportFailed`.
    Failed,
    /// `reportException`.
    Exception(Exception),
}

/// A run, as `/status` has it. Absent members are left out of the JSON.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are those of worker.md §12.2")]
pub struct Run {
    pub run_id: RunId,
    pub state: RunState,
    pub reason_created: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_resolved: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::queue::model::time_option"
    )]
    pub taken_until: Option<Timestamp>,
    #[serde(with = "crate::queue::model::time")]
    pub scheduled: Timestamp,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::queue::model::time_option"
    )]
    pub started: Option<Timestamp>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::queue::model::time_option"
    )]
    pub resolved: Option<Timestamp>,
}

/// The answer of `/status` without its envelope.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are those of worker.md §12.2")]
pub struct Status {
    pub task_id: TaskId,
    pub provisioner_id: String,
    pub worker_type: String,
    pub task_queue_id: String,
    pub scheduler_id: String,
    pub project_id: String,
    pub task_group_id: String,
    pub priority: Priority,
    #[serde(with = "crate::queue::model::time")]
    pub deadline: Timestamp,
    #[serde(with = "crate::queue::model::time")]
    pub expires: Timestamp,
    pub retries_left: u32,
    pub state: TaskState,
    pub runs: Vec<Run>,
}

/// The answer of `getTaskGroup` and `sealTaskGroup`. The project and the number of tasks are not shown there.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are those of the API")]
pub struct TaskGroup {
    pub task_group_id: String,
    pub scheduler_id: String,
    #[serde(with = "crate::queue::model::time")]
    pub expires: Timestamp,
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "crate::queue::model::time_option"
    )]
    pub sealed: Option<Timestamp>,
    #[serde(skip)]
    pub project_id: String,
    #[serde(skip)]
    pub size: usize,
}

/// Who claims.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the names are those of worker.md §12.1")]
pub struct Worker {
    pub group: String,
    pub id: String,
}

/// A run in a worker's hands. `http` adds the credentials.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of worker.md §12.1")]
pub struct Claim {
    pub status: Status,
    pub run: RunId,
    pub taken_until: Timestamp,
    pub definition: Map<String, Value>,
}

/// One page of a list, and where the next begins.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Page<T> {
    pub items: Vec<T>,
    pub continuation: Option<String>,
}

/// What an artifact is (worker.md §12.3).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "storageType", rename_all = "lowercase")]
pub enum ArtifactContent {
    /// Bytes in the bucket of `http::bucket`, under the task, run and name.
    S3,
    /// Bytes in the object service; there are none for readers before `finishArtifact`.
    #[serde(rename_all = "camelCase")]
    Object {
        /// Ties the upload to this artifact.
        upload_id: String,
        /// Whether `finishArtifact` came.
        finished: bool,
    },
    /// Somewhere else.
    Reference {
        /// Where.
        url: String,
    },
    /// Another artifact of the same run.
    Link {
        /// Its name.
        artifact: String,
    },
    /// Could not be made.
    Error {
        /// One of the four reasons.
        reason: String,
        /// For people.
        message: String,
    },
}

/// What `createArtifact` asks for, its schema checked by `http`.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of worker.md §12.3")]
pub struct ArtifactRequest {
    pub content: ArtifactContent,
    pub content_type: Option<String>,
    pub content_length: Option<u64>,
    pub expires: Timestamp,
}

/// An artifact, as lists have it, and where its content is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are those of worker.md §12.5")]
pub struct Artifact {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_length: Option<u64>,
    #[serde(with = "crate::queue::model::time")]
    pub expires: Timestamp,
    #[serde(flatten)]
    pub content: ArtifactContent,
}

/// Whether everybody may read an artifact of this name, as deployments have it.
pub(crate) fn is_public(name: &str) -> bool {
    name.starts_with("public/")
}

/// Times as the services write them: `2026-01-02T03:04:05.678Z`.
pub(crate) mod time {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{time:.3}"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        Timestamp::deserialize(from)
    }
}

/// As [`time`], for what may be absent.
pub(crate) mod time_option {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::time::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Option::deserialize(from)
    }
}
