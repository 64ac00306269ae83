// SPDX-License-Identifier: MPL-2.0
//! Plans tasks as a decision task does: a JSON-e template of the repository becomes `task-graph.json`, and the tasks are
//! created through the proxy. A very small taskgraph, for a very small repository.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use catena_core::model::ids::TaskId;
use catena_core::yaml;
use catena_jsone::value::Function;
use catena_jsone::{Context, Limits, Template, Value as JsoneValue, to_json};
use serde_json::{Map, Value, json};

use super::DemoError;
use crate::client::Client;
use crate::slug::slug;

/// What the template sees, and what the files say.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of the template")]
pub struct Plan {
    pub decision: TaskId,
    pub repository: String,
    pub revision: String,
    pub reference: String,
    pub owner: String,
    /// The time that dates count from.
    pub now: String,
}

/// A planned task.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Its id.
    pub id: TaskId,
    /// `metadata.name`.
    pub label: String,
    /// Its definition.
    pub definition: Value,
}

impl Plan {
    /// Renders the template: a list of definitions, each with a label as `metadata.name`, dependencies first. A task's id is
    /// `as_slugid` of its label.
    ///
    /// # Errors
    /// What is wrong with the template.
    pub fn tasks(&self, template: &[u8]) -> Result<Vec<Planned>, DemoError> {
        let wrong = |why: String| DemoError::Template(why);
        let parsed = yaml::parse(template, &yaml::Limits::default());
        let parsed = parsed.map_err(|why| wrong(format!("{why:?}")))?;
        let limits = Limits::default();
        let template = Template::parse(&parsed.root.to_value(), &limits);
        let template = template.map_err(|why| wrong(why.to_string()))?;
        let ids: Arc<Mutex<BTreeMap<String, TaskId>>> = Arc::default();
        let rendered = template.render(&self.context(&ids), &limits);
        let rendered = rendered.map_err(|why| wrong(why.to_string()))?;
        let tasks: Vec<Value> =
            serde_json::from_str(&to_json(&rendered)).map_err(|why| wrong(why.to_string()))?;
        tasks
            .into_iter()
            .map(|definition| {
                let label = definition.pointer("/metadata/name").and_then(Value::as_str);
                let label =
                    label.ok_or_else(|| wrong("a task without metadata.name".to_owned()))?;
                Ok(Planned {
                    id: id_of(&ids, label)?,
                    label: label.to_owned(),
                    definition,
                })
            })
            .collect()
    }

    fn context(&self, ids: &Arc<Mutex<BTreeMap<String, TaskId>>>) -> Context {
        let ids = Arc::clone(ids);
        let slug = Function::new("as_slugid", move |arguments| match arguments {
            [JsoneValue::String(label)] => id_of(&ids, label)
                .map(|id| id.as_str().into())
                .map_err(|why| why.to_string()),
            _ => Err("as_slugid takes one argument, a label".to_owned()),
        });
        Context::new(&self.now)
            .with("as_slugid", JsoneValue::Function(slug))
            .with("decision", self.decision.as_str().into())
            .with("repository", self.repository.as_str().into())
            .with("revision", self.revision.as_str().into())
            .with("ref", self.reference.as_str().into())
            .with("owner", self.owner.as_str().into())
    }

    /// Writes what a decision task leaves: task-graph.json, actions.json, parameters.yml and label-to-taskid.json.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, tasks: &[Planned], dir: &Path) -> Result<(), DemoError> {
        fs::create_dir_all(dir).map_err(DemoError::io("no directory for artifacts"))?;
        let write = |name: &str, text: String| {
            fs::write(dir.join(name), text).map_err(DemoError::io("an artifact cannot be written"))
        };
        let pretty = |value: &Value| format!("{value:#}\n");
        let graph: Map<String, Value> = tasks
            .iter()
            .map(|task| (task.id.as_str().to_owned(), entry(task, tasks)))
            .collect();
        write("task-graph.json", pretty(&Value::Object(graph)))?;
        let labels: Map<String, Value> = tasks
            .iter()
            .map(|task| (task.label.clone(), task.id.as_str().into()))
            .collect();
        write("label-to-taskid.json", pretty(&Value::Object(labels)))?;
        write(
            "actions.json",
            pretty(&json!({"version": 1, "variables": {}, "actions": []})),
        )?;
        let parameters = [
            ("head_ref", &self.reference),
            ("head_repository", &self.repository),
            ("head_rev", &self.revision),
            ("owner", &self.owner),
        ];
        let lines = parameters
            .iter()
            .map(|(name, value)| format!("{name}: {}\n", json!(value)));
        write("parameters.yml", lines.collect())
    }

    /// Creates the tasks in order.
    ///
    /// # Errors
    /// The queue refuses one.
    pub async fn create(&self, tasks: &[Planned], client: &Client) -> Result<(), DemoError> {
        for task in tasks {
            client.create_task(task.id, &task.definition).await?;
        }
        Ok(())
    }
}

fn id_of(ids: &Mutex<BTreeMap<String, TaskId>>, label: &str) -> Result<TaskId, DemoError> {
    let mut ids = ids.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(id) = ids.get(label) {
        return Ok(*id);
    }
    let text = slug().map_err(DemoError::random)?;
    let id = text
        .parse()
        .map_err(|_| DemoError::Setup(format!("{text} is no task id")))?;
    ids.insert(label.to_owned(), id);
    Ok(id)
}

/// A task's entry in the graph, as taskgraph writes it: dependencies by label of those that are in the graph.
fn entry(task: &Planned, all: &[Planned]) -> Value {
    let is_needed = |other: &&Planned| {
        let ids = task
            .definition
            .get("dependencies")
            .and_then(Value::as_array);
        ids.is_some_and(|ids| ids.iter().any(|id| id == other.id.as_str()))
    };
    let dependencies: Map<String, Value> = all
        .iter()
        .filter(is_needed)
        .map(|other| (other.label.clone(), other.id.as_str().into()))
        .collect();
    json!({
        "attributes": {"kind": task.definition.pointer("/tags/kind")},
        "dependencies": dependencies,
        "kind": task.definition.pointer("/tags/kind"),
        "label": task.label,
        "optimization": null,
        "soft_dependencies": [],
        "task": task.definition,
        "task_id": task.id.as_str(),
    })
}

/// Checks that what is rendered is JSON to the reader that will verify it.
#[cfg(test)]
mod tests {
    use catena_core::json;

    use super::*;

    #[test]
    fn the_demo_graph_is_an_image_a_build_and_a_signing() {
        let plan = Plan {
            decision: "YyxNNh7mTAmwDhB4Itm0jg".parse().unwrap(),
            repository: "https://github.com/demo/hello".to_owned(),
            revision: "ab".repeat(20),
            reference: "refs/heads/main".to_owned(),
            owner: "dev@example.org".to_owned(),
            now: "2026-03-02T09:00:00.000Z".to_owned(),
        };
        let tasks = plan
            .tasks(include_bytes!("tree/taskcluster/graph.yml"))
            .unwrap();
        let labels: Vec<_> = tasks.iter().map(|task| task.label.as_str()).collect();
        assert_eq!(labels, ["docker-image", "build", "signing"]);
        let (image, build) = (tasks[0].id.as_str(), &tasks[1].definition);
        assert_eq!(build["payload"]["image"]["taskId"], image);
        assert_eq!(
            build["extra"]["chainOfTrust"]["inputs"]["docker-image"],
            image
        );
        assert_eq!(build["dependencies"], json!([image]));
        assert_eq!(
            tasks[0].definition["dependencies"],
            json!([plan.decision.as_str()])
        );
        let dir = tempfile::tempdir().unwrap();
        plan.write(&tasks, dir.path()).unwrap();
        let graph = fs::read(dir.path().join("task-graph.json")).unwrap();
        assert!(json::parse(&graph, json::Reading::Strict).is_ok());
    }
}
