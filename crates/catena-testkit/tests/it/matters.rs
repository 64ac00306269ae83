// SPDX-License-Identifier: MPL-2.0
//! Which changes matter (P25), told without the verifier: a change matters when a rule reads what it changed.
//! For templates that is what they render to; for host answers a list of members; for the rest everything.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use catena_core::request::Request;
use catena_core::yaml;
use catena_testkit::Chain;
use serde_json::{Value, json};

/// Returns whether the change of a document to `after` may not be trusted.
pub(crate) fn matters(chain: &Chain, request: &Request, after: &[u8]) -> bool {
    let before = chain.bytes(request);
    let extract: &dyn Fn(&[u8]) -> Option<Value> = match request {
        Request::Definition { task } => {
            &|bytes| definition(bytes, *task == chain.root && !has_cot(chain))
        }
        // a root that has not run, or not yet, is verified without its own document (P12)
        Request::Status { task } if *task == chain.root && unfinished(after) => return false,
        Request::Status { .. } => &|bytes| last_run(&parse(bytes)?),
        Request::Template { .. } => &|bytes| template(chain, request, bytes),
        Request::Projects => &|bytes| projects(chain, bytes),
        Request::Pushlog { repo, revision } => &|bytes| {
            pushlog(
                &parse(bytes)?,
                by_push(chain, repo.to_string().as_str()),
                revision.as_str(),
            )
        },
        Request::Commit { .. } => &|bytes| pusher(&parse(bytes)?),
        Request::Landed { .. } => &|bytes| members(bytes, &["/ahead_by", "/merge_base_commit/sha"]),
        Request::Release { .. } => &|bytes| {
            members(
                bytes,
                &["/target_commitish", "/published_at", "/author/login"],
            )
        },
        Request::TagRef { .. } => &|bytes| members(bytes, &["/object/sha", "/object/type"]),
        Request::PullRequest { .. } => &|bytes| members(bytes, PULL_REQUEST),
        Request::Repository { .. }
            if chain
                .bytes(request)
                .windows(12)
                .any(|text| text == b"\"fork\": true") =>
        {
            &|bytes| members(bytes, &["/fork", "/parent/owner/login", "/parent/name"])
        }
        Request::ArtifactList { .. } | Request::Repository { .. } => {
            &|bytes| parse(bytes).map(|_| Value::Null)
        }
        // signed or hashed
        _ => return true,
    };
    let expected = extract(before);
    assert!(expected.is_some(), "{request}");
    extract(after) != expected
}

/// Returns whether a definition that the queue had from the start, and the worker recorded, may not be trusted.
pub(crate) fn as_created(chain: &Chain, request: &Request, after: &[u8]) -> bool {
    let Request::Definition { task } = request else {
        return false;
    };
    let named = chain.tasks.iter().find(|(_, known)| known.id == *task);
    let is_parent = named.is_some_and(|(name, _)| is_parent(name));
    let read = |bytes: &[u8]| {
        if is_parent {
            let mut value = parse(bytes)?;
            forget_self_asserted(&mut value);
            return Some(normalise(value, task.as_str()));
        }
        definition(bytes, true)
    };
    let (before, after) = (read(chain.bytes(request)), read(after));
    let (Some(mut before), Some(mut after)) = (before, after) else {
        return true;
    };
    if !is_parent && fewer(&before, &after) {
        // V55.1
        before["dependencies"] = Value::Null;
        after["dependencies"] = Value::Null;
    }
    before != after
}

/// What the queue fills in when the graph leaves it out (S6, P16).
fn planned(mut task: Value) -> Value {
    let pool = format!(
        "{}/{}",
        text(&task["provisionerId"]),
        text(&task["workerType"])
    );
    if let Some(members) = task.as_object_mut() {
        for (key, value) in [
            ("retries", json!(5)),
            ("requires", json!("all-completed")),
            ("routes", json!([])),
            ("tags", json!({})),
            ("taskQueueId", json!(pool)),
        ] {
            members.entry(key).or_insert(value);
        }
    }
    task
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Whether all dependencies are among the old ones or the group.
fn fewer(before: &Value, after: &Value) -> bool {
    let known = before["dependencies"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let now = after["dependencies"].as_array();
    now.is_some_and(|now| {
        now.iter()
            .all(|id| known.contains(id) || *id == after["taskGroupId"])
    })
}

/// What only the parent itself asserts, and a template may copy (S36).
fn forget_self_asserted(task: &mut Value) {
    if let Some(env) = task
        .pointer_mut("/payload/env")
        .and_then(Value::as_object_mut)
    {
        env.retain(|key, _| {
            !["_BASE_REV", "_BASE_REF", "_PUSH_DATE_TIME"]
                .iter()
                .any(|end| key.ends_with(end))
        });
    }
    for place in ["/extra/action/context", "/extra/cron"] {
        if let Some(value) = task.pointer_mut(place) {
            *value = Value::Null;
        }
    }
}

fn is_parent(name: &str) -> bool {
    name.ends_with("decision") || name == "action"
}

/// Returns whether a document that its worker signed may not be trusted.
pub(crate) fn as_signed(chain: &Chain, request: &Request, after: &[u8]) -> bool {
    let read: &dyn Fn(&[u8]) -> Option<Value> = match request {
        Request::CotBody { task, .. } => &|bytes| signed(chain, task.as_str(), bytes),
        Request::TaskGraph { task, .. } => &|bytes| entries(chain, task.as_str(), bytes),
        // what a worker made and signed is what it made
        _ => return false,
    };
    read(chain.bytes(request)) != read(after)
}

/// What rules read of a signed document (V5, V43, V76, P10, P13, S9).
fn signed(chain: &Chain, task: &str, bytes: &[u8]) -> Option<Value> {
    let value = parse(bytes)?;
    let named = chain
        .tasks
        .iter()
        .find(|(_, known)| known.id.as_str() == task)?;
    let root = chain.json(&chain.definition("root"));
    let mut used: Vec<String> = Vec::new();
    for entry in root["payload"]["upstreamArtifacts"]
        .as_array()
        .into_iter()
        .flatten()
    {
        if entry["taskId"] == task && entry.get("optional").is_none() {
            used.extend(
                entry["paths"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|path| text(path).to_owned()),
            );
        }
    }
    if is_parent(named.0) {
        used.push("public/task-graph.json".to_owned());
    }
    if named.0.ends_with("decision") {
        used.extend(["public/actions.json", "public/parameters.yml"].map(str::to_owned));
    }
    if named.0.starts_with("image-") && !is_parent(named.0) && chain.tasks.contains_key("build-0") {
        used.push("public/image.tar.zst".to_owned());
    }
    let used: Vec<_> = used
        .iter()
        .map(|name| value["artifacts"][name].clone())
        .collect();
    let image = if value["task"]["payload"]["image"]["type"] == "task-image" {
        value["environment"]["imageArtifactHash"].clone()
    } else {
        Value::Null
    };
    let record = definition(value["task"].to_string().as_bytes(), false)?;
    let mut record = record;
    let queue = chain.json(&chain.definition(named.0));
    for key in ["expires", "projectId", "taskQueueId"] {
        // old recordings lack them (generation.md 3.4)
        if record.get(key).is_none() {
            record[key] = definition(queue.to_string().as_bytes(), false)?[key].clone();
        }
    }
    let objects = [
        value["artifacts"].is_object(),
        value["environment"].is_object(),
    ];
    Some(json!([
        value["chainOfTrustVersion"],
        value["taskId"],
        value["runId"],
        used,
        image,
        record,
        objects
    ]))
}

/// What rules read of a task graph: the entries of the chain's own tasks (V55, V56, S6).
fn entries(chain: &Chain, parent: &str, bytes: &[u8]) -> Option<Value> {
    let graph = parse(bytes)?;
    graph.as_object()?;
    let own = chain
        .tasks
        .iter()
        .filter(|(name, task)| !is_parent(name) && task.parent.as_str() == parent);
    let mut out = Vec::new();
    for (_, task) in own {
        let mut entry = graph.get(task.id.as_str())?.get("task")?.clone();
        let members = entry.as_object_mut()?;
        for key in [
            "created",
            "deadline",
            "expires",
            "projectId",
            "schedulerId",
            "priority",
            "dependencies",
        ] {
            members.remove(key);
        }
        let mut entry = planned(entry);
        unspaced(&mut entry);
        out.push(entry);
    }
    Some(out.into())
}

/// Takes blanks out of relative dates, where they mean nothing (V56).
fn unspaced(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(text) if key == "relative-datestamp" => text.retain(|c| c != ' '),
                    other => unspaced(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(unspaced),
        _ => {}
    }
}

/// What the template reads of a pull request.
const PULL_REQUEST: &[&str] = &[
    "/number",
    "/user/login",
    "/base/ref",
    "/base/repo/html_url",
    "/base/repo/name",
    "/base/repo/full_name",
    "/head/ref",
    "/head/repo/html_url",
];

fn parse(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok()
}

/// The values of members; a missing one differs from any other.
fn members(bytes: &[u8], pointers: &[&str]) -> Option<Value> {
    let value = parse(bytes)?;
    Some(
        pointers
            .iter()
            .map(|pointer| {
                value
                    .pointer(pointer)
                    .map_or(json!({"missing": true}), Clone::clone)
            })
            .collect(),
    )
}

fn has_cot(chain: &Chain) -> bool {
    chain.documents.contains_key(&chain.cot("root"))
}

/// All but `priority` (P3). Times count as instants (generation.md 3.4). Without a signed record only the graph
/// speaks for a task, and it says nothing about some members (V55).
fn definition(bytes: &[u8], only_graph: bool) -> Option<Value> {
    let mut value = parse(bytes)?;
    let object = value.as_object_mut()?;
    object.remove("priority");
    for key in ["created", "deadline", "expires"] {
        if let Some(time) = object
            .get(key)
            .and_then(Value::as_str)
            .and_then(|time| time.parse::<jiff::Timestamp>().ok())
        {
            object.insert(key.to_owned(), time.to_string().into());
        }
    }
    if only_graph {
        for key in ["created", "deadline", "expires", "projectId", "schedulerId"] {
            object.remove(key);
        }
        return Some(planned(value));
    }
    Some(value)
}

/// Whether the queue says that nobody has finished the task.
fn unfinished(status: &[u8]) -> bool {
    let value = parse(status).unwrap_or_default();
    let runs = value.pointer("/status/runs").and_then(Value::as_array);
    let state = runs.map(|runs| {
        runs.last()
            .map_or("unscheduled", |last| text(&last["state"]))
    });
    matches!(state, Some("pending" | "running" | "unscheduled"))
}

/// The last run pins what is fetched (P10).
fn last_run(value: &Value) -> Option<Value> {
    let runs = value.pointer("/status/runs")?.as_array()?;
    let last = runs.last()?;
    Some(json!([runs.len(), last["runId"], last["state"]]))
}

/// Who pushed: the committer, or for commits made in the web interface the author (V65).
fn pusher(commit: &Value) -> Option<Value> {
    let login = |role: &str| Some(&commit[role]["login"]).filter(|login| !login.is_null());
    let committer = login("committer").filter(|login| *login != "web-flow");
    committer.or_else(|| login("author")).cloned()
}

/// What a push contributes to the context (V62, V63), and that it names the revision (P15).
fn pushlog(value: &Value, by_push: bool, revision: &str) -> Option<Value> {
    let pushes = value["pushes"].as_object()?;
    let (id, push) = pushes.iter().next()?;
    let changesets = push["changesets"].as_array()?;
    let named = changesets
        .iter()
        .any(|changeset| changeset["node"] == revision);
    let base = changesets.first()?["parents"].as_array()?.first()?;
    let user = if by_push {
        push["user"].clone()
    } else {
        Value::Null
    };
    Some(json!([pushes.len(), id, push["date"], user, base, named]))
}

/// Whether the pusher's name gets into a task: not for schedules.
fn by_push(chain: &Chain, repo: &str) -> bool {
    parents(chain, repo)
        .iter()
        .any(|(_, definition)| definition["extra"]["tasks_for"] == "hg-push")
}

/// The parents that a text occurs in: a repository or a revision.
fn parents(chain: &Chain, text: &str) -> Vec<(String, Value)> {
    chain
        .tasks
        .keys()
        .filter(|name| name.ends_with("decision") || *name == "action")
        .map(|name| (name.clone(), chain.json(&chain.definition(name))))
        .filter(|(_, definition)| {
            definition["payload"]["env"]
                .as_object()
                .is_some_and(|env| env.values().any(|v| v == text))
        })
        .collect()
}

/// What a template renders to for each parent that is made from it.
fn template(chain: &Chain, request: &Request, bytes: &[u8]) -> Option<Value> {
    let Request::Template { repo, revision } = request else {
        return None;
    };
    let text = if repo.to_string().starts_with("https://github.com/") {
        let answer = parse(bytes)?;
        let content = answer["content"].as_str()?.replace('\n', "");
        let lenient = GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent);
        GeneralPurpose::new(&STANDARD, lenient)
            .decode(content)
            .ok()?
    } else {
        bytes.to_vec()
    };
    let text = String::from_utf8(text).ok()?;
    parents(chain, revision.as_str())
        .iter()
        .map(|(name, _)| {
            Some(normalise(
                chain.rendered(name, &text)?,
                chain.task(name).id.as_str(),
            ))
        })
        .collect()
}

/// What a rebuild compares: with the queue's defaults, without what is pruned (V69b) or ignored (P3).
fn normalise(mut task: Value, own: &str) -> Value {
    prune(&mut task);
    if let Some(object) = task.as_object_mut() {
        object.remove("taskId");
        object.remove("priority");
        for (key, value) in [
            ("projectId", "none".into()),
            ("requires", "all-completed".into()),
            ("retries", json!(5)),
            ("schedulerId", "-".into()),
            ("taskGroupId", own.into()),
        ] {
            object.entry(key).or_insert(value);
        }
    }
    task
}

fn prune(value: &mut Value) {
    let empty = |value: &Value| {
        value.is_null()
            || *value == "null"
            || value.as_object().is_some_and(serde_json::Map::is_empty)
            || value.as_array().is_some_and(Vec::is_empty)
    };
    match value {
        Value::Object(object) => {
            object.retain(|_, member| !empty(member));
            object.values_mut().for_each(prune);
        }
        Value::Array(items) => {
            items.retain(|item| !empty(item));
            items.iter_mut().for_each(prune);
        }
        _ => {}
    }
}

/// Project and level of the repositories that the chain's parents are of (V91, V92).
fn projects(chain: &Chain, bytes: &[u8]) -> Option<Value> {
    let parsed = yaml::parse(bytes, &yaml::Limits::default()).ok()?;
    let entries = parsed.root.as_map()?;
    let of = |url: &str| {
        let (name, entry) = entries.iter().find(|(_, entry)| {
            let repo = entry.get("repo").and_then(yaml::Node::as_str);
            repo.is_some_and(|repo| url == repo || url.starts_with(&format!("{repo}/")))
        })?;
        let branch = entry
            .get("default_branch")
            .and_then(yaml::Node::as_str)
            .unwrap_or("main");
        let branches = entry
            .get("branches")
            .and_then(yaml::Node::as_seq)
            .unwrap_or_default();
        let level = match entry.get("repo_type")?.as_str()? {
            "hg" => entry.get("access")?.as_str()?.replace("scm_level_", ""),
            "git" => {
                let standard = branches
                    .iter()
                    .find(|b| b.get("name").and_then(yaml::Node::as_str) == Some(branch))?;
                format!("{:?}", standard.get("level")?)
            }
            _ => return None,
        };
        Some(json!([name.as_str(), level]))
    };
    let repos = chain.tasks.values().filter_map(|task| {
        let definition = chain.json(&Request::Definition { task: task.id });
        let env = definition["payload"]["env"].as_object()?;
        let (_, url) = env
            .iter()
            .find(|(key, _)| key.ends_with("_HEAD_REPOSITORY"))?;
        definition["extra"]["tasks_for"]
            .is_string()
            .then(|| url.as_str().map(str::to_owned))?
    });
    Some(
        repos
            .map(|url| of(&url))
            .collect::<Option<Vec<_>>>()?
            .into(),
    )
}
