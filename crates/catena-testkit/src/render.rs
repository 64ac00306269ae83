// SPDX-License-Identifier: MPL-2.0
//! Renders a `.taskcluster.yml` as taskcluster-github, mozilla-taskcluster or the hooks service would.

use catena_core::{json, yaml};
use catena_jsone::{Context, Function, Limits, Template, Value as JsoneValue, to_json};
use serde_json::{Map, Value};

/// What a template saw when a parent was created.
#[derive(Clone, Debug)]
pub(crate) struct Rendering {
    pub(crate) tasks_for: &'static str,
    pub(crate) now: String,
    pub(crate) own: String,
    pub(crate) decision: String,
    pub(crate) context: Map<String, Value>,
}

impl Rendering {
    /// Returns the first task of a template, or nothing when it does not render to one.
    pub(crate) fn task(&self, text: &str) -> Option<Value> {
        let text = yaml::parse(text.as_bytes(), &yaml::Limits::default()).ok()?;
        let limits = Limits::default();
        let template = Template::parse(&text.root.to_value(), &limits).ok()?;
        let out = template.render(&self.context()?, &limits).ok()?;
        serde_json::from_str(&to_json(out.pointer("/tasks/0")?)).ok()
    }

    fn context(&self) -> Option<Context> {
        let (own, decision) = (self.own.clone(), self.decision.clone());
        let slug = Function::new("as_slugid", move |arguments| match arguments {
            [name] if name.as_str() == Some("decision") => Ok(decision.as_str().into()),
            _ => Ok(own.as_str().into()),
        });
        let base = Context::new(&self.now)
            .with("as_slugid", JsoneValue::Function(slug))
            .with("tasks_for", self.tasks_for.into())
            .with("ownTaskId", self.own.as_str().into())
            .with("taskId", JsoneValue::Null);
        let members = Value::Object(self.context.clone()).to_string();
        let members = json::parse(members.as_bytes(), json::Reading::Strict).ok()?;
        Some(base.with_all(members.as_object()?.clone()))
    }
}
