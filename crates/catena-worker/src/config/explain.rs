// SPDX-License-Identifier: MPL-2.0
//! What holds, and why: one line for every key, for `--check-config`. Secrets are masked.

use std::fmt::Write as _;

use catena_core::policy::{Item, KEYS, KeySpec, Node, mask_userinfo};

use super::{Env, WorkerConfig, defaults, read};

/// Returns a line for every effective value: key, value, and where it came from.
#[must_use]
pub fn explain(config: &WorkerConfig, env: Env<'_>) -> String {
    let mut out = String::new();
    for key in KEYS.iter().filter(|key| key.name != "x_cot") {
        let (value, from) = effective(config, key, env);
        // writing to a string cannot fail
        let _ = writeln!(out, "{} = {value}  # {from}", key.name);
    }
    for warning in &config.warnings {
        let _ = writeln!(out, "# warning: {warning}");
    }
    out
}

fn effective(config: &WorkerConfig, key: &KeySpec, env: Env<'_>) -> (String, String) {
    let set = |name| env(name).filter(|value| !value.is_empty());
    match key.name {
        "credentials" => {
            let client = &config.credentials.client_id;
            let value = format!("{{clientId: {client:?}, accessToken: (masked)}}");
            return (value, config.credentials_from.clone());
        }
        "github_oauth_token" => {
            let empty = config.policy.settings.github_token.is_empty();
            let (value, from) = if empty {
                ("\"\"", "default")
            } else {
                ("(masked)", "the file")
            };
            return (value.to_owned(), from.to_owned());
        }
        "taskcluster_root_url" if set("TASKCLUSTER_ROOT_URL").is_some() => {
            return (
                format!("{:?}", config.root_url),
                "TASKCLUSTER_ROOT_URL".to_owned(),
            );
        }
        "worker_id" if set("SCRIPTWORKER_WORKER_ID").is_some() => {
            let id = &config.identity.worker_id;
            return (format!("{id:?}"), "SCRIPTWORKER_WORKER_ID".to_owned());
        }
        _ => {}
    }
    if let Some(name) = key.name.strip_prefix("x_cot.") {
        let mut path = name.split('.');
        let first = path.next().and_then(|name| read::own(&config.policy, name));
        let node = path.try_fold(first, |node, name| Some(member(node?, name)));
        let default = || defaults::own(name, config).map(|item| Node { line: None, item });
        return match node.flatten() {
            Some(node) => (shown(node), place("the file", node)),
            None => match default() {
                Some(node) => (shown(&node), "default".to_owned()),
                None => ("(not set)".to_owned(), "default".to_owned()),
            },
        };
    }
    match config.policy.origin(key.name) {
        Some((node, file)) => {
            let value = path(config, key.name).unwrap_or_else(|| shown(node));
            (value, place(file, node))
        }
        None => match defaults::of(key.name) {
            Some(node) => (shown(&node), "default".to_owned()),
            None => ("(not set)".to_owned(), "default".to_owned()),
        },
    }
}

/// A directory as it is used: absolute.
fn path(config: &WorkerConfig, key: &str) -> Option<String> {
    let path = match key {
        "artifact_dir" => &config.directories.artifact,
        "log_dir" => &config.log.dir,
        "task_log_dir" => &config.directories.log,
        "work_dir" => &config.directories.work,
        _ => return None,
    };
    Some(format!("{:?}", path.display().to_string()))
}

fn member<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let Item::Map(members) = &node.item else {
        return None;
    };
    members
        .iter()
        .rfind(|(key, _)| key.text == name)
        .map(|(_, node)| node)
}

fn place(file: &str, node: &Node) -> String {
    match node.line {
        Some(line) => format!("{file}:{line}"),
        None => file.to_owned(),
    }
}

/// A value in one line.
fn shown(node: &Node) -> String {
    match &node.item {
        Item::Bool(flag) => flag.to_string(),
        Item::Float(number) => number.to_string(),
        Item::Int(number) => number.to_string(),
        Item::List(items) => {
            let items: Vec<_> = items.iter().map(shown).collect();
            format!("[{}]", items.join(", "))
        }
        Item::Map(members) => {
            let one = |(key, value): &(catena_core::policy::Key, Node)| {
                format!("{}: {}", key.text, shown(value))
            };
            let members: Vec<_> = members.iter().map(one).collect();
            format!("{{{}}}", members.join(", "))
        }
        Item::Null => "null".to_owned(),
        Item::Other(kind) => format!("({kind})"),
        Item::Str(text) => format!("{:?}", mask_userinfo(text)),
    }
}
