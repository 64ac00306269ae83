// SPDX-License-Identifier: MPL-2.0
//! What the queue makes of a task definition, as data (P16, S6, rfc24.md 2): `policies/queue-defaults.toml`.
//!
//! Everything that compares a definition from before the queue with one from after it asks this table: the rebuild,
//! the match with a task graph, and lint. What is not in the table is nobody's default, and so refused.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use catena_jsone::{Map, Value};
use jiff::{SignedDuration, Timestamp};

use super::error::ConfigError;
use super::node::{Cursor, Item};
use super::parse;
use crate::model::ids::TaskId;

/// What the queue does with one member of a definition.
#[derive(Clone, Debug, Default)]
pub struct QueueMember {
    /// What it writes where the definition leaves the member out; `None` when it must be stated.
    pub default: Option<QueueDefault>,
    /// What a task graph may leave to it (S6).
    pub graph: InGraph,
    /// Whether it may change the value later (P3).
    pub mutable: bool,
    /// Whether old answers lack the member, so that a rebuild assumes it on both sides (V69a.3).
    pub assumed: bool,
    /// Whether a rebuild compares the worker pool in its place (V69a.4).
    pub part: bool,
}

/// A default value.
#[derive(Clone, Debug)]
pub enum QueueDefault {
    /// Always the same.
    Constant(Value),
    /// 365 days after `deadline`.
    DeadlinePlusYear,
    /// The task's own id.
    OwnTaskId,
    /// `provisionerId/workerType`.
    PoolOfParts,
    /// `taskQueueId` up to the slash.
    ProvisionerOfPool,
    /// `taskQueueId` from the slash on.
    WorkerTypeOfPool,
}

/// What a task graph may leave to the queue.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum InGraph {
    /// The parent or its decision task (P16).
    Creator,
    /// The default.
    Default,
    /// Anything: neither compared nor missed (V55): what stands there does not matter (P25).
    Ignored,
    /// A part of the worker pool, which is compared as a whole.
    Pool,
    /// Nothing, even if there is a default (S6).
    Stated,
    /// Nothing: what only the queue has is refused.
    #[default]
    Strict,
}

/// The table.
static MEMBERS: LazyLock<BTreeMap<String, QueueMember>> = LazyLock::new(members);

#[expect(
    clippy::expect_used,
    reason = "the file is part of the program and read by every test"
)]
fn members() -> BTreeMap<String, QueueMember> {
    read(include_str!("../../../../policies/queue-defaults.toml"))
        .expect("the embedded queue defaults are valid")
}

impl QueueMember {
    /// Returns every member that the queue knows, with its name.
    pub fn all() -> impl Iterator<Item = (&'static str, &'static Self)> {
        MEMBERS.iter().map(|(name, member)| (name.as_str(), member))
    }

    /// Returns what the queue does with a member; `None` for one that it does not know.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        MEMBERS.get(name)
    }

    /// Returns what a task graph may leave open of a member.
    pub(crate) fn in_graph(name: &str) -> InGraph {
        Self::find(name).map_or(InGraph::Strict, |member| member.graph)
    }

    /// Returns what the queue writes for the member into a definition that leaves it out; `None` when it has no
    /// default there.
    pub(crate) fn value(&self, definition: &Map, id: TaskId) -> Option<Value> {
        let text = |key: &str| definition.get(key).and_then(Value::as_str);
        match self.default.as_ref()? {
            QueueDefault::Constant(value) => Some(value.clone()),
            QueueDefault::DeadlinePlusYear => {
                text("deadline").and_then(year_after).map(Value::from)
            }
            QueueDefault::OwnTaskId => Some(id.as_str().into()),
            QueueDefault::PoolOfParts => {
                let pool = format!("{}/{}", text("provisionerId")?, text("workerType")?);
                Some(pool.into())
            }
            QueueDefault::ProvisionerOfPool => Some(text("taskQueueId")?.split_once('/')?.0.into()),
            QueueDefault::WorkerTypeOfPool => Some(text("taskQueueId")?.split_once('/')?.1.into()),
        }
    }
}

/// Adds to a definition what the queue would have added (P16), for the members that `wanted` takes. What the
/// definition states stays as it is.
pub(crate) fn complete(
    definition: &mut Map,
    id: TaskId,
    wanted: impl Fn(&str, &QueueMember) -> bool,
) {
    let missing: Vec<_> = QueueMember::all()
        .filter(|(name, member)| !definition.contains_key(*name) && wanted(name, member))
        .filter_map(|(name, member)| Some((name, member.value(definition, id)?)))
        .collect();
    definition.extend(
        missing
            .into_iter()
            .map(|(name, value)| (name.into(), value)),
    );
}

/// Returns the timestamp a year of 365 days later, as the queue prints it.
fn year_after(deadline: &str) -> Option<String> {
    let deadline: Timestamp = deadline.parse().ok()?;
    let expires = deadline
        .checked_add(SignedDuration::from_hours(365 * 24))
        .ok()?;
    Some(format!("{expires:.3}"))
}

fn read(text: &str) -> Result<BTreeMap<String, QueueMember>, ConfigError> {
    let file = Arc::from("policies/queue-defaults.toml");
    let root = parse::toml(text.as_bytes(), &file)?;
    let tables = Cursor::new(&file, "the file", &root).members()?;
    tables
        .into_iter()
        .map(|(name, at)| Ok((name.text.clone(), member(&at)?)))
        .collect()
}

fn member(at: &Cursor<'_>) -> Result<QueueMember, ConfigError> {
    let mut member = QueueMember::default();
    for (key, value) in at.members()? {
        let once = |taken: bool| match taken {
            true => Err(value.invalid("a default or a rule", "both")),
            false => Ok(()),
        };
        match key.text.as_str() {
            "default" => {
                once(member.default.is_some())?;
                member.default = Some(QueueDefault::Constant(constant(&value)?));
            }
            "rule" => {
                once(member.default.is_some())?;
                member.default = Some(rule(&value)?);
            }
            "graph" => member.graph = in_graph(&value)?,
            "mutable" => member.mutable = value.bool()?,
            "assumed" => member.assumed = value.bool()?,
            "part" => member.part = value.bool()?,
            other => {
                return Err(value.invalid("a key that the file's head explains", other));
            }
        }
    }
    if matches!(member.graph, InGraph::Default) && member.default.is_none() {
        return Err(at.invalid("a default, which the graph may leave to the queue", "none"));
    }
    Ok(member)
}

fn constant(at: &Cursor<'_>) -> Result<Value, ConfigError> {
    match &at.node.item {
        Item::Bool(flag) => Ok(Value::Bool(*flag)),
        Item::Int(number) => Ok(Value::Int((*number).into())),
        Item::Str(text) => Ok(text.as_str().into()),
        Item::List(items) if items.is_empty() => Ok(Vec::new().into()),
        Item::Map(members) if members.is_empty() => Ok(Map::new().into()),
        _ => Err(at.expected("a string, an integer, a boolean, [] or {}")),
    }
}

fn rule(at: &Cursor<'_>) -> Result<QueueDefault, ConfigError> {
    Ok(match at.str()? {
        "deadline-plus-365-days" => QueueDefault::DeadlinePlusYear,
        "own-task-id" => QueueDefault::OwnTaskId,
        "pool-of-parts" => QueueDefault::PoolOfParts,
        "provisioner-of-pool" => QueueDefault::ProvisionerOfPool,
        "worker-type-of-pool" => QueueDefault::WorkerTypeOfPool,
        _ => return Err(at.expected("a rule that the file's head explains")),
    })
}

fn in_graph(at: &Cursor<'_>) -> Result<InGraph, ConfigError> {
    Ok(match at.str()? {
        "creator" => InGraph::Creator,
        "default" => InGraph::Default,
        "ignored" => InGraph::Ignored,
        "pool" => InGraph::Pool,
        "stated" => InGraph::Stated,
        _ => return Err(at.expected("creator, default, ignored, pool or stated")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Reading, parse};

    const ID: &str = "YyxNNh7mTAmwDhB4Itm0jg";

    fn completed(text: &str) -> Value {
        let Value::Object(mut map) = parse(text.as_bytes(), Reading::Strict).unwrap() else {
            panic!("no object");
        };
        complete(&mut map, ID.parse().unwrap(), |_, _| true);
        Value::Object(map)
    }

    #[test]
    fn the_members_are_those_of_a_definition_p16() {
        let names: Vec<_> = QueueMember::all().map(|(name, _)| name).collect();
        assert_eq!(names.len(), 19);
        let with = |test: fn(&QueueMember) -> bool| -> Vec<&str> {
            let all = QueueMember::all().filter(move |(_, member)| test(member));
            all.map(|(name, _)| name).collect()
        };
        assert_eq!(
            with(|member| member.graph == InGraph::Ignored),
            [
                "created",
                "deadline",
                "dependencies",
                "expires",
                "priority",
                "projectId",
                "schedulerId",
                "taskQueueId"
            ],
            "V55"
        );
        assert_eq!(
            with(|member| member.graph == InGraph::Default),
            ["extra", "requires", "retries", "routes", "tags"],
            "S6"
        );
        assert_eq!(with(|member| member.mutable), ["priority"], "P3");
        assert_eq!(
            with(|member| member.default.is_none()),
            ["created", "deadline", "metadata", "payload"]
        );
    }

    #[test]
    fn a_definition_is_completed_as_the_queue_does_p16() {
        let value = completed(
            r#"{"provisionerId": "p", "workerType": "w", "deadline": "2026-03-02T10:00:00Z", "retries": 0}"#,
        );
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        assert_eq!(text("taskQueueId").as_deref(), Some("p/w"));
        assert_eq!(text("taskGroupId").as_deref(), Some(ID));
        assert_eq!(text("expires").as_deref(), Some("2027-03-02T10:00:00.000Z"));
        assert_eq!(value.get("retries").and_then(Value::as_int), Some(0));
        assert!(value.get("payload").is_none());
        let value = completed(r#"{"taskQueueId": "p/w"}"#);
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        assert_eq!(
            text("provisionerId").zip(text("workerType")),
            Some(("p", "w"))
        );
        assert!(value.get("expires").is_none());
    }

    #[test]
    fn mistakes_in_the_file_are_found() {
        for (text, due) in [
            ("[a]\ngraph = 'default'", "a default, which the graph"),
            ("[a]\ngraph = 'open'", "creator, default"),
            ("[a]\nrule = 'own'", "a rule that"),
            ("[a]\nrule = 'own-task-id'\ndefault = 1", "found both"),
            ("[a]\ndefault = [1]", "[] or {}"),
            ("[a]\nmutabel = true", "a key that"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(due), "{error}");
        }
    }
}
