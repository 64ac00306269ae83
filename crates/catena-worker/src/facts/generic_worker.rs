// SPDX-License-Identifier: MPL-2.0
//! The text of generic-worker: its settings as an indented object, then the task's id.

use serde_json::Value;

use super::header::{LogHeader, Producer};

/// Reads the lines that generic-worker wrote before the task; `None` if they are not its own.
pub(super) fn parse(lines: &[&str]) -> Option<LogHeader> {
    let (at, queue) = lines.iter().enumerate().find_map(|(at, line)| {
        let queue = line
            .trim()
            .strip_prefix("Worker Type (")?
            .strip_suffix(") settings:")?;
        Some((at, queue))
    })?;
    let rest = lines.get(at + 1..).unwrap_or_default();
    let end = rest
        .iter()
        .position(|line| line.trim_end() == "  }" || line.trim_end() == "}");
    let object = end
        .and_then(|end| rest.get(..=end))
        .map(|lines| lines.join("\n"));
    let settings: Option<Value> = object.and_then(|text| serde_json::from_str(&text).ok());
    let after = end.and_then(|end| rest.get(end + 1..)).unwrap_or(rest);
    let task = after.iter().find_map(|line| line.strip_prefix("Task ID:"));
    let setting = |path: &str| {
        let value = settings.as_ref()?.pointer(path)?;
        value.as_str().map(str::to_owned)
    };
    let metadata =
        |name: &str| setting(&format!("/config/{name}")).or_else(|| setting(&format!("/{name}")));
    Some(LogHeader {
        task_id: task
            .map(|task| task.trim().to_owned())
            .filter(|task| !task.is_empty()),
        task_queue_id: Some(queue.to_owned()),
        worker_group: metadata("workerGroup"),
        worker_id: metadata("workerId"),
        worker_version: setting("/generic-worker/version")
            .or_else(|| setting("/config/generic-worker/version")),
        instance_type: metadata("instanceType").or_else(|| metadata("instance-type")),
        public_ip: metadata("publicIP").or_else(|| metadata("public-ipv4")),
        hostname: metadata("hostname").or_else(|| metadata("local-hostname")),
        settings,
        ..LogHeader::new(Producer::GenericWorker)
    })
}
