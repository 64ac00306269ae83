// SPDX-License-Identifier: MPL-2.0
//! The free text of docker-worker: `Name: value`, one to a line.

use super::header::{LogHeader, Producer};

/// Reads the lines that docker-worker wrote before the task; `None` if they are not its own.
///
/// The first line of a name counts.
pub(super) fn parse(lines: &[&str]) -> Option<LogHeader> {
    let value = |name: &str| {
        let found = lines
            .iter()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        found
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    };
    Some(LogHeader {
        task_id: Some(value("Task ID")?),
        worker_id: value("Worker ID"),
        worker_group: value("Worker Group"),
        instance_type: value("Worker Node Type"),
        task_queue_id: value("Worker Pool"),
        worker_version: value("Worker Version"),
        public_ip: value("Public IP"),
        hostname: value("Hostname"),
        caches: lines.iter().filter_map(|line| cache(line)).collect(),
        ..LogHeader::new(Producer::DockerWorker)
    })
}

/// Reads `using cache "name" -> path`.
fn cache(line: &str) -> Option<(String, String)> {
    let (name, path) = line.strip_prefix("using cache \"")?.split_once("\" -> ")?;
    Some((name.to_owned(), path.trim().to_owned()))
}
