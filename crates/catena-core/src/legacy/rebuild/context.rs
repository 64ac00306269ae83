// SPDX-License-Identifier: MPL-2.0
//! The contexts of events on hg (legacy.md §4.3): a push, a schedule, and what every event has.

use catena_jsone::{Map, Value};

use super::super::era::CotVersion;
use super::super::walk::Chain;
use super::place::Place;
use super::{Parent, Plan, Stop, refused};
use crate::json::{self, Reading};
use crate::model::shape::Shape;
use crate::rebuild::{self, FirstPush};
use crate::request::Request;
use crate::yaml::Node;

/// What the pushlog says.
struct Push {
    id: String,
    date: Value,
    user: Value,
    comment: String,
}

impl Chain<'_> {
    /// Plans the rebuild of a decision task: of a push, or of a schedule.
    pub(super) fn event_plan(&mut self, parent: &Parent) -> Result<Plan, Stop> {
        let base = self.base(parent)?;
        let template = self.in_tree(&parent.place)?;
        let pushes = match parent.tasks_for.as_str() {
            "cron" => self.schedules(parent)?,
            _ => vec![self.push(parent)?],
        };
        let cron = match parent.tasks_for.as_str() {
            "cron" => Some(cron(parent)?),
            _ => None,
        };
        let contexts = pushes.into_iter().map(|push| {
            let mut context = base.clone();
            context.insert("push".into(), push);
            if let Some(cron) = &cron {
                context.insert("cron".into(), cron.clone());
            }
            context
        });
        Ok(Plan {
            template,
            contexts: contexts.collect(),
            from_artifact: false,
        })
    }

    /// Returns what every event has.
    pub(super) fn base(&mut self, parent: &Parent) -> Result<Map, Stop> {
        let own = parent.own.id();
        let created = parent.own.fields()?.text("created")?.to_owned();
        let repository = Value::from([
            ("url", parent.place.url.as_str().into()),
            ("project", parent.place.project().into()),
            ("level", self.level(&parent.place)?),
        ]);
        let mut context = Map::new();
        context.insert("now".into(), created.into());
        context.insert(
            "as_slugid".into(),
            rebuild::as_slugid(parent.decision.id(), own),
        );
        context.insert("tasks_for".into(), parent.tasks_for.as_str().into());
        context.insert("repository".into(), repository);
        context.insert("taskId".into(), Value::Null);
        if parent.version != CotVersion::V2 || parent.tasks_for == "action" {
            context.insert("ownTaskId".into(), own.as_str().into());
        }
        Ok(context)
    }

    /// Returns the level of the project, as projects.yml of that time has it; its entry must be about this repository.
    fn level(&mut self, place: &Place) -> Result<Value, Stop> {
        let projects = self.host_yaml(&Request::Projects, "projects.yml");
        // the answer of a host speaks against no task (P7)
        let projects = projects.map_err(|stop| match stop {
            Stop::Refused {
                expected, found, ..
            } => Stop::Open(expected, found),
            other => other,
        })?;
        let project = place.project();
        let repo = projects
            .get(project)
            .and_then(|entry| entry.get("repo"))
            .and_then(Node::as_str)
            .map(|repo| repo.trim_end_matches('/'));
        if repo != Some(place.url.as_str()) {
            return Err(refused(
                format!("{project} of projects.yml to be {}", place.url),
                repo.map_or_else(|| "no repository".to_owned(), |repo| format!("{repo:.200}")),
            ));
        }
        rebuild::level(&projects, project)
            .map(|(level, _)| level)
            .map_err(|found| refused(format!("a level for {project} in projects.yml"), found))
    }

    /// Returns the push of a revision.
    fn push(&mut self, parent: &Parent) -> Result<Value, Stop> {
        let push = self.pushlog(&parent.place)?;
        let env = parent.decision.env()?;
        let comment = env.optional_text("GECKO_COMMIT_MSG")?.unwrap_or(" ");
        let whole = parent.version == CotVersion::V2 && comment == push.comment;
        if comment != " " && rebuild::tried(&push.comment) != Some(comment) && !whole {
            return Err(refused(
                "GECKO_COMMIT_MSG to be a blank, or what the push says",
                format!("{comment:.200?}"),
            ));
        }
        Ok(record(
            parent,
            comment,
            push.user,
            push.id.into(),
            push.date,
        ))
    }

    /// Returns the pushes that a schedule may have had: fixed ones before version 4, real ones since 17.0.0.
    fn schedules(&mut self, parent: &Parent) -> Result<Vec<Value>, Stop> {
        let fixed = |owner: &str| record(parent, "", owner.into(), "-1".into(), "0".into());
        let fixed = match parent.version {
            // "cron" since one of the releases before 12.0.0
            CotVersion::V1 | CotVersion::V2 => return Ok(vec![fixed("nobody"), fixed("cron")]),
            CotVersion::V3 => Some(fixed("cron")),
            CotVersion::V4 | CotVersion::V5 => None,
        };
        let real = self
            .pushlog(&parent.place)
            .map(|push| record(parent, "", "cron".into(), push.id.into(), push.date));
        match (fixed, real) {
            (None, real) => Ok(vec![real?]),
            // 17.0.0 is of version 3 as well; without the answer, what can be tried is
            (Some(fixed), Err(_)) => Ok(vec![fixed]),
            (Some(fixed), Ok(real)) => Ok(vec![fixed, real]),
        }
    }

    /// Reads the pushlog: one push, whose changesets have the revision (P15, S43).
    fn pushlog(&mut self, place: &Place) -> Result<Push, Stop> {
        let request = Request::Pushlog {
            repo: place.repo.clone(),
            revision: place.revision.clone(),
        };
        let answer = self.host_json(&request, "the pushlog")?;
        let expected = format!("one push, with the changeset {}", place.revision);
        let Some(first) = FirstPush::of(&answer)? else {
            return Err(refused(expected, "none with changesets"));
        };
        let named = first.names(&place.revision);
        if first.count != 1 || !named {
            let found = format!(
                "{} pushes, {} with it",
                first.count,
                if named { "one" } else { "none" }
            );
            return Err(refused(expected, found));
        }
        // asked for tips only, as was done then, the first changeset is the newest
        let newest = first.set(first.sets.len().saturating_sub(1))?;
        Ok(Push {
            id: first.id.to_owned(),
            date: first.fields.required("date")?.clone(),
            user: first.fields.required("user")?.clone(),
            comment: newest.text("desc")?.to_owned(),
        })
    }
}

fn record(parent: &Parent, comment: &str, owner: Value, id: Value, date: Value) -> Value {
    Value::from([
        ("revision", parent.place.revision.as_str().into()),
        ("comment", comment.into()),
        ("owner", owner),
        ("pushlog_id", id),
        ("pushdate", date),
    ])
}

/// Reads `extra.cron`, which is JSON text.
fn cron(parent: &Parent) -> Result<Value, Stop> {
    let extra = parent.own.extra()?;
    let text = extra.text("cron")?;
    json::parse(text.as_bytes(), Reading::Strict)
        .map_err(|_| Stop::Shape(Shape::new("/extra/cron", "JSON text", extra.get("cron"))))
}
