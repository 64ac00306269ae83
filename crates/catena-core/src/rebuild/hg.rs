// SPDX-License-Identifier: MPL-2.0
//! The context of events on hg.mozilla.org (V61–V64), and what projects.yml says of a project (V91, V92).

use std::sync::Arc;

use catena_jsone::Value;

use super::names::{Names, Origin};
use super::{Parent, Stop};
use crate::checks::{host_answer, push, trigger, yaml_safe};
use crate::json::{self, Reading};
use crate::model::definition::Definition;
use crate::model::ids::Revision;
use crate::model::shape::{Fields, Shape, describe};
use crate::policy::Switch;
use crate::report::Asserter;
use crate::request::{Repo, Request};
use crate::yaml::{self, Node};

/// The push that a revision came with (V62).
struct Push {
    id: String,
    date: Value,
    user: Value,
    base: Value,
    comment: String,
}

/// A value, and where it is from unless the rules give it.
type Said = (Value, Option<Origin>);

impl Push {
    /// Returns the pointer to a part of the push in the pushlog.
    fn place(&self, part: &str) -> String {
        format!("/pushes/{}{part}", self.id)
    }
}

impl Parent<'_> {
    /// Refuses a git host whose events would have to be hg's: nothing there tells of pushes (ADR 11).
    pub(super) fn on_hg(&self) -> Result<(), Stop> {
        let Repo::Hosted(_) = self.repo else {
            return Ok(());
        };
        let finding = trigger::META.undetermined(
            "a repository on an hg host, as the product's cot_product_type says",
            self.repo.to_string(),
        );
        Err(super::at_own(finding, self.decision.definition, "/payload/env").into())
    }

    /// Sets the names of an hg event.
    pub(super) fn hg_context(&self, names: &mut Names) -> Result<(), Stop> {
        let pushed = self.tasks_for != "action";
        self.evidence.want(&Request::Projects);
        if pushed {
            self.evidence.want(&self.pushlog_request());
        }
        let source = self.read(self.decision.definition, self.decision.source_text())?;
        let url = self.head_repository()?;
        names.set("repository.url", url, self.env(&["HEAD_REPOSITORY"]));
        self.project(names, source)?;
        if pushed {
            names.set_constant("repository.type", "hg");
        }
        match self.tasks_for {
            "hg-push" => {
                let push = self.pushlog()?;
                let message = self.message(&push)?.into();
                let decision = self.decision.definition.id();
                let place = Origin::definition(decision, "/payload/env/GECKO_COMMIT_MSG");
                let user = Origin::new(&self.pushlog_request(), push.place("/user"));
                let owner = (push.user.clone(), Some(user));
                self.push(names, &push, (message, Some(place)), owner);
                Ok(())
            }
            "cron" => {
                let push = self.pushlog()?;
                self.push(names, &push, ("".into(), None), ("cron".into(), None));
                self.cron(names, self.own)
            }
            _ => self.merge_action(names),
        }
    }

    pub(super) fn head_repository(&self) -> Result<Value, Stop> {
        let repo = self.read(self.decision.definition, self.decision.head_repository())?;
        Ok(repo.map_or(Value::Null, Value::from))
    }

    /// Reads `extra.cron`, JSON text, of a task (V64).
    pub(super) fn cron(&self, names: &mut Names, task: &Definition) -> Result<(), Stop> {
        let text = self.read(task, task.extra().and_then(|extra| extra.text("cron")))?;
        let value = json::parse(text.as_bytes(), Reading::Lenient).map_err(|error| {
            let finding = trigger::META.reject("JSON text in extra.cron", error.to_string());
            super::at_own(finding, task, "/extra/cron")
        })?;
        let place = Origin::definition(task.id(), "/extra/cron");
        names.set("cron", value, place);
        Ok(())
    }

    fn push(&self, names: &mut Names, push: &Push, comment: Said, owner: Said) {
        let of = |place: &str| Some(Origin::new(&self.pushlog_request(), push.place(place)));
        let base = of("/changesets/0/parents/0");
        let revision = self.revision.as_str().into();
        let id = push.id.as_str().into();
        names.put("push.base_revision", push.base.clone(), base);
        names.put("push.revision", revision, Some(self.env(&["HEAD_REV"])));
        names.put("push.comment", comment.0, comment.1);
        names.put("push.owner", owner.0, owner.1);
        names.put("push.pushlog_id", id, of(""));
        names.put("push.pushdate", push.date.clone(), of("/date"));
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
            let Some(first) = FirstPush::of(&answer)? else {
                return Ok(None);
            };
            let Some(base) = first.set(0)?.list("parents")?.first() else {
                return Ok(None);
            };
            let newest = first.set(first.sets.len() - 1)?;
            let push = Push {
                id: first.id.to_owned(),
                date: first.fields.required("date")?.clone(),
                user: first.fields.required("user")?.clone(),
                base: base.clone(),
                comment: newest.text("desc")?.to_owned(),
            };
            Ok(Some((push, first.count, first.names(&self.revision))))
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
        let tried = tried(&push.comment);
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

    /// Sets the project of a source URL and its level (V91, V92).
    fn project(&self, names: &mut Names, source: &str) -> Result<(), Stop> {
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
        let chosen = Origin::definition(self.decision.definition.id(), "/metadata/source");
        names.set("repository.project", project, chosen);
        let (level, place) = self.level(&projects, project)?;
        names.set(
            "repository.level",
            level,
            Origin::new(&Request::Projects, place),
        );
        Ok(())
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

    /// Returns the level of a project as text (V92), and where it stands.
    pub(super) fn level(&self, projects: &Node, project: &str) -> Result<(Value, String), Stop> {
        let place = format!("/{project}");
        let refuse = |found: String| -> Stop {
            trigger::META
                .reject(
                    format!("a level for {project:.100?} in projects.yml"),
                    found,
                )
                .says(Asserter::VcsHost)
                .at(&Request::Projects, &place)
                .into()
        };
        level(projects, project).map_err(refuse)
    }
}

/// Returns the level of a project of projects.yml as text (V92), and where it stands.
///
/// # Errors
/// What is there instead.
pub(crate) fn level(projects: &Node, project: &str) -> Result<(Value, String), String> {
    let entry = projects.get(project).ok_or("no such project")?;
    let place = format!("/{project}");
    match entry.get("repo_type").and_then(Node::as_str) {
        Some("hg") => {
            let access = entry.get("access").and_then(Node::as_str);
            let access = access.ok_or("no access")?;
            let level = access.replace("scm_level_", "");
            Ok((level.into(), format!("{place}/access")))
        }
        Some("git") => {
            let default = match entry.get("default_branch") {
                None => "main",
                Some(name) => name.as_str().ok_or("a default branch that is no text")?,
            };
            let branches = entry
                .get("branches")
                .and_then(Node::as_seq)
                .unwrap_or_default();
            let at = branches
                .iter()
                .position(|branch| branch.get("name").and_then(Node::as_str) == Some(default));
            let level = at.and_then(|at| branches.get(at)?.get("level"));
            let place = format!("{place}/branches/{}/level", at.unwrap_or_default());
            match level {
                Some(Node::Int(level)) => Ok((level.to_string().into(), place)),
                Some(Node::String(level)) => Ok((Value::String(Arc::clone(level)), place)),
                other => Err(describe(other.map(Node::to_value).as_ref())),
            }
        }
        _ => Err("a repo_type other than hg and git".to_owned()),
    }
}

/// Returns what a commit message says from `try:` to the end of the line (V63).
pub(crate) fn tried(comment: &str) -> Option<&str> {
    let at = comment.find("try:")?;
    comment.get(at..)?.split('\n').next()
}

/// The first push of a pushlog (V62), before any rule is applied to it.
pub(crate) struct FirstPush<'a> {
    pub(crate) id: &'a str,
    /// How many pushes there are.
    pub(crate) count: usize,
    pub(crate) fields: Fields<'a>,
    /// Its changesets, the oldest first; there is one at least.
    pub(crate) sets: &'a [Value],
}

impl<'a> FirstPush<'a> {
    /// Returns the first push of an answer; none if there is none with changesets.
    pub(crate) fn of(answer: &'a Value) -> Result<Option<Self>, Shape> {
        let pushes = Fields::of(answer, "")?.object("pushes")?;
        let Some((id, _)) = pushes.members().next() else {
            return Ok(None);
        };
        let fields = pushes.object(id)?;
        let sets = fields.list("changesets")?;
        let count = pushes.members().count();
        Ok((!sets.is_empty()).then_some(Self {
            id,
            count,
            fields,
            sets,
        }))
    }

    /// Returns a changeset.
    pub(crate) fn set(&self, at: usize) -> Result<Fields<'a>, Shape> {
        let place = format!("{}/{at}", self.fields.pointer("changesets"));
        match self.sets.get(at) {
            Some(set) => Fields::of(set, place),
            None => Err(Shape::new(place, "a changeset", None)),
        }
    }

    /// Whether one of the changesets is the revision (P15, S43).
    pub(crate) fn names(&self, revision: &Revision) -> bool {
        let node = |set: &Value| set.get("node").and_then(Value::as_str) == Some(revision.as_str());
        self.sets.iter().any(node)
    }
}
