// SPDX-License-Identifier: MPL-2.0
//! Renders a `.taskcluster.yml` as taskcluster-github, mozilla-taskcluster or the hooks service would.

use serde_json::{Map, Value, json};

use crate::chain::must;

pub(crate) struct Render<'a> {
    pub(crate) text: &'a str,
    pub(crate) tasks_for: &'a str,
    pub(crate) now: &'a str,
    pub(crate) own: &'a str,
    pub(crate) decision: &'a str,
}

impl Render<'_> {
    /// Returns the first task of the template.
    pub(crate) fn task(&self, mut context: Map<String, Value>) -> Value {
        context.insert("tasks_for".to_owned(), self.tasks_for.into());
        context.insert("ownTaskId".to_owned(), self.own.into());
        context.insert("decision_id".to_owned(), self.decision.into());
        context.entry("taskId").or_insert(Value::Null);
        // the published engine knows no functions in a context, and takes `now` from the clock
        let text = self.text.replace("as_slugid(\"decision\")", "decision_id");
        let template: Value = must(serde_saphyr::from_str(&text).ok(), "template in YAML");
        let template = json!({"$let": {"now": self.now}, "in": template});
        let out = must(
            json_e::render(&template, &Value::Object(context)).ok(),
            "template that renders",
        );
        must(out.pointer("/tasks/0").cloned(), "task in the template")
    }
}
