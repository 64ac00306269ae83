// SPDX-License-Identifier: MPL-2.0
//! Actions (V68): the entry of actions.json that made the task, and the template that it was made from.

use catena_jsone::Value;

use super::names::{Names, Origin};
use super::template::Rendering;
use super::{Artifacts, Parent, Stop};
use crate::checks::{action_callback, action_definition, action_group};
use crate::json::{self, Reading};
use crate::model::definition::Definition;
use crate::model::ids::{ArtifactName, TaskId};
use crate::model::shape::{Fields, Shape, describe};
use crate::policy::ProductType;
use crate::report::Asserter;
use crate::request::Request;

/// The template of an action's hook, which makes the `payload` that the in-tree template sees.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) rendering: Rendering,
    /// Where it stands in D's `actions.json`.
    pub(super) origin: Origin,
}

impl Parent<'_> {
    /// Renders the in-tree template for an action, wrapped into its bindings.
    pub(super) fn render_action(
        &self,
        event: &Names,
        in_tree: Value,
        artifacts: &Artifacts,
    ) -> Result<Rendering, Stop> {
        let request = self.artifact_request(ArtifactName::ACTIONS, artifacts)?;
        let (entry, place) = self.entry(&request, artifacts)?;
        let event = self.action_names(event, artifacts)?;
        let permission = permission(&entry).map_err(|shape| missing(&request, &shape))?;
        let hook = entry.get("hookPayload").cloned().unwrap_or_default();
        if event.values().get("input").is_none() {
            let shape = Shape::new("/extra/action/context/input", "a value", None);
            return Err(super::mistyped(self.own, &shape));
        }
        let mut names = Names::new(self.event());
        for name in ["now", "input", "parameters"] {
            names.copy(name, &event);
        }
        let group = self.decision.definition.id();
        let group_place = Origin::definition(self.own.id(), "/taskGroupId");
        names.set("taskGroupId", group.as_str(), group_place);
        names.copy("taskId", &event);
        let rendering = self.evaluate(&hook, names, &request)?;
        let origin = Origin::new(&request, format!("{place}/hookPayload"));
        let mut names = Names::new(self.event());
        names.set("payload", rendering.output.clone(), origin.clone());
        names.copy("now", &event);
        names.set("taskId", self.own.id().as_str(), self.queue());
        names.copy("as_slugid", &event);
        names.copy("clientId", &event);
        let template = wrap(self.tasks_for, &permission, in_tree);
        let mut whole = self.evaluate(&template, names, &self.template_request())?;
        whole.prefix = "/in";
        whole.hook = Some(Box::new(Hook { rendering, origin }));
        Ok(whole)
    }

    fn artifact_request(&self, name: &str, artifacts: &Artifacts) -> Result<Request, Stop> {
        let (Some(run), Ok(name)) = (artifacts.run, name.parse()) else {
            return Err(Stop::Blocked);
        };
        Ok(Request::Artifact {
            task: self.decision.definition.id(),
            run,
            name,
        })
    }

    /// Finds the first entry with the task's callback, and its place; it must be a hook (V68.1).
    fn entry(&self, request: &Request, artifacts: &Artifacts) -> Result<(Value, String), Stop> {
        let env = self.read(self.own, self.own.env())?;
        let callback = self.read(self.own, env.optional_text("ACTION_CALLBACK"))?;
        let Some(callback) = callback.filter(|callback| !callback.is_empty()) else {
            let finding = action_callback::META.reject("ACTION_CALLBACK in payload.env", "nothing");
            return Err(super::at_own(finding, self.own, "/payload/env").into());
        };
        let bytes = artifacts.actions.as_ref().ok_or(Stop::Blocked)?;
        let document = json::parse(bytes, Reading::Strict);
        let document = document.map_err(|error| super::missed(request, &error.into()))?;
        let actions = Fields::of(&document, "").and_then(|fields| fields.list("actions"));
        let actions = actions.map_err(|shape| missing(request, &shape))?;
        let named = |entry: &Value| {
            entry
                .pointer("/hookPayload/decision/action/cb_name")
                .and_then(Value::as_str)
                == Some(callback)
        };
        let refuse = |found: String| -> Stop {
            action_definition::META
                .reject(
                    format!("an action of kind hook with the callback {callback:.100?}"),
                    found,
                )
                .says(Asserter::SignedCot(self.decision.definition.id()))
                .at(request, "/actions")
                .into()
        };
        let (at, entry) = actions
            .iter()
            .enumerate()
            .find(|(_, entry)| named(entry))
            .ok_or_else(|| refuse("no such action".into()))?;
        match entry.get("kind").and_then(Value::as_str) {
            Some("hook") => Ok((entry.clone(), format!("/actions/{at}"))),
            _ => Err(refuse(format!("kind {}", describe(entry.get("kind"))))),
        }
    }

    /// Returns the event's names, with D's parameters for hg (V64).
    fn action_names(&self, event: &Names, artifacts: &Artifacts) -> Result<Names, Stop> {
        let mut names = event.clone();
        if self.product_type == ProductType::Hg {
            let request = self.artifact_request(ArtifactName::PARAMETERS, artifacts)?;
            let text = artifacts.parameters.as_ref().ok_or(Stop::Blocked)?;
            let parameters = self.yaml(&request, text)?;
            names.set("parameters", parameters, Origin::new(&request, ""));
            names.set_constant("task", Value::Null);
        }
        Ok(names)
    }

    /// Requires ACTION_TASK_GROUP_ID, rebuilt and at run time, to be the parent's or D's id; then the runtime's
    /// value stands for both (V69, S7).
    pub(super) fn settle_group(&self, tasks: &mut [Value]) -> Result<(), Stop> {
        settle_group(self.own, self.decision.definition.id(), tasks).map_err(|(expected, found)| {
            let finding = action_group::META.reject(expected, found);
            super::at_own(finding, self.own, GROUP).into()
        })
    }
}

/// Requires ACTION_TASK_GROUP_ID of the first rebuilt task and of the action to be the action's or D's id; then the
/// action's value stands for both (V69, S7).
///
/// # Errors
/// What was expected and found.
pub(crate) fn settle_group(
    own: &Definition,
    decision: TaskId,
    tasks: &mut [Value],
) -> Result<(), (String, String)> {
    let ids = [own.id(), decision];
    let allowed = |value: Option<&Value>| {
        value
            .and_then(Value::as_str)
            .is_some_and(|id| ids.iter().any(|known| known.as_str() == id))
    };
    let runtime = own.value().pointer(GROUP).cloned();
    let rebuilt = tasks.first().and_then(|task| task.pointer(GROUP));
    for (who, value) in [("rebuilt", rebuilt), ("at run time", runtime.as_ref())] {
        if !allowed(value) {
            let expected = format!("{} or {} {who}", ids[0], ids[1]);
            return Err((expected, describe(value)));
        }
    }
    let env = tasks
        .first_mut()
        .and_then(|task| member(task, "payload"))
        .and_then(|task| member(task, "env"));
    if let (Some(Value::Object(env)), Some(runtime)) = (env, runtime) {
        env.insert("ACTION_TASK_GROUP_ID".into(), runtime);
    }
    Ok(())
}

const GROUP: &str = "/payload/env/ACTION_TASK_GROUP_ID";

fn member<'v>(value: &'v mut Value, key: &str) -> Option<&'v mut Value> {
    match value {
        Value::Object(map) => map.get_mut(key),
        _ => None,
    }
}

fn missing(request: &Request, shape: &Shape) -> Stop {
    super::missed(request, &shape.clone().into())
}

/// Returns the action's permission (V68.3).
pub(crate) fn permission(entry: &Value) -> Result<String, Shape> {
    let fields = Fields::of(entry, "")?;
    let stated = match fields.get("extra") {
        Some(extra) if extra.get("actionPerm").is_some() => extra.get("actionPerm"),
        _ => fields.get("actionPerm"),
    };
    match stated {
        Some(Value::String(permission)) => Ok(permission.to_string()),
        None | Some(Value::Null) => {
            let hook = fields.optional_text("hookId")?;
            if hook.is_none_or(|hook| hook.contains("generic/")) {
                return Ok("generic".to_owned());
            }
            let payload = fields.object("hookPayload")?.object("decision")?;
            Ok(payload.object("action")?.text("cb_name")?.to_owned())
        }
        Some(other) => Err(Shape::new("/extra/actionPerm", "a string", Some(other))),
    }
}

/// Wraps the in-tree template into the bindings of an action (V68.6).
pub(crate) fn wrap(tasks_for: &str, permission: &str, in_tree: Value) -> Value {
    let eval = |expression: &str| Value::from([("$eval", expression.into())]);
    let of_action = |name: &str| Value::from(format!("${{payload.decision.action.{name}}}"));
    let scope =
        format!("assume:repo:${{payload.decision.repository.url[8:]}}:{tasks_for}:{permission}");
    let action = Value::from([
        ("name", of_action("name")),
        ("title", of_action("title")),
        ("description", of_action("description")),
        ("taskGroupId", of_action("taskGroupId")),
        ("symbol", of_action("symbol")),
        ("cb_name", of_action("cb_name")),
        ("repo_scope", scope.into()),
        ("action_perm", permission.into()),
    ]);
    let bindings = Value::from([
        ("tasks_for", tasks_for.into()),
        ("action", action),
        ("push", eval("payload.decision.push")),
        ("repository", eval("payload.decision.repository")),
        ("input", eval("payload.user.input")),
        ("taskId", eval("payload.user.taskId")),
        ("taskGroupId", eval("payload.user.taskGroupId")),
        ("parameters", eval("payload.decision['parameters']")),
        ("ownTaskId", eval("taskId")),
    ]);
    Value::from([("$let", bindings), ("in", in_tree)])
}
