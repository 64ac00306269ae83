// SPDX-License-Identifier: MPL-2.0
//! What holds where the file says nothing (worker.md 1).

use catena_core::policy::{Item, Key, Node};

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
