// SPDX-License-Identifier: MPL-2.0
//! The schema of documents, version 1 (generation.md 1.2): what every verifier will demand is demanded here first.

use std::collections::BTreeSet;

use catena_core::model::ids::TaskId;

use crate::json::Json;

/// A member that is not what the schema wants.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{at}: expected {expected}, found {found}")]
pub struct SchemaError {
    /// JSON pointer of the member.
    pub at: String,
    /// What the schema wants.
    pub expected: &'static str,
    /// What is there, in words.
    pub found: String,
}

/// Checks the members of a document, but for the artifacts, against the schema.
///
/// # Errors
/// The first member that breaks it.
pub(super) fn check(document: &Json) -> Result<(), SchemaError> {
    let top = At::root(document);
    let one = |version: &Json| version.as_u32() == Some(1);
    top.member("chainOfTrustVersion")?.holds("1", one)?;
    top.member("environment")?.holds("an object", is_object)?;
    let run = |run: &Json| run.as_u32().is_some();
    top.member("runId")?.holds("an integer from 0", run)?;
    let slug = |id: &Json| id.as_str().is_some_and(|id| id.parse::<TaskId>().is_ok());
    top.member("taskId")?.holds("a slug id", slug)?;
    for name in ["workerGroup", "workerId"] {
        top.member(name)?.holds("a string", is_string)?;
    }
    let task = top.member("task")?;
    for name in ["dependencies", "scopes"] {
        let list = task.member(name)?;
        list.holds("a list of strings, none of them twice", distinct)?;
    }
    task.member("payload")?.holds("an object", is_object)?;
    for name in ["taskGroupId", "workerType"] {
        task.member(name)?.holds("a string", is_string)?;
    }
    Ok(())
}

fn is_object(value: &Json) -> bool {
    value.as_object().is_some()
}

fn is_string(value: &Json) -> bool {
    value.as_str().is_some()
}

fn distinct(value: &Json) -> bool {
    let mut seen = BTreeSet::new();
    value.as_array().is_some_and(|items| {
        items
            .iter()
            .all(|item| item.as_str().is_some_and(|item| seen.insert(item)))
    })
}

/// What is wrong with an artifact that has no digest.
pub(super) fn no_digest(name: &str) -> SchemaError {
    SchemaError {
        at: format!("/artifacts/{}", escape(name)),
        expected: "at least one digest",
        found: "none".to_owned(),
    }
}

/// A member's name in a JSON pointer.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A member and where it is.
struct At<'a> {
    pointer: String,
    value: Option<&'a Json>,
}

impl<'a> At<'a> {
    const fn root(value: &'a Json) -> Self {
        Self {
            pointer: String::new(),
            value: Some(value),
        }
    }

    /// Goes to a member; the container has to be an object.
    fn member(&self, name: &str) -> Result<Self, SchemaError> {
        self.holds("an object", is_object)?;
        Ok(Self {
            pointer: format!("{}/{}", self.pointer, escape(name)),
            value: self.value.and_then(|value| value.get(name)),
        })
    }

    fn holds(
        &self,
        expected: &'static str,
        test: impl Fn(&Json) -> bool,
    ) -> Result<(), SchemaError> {
        match self.value {
            Some(value) if test(value) => Ok(()),
            other => Err(SchemaError {
                at: if self.pointer.is_empty() {
                    "the document".to_owned()
                } else {
                    self.pointer.clone()
                },
                expected,
                found: other.map_or_else(|| "nothing".to_owned(), shown),
            }),
        }
    }
}

/// The value in a few words; long ones are cut.
fn shown(value: &Json) -> String {
    let line = value.to_line();
    match line.char_indices().nth(60) {
        Some(_) => value.kind().to_owned(),
        None => line,
    }
}
