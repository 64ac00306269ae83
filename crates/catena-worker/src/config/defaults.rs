// SPDX-License-Identifier: MPL-2.0
//! What holds where the file says nothing (worker.md 1).

use std::time::Duration;

use catena_core::policy::{Item, Key, Node};

use super::WorkerConfig;
use super::sharing::MOST;

/// Returns the default of a key that only the worker reads; `None` for those that must be given.
pub(super) fn of(key: &str) -> Option<Node> {
    let text = |text: &str| Item::Str(text.to_owned());
    let item = match key {
        "provisioner_id" => text("test-dummy-provisioner"),
        "worker_group" => text("test-dummy-workers"),
        "worker_type" => text("dummy-worker-myname"),
        "worker_id" => text("dummy-worker-myname1"),
        "log_datefmt" => text("%Y-%m-%dT%H:%M:%S"),
        "log_fmt" => text("%(asctime)s %(levelname)8s - %(message)s"),
        "verbose" | "sign_chain_of_trust" => Item::Bool(true),
        "watch_log_file" | "verify_chain_of_trust" => Item::Bool(false),
        "log_max_bytes" => Item::Int(0),
        "log_max_backups" | "poll_interval" => Item::Int(10),
        "task_max_timeout" | "artifact_upload_timeout" => Item::Int(1200),
        "task_max_timeout_status" => Item::Int(1),
        "reclaim_interval" => Item::Int(300),
        "invalid_reclaim_status" => Item::Int(7),
        "cot_job_type" => text("unknown"),
        "chain_of_trust_hash_algorithm" => text("sha256"),
        "task_script" => list(&["bash", "-c", "echo foo && sleep 19 && exit 1"]),
        "reversed_statuses" => statuses(),
        _ => return None,
    };
    Some(node(item))
}

/// Returns what a member of `x_cot` is where the file does not say; `None` for those that then do not exist.
pub(super) fn own(name: &str, config: &WorkerConfig) -> Option<Item> {
    let retry = config.policy.settings.retry;
    let seconds = |time: Duration| Item::Float(time.as_secs_f64());
    Some(match name {
        "artifact_hosts" | "denied_features" | "strip_env" => Item::List(Vec::new()),
        "artifact_storage" => Item::Str("s3".to_owned()),
        "attestation" => Item::Str("off".to_owned()),
        "cache_size" => Item::Int(i64::try_from(MOST).unwrap_or(i64::MAX)),
        "capacity" => Item::Int(1),
        "compare_recorded_task" | "run_pinning" => Item::Str("enforce".to_owned()),
        "cot_environment" => Item::Str("full".to_owned()),
        "endpoints" | "protected_branches" | "relax" | "vcs_hosts" => Item::Map(Vec::new()),
        "full_cot" => Item::Bool(true),
        "image_builder_keys" => Item::Str("shared".to_owned()),
        "key_source" => Item::Str("static".to_owned()),
        "retry" => {
            let parts = ["attempts", "base", "cap", "deadline"];
            let member = |part: &str| {
                let key = Key {
                    text: part.to_owned(),
                    line: None,
                    is_string: true,
                };
                Some((key, node(own(&format!("retry.{part}"), config)?)))
            };
            Item::Map(parts.into_iter().filter_map(member).collect())
        }
        "retry.attempts" => Item::Int(retry.attempts.into()),
        "retry.base" => seconds(retry.base),
        "retry.cap" => seconds(retry.cap),
        "retry.deadline" => seconds(retry.deadline),
        "verified_files" => Item::Str("read-only".to_owned()),
        "undetermined" => Item::Str("resource-unavailable".to_owned()),
        _ => return None,
    })
}

/// 256 - 11 and 256 - 15: a wrapper whose child died of SIGSEGV or SIGTERM.
fn statuses() -> Item {
    let one = |status: &str| {
        let key = Key {
            text: status.to_owned(),
            line: None,
            is_string: false,
        };
        (key, node(Item::Str("intermittent-task".to_owned())))
    };
    Item::Map(vec![one("245"), one("241")])
}

fn list(items: &[&str]) -> Item {
    let items = items.iter().map(|item| node(Item::Str((*item).to_owned())));
    Item::List(items.collect())
}

const fn node(item: Item) -> Node {
    Node { line: None, item }
}
