// SPDX-License-Identifier: MPL-2.0
//! The rebuild under versions 2 to 5 (legacy.md §4.3, §4.4): what the tree's template makes of the event that created a
//! decision or action task, compared with the task itself. The steps are those of [`crate::rebuild`], and what is the
//! same as today is done there; what differed then is here:
//!
//! | Version | Rules |
//! |---|---|
//! | 2 | the first rendered task counts; the comment may be all that the first changeset says; actions are of kind `task` |
//! | 3 | hooks take action, push and repository from `hookPayload.decision`; group ids of actions are settled |
//! | 4, 5 | actions are found by callback; hooks are rendered as hooks; schedules have their push |
//!
//! Stricter than the original: the template is `.taskcluster.yml` of the repository and revision that the environment
//! names, no other file of another place; the pushlog has one push, with that revision; an action's context cannot set
//! what the rules set; and nothing falls back to version 1. A rebuild that fails is a rejection, and if the command
//! alone would have passed, `legacy-downgrade` says so.

mod action;
mod context;
mod place;

use catena_jsone::{ErrorKind, Map, Value};

use super::command::{self, Purpose};
use super::era::CotVersion;
use super::report::Assurance;
use super::walk::{Chain, Role};
use crate::compare::{self, Exactness};
use crate::document::EvidenceError;
use crate::json::{self, Reading};
use crate::model::definition::Definition;
use crate::model::ids::TaskId;
use crate::model::shape::Shape;
use crate::rebuild;
use crate::request::Request;
use crate::yaml::{self, Node, YamlErrorKind};

use self::place::Place;

/// Why a rebuild ended early.
#[derive(Debug)]
enum Stop {
    /// A document is missing.
    Evidence(String, EvidenceError),
    /// Nothing can be said: what is expected, and what is there.
    Open(String, String),
    /// Something speaks against the task.
    Refused {
        id: &'static str,
        expected: String,
        found: String,
    },
    /// A finding about that task says why.
    Said(TaskId),
    /// A document has another form.
    Shape(Shape),
}

impl From<Shape> for Stop {
    fn from(shape: Shape) -> Self {
        Self::Shape(shape)
    }
}

/// A decision or action task that is rebuilt.
struct Parent {
    own: Definition,
    /// Its decision task: itself, but for actions.
    decision: Definition,
    tasks_for: String,
    version: CotVersion,
    place: Place,
}

/// A template, and the contexts that the rules of the time allow for it; one of them must do.
struct Plan {
    template: Value,
    contexts: Vec<Map>,
    /// What kind of action it is, if it is one.
    from_artifact: bool,
}

impl Chain<'_> {
    /// Rebuilds a decision or action task and compares.
    pub(super) fn rebuild(&mut self, task: TaskId, version: CotVersion) {
        let Err(stop) = self.try_rebuild(task, version) else {
            return;
        };
        match stop {
            Stop::Evidence(expected, error) => self.missing(task, &expected, &error),
            Stop::Open(expected, found) => {
                self.undetermined("legacy-rebuild", task, expected, found)
            }
            Stop::Refused {
                id,
                expected,
                found,
            } => {
                self.reject(id, task, expected, found);
                self.would_fall_back(task, version);
            }
            // nothing that was not rebuilt is trusted for want of a finding
            Stop::Said(about) if self.findings.iter().any(|one| one.task == about) => {}
            Stop::Said(about) => {
                let found = format!("a fault of {about} that nothing tells");
                self.reject("legacy-rebuild", task, "a task that can be rebuilt", found);
            }
            Stop::Shape(shape) => {
                self.malformed(task, &shape);
                self.would_fall_back(task, version);
            }
        }
    }

    fn try_rebuild(&mut self, task: TaskId, version: CotVersion) -> Result<(), Stop> {
        let parent = self.parent(task, version)?;
        let plan = match parent.tasks_for.as_str() {
            "action" => self.action_plan(&parent)?,
            _ => self.event_plan(&parent)?,
        };
        if plan.from_artifact {
            self.assurance.insert(Assurance::LegacyActionTask);
        }
        let mut nearest = None;
        for context in &plan.contexts {
            match parent.matches(&plan.template, context)? {
                None => return Ok(()),
                Some(difference) => nearest = Some(difference),
            }
        }
        let (expected, found) = nearest.unwrap_or_else(|| {
            (
                "a task".to_owned(),
                "the template renders to none".to_owned(),
            )
        });
        Err(Stop::Refused {
            id: "legacy-rebuild",
            expected,
            found,
        })
    }

    /// Reads what the task says of the event: kind, repository, revision.
    fn parent(&mut self, task: TaskId, version: CotVersion) -> Result<Parent, Stop> {
        let link = self.links.get(&task);
        let link = link.ok_or_else(|| refused("a task of the chain", "none"))?;
        let (own, role) = (link.definition.clone(), link.role);
        let decision = self
            .links
            .get(&link.decision)
            .filter(|link| link.role == Role::Decision);
        let Some(decision) = decision.map(|link| link.definition.clone()) else {
            return Err(refused(
                "an action of a decision task's group",
                link.decision.to_string(),
            ));
        };
        let tasks_for = own.extra()?.text("tasks_for")?.to_owned();
        let fits = match role {
            Role::Action => tasks_for == "action",
            _ => ["cron", "hg-push"].contains(&tasks_for.as_str()),
        };
        if tasks_for.starts_with("github-") {
            return Err(Stop::Open(
                "an event of hg: hg-push, cron or action".to_owned(),
                format!("{tasks_for:.100}, which is not rebuilt"),
            ));
        }
        if !fits {
            let expected = match role {
                Role::Action => "extra.tasks_for = action of an action task",
                _ => "extra.tasks_for = hg-push or cron of a decision task",
            };
            return Err(refused(expected, format!("{tasks_for:.100}")));
        }
        let place = self.place(&decision)?;
        Ok(Parent {
            own,
            decision,
            tasks_for,
            version,
            place,
        })
    }

    /// Version 2 fell back to version 1 when its rebuild failed (legacy.md §1). That made the rebuild worth nothing.
    fn would_fall_back(&mut self, task: TaskId, version: CotVersion) {
        let Some(link) = self.links.get(&task).filter(|_| version == CotVersion::V2) else {
            return;
        };
        let purpose = match link.role {
            Role::Action => Purpose::Action,
            _ => Purpose::Decision,
        };
        let words = link
            .definition
            .payload()
            .and_then(|payload| payload.texts("command"));
        let prefix = self.inputs.policy.env_prefix();
        if words.is_ok_and(|words| command::judge(&words, purpose, prefix).is_ok()) {
            self.reject(
                "legacy-downgrade",
                task,
                "a definition that can be rebuilt",
                "only the command of version 1, to which the original fell back",
            );
        }
    }

    /// Reads JSON that a host served.
    fn host_json(&mut self, request: &Request, expected: &str) -> Result<Value, Stop> {
        let bytes = self
            .bytes(request)
            .map_err(|error| Stop::Evidence(expected.to_owned(), error))?;
        json::parse(&bytes, Reading::Strict)
            .map_err(|error| Stop::Open(expected.to_owned(), error.to_string()))
    }

    /// Reads YAML that a host served.
    fn host_yaml(&mut self, request: &Request, expected: &str) -> Result<Node, Stop> {
        let bytes = self
            .bytes(request)
            .map_err(|error| Stop::Evidence(expected.to_owned(), error))?;
        read_yaml(&bytes, expected)
    }

    /// Returns `.taskcluster.yml` of the tree.
    fn in_tree(&mut self, place: &Place) -> Result<Value, Stop> {
        let request = Request::Template {
            repo: place.repo.clone(),
            revision: place.revision.clone(),
        };
        Ok(self.host_yaml(&request, "the template")?.to_value())
    }
}

impl Parent {
    /// Renders a template and compares: returns the first difference from the task that differs least, if none is
    /// equal.
    fn matches(&self, template: &Value, context: &Map) -> Result<Option<(String, String)>, Stop> {
        let output = render(template, context, "a template that renders")?;
        let mut tasks = match output.get("tasks") {
            Some(Value::Array(tasks)) => tasks.clone(),
            _ => {
                return Err(refused(
                    "a list of tasks, as the template renders",
                    "none".to_owned(),
                ));
            }
        };
        if self.version == CotVersion::V2 {
            tasks.truncate(1);
        } else if self.tasks_for == "action" && !tasks.is_empty() {
            rebuild::settle_group(&self.own, self.decision.id(), &mut tasks).map_err(
                |(expected, found)| refused(format!("ACTION_TASK_GROUP_ID {expected}"), found),
            )?;
        }
        let runtime = compare::prune(self.own.value());
        let mut nearest: Option<Vec<compare::Difference>> = None;
        for mut task in tasks {
            if let Value::Object(members) = &mut task {
                members.shift_remove("taskId");
            }
            let rebuilt = compare::prune(&task);
            let found = compare::differences(&rebuilt, &runtime, Exactness::Exact, LOOKED_AT);
            if found.is_empty() {
                return Ok(None);
            }
            if nearest.as_ref().is_none_or(|best| found.len() < best.len()) {
                nearest = Some(found);
            }
        }
        let first = nearest.and_then(|found| found.into_iter().next());
        Ok(Some(first.map_or_else(
            || {
                (
                    "a task".to_owned(),
                    "the template renders to none".to_owned(),
                )
            },
            |first| {
                let expected = format!(
                    "{} = {}, as the template renders",
                    first.pointer, first.left
                );
                (expected, first.right)
            },
        )))
    }
}

/// Renders a template; running out of the limits of rendering says nothing, every other error speaks against it.
fn render(template: &Value, context: &Map, expected: &str) -> Result<Value, Stop> {
    let rendered = rebuild::render(template, context);
    rendered
        .map(|(_, output)| output)
        .map_err(|error| match error.kind {
            ErrorKind::Limit => Stop::Open(
                "a template within the limits of rendering".to_owned(),
                error.to_string(),
            ),
            _ => refused(expected, error.to_string()),
        })
}

fn read_yaml(bytes: &[u8], expected: &str) -> Result<Node, Stop> {
    match yaml::parse(bytes, &yaml::Limits::default()) {
        Ok(parsed) => Ok(parsed.root),
        Err(error) if error.kind == YamlErrorKind::Limit => Err(Stop::Open(
            format!("{expected} within the limits of YAML"),
            error.to_string(),
        )),
        Err(error) => Err(refused(
            format!("{expected} to be YAML with one reading"),
            error.to_string(),
        )),
    }
}

fn refused(expected: impl Into<String>, found: impl Into<String>) -> Stop {
    Stop::Refused {
        id: "legacy-rebuild",
        expected: expected.into(),
        found: found.into(),
    }
}

/// Differences that are counted to find the task that differs least.
const LOOKED_AT: usize = 64;
