// SPDX-License-Identifier: MPL-2.0
//! Actions (legacy.md §4.4): the entry of the decision task's `actions.json` that made the task, and its template.
//!
//! # Security
//! Of an action of kind `task`, the template itself comes from that artifact, not from the tree: it is worth what the
//! decision task's document is worth. Such a chain has the class `legacy-action-task`.

use catena_jsone::{Map, Value};

use super::super::era::CotVersion;
use super::super::walk::Chain;
use super::{Parent, Plan, Stop, read_yaml, refused, render};
use crate::json::{self, Reading};
use crate::model::ids::ArtifactName;
use crate::model::shape::{Fields, Shape, describe};
use crate::rebuild;

/// What an entry of `actions.json` is rebuilt from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// The in-tree template, with action, push and repository as the entry has them.
    Copied,
    /// The in-tree template within bindings, rendered as the hook is.
    Hook,
    /// The entry's own template.
    Task,
}

impl Chain<'_> {
    /// Plans the rebuild of an action task.
    pub(super) fn action_plan(&mut self, parent: &Parent) -> Result<Plan, Stop> {
        let decision = parent.decision.id();
        let actions = self
            .signed_artifact(decision, ArtifactName::ACTIONS)
            .ok_or(Stop::Said(decision))?;
        let actions = json::parse(&actions, Reading::Strict).map_err(|error| {
            refused(
                format!("{} to be JSON", ArtifactName::ACTIONS),
                error.to_string(),
            )
        })?;
        let entries = Fields::of(&actions, "")?.list("actions")?;
        let entry = entry(parent, entries)?;
        let kind = kind(parent.version, entry)?;
        let context = self.action_context(parent)?;
        let plan = match kind {
            Kind::Task => {
                let task = entry.get("task").cloned().unwrap_or_default();
                Plan {
                    template: Value::from([("tasks", Value::from(vec![task]))]),
                    contexts: vec![context],
                    from_artifact: true,
                }
            }
            Kind::Copied => Plan {
                template: self.in_tree(&parent.place)?,
                contexts: vec![copied(parent, entry, context)?],
                from_artifact: entry.get("kind").and_then(Value::as_str) != Some("hook"),
            },
            Kind::Hook => {
                let in_tree = self.in_tree(&parent.place)?;
                let (template, context) = hook(parent, entry, &context, in_tree)?;
                Plan {
                    template,
                    contexts: vec![context],
                    from_artifact: false,
                }
            }
        };
        Ok(plan)
    }

    /// Returns the context of an action: what every event has, what the task says of the action, and the decision
    /// task's parameters. What the rules set is never taken from the task (S37).
    fn action_context(&mut self, parent: &Parent) -> Result<Map, Stop> {
        let mut context = self.base(parent)?;
        let extra = parent.own.extra()?;
        let stated = extra.object("action")?.object("context")?;
        for (name, value) in stated.members().filter(|(name, _)| !OURS.contains(name)) {
            context.insert(name.into(), value.clone());
        }
        let name = ArtifactName::PARAMETERS;
        let parameters = self
            .signed_artifact(parent.decision.id(), name)
            .ok_or(Stop::Said(parent.decision.id()))?;
        let parameters = read_yaml(&parameters, name)?.to_value();
        context.insert("parameters".into(), parameters);
        context.insert("task".into(), Value::Null);
        Ok(context)
    }
}

/// Finds the entry that made the task: by name up to version 3, by callback since; names were not unique.
fn entry<'a>(parent: &Parent, entries: &'a [Value]) -> Result<&'a Value, Stop> {
    let wanted = parent
        .own
        .env()?
        .optional_text("ACTION_CALLBACK")?
        .filter(|callback| !callback.is_empty());
    let by_callback =
        |entry: &&Value| wanted.is_some() && callback(entry).and_then(Value::as_str) == wanted;
    if parent.version <= CotVersion::V3 {
        let extra = parent.own.extra()?;
        let name = extra.object("action")?.text("name")?;
        let named: Vec<&Value> = entries
            .iter()
            .filter(|entry| entry.get("name").and_then(Value::as_str) == Some(name))
            .collect();
        let found = match named.as_slice() {
            [only] => Some(*only),
            several => several.iter().copied().find(|entry| by_callback(entry)),
        };
        return found.ok_or_else(|| {
            let found = format!(
                "{} with that name, none of them with the callback",
                named.len()
            );
            unfit(format!("one action named {name:.100?}"), found)
        });
    }
    let Some(name) = wanted else {
        return Err(unfit("ACTION_CALLBACK in payload.env", "nothing"));
    };
    for entry in entries {
        if !["hook", "task"].iter().any(|kind| is_kind(entry, kind)) {
            return Err(unfit(
                "actions of kind hook or task alone",
                format!("kind {}", describe(entry.get("kind"))),
            ));
        }
        if by_callback(&entry) {
            return Ok(entry);
        }
    }
    Err(unfit(
        format!("an action with the callback {name:.100?}"),
        "none",
    ))
}

/// Returns the name of an entry's callback.
fn callback(entry: &Value) -> Option<&Value> {
    let place = match is_kind(entry, "hook") {
        true => "/hookPayload/decision/action/cb_name",
        false => "/task/$let/action/cb_name",
    };
    entry.pointer(place)
}

fn is_kind(entry: &Value, kind: &str) -> bool {
    entry.get("kind").and_then(Value::as_str) == Some(kind)
}

/// Decides what an entry is rebuilt from. The original went by whether it has a `task`; here the kind must agree.
fn kind(version: CotVersion, entry: &Value) -> Result<Kind, Stop> {
    let has_task = entry.get("task").is_some();
    match (is_kind(entry, "hook"), has_task) {
        (true, false) if version >= CotVersion::V4 => Ok(Kind::Hook),
        (true, false) if version == CotVersion::V3 => Ok(Kind::Copied),
        (false, true) if is_kind(entry, "task") => Ok(Kind::Task),
        (false, false) if is_kind(entry, "task") && version >= CotVersion::V3 => Ok(Kind::Copied),
        _ => Err(unfit(
            format!("an action that version {} knows", version.number()),
            format!(
                "kind {}, {} a task",
                describe(entry.get("kind")),
                if has_task { "with" } else { "without" }
            ),
        )),
    }
}

/// Takes action, push and repository from the entry, and the repository scope from the task.
fn copied(parent: &Parent, entry: &Value, mut context: Map) -> Result<Map, Stop> {
    let payload = Fields::of(entry, "")?
        .object("hookPayload")?
        .object("decision")?;
    for key in ["push", "repository"] {
        let value = payload
            .get(key)
            .cloned()
            .unwrap_or_else(|| Map::new().into());
        context.insert(key.into(), value);
    }
    let mut action = match payload.get("action") {
        None => Map::new(),
        Some(Value::Object(action)) => action.clone(),
        other => return Err(Shape::new(payload.pointer("action"), "an object", other).into()),
    };
    action.insert("repo_scope".into(), repo_scope(parent)?);
    context.insert("action".into(), action.into());
    Ok(context)
}

/// Returns the one scope of the task that is its repository's for actions; null without one.
fn repo_scope(parent: &Parent) -> Result<Value, Stop> {
    let is_scope = |scope: &&str| {
        let parts: Vec<&str> = scope.split(':').collect();
        matches!(parts.as_slice(), ["assume", "repo", place, "action", name] if !place.is_empty() && !name.is_empty())
    };
    let scopes: Vec<&str> = parent.own.scopes()?.into_iter().filter(is_scope).collect();
    match scopes.as_slice() {
        [] => Ok(Value::Null),
        [only] => Ok((*only).into()),
        several => Err(refused(
            "one scope assume:repo:…:action:…",
            several.len().to_string(),
        )),
    }
}

/// Renders the hook's payload, and returns the in-tree template within the bindings of a hook with its context.
fn hook(
    parent: &Parent,
    entry: &Value,
    context: &Map,
    in_tree: Value,
) -> Result<(Value, Map), Stop> {
    let permission = rebuild::permission(entry)?;
    let mut names = Map::new();
    for name in ["now", "input", "parameters", "taskId"] {
        let value = context
            .get(name)
            .ok_or_else(|| Shape::new(format!("/extra/action/context/{name}"), "a value", None))?;
        names.insert(name.into(), value.clone());
    }
    let group = parent.decision.id();
    names.insert("taskGroupId".into(), group.as_str().into());
    let template = Fields::of(entry, "")?.required("hookPayload")?;
    let payload = render(template, &names, "the payload of a hook that renders")?;
    let mut names = Map::new();
    names.insert("payload".into(), payload);
    names.insert("taskId".into(), parent.own.id().as_str().into());
    for name in ["now", "as_slugid", "clientId"] {
        let value = context.get(name).cloned().unwrap_or_default();
        names.insert(name.into(), value);
    }
    let mut template = rebuild::wrap("action", &permission, in_tree);
    // newer than the era
    if let Value::Object(wrapped) = &mut template
        && let Some(Value::Object(bindings)) = wrapped.get_mut("$let")
        && let Some(Value::Object(action)) = bindings.get_mut("action")
    {
        action.shift_remove("action_perm");
    }
    Ok((template, names))
}

fn unfit(expected: impl Into<String>, found: impl Into<String>) -> Stop {
    Stop::Refused {
        id: "legacy-action",
        expected: expected.into(),
        found: found.into(),
    }
}

/// Names that the rules set.
const OURS: [&str; 10] = [
    "action",
    "as_slugid",
    "cron",
    "now",
    "ownTaskId",
    "parameters",
    "push",
    "repository",
    "task",
    "tasks_for",
];
