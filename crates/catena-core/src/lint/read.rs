// SPDX-License-Identifier: MPL-2.0
//! Reads task graphs and definitions from files, as they will be once the queue has them.

use std::collections::BTreeMap;

use catena_jsone::{Map, Value};

use super::group;
use super::names::{Edges, made_up};
use crate::evidence::Evidence;
use crate::json::{self, JsonError, Reading};
use crate::model::definition::Definition;
use crate::model::ids::TaskId;
use crate::model::task_type::TaskType;
use crate::policy::{self, Config, ConfigError, SCRIPTWORKER_PROVISIONER};

/// A file to lint.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// Its name, for messages; a definition whose id nobody knows gets one that is made up from it.
    pub name: &'a str,
    /// The id of the task that it defines, where the caller knows it.
    pub task: Option<TaskId>,
    /// What it holds: a definition, a `task-graph.json` or a `full-task-graph.json`.
    pub bytes: &'a [u8],
}

/// Why a file cannot be linted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReadError {
    /// It is not JSON that everybody reads alike.
    #[error("{file}: expected JSON, found {error}")]
    Json {
        /// The file.
        file: String,
        /// What is wrong.
        error: JsonError,
    },
    /// It is neither a definition nor a graph.
    #[error("{file}: expected a task definition or a task graph, found {found}")]
    Shape {
        /// The file.
        file: String,
        /// What it is.
        found: String,
    },
    /// A reference to a dependency that the task does not have.
    #[error("{file}: {task}: expected a dependency for <{edge}>, found none")]
    Edge {
        /// The file.
        file: String,
        /// The task's label.
        task: String,
        /// The edge.
        edge: String,
    },
    /// Two files, or two entries of a graph, define the same task differently.
    #[error("{file}: expected one definition of {task}, found another")]
    Twice {
        /// The second file.
        file: String,
        /// The task's id.
        task: TaskId,
    },
}

/// The tasks that the files define.
#[derive(Debug, Default)]
pub struct Tasks {
    known: BTreeMap<TaskId, Known>,
    evidence: Evidence,
}

/// A task of a file.
#[derive(Debug, Default)]
struct Known {
    label: Option<String>,
    /// Its entry in a graph, as written.
    entry: Option<Value>,
    /// Its id is made up.
    made_up: bool,
}

/// A task that a release worker would run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Release {
    /// The task.
    pub task: TaskId,
    /// Its type, when its pool does not tell: it has a release scope and no scriptworker runs it.
    pub task_type: Option<TaskType>,
}

impl Tasks {
    /// Reads files. Together they are one set of tasks, so a graph may come with its decision task's definition.
    ///
    /// # Errors
    /// What is wrong with the first file that cannot be read.
    pub fn read(files: &[File<'_>]) -> Result<Self, ReadError> {
        let (mut tasks, mut definitions) = (Self::default(), BTreeMap::new());
        let mut graphs = BTreeMap::new();
        for file in files {
            let value =
                json::parse(file.bytes, Reading::Strict).map_err(|error| ReadError::Json {
                    file: file.name.to_owned(),
                    error,
                })?;
            match &value {
                Value::Object(map) if is_definition(map) => {
                    tasks.definition(file, map, &mut definitions)?;
                }
                Value::Object(map) if is_graph(map) => tasks.graph(file, map, &mut graphs)?,
                other => {
                    return Err(ReadError::Shape {
                        file: file.name.to_owned(),
                        found: describe(other),
                    });
                }
            }
        }
        tasks.settle(definitions, graphs);
        Ok(tasks)
    }

    /// Returns the tasks in the order of their ids.
    pub fn ids(&self) -> impl Iterator<Item = TaskId> {
        self.known.keys().copied()
    }

    /// Returns the definition of a task, as the queue would answer it.
    #[must_use]
    pub fn get(&self, task: TaskId) -> Option<&Definition> {
        self.evidence.definition(task).ok()
    }

    /// Returns the task with an id or a label; `None` when there is none, or several have the label.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<TaskId> {
        let id = name.parse().ok().filter(|id| self.known.contains_key(id));
        id.or_else(|| {
            let mut labelled = self
                .known
                .iter()
                .filter(|(_, known)| known.label.as_deref() == Some(name));
            let (id, _) = labelled.next()?;
            labelled.next().is_none().then_some(*id)
        })
    }

    /// Returns the label of a task.
    #[must_use]
    pub fn label(&self, task: TaskId) -> Option<&str> {
        self.known.get(&task)?.label.as_deref()
    }

    /// Returns whether the id of some task was made up, since its file does not tell it.
    #[must_use]
    pub fn has_made_up_ids(&self) -> bool {
        self.known.values().any(|known| known.made_up)
    }

    /// Returns the tasks that only a verified chain lets run: those on scriptworker pools, and those with a
    /// restricted scope of a product (V83).
    ///
    /// # Errors
    /// A product's policy is not valid.
    pub fn releases(
        &self,
        config: &Config,
        product: Option<&str>,
    ) -> Result<Vec<Release>, ConfigError> {
        let products = product.map_or_else(|| config.products(), |name| vec![name.to_owned()]);
        let policies: Vec<_> = products
            .iter()
            .map(|name| config.policy(name))
            .collect::<Result<_, _>>()?;
        let restricted = |scope: &&str| {
            let mut all = policies.iter();
            all.any(|policy| policy.restrictions_of(scope).next().is_some())
        };
        let release = |task: TaskId| {
            let definition = self.get(task)?;
            let fields = definition.fields().ok()?;
            let scripted = fields.text("provisionerId").is_ok_and(|provisioner| {
                let configured = &config.settings.scriptworker_provisioners;
                provisioner == SCRIPTWORKER_PROVISIONER || configured.contains(provisioner)
            });
            let scoped = definition.scopes().ok()?.iter().any(restricted);
            let task_type = (!scripted).then_some(TaskType::Scriptworker);
            (scripted || scoped).then_some(Release { task, task_type })
        };
        Ok(self.ids().filter_map(release).collect())
    }

    pub(crate) fn has(&self, task: TaskId) -> bool {
        self.known.contains_key(&task)
    }

    pub(crate) const fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Returns a task's entry in a graph, as written.
    pub(crate) fn entry(&self, task: TaskId) -> Option<&Value> {
        self.known.get(&task)?.entry.as_ref()
    }

    fn definition(
        &mut self,
        file: &File<'_>,
        map: &Map,
        definitions: &mut BTreeMap<TaskId, Map>,
    ) -> Result<(), ReadError> {
        let label = map
            .get("metadata")
            .and_then(|metadata| metadata.get("name"))
            .and_then(Value::as_str);
        let Some(task) = file.task.or_else(|| made_up(file.name)) else {
            return Ok(());
        };
        let known = Known {
            label: label.map(str::to_owned),
            entry: None,
            made_up: file.task.is_none(),
        };
        self.add(file, task, known)?;
        let mut map = map.clone();
        policy::complete(&mut map, task, |_, _| true);
        definitions.insert(task, map);
        Ok(())
    }

    fn graph(
        &mut self,
        file: &File<'_>,
        map: &Map,
        graphs: &mut BTreeMap<TaskId, Map>,
    ) -> Result<(), ReadError> {
        for (key, entry) in map {
            let by_label = key.parse::<TaskId>().is_err();
            let Some(task) = id_of(key) else { continue };
            let definition = match entry.get("task") {
                Some(definition) if by_label => by_labels(file, task, key, entry, definition)?,
                Some(definition) => definition.clone(),
                None => continue,
            };
            let label = entry.get("label").and_then(Value::as_str);
            let known = Known {
                label: Some(label.unwrap_or(key).to_owned()),
                entry: Some(definition.clone()),
                made_up: by_label,
            };
            self.add(file, task, known)?;
            if let Value::Object(definition) = definition {
                graphs.insert(task, definition);
            }
        }
        Ok(())
    }

    fn add(&mut self, file: &File<'_>, task: TaskId, known: Known) -> Result<(), ReadError> {
        match self.known.insert(task, known) {
            None => Ok(()),
            Some(_) => Err(ReadError::Twice {
                file: file.name.to_owned(),
                task,
            }),
        }
    }

    /// Completes the entries of graphs, once it is known which parents there are, and files everything.
    fn settle(&mut self, definitions: BTreeMap<TaskId, Map>, graphs: BTreeMap<TaskId, Map>) {
        let nobody = made_up(PARENT);
        for (task, mut map) in graphs {
            let parent = group::parent(&map).or(nobody);
            if let Some(parent) = parent.filter(|_| !map.contains_key("taskGroupId")) {
                let group = group::of(parent, &definitions);
                map.insert("taskGroupId".into(), group.as_str().into());
            }
            policy::complete(&mut map, task, |_, _| true);
            self.evidence.define(task, Value::Object(map));
        }
        for (task, map) in definitions {
            self.evidence.define(task, Value::Object(map));
        }
    }
}

/// The name of the task that makes a graph, when the graph does not tell its id.
const PARENT: &str = "the decision task";

fn is_definition(map: &Map) -> bool {
    let pool = ["taskQueueId", "workerType"];
    map.get("payload")
        .is_some_and(|payload| payload.as_object().is_some())
        && pool.iter().any(|key| map.contains_key(*key))
}

fn is_graph(map: &Map) -> bool {
    let is_entry = |entry: &Value| {
        entry
            .get("task")
            .is_some_and(|task| task.as_object().is_some())
    };
    map.values().all(is_entry)
}

fn id_of(key: &str) -> Option<TaskId> {
    key.parse().ok().or_else(|| made_up(key))
}

/// Returns the definition of a task of a graph that knows labels only: its references resolved, and what the
/// decision task fills in when it runs, which is not before.
fn by_labels(
    file: &File<'_>,
    task: TaskId,
    label: &str,
    entry: &Value,
    definition: &Value,
) -> Result<Value, ReadError> {
    let Some(decision) = made_up(PARENT) else {
        return Ok(definition.clone());
    };
    let dependencies: BTreeMap<String, TaskId> = entry
        .get("dependencies")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(edge, label)| Some((edge.to_string(), id_of(label.as_str()?)?)))
        .collect();
    let edges = Edges {
        own: task,
        decision: definition
            .as_object()
            .and_then(group::parent)
            .unwrap_or(decision),
        dependencies,
    };
    let resolved = edges.resolve(definition).map_err(|edge| ReadError::Edge {
        file: file.name.to_owned(),
        task: label.chars().take(100).collect(),
        edge,
    })?;
    let Value::Object(mut map) = resolved else {
        return Ok(resolved);
    };
    if !map.contains_key("dependencies") {
        let mut ids: Vec<_> = edges.dependencies.values().collect();
        ids.sort();
        let ids: Vec<Value> = ids.into_iter().map(|id| id.as_str().into()).collect();
        map.insert("dependencies".into(), ids.into());
    }
    if let Some(Value::Object(extra)) = map.get_mut("extra")
        && extra
            .get("parent")
            .is_some_and(|parent| !parent.is_truthy())
    {
        extra.insert("parent".into(), edges.decision.as_str().into());
    }
    Ok(Value::Object(map))
}

fn describe(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let keys: Vec<&str> = map.keys().take(3).map(|key| &**key).collect();
            format!("an object with {:.100}", keys.join(", "))
        }
        other => crate::model::shape::describe(Some(other)),
    }
}
