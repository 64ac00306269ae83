// SPDX-License-Identifier: MPL-2.0
//! The context of events on hg.mozilla.org (V61–V64), and what projects.yml says of a project (V91, V92).

use std::sync::Arc;

use catena_jsone::{Map, Value};

use super::{Parent, Stop};
use crate::checks::{host_answer, push, trigger, yaml_safe};
use crate::json::{self, Reading};
use crate::model::shape::{Fields, describe};
use crate::policy::Switch;
use crate::report::Asserter;
use crate::request::Request;
use crate::yaml::{self, Node};

/// The push that a revision came with (V62).
struct Push {
    id: String,
    date: Value,
    user: Value,
    base: Value,
    comment: String,
}

impl Parent<'_> {
    /// Returns the names of an hg event.
    pub(super) fn hg_context(&self) -> Result<Map, Stop> {
        let pushed = self.tasks_for != "action";
        self.evidence.want(&Request::Projects);
        if pushed {
            self.evidence.want(&self.pushlog_request());
        }
        let mut names = self.base_context();
        let source = self.read(self.decision.definition, self.decision.source_text())?;
        let (project, level) = self.project_and_level(source)?;
        let mut repository = Map::from([
            ("url".into(), self.head_repository()?),
            ("project".into(), Value::String(Arc::clone(&project))),
            ("level".into(), level),
        ]);
        if pushed {
            repository.insert("type".into(), "hg".into());
        }
        names.insert("repository".into(), repository.into());
        match self.tasks_for {
            "hg-push" => {
                let push = self.pushlog()?;
                let message = self.message(&push)?;
                let owner = push.user.clone();
                names.insert("push".into(), self.push(push, message.into(), owner));
            }
            "cron" => {
                let push = self.pushlog()?;
                names.insert("push".into(), self.push(push, "".into(), "cron".into()));
                names.insert("cron".into(), self.cron(self.own)?);
            }
            _ => self.merge_action(&mut names)?,
        }
        Ok(names)
    }

    pub(super) fn head_repository(&self) -> Result<Value, Stop> {
        let repo = self.read(self.decision.definition, self.decision.head_repository())?;
        Ok(repo.map_or(Value::Null, Value::from))
    }

    /// Reads `extra.cron`, JSON text, of a task (V64).
    pub(super) fn cron(&self, task: &crate::model::definition::Definition) -> Result<Value, Stop> {
        let text = self.read(task, task.extra().and_then(|extra| extra.text("cron")))?;
        let value = json::parse(text.as_bytes(), Reading::Lenient).map_err(|error| {
            let finding = trigger::META.reject("JSON text in extra.cron", error.to_string());
            super::at_own(finding, task, "/extra/cron")
        })?;
        self.self_asserted(task.id(), "cron", &Value::from(text));
        Ok(value)
    }

    fn push(&self, push: Push, comment: Value, owner: Value) -> Value {
        Value::from([
            ("base_revision", push.base),
            ("revision", self.revision.as_str().into()),
            ("comment", comment),
            ("owner", owner),
            ("pushlog_id", push.id.into()),
            ("pushdate", push.date),
        ])
    }

    fn pushlog_request(&self) -> Request {
        Request::Pushlog {
            repo: self.repo.clone(),
            revision: self.revision.clone(),
        }
    }

    /// Reads the pushlog (V62): strictly one push, which names the revision (P15, S43).
    fn pushlog(&self) -> Result<Push, Stop> {
        let request = self.pushlog_request();
        let answer = self.host(&request)?;
        let read = || {
            let pushes = Fields::of(&answer, "")?.object("pushes")?;
            let Some((id, _)) = pushes.members().next() else {
                return Ok(None);
            };
            let first = pushes.object(id)?;
            let sets = first.list("changesets")?;
            let (Some(oldest), Some(newest)) = (sets.first(), sets.last()) else {
                return Ok(None);
            };
            let place = |at: usize| format!("{}/{at}", first.pointer("changesets"));
            let parents = Fields::of(oldest, place(0))?.list("parents")?;
            let Some(base) = parents.first() else {
                return Ok(None);
            };
            let comment = Fields::of(newest, place(sets.len() - 1))?
                .text("desc")?
                .to_owned();
            let named = sets
                .iter()
                .any(|set| set.get("node").and_then(Value::as_str) == Some(self.revision.as_str()));
            let push = Push {
                id: id.to_owned(),
                date: first.required("date")?.clone(),
                user: first.required("user")?.clone(),
                base: base.clone(),
                comment,
            };
            Ok(Some((push, pushes.members().count(), named)))
        };
        let read = read()
            .map_err(|shape| super::missed(&request, &crate::evidence::Miss::Shape(shape)))?;
        let Some((push, count, named)) = read else {
            let finding = push::META.reject("a push with changesets and parents", "an empty list");
            return Err(finding
                .says(Asserter::VcsHost)
                .at(&request, "/pushes")
                .into());
        };
        let lenient = self.inputs.relaxations.allows(Switch::ManyPushes);
        if !lenient && (count != 1 || !named) {
            let finding = push::META.reject(
                format!("one push, with the changeset {}", self.revision),
                format!(
                    "{count} pushes, {}",
                    if named { "one with it" } else { "none with it" }
                ),
            );
            return Err(finding
                .says(Asserter::VcsHost)
                .at(&request, "/pushes")
                .into());
        }
        Ok(push)
    }

    /// Returns the commit message, which is a blank, or what the push says after `try:` (V63).
    fn message(&self, push: &Push) -> Result<String, Stop> {
        let decision = self.decision.definition;
        let env = self.read(decision, decision.env())?;
        let message = self
            .read(decision, env.optional_text("GECKO_COMMIT_MSG"))?
            .unwrap_or(" ");
        let tried = push
            .comment
            .find("try:")
            .and_then(|at| push.comment.get(at..)?.split('\n').next());
        if message == " " || tried == Some(message) {
            return Ok(message.to_owned());
        }
        let expected = tried.map_or_else(
            || "a blank".to_owned(),
            |tried| format!("a blank or {tried:.200?}"),
        );
        let finding = push::META.reject(expected, format!("{message:.200?}"));
        Err(super::at_own(finding, decision, "/payload/env/GECKO_COMMIT_MSG").into())
    }

    /// Returns the project of a source URL and its level (V91, V92).
    fn project_and_level(&self, source: &str) -> Result<(Arc<str>, Value), Stop> {
        let projects = self.projects()?;
        let below = |repo: &str| {
            source
                .strip_prefix(repo)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut project = None;
        for (name, entry) in projects.as_map().unwrap_or_default() {
            // every entry up to the one that is found must say where it is, as for the reference (P3)
            let Some(repo) = entry.get("repo").and_then(Node::as_str) else {
                let name = name.as_str().unwrap_or_default();
                let found = format!("{name:.100?} without a repo");
                return Err(host_answer::finding(&Request::Projects, &found).into());
            };
            if below(repo) {
                project = name.as_str();
                break;
            }
        }
        let Some(project) = project else {
            let finding =
                trigger::META.reject("a project of projects.yml", format!("{source:.300}"));
            return Err(
                super::at_own(finding, self.decision.definition, "/metadata/source").into(),
            );
        };
        Ok((project.into(), self.level(&projects, project)?))
    }

    /// Reads projects.yml.
    pub(super) fn projects(&self) -> Result<Node, Stop> {
        let request = Request::Projects;
        let bytes = self
            .evidence
            .bytes(&request, self.inputs.limits.parsed_bytes);
        let bytes = bytes.map_err(|miss| super::missed(&request, &miss))?;
        match yaml::parse(&bytes, &yaml::Limits::default()) {
            Ok(parsed) => Ok(parsed.root),
            Err(error) => {
                let expected = "YAML with one reading: plain tags, keys and notations";
                let finding = yaml_safe::META.undetermined(expected, error.to_string());
                Err(finding.says(Asserter::VcsHost).at(&request, "").into())
            }
        }
    }

    /// Returns the level of a project as text (V92).
    pub(super) fn level(&self, projects: &Node, project: &str) -> Result<Value, Stop> {
        let refuse = |found: String| -> Stop {
            trigger::META
                .reject(
                    format!("a level for {project:.100?} in projects.yml"),
                    found,
                )
                .says(Asserter::VcsHost)
                .at(&Request::Projects, format!("/{project}"))
                .into()
        };
        let entry = projects
            .get(project)
            .ok_or_else(|| refuse("no such project".into()))?;
        match entry.get("repo_type").and_then(Node::as_str) {
            Some("hg") => {
                let access = entry.get("access").and_then(Node::as_str);
                let access = access.ok_or_else(|| refuse("no access".into()))?;
                Ok(access.replace("scm_level_", "").into())
            }
            Some("git") => {
                let default = match entry.get("default_branch") {
                    None => "main",
                    Some(name) => name
                        .as_str()
                        .ok_or_else(|| refuse("a default branch that is no text".into()))?,
                };
                let branches = entry
                    .get("branches")
                    .and_then(Node::as_seq)
                    .unwrap_or_default();
                let branch = branches
                    .iter()
                    .find(|branch| branch.get("name").and_then(Node::as_str) == Some(default));
                match branch.and_then(|branch| branch.get("level")) {
                    Some(Node::Int(level)) => Ok(level.to_string().into()),
                    Some(Node::String(level)) => Ok(Value::String(Arc::clone(level))),
                    other => Err(refuse(describe(other.map(Node::to_value).as_ref()))),
                }
            }
            _ => Err(refuse("a repo_type other than hg and git".into())),
        }
    }
}
