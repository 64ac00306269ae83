// SPDX-License-Identifier: MPL-2.0
//! The context of the rebuild (G3, G4): what every event has, and which page holds the rest.

use std::sync::Arc;

use catena_jsone::value::Function;
use catena_jsone::{Map, Value};

use super::{Parent, Stop};
use crate::policy::ProductType;
use crate::request::Request;

/// The facts of an event, by the names that templates use.
#[derive(Clone, Debug)]
pub(crate) struct EventContext {
    /// `now`: the parent's `created`; never from an action's context (S37).
    pub(super) now: Arc<str>,
    /// All other names but `now` and `as_slugid`.
    pub(super) names: Map,
}

impl Parent<'_> {
    /// Collects the context. Asks for every page that it will read before it reads the first.
    pub(super) fn context(&self) -> Result<EventContext, Stop> {
        self.evidence.want(&self.template_request());
        let names = match self.product_type {
            ProductType::Hg => self.hg_context()?,
            ProductType::Github => self.github_context()?,
        };
        self.evidence
            .document(&self.template_request())
            .map_err(|miss| super::missed(&self.template_request(), &miss))?;
        let fields = self.read(self.own, self.own.fields())?;
        let now = self.read(self.own, fields.text("created"))?;
        Ok(EventContext {
            now: now.into(),
            names,
        })
    }

    /// Returns the request for the template (V66).
    pub(super) fn template_request(&self) -> Request {
        Request::Template {
            repo: self.repo.clone(),
            revision: self.revision.clone(),
        }
    }

    /// Returns the names that every event has (G3).
    pub(super) fn base_context(&self) -> Map {
        Map::from([
            ("tasks_for".into(), self.tasks_for.into()),
            ("ownTaskId".into(), self.own.id().as_str().into()),
            ("taskId".into(), Value::Null),
        ])
    }

    /// Returns `as_slugid`: D's id for "decision", else the parent's.
    pub(super) fn as_slugid(&self) -> Value {
        let (decision, own) = (self.decision.definition.id(), self.own.id());
        Value::Function(Function::new(
            "as_slugid",
            move |arguments| match arguments {
                [Value::String(label)] if &**label == "decision" => Ok(decision.as_str().into()),
                [_] => Ok(own.as_str().into()),
                _ => Err("as_slugid takes one argument".to_owned()),
            },
        ))
    }

    /// Merges the parent's `extra.action.context`; `now` and `as_slugid` are never taken from it (S37).
    pub(super) fn merge_action(&self, names: &mut Map) -> Result<(), Stop> {
        let extra = self.read(self.own, self.own.extra())?;
        let action = self.read(self.own, extra.object("action"))?;
        let context = self.read(self.own, action.object("context"))?;
        for (name, value) in context
            .members()
            .filter(|(name, _)| !matches!(*name, "as_slugid" | "now"))
        {
            self.self_asserted(self.own.id(), &format!("action.context.{name:.60}"), value);
            names.insert(name.into(), value.clone());
        }
        Ok(())
    }
}
