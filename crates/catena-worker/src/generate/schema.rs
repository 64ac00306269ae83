// SPDX-License-Identifier: MPL-2.0
//! The schema of documents, version 1 (generation.md 1.2): what every verifier will demand is demanded here first.

use std::collections::BTreeSet;

use catena_core::model::ids::TaskId;
use catena_crypto::digest::{Algorithm, Digest};

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

/// Checks a document against the schema.
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
    let artifacts = top.member("artifacts")?;
    artifacts.holds("an object", is_object)?;
    let members = artifacts
        .value
        .and_then(Json::as_object)
        .into_iter()
        .flatten();
    for (name, _) in members {
        artifacts
            .member(name)?
            .holds("digests in lower-case hex", digests)?;
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

fn digests(entry: &Json) -> bool {
    entry.as_object().is_some_and(|entry| {
        !entry.is_empty()
            && entry.iter().all(|(name, hex)| {
                let algorithm = name.parse::<Algorithm>().ok();
                algorithm
                    .zip(hex.as_str())
                    .is_some_and(|(algorithm, hex)| Digest::parse(algorithm, hex).is_some())
            })
    })
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
        let escaped = name.replace('~', "~0").replace('/', "~1");
        Ok(Self {
            pointer: format!("{}/{escaped}", self.pointer),
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
