// SPDX-License-Identifier: MPL-2.0
//! The end of what expired: tasks with all that they have, and artifacts of tasks that last longer.

use std::time::Duration;

use catena_core::model::ids::{RunId, TaskId};
use jiff::{SignedDuration, Timestamp};

use super::super::{RunState, TaskState};
use super::artifacts::key;
use super::claim::later;
use super::data::{State, Task, Tx};
use super::groups::SEALED;
use crate::store::Table;

/// How long what has expired stays: readers are told that it expired, and no URL for its upload lives any more.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// What is to be removed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Expired {
    /// Tasks, which go with all their artifacts.
    pub tasks: Vec<TaskId>,
    /// Artifacts of other tasks.
    pub artifacts: Vec<(TaskId, RunId, String)>,
}

impl Expired {
    /// Whether there is nothing to remove.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.artifacts.is_empty()
    }
}

impl State {
    /// What expired long enough ago and does not change any more.
    pub(super) fn expired(&self, now: Timestamp, late: Duration) -> Expired {
        let mut out = Expired::default();
        let due = self.tasks.values().filter(|task| is_over(task, now));
        out.tasks.extend(due.map(|task| task.id));
        for ((id, run), all) in &self.artifacts {
            let closed = self
                .tasks
                .get(id)
                .is_some_and(|task| !is_over(task, now) && !takes_artifacts(task, *run, now, late));
            if closed {
                let due = all.values().filter(|one| is_long_ago(one.expires, now));
                let named = due.map(|one| (*id, *run, one.name.clone()));
                out.artifacts.extend(named);
            }
        }
        out.tasks.sort();
        out.artifacts.sort();
        out
    }
}

impl Tx<'_> {
    /// Removes the records.
    pub(super) fn remove(&mut self, expired: &Expired) {
        for (id, run, name) in &expired.artifacts {
            if let Some(all) = self.state.artifacts.get_mut(&(*id, *run)) {
                all.remove(name);
                if all.is_empty() {
                    self.state.artifacts.remove(&(*id, *run));
                }
                self.delete(Table::Artifacts, key(*id, *run, name));
            }
        }
        for id in &expired.tasks {
            let Some(task) = self.state.tasks.get(id).cloned() else {
                continue;
            };
            for run in &task.record.runs {
                let all = self.state.artifacts.remove(&(*id, run.run_id));
                for name in all.unwrap_or_default().keys() {
                    self.delete(Table::Artifacts, key(*id, run.run_id, name));
                }
            }
            self.state.forget(&task);
            let group = &task.fields.task_group_id;
            if !self.state.groups.contains_key(group) {
                self.delete(Table::Settings, format!("{SEALED}{group}"));
            }
            self.delete(Table::Tasks, id.to_string());
            self.delete(Table::Statuses, id.to_string());
        }
    }
}

/// A task ends at its deadline at the latest, which is not after its expiry.
fn is_over(task: &Task, now: Timestamp) -> bool {
    let ended = match task.state() {
        TaskState::Unscheduled | TaskState::Pending | TaskState::Running => false,
        TaskState::Completed | TaskState::Failed | TaskState::Exception => true,
    };
    ended && is_long_ago(task.fields.expires, now)
}

fn is_long_ago(expires: Timestamp, now: Timestamp) -> bool {
    now.duration_since(expires) > KEPT
}

/// Whether artifacts of a run may still be created, or last longer.
fn takes_artifacts(task: &Task, run: RunId, now: Timestamp, late: Duration) -> bool {
    task.run(run).is_ok_and(|run| match run.state {
        RunState::Pending | RunState::Running => true,
        RunState::Exception => run
            .resolved
            .is_some_and(|resolved| later(resolved, late) > now),
        RunState::Completed | RunState::Failed => false,
    })
}
