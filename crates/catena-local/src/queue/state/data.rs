// SPDX-License-Identifier: MPL-2.0
//! What is in memory, and the changes to it that belong together.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use catena_core::model::ids::{RunId, TaskId};
use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use super::super::definition::Fields;
use super::super::{Artifact, Priority, QueueError, Run, RunState, Status, TaskState};
use crate::store::{Change, StoreError, Table};

/// What changes about a task: its record in the store, small beside the definition.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Record {
    /// Order of creation.
    pub(super) sequence: u64,
    /// Order in which the last run became pending.
    pub(super) queued: u64,
    pub(super) retries_left: u32,
    /// What `changeTaskPriority` made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) priority: Option<Priority>,
    /// Dependencies that are not fulfilled.
    pub(super) waiting: BTreeSet<TaskId>,
    pub(super) runs: Vec<Run>,
}

/// A task: what never changes, shared, and what does.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) id: TaskId,
    pub(super) fields: Arc<Fields>,
    pub(super) definition: Arc<Map<String, Value>>,
    pub(super) record: Record,
}

impl Task {
    pub(super) fn state(&self) -> TaskState {
        match self.record.runs.last().map(|run| run.state) {
            None => TaskState::Unscheduled,
            Some(RunState::Pending) => TaskState::Pending,
            Some(RunState::Running) => TaskState::Running,
            Some(RunState::Completed) => TaskState::Completed,
            Some(RunState::Failed) => TaskState::Failed,
            Some(RunState::Exception) => TaskState::Exception,
        }
    }

    /// The number that the next run gets.
    pub(super) fn next_run(&self) -> RunId {
        RunId(u32::try_from(self.record.runs.len()).unwrap_or(u32::MAX))
    }

    pub(super) fn run(&self, run: RunId) -> Result<&Run, QueueError> {
        usize::try_from(run.0)
            .ok()
            .and_then(|at| self.record.runs.get(at))
            .ok_or_else(|| {
                QueueError::NotFound(format!("Run {run} not found on task `{}`.", self.id))
            })
    }

    pub(super) fn status(&self) -> Status {
        let fields = &self.fields;
        Status {
            task_id: self.id,
            provisioner_id: fields.provisioner_id.clone(),
            worker_type: fields.worker_type.clone(),
            task_queue_id: fields.task_queue_id.clone(),
            scheduler_id: fields.scheduler_id.clone(),
            project_id: fields.project_id.clone(),
            task_group_id: fields.task_group_id.clone(),
            priority: self.priority(),
            deadline: fields.deadline,
            expires: fields.expires,
            retries_left: self.record.retries_left,
            state: self.state(),
            runs: self.record.runs.clone(),
        }
    }

    /// That of the definition, unless it was changed.
    pub(super) fn priority(&self) -> Priority {
        self.record.priority.unwrap_or(self.fields.priority)
    }

    /// The definition as the API shows it: nothing of it changes but the priority (worker.md §12.2).
    pub(super) fn shown(&self) -> Map<String, Value> {
        let mut definition = (*self.definition).clone();
        if let Some(priority) = self.record.priority {
            definition.insert("priority".to_owned(), json!(priority));
        }
        definition
    }

    /// Its place among the pending runs of its queue.
    fn place(&self) -> Place {
        (Reverse(self.priority()), self.record.queued)
    }
}

/// Highest priority first, then oldest.
type Place = (Reverse<Priority>, u64);

/// The pending runs of a queue, and those who wait for one.
#[derive(Debug, Default)]
pub(super) struct Pool {
    pub(super) runs: BTreeMap<Place, TaskId>,
    pub(super) waker: Arc<Notify>,
}

/// A task group: who made it, and its tasks in the order of creation.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) scheduler: String,
    pub(super) project: String,
    /// Since when it takes no more tasks.
    pub(super) sealed: Option<Timestamp>,
    pub(super) tasks: Vec<TaskId>,
}

/// What happens at a time, unless something else comes first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Timer {
    /// The task's deadline.
    Deadline,
    /// The end of its claim.
    Claim,
}

/// Everything, in memory.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) tasks: HashMap<TaskId, Task>,
    pub(super) groups: IndexMap<String, Group>,
    pub(super) pools: HashMap<String, Pool>,
    /// Who waits for a task.
    pub(super) dependents: HashMap<TaskId, BTreeSet<TaskId>>,
    /// Whose definitions name a task as a dependency, whether or not they wait.
    pub(super) named_by: HashMap<TaskId, BTreeSet<TaskId>>,
    pub(super) timers: BTreeSet<(Timestamp, Timer, TaskId)>,
    pub(super) artifacts: HashMap<(TaskId, RunId), BTreeMap<String, Artifact>>,
    /// The last number given out.
    pub(super) sequence: u64,
}

impl State {
    pub(super) fn task(&self, id: TaskId) -> Result<&Task, QueueError> {
        self.tasks.get(&id).ok_or_else(|| {
            QueueError::NotFound(format!(
                "Task `{id}` not found. Are you sure it was created?"
            ))
        })
    }

    /// Puts a task into all indexes. The caller gives tasks in the order of their creation.
    pub(super) fn insert(&mut self, task: Task) {
        let (id, fields, record) = (task.id, &task.fields, &task.record);
        self.sequence = self.sequence.max(record.sequence).max(record.queued);
        for dependency in &record.waiting {
            self.dependents.entry(*dependency).or_default().insert(id);
        }
        for dependency in &fields.dependencies {
            self.named_by.entry(*dependency).or_default().insert(id);
        }
        self.groups
            .entry(fields.task_group_id.clone())
            .or_insert_with(|| Group {
                scheduler: fields.scheduler_id.clone(),
                project: fields.project_id.clone(),
                sealed: None,
                tasks: Vec::new(),
            })
            .tasks
            .push(id);
        self.timers.insert((fields.deadline, Timer::Deadline, id));
        match record.runs.last() {
            Some(run) if run.state == RunState::Pending => self.queue(&task),
            Some(run) if run.state == RunState::Running => {
                if let Some(until) = run.taken_until {
                    self.timers.insert((until, Timer::Claim, id));
                }
            }
            _ => {}
        }
        self.tasks.insert(id, task);
    }

    /// Puts the pending run of a task where claims find it, and wakes one who waits.
    pub(super) fn queue(&mut self, task: &Task) {
        let pool = self
            .pools
            .entry(task.fields.task_queue_id.clone())
            .or_default();
        pool.runs.insert(task.place(), task.id);
        pool.waker.notify_one();
    }

    /// Takes it out again. A queue that nothing is in and nobody waits for is forgotten.
    pub(super) fn unqueue(&mut self, task: &Task) {
        let queue = &task.fields.task_queue_id;
        if let Some(pool) = self.pools.get_mut(queue) {
            pool.runs.remove(&task.place());
        }
        self.forget_idle(queue);
    }

    /// Takes a task that has ended out of all indexes. Those who name it as a dependency go on naming it.
    pub(super) fn forget(&mut self, task: &Task) {
        let (id, fields) = (task.id, &task.fields);
        self.timers.remove(&(fields.deadline, Timer::Deadline, id));
        for dependency in &fields.dependencies {
            for index in [&mut self.dependents, &mut self.named_by] {
                if let Some(all) = index.get_mut(dependency) {
                    all.remove(&id);
                }
                if index.get(dependency).is_some_and(BTreeSet::is_empty) {
                    index.remove(dependency);
                }
            }
        }
        if let Some(group) = self.groups.get_mut(&fields.task_group_id) {
            group.tasks.retain(|other| *other != id);
            if group.tasks.is_empty() {
                self.groups.shift_remove(&fields.task_group_id);
            }
        }
        self.tasks.remove(&id);
    }

    /// Forgets a queue without runs that nobody waits for.
    pub(super) fn forget_idle(&mut self, queue: &str) {
        let idle = self
            .pools
            .get(queue)
            .is_some_and(|pool| pool.runs.is_empty() && Arc::strong_count(&pool.waker) == 1);
        if idle {
            self.pools.remove(queue);
        }
    }
}

/// Changes that are written together, decided at one time. What may fail is checked before the first change.
pub(super) struct Tx<'a> {
    pub(super) state: &'a mut State,
    pub(super) now: Timestamp,
    /// Tasks whose records are to be written.
    dirty: BTreeSet<TaskId>,
    changes: Vec<Change>,
}

impl<'a> Tx<'a> {
    pub(super) fn new(state: &'a mut State, now: Timestamp) -> Self {
        Self {
            state,
            now,
            dirty: BTreeSet::new(),
            changes: Vec::new(),
        }
    }

    /// Changes a task's record; the change will be written.
    pub(super) fn modify(&mut self, id: TaskId, change: impl FnOnce(&mut Task)) {
        if let Some(task) = self.state.tasks.get_mut(&id) {
            change(task);
            self.dirty.insert(id);
        }
    }

    /// Writes a record as JSON.
    pub(super) fn put(
        &mut self,
        table: Table,
        key: String,
        value: &impl Serialize,
    ) -> Result<(), QueueError> {
        let value = Some(encode(table, value)?);
        self.changes.push(Change { table, key, value });
        Ok(())
    }

    /// Removes a record.
    pub(super) fn delete(&mut self, table: Table, key: String) {
        let value = None;
        self.changes.push(Change { table, key, value });
    }

    /// The next number in the order of things.
    pub(super) fn next(&mut self) -> u64 {
        self.state.sequence = self.state.sequence.saturating_add(1);
        self.state.sequence
    }

    /// Notes that a task's record is to be written.
    pub(super) fn touch(&mut self, id: TaskId) {
        self.dirty.insert(id);
    }

    /// Returns whether there is nothing to write.
    pub(super) fn is_clean(&self) -> bool {
        self.dirty.is_empty() && self.changes.is_empty()
    }

    /// What is to be written.
    pub(super) fn finish(self) -> Result<Vec<Change>, QueueError> {
        let mut changes = self.changes;
        for id in self.dirty {
            if let Some(task) = self.state.tasks.get(&id) {
                changes.push(Change {
                    table: Table::Statuses,
                    key: id.to_string(),
                    value: Some(encode(Table::Statuses, &task.record)?),
                });
            }
        }
        Ok(changes)
    }
}

fn encode(table: Table, value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value)
        .map_err(|error| StoreError::new(format_args!("write a record of {table}"), error))
}
