// SPDX-License-Identifier: MPL-2.0
//! The header of this worker's logs, schema `cot-log-header/1`, and what it says of an image.

use serde::{Deserialize, Serialize};

/// What the first line of a log begins with.
pub const PREFIX: &str = "[taskcluster:header] ";
const SCHEMA: &str = "cot-log-header/1";

/// Which worker runs which task.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkerInfo {
    /// `cot-log-header/1`.
    pub schema: String,
    /// The task.
    pub task_id: String,
    /// Its run.
    pub run_id: u32,
    /// `<provisioner>/<worker type>`.
    pub task_queue_id: String,
    /// `workerGroup` of the claim.
    pub worker_group: String,
    /// `workerId` of the claim.
    pub worker_id: String,
    /// `scriptworker` for this worker.
    pub worker_implementation: String,
    /// Version of the program.
    pub worker_version: String,
    /// The deployment.
    pub root_url: String,
    /// When the run began, RFC 3339 in UTC.
    pub started_at: String,
    /// Whether somebody can look into the task while it runs: never, for this worker.
    pub interactive: bool,
    /// The image that the task ran in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
}

/// An image, and who built it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Image {
    /// `docker-image`, `task-image` or `indexed-image`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name in a registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The image id: `sha256:` and the digest of its configuration.
    pub id: String,
    /// The digest of the archive that it was loaded from: lower-case hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_sha256: Option<String>,
    /// The run that built it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub builder: Option<Builder>,
}

/// The run of a docker-image task, and its artifact.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Builder {
    /// The task.
    pub task_id: String,
    /// Its run.
    pub run_id: u32,
    /// The name of the archive.
    pub artifact: String,
    /// Where it is, by run.
    pub url: String,
}

impl WorkerInfo {
    /// The schema's name, for those who fill the struct.
    #[must_use]
    pub fn schema() -> String {
        SCHEMA.to_owned()
    }

    /// Returns the content of `public/worker-info.json`: one line of JSON, the very text that the log has.
    #[must_use]
    pub fn to_json(&self) -> String {
        // strings, numbers and booleans: nothing that could fail
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns the first line of a log, without its newline.
    #[must_use]
    pub fn to_line(&self) -> String {
        format!("{PREFIX}{}", self.to_json())
    }

    /// Reads the object; `None` if it is of another schema or shape.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let read: Self = serde_json::from_str(text).ok()?;
        (read.schema == SCHEMA).then_some(read)
    }
}
