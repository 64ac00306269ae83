// SPDX-License-Identifier: MPL-2.0
//! A task definition and the values derived from it (section B of verification.md).

use std::collections::BTreeSet;

use catena_jsone::Value;

use super::ids::TaskId;
use super::shape::{Fields, Shape};
use super::task_type::WorkerImplementation;
use crate::policy::SCRIPTWORKER_PROVISIONER;

/// The queue's definition of a task. All fields stay opaque until a check reads them (P2, `typed-model`).
#[derive(Clone, Debug)]
pub struct Definition {
    id: TaskId,
    value: Value,
}

/// An entry of `payload.upstreamArtifacts` (V15, V40).
#[derive(Clone, Debug)]
pub struct Upstream<'a> {
    /// Whose artifacts.
    pub task: TaskId,
    /// What type the entry claims for the task.
    pub task_type: &'a str,
    /// Whether `optional` is exactly `true` (V41).
    pub optional: bool,
    /// Whether `optional` is truthy, which is what the screen of V2 asks.
    pub optional_truthy: bool,
    /// Its place in the list.
    pub index: usize,
    fields: Fields<'a>,
}

impl<'a> Upstream<'a> {
    /// Returns the names and patterns; only the root's are ever read (V40).
    ///
    /// # Errors
    /// They are missing or not a list of strings.
    pub fn paths(&self) -> Result<Vec<&'a str>, Shape> {
        self.fields.texts("paths")
    }
}

impl Definition {
    /// Wraps the queue's answer for the task.
    ///
    /// # Errors
    /// It is no object, or has no `payload` object (V21).
    pub fn new(id: TaskId, value: Value) -> Result<Self, Shape> {
        Fields::of(&value, "")?.object("payload")?;
        Ok(Self { id, value })
    }

    /// Returns the task's id.
    #[must_use]
    pub const fn id(&self) -> TaskId {
        self.id
    }

    /// Returns the whole definition.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// Returns a reader of its members.
    ///
    /// # Errors
    /// None in practice: the constructor has seen the object.
    pub fn fields(&self) -> Result<Fields<'_>, Shape> {
        Fields::of(&self.value, "")
    }

    /// Returns a reader of `payload`.
    ///
    /// # Errors
    /// It is no object.
    pub fn payload(&self) -> Result<Fields<'_>, Shape> {
        self.fields()?.object("payload")
    }

    /// Returns a reader of `extra`, which may be absent.
    ///
    /// # Errors
    /// It is no object.
    pub fn extra(&self) -> Result<Fields<'_>, Shape> {
        self.fields()?.optional_object("extra")
    }

    /// Returns `taskGroupId`, which is the decision task's id (V7).
    ///
    /// # Errors
    /// It is missing or no task id (S13).
    pub fn decision_task(&self) -> Result<TaskId, Shape> {
        task_id(&self.fields()?, "taskGroupId")
    }

    /// Returns the parent: `extra.parent` if that key exists, else `taskGroupId` (V8).
    ///
    /// # Errors
    /// `extra.parent` exists and is no task id: null and "" once hid a task from every graph (S1).
    pub fn parent_task(&self) -> Result<TaskId, Shape> {
        let extra = self.extra()?;
        if extra.get("parent").is_some() {
            task_id(&extra, "parent")
        } else {
            self.decision_task()
        }
    }

    /// Returns whether the task was created by an action (V9).
    ///
    /// # Errors
    /// `payload.env` or `extra` is no object.
    pub fn is_action(&self) -> Result<bool, Shape> {
        let callback = self
            .env()?
            .get("ACTION_CALLBACK")
            .is_some_and(Value::is_truthy);
        Ok(callback
            || self
                .extra()?
                .get("action")
                .is_some_and(|action| !action.is_null()))
    }

    /// Returns the worker pool, `provisionerId/workerType` (V10).
    ///
    /// # Errors
    /// One of the two is missing or no string.
    pub fn worker_pool(&self) -> Result<String, Shape> {
        let fields = self.fields()?;
        Ok(format!(
            "{}/{}",
            fields.text("provisionerId")?,
            fields.text("workerType")?
        ))
    }

    /// Returns a reader of `payload.env`, which may be absent (V11).
    ///
    /// # Errors
    /// It is no object.
    pub fn env(&self) -> Result<Fields<'_>, Shape> {
        let payload = self.payload()?;
        if payload.get("env").is_some_and(Value::is_null) {
            return Err(Shape::new("/payload/env", "an object", Some(&Value::Null)));
        }
        payload.optional_object("env")
    }

    /// Returns the scopes.
    ///
    /// # Errors
    /// They are missing or not a list of strings.
    pub fn scopes(&self) -> Result<Vec<&str>, Shape> {
        self.fields()?.texts("scopes")
    }

    /// Returns the claims on the worker implementation (V13): exactly one may remain.
    ///
    /// # Errors
    /// A field that the rule reads is missing or mistyped.
    pub fn worker_claims(
        &self,
        scriptworker_provisioners: &BTreeSet<String>,
    ) -> Result<BTreeSet<WorkerImplementation>, Shape> {
        let (fields, payload) = (self.fields()?, self.payload()?);
        let provisioner = fields.text("provisionerId")?;
        let mut claims = BTreeSet::new();
        if payload.get("image").is_some_and(Value::is_truthy) {
            claims.insert(WorkerImplementation::DockerWorker);
        }
        if provisioner == SCRIPTWORKER_PROVISIONER
            || scriptworker_provisioners.contains(provisioner)
        {
            claims.insert(WorkerImplementation::Scriptworker);
        }
        if ["mounts", "osGroups"]
            .iter()
            .any(|key| payload.get(key).is_some_and(|value| !value.is_null()))
        {
            claims.insert(WorkerImplementation::GenericWorker);
        }
        let tags = fields.optional_object("tags")?;
        if tags
            .get("worker-implementation")
            .is_some_and(Value::is_truthy)
        {
            claims.insert(tags.text("worker-implementation")?.into());
        }
        if self
            .scopes()?
            .iter()
            .any(|scope| scope.starts_with("docker-worker:"))
        {
            claims.insert(WorkerImplementation::DockerWorker);
        }
        Ok(claims)
    }

    /// Returns `extra.chainOfTrust.inputs`: input name and task (V15).
    ///
    /// # Errors
    /// `extra` is missing, or an input is no task id (S13).
    pub fn inputs(&self) -> Result<Vec<(&str, TaskId)>, Shape> {
        let inputs = self
            .fields()?
            .object("extra")?
            .optional_object("chainOfTrust")?
            .optional_object("inputs")?;
        inputs
            .members()
            .map(|(name, _)| Ok((name, task_id(&inputs, name)?)))
            .collect()
    }

    /// Returns `payload.upstreamArtifacts` (V15, V40).
    ///
    /// # Errors
    /// An entry lacks a task id, a type or a list of paths.
    pub fn upstream_artifacts(&self) -> Result<Vec<Upstream<'_>>, Shape> {
        let entries = self.payload()?.optional_list("upstreamArtifacts")?;
        entries
            .iter()
            .enumerate()
            .map(|(index, entry)| upstream(index, entry))
            .collect()
    }

    /// Returns one entry of `payload.upstreamArtifacts`.
    ///
    /// # Errors
    /// There is none, or it lacks a task id, a type or a list of paths.
    pub fn upstream_artifact(&self, index: usize) -> Result<Upstream<'_>, Shape> {
        let pointer = || format!("/payload/upstreamArtifacts/{index}");
        let entries = self.payload()?.optional_list("upstreamArtifacts")?;
        let entry = entries
            .get(index)
            .ok_or_else(|| Shape::new(pointer(), "an entry", None))?;
        upstream(index, entry)
    }
}

fn upstream(index: usize, entry: &Value) -> Result<Upstream<'_>, Shape> {
    let fields = Fields::of(entry, format!("/payload/upstreamArtifacts/{index}"))?;
    let optional = fields.get("optional");
    Ok(Upstream {
        task: task_id(&fields, "taskId")?,
        task_type: fields.text("taskType")?,
        optional: optional.and_then(Value::as_bool) == Some(true),
        optional_truthy: optional.is_some_and(Value::is_truthy),
        index,
        fields,
    })
}

/// Reads a required member as a task id (S13).
fn task_id(fields: &Fields<'_>, key: &str) -> Result<TaskId, Shape> {
    fields.text(key)?.parse().map_err(|_| {
        Shape::new(
            fields.pointer(key),
            "a task id of 22 characters",
            fields.get(key),
        )
    })
}
