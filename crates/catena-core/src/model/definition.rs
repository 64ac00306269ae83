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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{self, Reading};

    const OWN: &str = "YyxNNh7mTAmwDhB4Itm0jg";
    const OTHER: &str = "MS4kukUGRKiDDt22gp5Vbg";

    fn definition(text: &str) -> Definition {
        let value = json::parse(text.as_bytes(), Reading::Strict).unwrap();
        Definition::new(OWN.parse().unwrap(), value).unwrap()
    }

    fn with_extra(extra: &str) -> Definition {
        let text = format!(r#"{{"payload": {{}}, "taskGroupId": "{OWN}", "extra": {extra}}}"#);
        definition(&text)
    }

    #[test]
    fn the_decision_is_the_task_group_v7() {
        let other = with_extra(&format!(r#"{{"parent": "{OTHER}"}}"#));
        assert_eq!(other.decision_task().unwrap().as_str(), OWN);
        assert!(
            definition(r#"{"payload": {}, "extra": {}}"#)
                .decision_task()
                .is_err()
        );
    }

    #[test]
    fn the_parent_is_extra_parent_if_there_is_one_v8_s1() {
        let parent = |extra: &str| {
            with_extra(extra)
                .parent_task()
                .map(|id| id.as_str().to_owned())
        };
        assert_eq!(parent("{}").unwrap(), OWN);
        assert_eq!(
            parent(&format!(r#"{{"parent": "{OTHER}"}}"#)).unwrap(),
            OTHER
        );
        for hidden in ["null", r#""""#, "false", "0", "[]", r#""../x""#] {
            let refused = parent(&format!(r#"{{"parent": {hidden}}}"#)).unwrap_err();
            assert_eq!(refused.pointer, "/extra/parent", "{hidden}");
        }
    }

    #[test]
    fn actions_are_told_by_callback_or_extra_v9() {
        let env = |value: &str| {
            let text = format!(
                r#"{{"payload": {{"env": {{"ACTION_CALLBACK": {value}}}}}, "extra": {{}}}}"#
            );
            definition(&text).is_action().unwrap()
        };
        assert!(env(r#""retrigger""#) && env("1"));
        assert!(!env(r#""""#) && !env("null") && !env("0"));
        let extra = |text: &str| with_extra(text).is_action().unwrap();
        assert!(extra(r#"{"action": {}}"#) && extra(r#"{"action": ""}"#));
        assert!(!extra("{}") && !extra(r#"{"action": null}"#));
    }

    #[test]
    fn the_pool_needs_both_parts_and_no_queue_id_v10() {
        let pool = |text: &str| definition(text).worker_pool();
        let both = r#"{"payload": {}, "provisionerId": "p", "workerType": "w", "taskQueueId": "other/pool"}"#;
        assert_eq!(pool(both).unwrap(), "p/w");
        assert!(pool(r#"{"payload": {}, "provisionerId": "p", "taskQueueId": "p/w"}"#).is_err());
    }

    /// What makes a claim, and what does not: the pinned cases of V13.
    #[test]
    fn worker_claims_are_collected_v13() {
        let claims = |provisioner: &str, payload: &str, tags: &str, scopes: &str| {
            let text = format!(
                r#"{{"provisionerId": "{provisioner}", "payload": {payload}, "tags": {tags}, "scopes": {scopes}}}"#
            );
            let known = BTreeSet::from(["scriptworker-k8s".to_owned()]);
            let claims = definition(&text).worker_claims(&known).unwrap();
            claims.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let none: [&str; 0] = [];
        assert_eq!(claims("p", "{}", "{}", "[]"), none);
        assert_eq!(
            claims("p", r#"{"image": "x"}"#, "{}", "[]"),
            ["docker-worker"]
        );
        assert_eq!(claims("p", r#"{"image": ""}"#, "{}", "[]"), none);
        assert_eq!(
            claims("p", r#"{"mounts": []}"#, "{}", "[]"),
            ["generic-worker"]
        );
        assert_eq!(claims("p", r#"{"osGroups": null}"#, "{}", "[]"), none);
        assert_eq!(
            claims("scriptworker-prov-v1", "{}", "{}", "[]"),
            ["scriptworker"]
        );
        assert_eq!(
            claims("scriptworker-k8s", "{}", "{}", "[]"),
            ["scriptworker"]
        );
        assert_eq!(
            claims("p", "{}", "{}", r#"["docker-worker:cache:x"]"#),
            ["docker-worker"]
        );
        let tag = r#"{"worker-implementation": "anything"}"#;
        assert_eq!(claims("p", "{}", tag, "[]"), ["anything"]);
        assert_eq!(claims("p", r#"{"image": "x"}"#, tag, "[]").len(), 2);
    }

    #[test]
    fn a_definition_has_a_payload_v21() {
        let refused = |text: &str| {
            let value = json::parse(text.as_bytes(), Reading::Strict).unwrap();
            Definition::new(OWN.parse().unwrap(), value).is_err()
        };
        assert!(refused("{}") && refused(r#"{"payload": null}"#) && refused("[]"));
        assert!(!refused(r#"{"payload": {}}"#));
    }

    /// `optional` is true or it is not (V41), but the screen asks for truth in Python's sense (V2).
    #[test]
    fn optional_is_exactly_true_v41_v2() {
        let optional = |value: &str| {
            let text = format!(
                r#"{{"payload": {{"upstreamArtifacts": [{{"taskId": "{OTHER}", "taskType": "build", "paths": [], "optional": {value}}}]}}}}"#
            );
            let task = definition(&text);
            let entry = task.upstream_artifact(0).unwrap();
            (entry.optional, entry.optional_truthy)
        };
        assert_eq!(optional("true"), (true, true));
        assert_eq!(optional("1"), (false, true));
        assert_eq!(optional(r#""true""#), (false, true));
        assert_eq!(optional("false"), (false, false));
    }
}
