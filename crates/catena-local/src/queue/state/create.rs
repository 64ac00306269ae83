// SPDX-License-Identifier: MPL-2.0
//! `createTask`.

use std::collections::BTreeSet;
use std::sync::Arc;

use catena_core::model::ids::TaskId;
use jiff::SignedDuration;
use serde_json::{Map, Value};

use super::super::definition::Fields;
use super::super::{QueueError, Status};
use super::data::{Record, State, Task, Tx};
use super::runs::{fulfils, retries};
use crate::store::Table;

/// What clocks may differ by.
const DRIFT: SignedDuration = SignedDuration::from_mins(15);
/// Longest time until the deadline.
const LONGEST: SignedDuration = SignedDuration::from_hours(5 * 24);

/// What `created` may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Created {
    /// The time of the call, as far as clocks agree.
    Now,
    /// That, or any time before it.
    Earlier,
}

impl Tx<'_> {
    /// Creates the task, or finds that it exists with this definition.
    pub(super) fn create(
        &mut self,
        id: TaskId,
        definition: Map<String, Value>,
        created: Created,
    ) -> Result<Status, QueueError> {
        let fields = Fields::read(&definition)?;
        if let Some(existing) = self.state.tasks.get(&id) {
            return same(existing, &definition);
        }
        self.check_times(&fields, created)?;
        check_queue(&fields)?;
        check_group(self.state, &fields)?;
        let waiting = unfulfilled(self.state, id, &fields)?;
        self.put(Table::Tasks, id.to_string(), &definition)?;
        let ready = waiting.is_empty();
        let task = Task {
            id,
            record: Record {
                sequence: self.next(),
                queued: 0,
                retries_left: retries(fields.retries, 1),
                priority: None,
                waiting,
                runs: Vec::new(),
            },
            fields: Arc::new(fields),
            definition: Arc::new(definition),
        };
        self.state.insert(task);
        self.touch(id);
        if ready {
            self.begin_run(id, "scheduled");
        }
        Ok(self.state.task(id)?.status())
    }

    /// `created` now, `deadline` within five days, `expires` not before it; clocks may differ by a quarter of an hour.
    fn check_times(&self, fields: &Fields, created: Created) -> Result<(), QueueError> {
        let from_now = |time: jiff::Timestamp| time.duration_since(self.now);
        let refuse = |why: &str| Err(QueueError::Input(why.to_owned()));
        if created == Created::Now && from_now(fields.created) < -DRIFT {
            return refuse("`created` cannot be in the past (max 15min drift)");
        }
        if from_now(fields.created) > DRIFT {
            return refuse("`created` cannot be in the future (max 15min drift)");
        }
        if fields.created > fields.deadline {
            return refuse("`deadline` cannot be before `created`");
        }
        if fields.deadline <= self.now {
            return refuse("`deadline` cannot be in the past");
        }
        if from_now(fields.deadline) > LONGEST + DRIFT {
            return refuse("`deadline` cannot be more than 5 days into the future");
        }
        if fields.expires < fields.deadline {
            return refuse("`expires` cannot be before `deadline`");
        }
        Ok(())
    }
}

/// Creating a task again is fine if nothing differs.
fn same(existing: &Task, definition: &Map<String, Value>) -> Result<Status, QueueError> {
    if *existing.definition == *definition {
        return Ok(existing.status());
    }
    let all = existing.definition.iter().chain(definition);
    let different: BTreeSet<&str> = all
        .filter(|(key, _)| existing.definition.get(*key) != definition.get(*key))
        .map(|(key, _)| key.as_str())
        .collect();
    Err(QueueError::Conflict(format!(
        "taskId `{}` is already used by another task; the definitions differ in {different:?}. Use another taskId.",
        existing.id
    )))
}

fn check_queue(fields: &Fields) -> Result<(), QueueError> {
    let expected = format!("{}/{}", fields.provisioner_id, fields.worker_type);
    if fields.task_queue_id == expected {
        return Ok(());
    }
    Err(QueueError::Input(format!(
        "`taskQueueId` is `{}`, but `provisionerId` and `workerType` say `{expected}`; give one of the two forms",
        fields.task_queue_id
    )))
}

/// A group has one scheduler and one project.
fn check_group(state: &State, fields: &Fields) -> Result<(), QueueError> {
    let Some(group) = state.groups.get(&fields.task_group_id) else {
        return Ok(());
    };
    if let Some(sealed) = group.sealed {
        return Err(QueueError::Conflict(format!(
            "taskGroupId `{}` was sealed at {sealed:.3}: no task can be added to it",
            fields.task_group_id
        )));
    }
    for (what, expected, found) in [
        ("schedulerId", &group.scheduler, &fields.scheduler_id),
        ("projectId", &group.project, &fields.project_id),
    ] {
        if expected != found {
            return Err(QueueError::Conflict(format!(
                "taskGroupId `{}` contains tasks with {what} `{expected}`; a task with {what} `{found}` cannot be added to it",
                fields.task_group_id
            )));
        }
    }
    Ok(())
}

/// The dependencies that are to be waited for. All must exist (a task may wait for itself) and last until the deadline.
fn unfulfilled(state: &State, id: TaskId, fields: &Fields) -> Result<BTreeSet<TaskId>, QueueError> {
    let mut waiting = BTreeSet::new();
    let mut missing = Vec::new();
    let mut expiring = Vec::new();
    for dependency in &fields.dependencies {
        match state.tasks.get(dependency) {
            Some(found) if found.fields.expires < fields.deadline => expiring.push(dependency),
            Some(found) if fulfils(found.state(), fields.requires) => {}
            None if *dependency != id => missing.push(dependency),
            _ => {
                waiting.insert(*dependency);
            }
        }
    }
    if !missing.is_empty() {
        return Err(QueueError::Input(format!(
            "`task.dependencies` references non-existing tasks: {missing:?}"
        )));
    }
    if !expiring.is_empty() {
        return Err(QueueError::Input(format!(
            "`task.dependencies` references tasks that expire before `task.deadline`: {expiring:?}"
        )));
    }
    Ok(waiting)
}
