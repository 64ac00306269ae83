// SPDX-License-Identifier: MPL-2.0
//! The names of a rebuild's context, each value with who stands behind it (S36).
//!
//! A value enters the context only together with its origin, so the report's list of self-asserted facts and the
//! explanation of a difference are complete by construction. An origin covers everything below its name, and the
//! longest name wins. What has no origin of its own is what the rules say of the event (`push.owner` of a schedule is
//! `cron`), so it rests on the task's word that this was the event.

use std::sync::Arc;

use catena_jsone::{Map, Value};

use crate::model::ids::TaskId;
use crate::model::shape::describe;
use crate::report::{Asserter, EvidencePointer, Fact};
use crate::request::Request;

/// Where a value of the context is from.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) request: Request,
    /// RFC 6901 pointer into the document.
    pub(super) pointer: String,
}

/// A context: values by name, and where they are from.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    values: Map,
    entries: Vec<Entry>,
    event: Origin,
}

#[derive(Clone, Debug)]
struct Entry {
    path: Vec<Arc<str>>,
    value: String,
    origin: Origin,
}

impl Origin {
    pub(super) fn new(request: &Request, pointer: impl Into<String>) -> Self {
        Self {
            request: request.clone(),
            pointer: pointer.into(),
        }
    }

    /// Returns the origin in a task's definition.
    pub(super) fn definition(task: TaskId, pointer: impl Into<String>) -> Self {
        Self::new(&Request::Definition { task }, pointer)
    }

    /// Returns the origin of what is `path` below the value.
    fn below(&self, path: &[String]) -> Self {
        Self {
            request: self.request.clone(),
            pointer: format!("{}{}", self.pointer, pointer(path)),
        }
    }

    pub(super) const fn asserter(&self) -> Asserter {
        crate::checks::asserter(&self.request)
    }

    pub(super) fn evidence(&self) -> EvidencePointer {
        EvidencePointer {
            request: self.request.to_string(),
            pointer: self.pointer.clone(),
            sha256: None,
        }
    }
}

impl Names {
    /// Returns a context without values; `event` is where the kind of the event is stated.
    pub(super) fn new(event: Origin) -> Self {
        Self {
            values: Map::new(),
            entries: Vec::new(),
            event,
        }
    }

    pub(super) const fn values(&self) -> &Map {
        &self.values
    }

    /// Sets the value of a name, or of a member: `event.sender.login`.
    pub(super) fn set(&mut self, name: &str, value: impl Into<Value>, origin: Origin) {
        self.put(name, value.into(), Some(origin));
    }

    /// Sets a value that the rules give for this kind of event.
    pub(super) fn set_constant(&mut self, name: &str, value: impl Into<Value>) {
        self.put(name, value.into(), None);
    }

    /// Sets a value; without an origin it is what the rules give.
    pub(super) fn put(&mut self, name: &str, value: Value, origin: Option<Origin>) {
        self.put_at(&steps(name), value, origin);
    }

    /// Sets the value of a name that may contain dots.
    pub(super) fn set_top(&mut self, name: &str, value: Value, origin: Origin) {
        self.put_at(&[name], value, Some(origin));
    }

    /// Copies a name with all that is known of it; null if there is no such name.
    pub(super) fn copy(&mut self, name: &str, from: &Self) {
        let value = from.values.get(name).cloned().unwrap_or_default();
        self.put_at(&[name], value, None);
        let known = from.entries.iter();
        let known = known.filter(|entry| starts_with(&entry.path, &[name]));
        self.entries.extend(known.cloned());
    }

    /// Notes a value that is not in the context, or is there already, and chose a document or a part of one.
    pub(super) fn note(&mut self, name: &str, value: &Value, origin: Origin) {
        self.enter(&steps(name), value, origin);
    }

    fn put_at(&mut self, path: &[&str], value: Value, origin: Option<Origin>) {
        self.entries.retain(|entry| !starts_with(&entry.path, path));
        if let Some(origin) = origin {
            self.enter(path, &value, origin);
        }
        insert(&mut self.values, path, value);
    }

    fn enter(&mut self, path: &[&str], value: &Value, origin: Origin) {
        self.entries.push(Entry {
            path: path.iter().map(|step| (*step).into()).collect(),
            value: describe(Some(value)),
            origin,
        });
    }

    /// Returns what stands at a path, as far as the context has it.
    pub(super) fn value(&self, path: &[String]) -> Option<&Value> {
        let (name, rest) = path.split_first()?;
        self.values.get(name.as_str())?.pointer(&pointer(rest))
    }

    /// Returns where the value at a path is from: the origin of the longest known name before it.
    pub(super) fn origin(&self, path: &[String]) -> Origin {
        let known = self
            .entries
            .iter()
            .filter(|entry| starts_with(path, &entry.path))
            .max_by_key(|entry| entry.path.len());
        known.map_or_else(
            || self.event.clone(),
            |entry| {
                entry
                    .origin
                    .below(path.get(entry.path.len()..).unwrap_or_default())
            },
        )
    }

    /// Returns the names below a path that have origins of their own.
    pub(super) fn below(&self, path: &[String]) -> Vec<Vec<String>> {
        let below = self
            .entries
            .iter()
            .filter(|entry| entry.path.len() > path.len() && starts_with(&entry.path, path));
        below
            .map(|entry| entry.path.iter().map(ToString::to_string).collect())
            .collect()
    }

    /// Returns every value that rests on the word of a task (S36).
    pub(super) fn facts(&self) -> impl Iterator<Item = Fact> {
        self.entries
            .iter()
            .filter_map(|entry| match entry.origin.asserter() {
                Asserter::Task(task) => Some(Fact {
                    task,
                    name: entry.path.join(".").chars().take(LONGEST_NAME).collect(),
                    value: entry.value.clone(),
                }),
                _ => None,
            })
    }
}

/// Characters of a name that a report shows: an action's context may name anything.
pub(super) const LONGEST_NAME: usize = 120;

fn steps(name: &str) -> Vec<&str> {
    name.split('.').collect()
}

/// Returns the RFC 6901 pointer of a path.
pub(super) fn pointer(path: &[String]) -> String {
    path.iter()
        .map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")))
        .collect()
}

fn starts_with<A: AsRef<str>, B: AsRef<str>>(path: &[A], start: &[B]) -> bool {
    path.len() >= start.len()
        && path
            .iter()
            .zip(start)
            .all(|(a, b)| a.as_ref() == b.as_ref())
}

fn insert(map: &mut Map, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => {
            map.insert((*name).into(), value);
        }
        [name, rest @ ..] => {
            let inner = map
                .entry((*name).into())
                .or_insert_with(|| Map::new().into());
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> Vec<String> {
        name.split('.').map(str::to_owned).collect()
    }

    fn names() -> Names {
        let task = "YyxNNh7mTAmwDhB4Itm0jg".parse().unwrap();
        let mut names = Names::new(Origin::definition(task, "/extra/tasks_for"));
        names.set(
            "event.pull",
            Map::new(),
            Origin::new(&Request::Projects, "/p"),
        );
        names.set("event.pull.sha", "1", Origin::definition(task, "/env/SHA"));
        names.set_constant("event.action", "published");
        names
    }

    #[test]
    fn the_longest_name_wins_and_the_rest_is_the_event_s() {
        let names = names();
        let origin = |name| names.origin(&path(name)).pointer;
        assert_eq!(origin("event.pull.title.x"), "/p/title/x");
        assert_eq!(origin("event.pull.sha"), "/env/SHA");
        assert_eq!(origin("event.action"), "/extra/tasks_for");
        assert_eq!(names.below(&path("event")).len(), 2);
        assert_eq!(
            names.value(&path("event.pull.sha")).unwrap().as_str(),
            Some("1")
        );
    }

    #[test]
    fn what_a_task_says_is_a_fact_until_it_is_replaced_s36() {
        let mut names = names();
        let facts: Vec<_> = names.facts().map(|fact| fact.name).collect();
        assert_eq!(facts, ["event.pull.sha"]);
        names.set("event", "x", Origin::new(&Request::Projects, ""));
        assert_eq!(names.facts().count(), 0);
    }
}
