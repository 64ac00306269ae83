// SPDX-License-Identifier: MPL-2.0
//! The context of the rebuild (G3, G4): what every event has, and which page holds the rest.

use catena_jsone::Value;
use catena_jsone::value::Function;

use super::names::{Names, Origin};
use super::{Parent, Stop};
use crate::model::ids::TaskId;
use crate::policy::ProductType;
use crate::request::Request;

impl Parent<'_> {
    /// Collects the context. Asks for every page that it will read before it reads the first. What was collected
    /// stands even if the rest is not to be had.
    pub(super) fn context(&self, names: &mut Names) -> Result<(), Stop> {
        self.evidence.want(&self.template_request());
        self.base_context(names);
        match self.product_type {
            ProductType::Hg => {
                self.on_hg()?;
                self.hg_context(names)?;
            }
            ProductType::Github => self.github_context(names)?,
        }
        self.evidence
            .document(&self.template_request())
            .map_err(|miss| super::missed(&self.template_request(), &miss))?;
        let fields = self.read(self.own, self.own.fields())?;
        let now = self.read(self.own, fields.text("created"))?;
        names.set("now", now, Origin::definition(self.own.id(), "/created"));
        names.set("as_slugid", self.as_slugid(), self.queue());
        Ok(())
    }

    /// Returns the request for the template (V66).
    pub(super) fn template_request(&self) -> Request {
        Request::Template {
            repo: self.repo.clone(),
            revision: self.revision.clone(),
        }
    }

    /// Sets the names that every event has (G3), and notes what chose the template.
    fn base_context(&self, names: &mut Names) {
        names.set("tasks_for", self.tasks_for, self.event());
        names.set("ownTaskId", self.own.id().as_str(), self.queue());
        names.set_constant("taskId", Value::Null);
        let repo = self.repo.to_string().into();
        names.note("template.repository", &repo, self.env(&["HEAD_REPOSITORY"]));
        let revision = self.revision.as_str().into();
        names.note("template.revision", &revision, self.env(&["HEAD_REV"]));
    }

    /// Returns where the parent says what event made it (V58).
    pub(super) fn event(&self) -> Origin {
        Origin::definition(self.own.id(), "/extra/tasks_for")
    }

    /// Returns the queue's word for who the parent is.
    pub(super) fn queue(&self) -> Origin {
        let task = self.own.id();
        Origin::new(&Request::Status { task }, "/status/taskId")
    }

    /// Returns the place of a prefixed variable of D.
    pub(super) fn env(&self, variables: &[&str]) -> Origin {
        let place = self.decision.variable_place(variables);
        Origin::definition(self.decision.definition.id(), place)
    }

    /// Returns `as_slugid`: D's id for "decision", else the parent's.
    pub(super) fn as_slugid(&self) -> Value {
        as_slugid(self.decision.definition.id(), self.own.id())
    }

    /// Merges the parent's `extra.action.context`; `now` and `as_slugid` are never taken from it (S37).
    pub(super) fn merge_action(&self, names: &mut Names) -> Result<(), Stop> {
        let extra = self.read(self.own, self.own.extra())?;
        let action = self.read(self.own, extra.object("action"))?;
        let context = self.read(self.own, action.object("context"))?;
        for (name, value) in context
            .members()
            .filter(|(name, _)| !matches!(*name, "as_slugid" | "now"))
        {
            let origin = Origin::definition(self.own.id(), context.pointer(name));
            names.set_top(name, value.clone(), origin);
        }
        Ok(())
    }
}

/// Returns `as_slugid` for a parent: D's id for "decision", else the parent's own.
pub(crate) fn as_slugid(decision: TaskId, own: TaskId) -> Value {
    Value::Function(Function::new(
        "as_slugid",
        move |arguments| match arguments {
            [Value::String(label)] if &**label == "decision" => Ok(decision.as_str().into()),
            [_] => Ok(own.as_str().into()),
            _ => Err("as_slugid takes one argument".to_owned()),
        },
    ))
}
