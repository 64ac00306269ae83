// SPDX-License-Identifier: MPL-2.0
//! Reads what the head of a log says of the worker, in the formats of three programs.
//!
//! Only what stands before the task's own output counts: the first line of this worker's logs, and of the others the
//! lines with the worker's own prefix until the task starts. What a script prints to look like that is ignored.

use serde::Serialize;

use super::info::{PREFIX, WorkerInfo};
use super::{docker_worker, generic_worker};

/// The most bytes of a log that can be its header.
pub const MAX_HEADER: usize = 1024 * 1024;

/// The program that wrote a log.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Producer {
    /// This worker.
    Catena,
    /// docker-worker.
    DockerWorker,
    /// generic-worker, also with a docker-worker payload (d2g).
    GenericWorker,
}

/// What a log says. Claims of whoever wrote the log: nothing in it is signed unless the log is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogHeader {
    /// Whose format it is.
    pub producer: Producer,
    /// The task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// Its run; only this worker says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<u32>,
    /// `<provisioner>/<worker type>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_queue_id: Option<String>,
    /// `workerGroup`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_group: Option<String>,
    /// `workerId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<String>,
    /// Version of the worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_version: Option<String>,
    /// The machine's type in its cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// Its public address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_ip: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// When the first line was written, as it stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// Caches that were mounted: name and path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caches: Vec<(String, String)>,
    /// The whole object of this worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<WorkerInfo>,
    /// The settings that generic-worker prints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<serde_json::Value>,
}

/// Why a log has no header.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The first line begins like a header of this worker and is none.
    #[error(
        "line 1 begins with \"[taskcluster:header]\", but no object of schema cot-log-header/1 follows"
    )]
    Malformed,
    /// Nobody's format.
    #[error(
        "expected the log of a worker: \"[taskcluster:header] {{…}}\" as first line, or lines that begin with \
         \"[taskcluster <time>]\""
    )]
    Unknown,
}

impl LogHeader {
    /// Reads the head of a log; of more than [`MAX_HEADER`] bytes the rest is not looked at.
    ///
    /// # Errors
    /// No worker writes logs like this.
    pub fn parse(log: &[u8]) -> Result<Self, HeaderError> {
        let head = log.get(..log.len().min(MAX_HEADER)).unwrap_or(log);
        let text = String::from_utf8_lossy(head);
        let first = text.lines().next().unwrap_or_default();
        if let Some(object) = first.strip_prefix(PREFIX) {
            let info = WorkerInfo::parse(object).ok_or(HeaderError::Malformed)?;
            return Ok(Self::of(info));
        }
        let lines = own_lines(&text);
        let (time, _) = lines.first().ok_or(HeaderError::Unknown)?;
        let time = (*time).to_owned();
        let lines: Vec<&str> = lines.into_iter().map(|(_, line)| line).collect();
        let mut header = match generic_worker::parse(&lines) {
            Some(header) => header,
            None => docker_worker::parse(&lines).ok_or(HeaderError::Unknown)?,
        };
        header.started_at = Some(time);
        Ok(header)
    }

    /// Returns an empty header.
    pub(super) const fn new(producer: Producer) -> Self {
        Self {
            producer,
            task_id: None,
            run_id: None,
            task_queue_id: None,
            worker_group: None,
            worker_id: None,
            worker_version: None,
            instance_type: None,
            public_ip: None,
            hostname: None,
            started_at: None,
            caches: Vec::new(),
            info: None,
            settings: None,
        }
    }

    fn of(info: WorkerInfo) -> Self {
        Self {
            task_id: Some(info.task_id.clone()),
            run_id: Some(info.run_id),
            task_queue_id: Some(info.task_queue_id.clone()),
            worker_group: Some(info.worker_group.clone()),
            worker_id: Some(info.worker_id.clone()),
            worker_version: Some(info.worker_version.clone()),
            started_at: Some(info.started_at.clone()),
            info: Some(info),
            ..Self::new(Producer::Catena)
        }
    }
}

/// Returns time and text of the lines that the worker itself wrote before the task started.
fn own_lines(text: &str) -> Vec<(&str, &str)> {
    let mut out = Vec::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            continue;
        }
        let Some((time, rest)) = line
            .strip_prefix("[taskcluster ")
            .and_then(|rest| rest.split_once(']'))
        else {
            break;
        };
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        if rest.trim() == "=== Task Starting ===" {
            break;
        }
        out.push((time, rest));
    }
    out
}
