// SPDX-License-Identifier: MPL-2.0
//! Task groups: what they are, and their end, `sealTaskGroup` and `cancelTaskGroup`.

use catena_core::model::ids::TaskId;
use jiff::Timestamp;

use super::super::{QueueError, TaskGroup, TaskState};
use super::data::{Group, State, Task, Tx};
use crate::store::Table;

/// How the keys of the times begin at which groups were sealed.
pub(super) const SEALED: &str = "sealed/";

impl State {
    /// A group that has tasks.
    pub(super) fn known_group(&self, group: &str) -> Result<&Group, QueueError> {
        self.groups.get(group).ok_or_else(|| {
            QueueError::NotFound(format!(
                "No task-group with taskGroupId: `{}`",
                group.chars().take(100).collect::<String>()
            ))
        })
    }

    /// A group, which lasts as long as the last of its tasks.
    pub(super) fn group(&self, group: &str) -> Result<TaskGroup, QueueError> {
        let found = self.known_group(group)?;
        let tasks = found.tasks.iter().filter_map(|id| self.tasks.get(id));
        let expires = tasks.map(|task| task.fields.expires).max();
        Ok(TaskGroup {
            task_group_id: group.to_owned(),
            scheduler_id: found.scheduler.clone(),
            project_id: found.project.clone(),
            expires: expires.unwrap_or(Timestamp::UNIX_EPOCH),
            sealed: found.sealed,
            size: found.tasks.len(),
        })
    }
}

impl Tx<'_> {
    /// The first call counts.
    pub(super) fn seal_group(&mut self, group: &str) -> Result<TaskGroup, QueueError> {
        if self.state.known_group(group)?.sealed.is_none() {
            let now = self.now;
            self.put(Table::Settings, format!("{SEALED}{group}"), &now)?;
            if let Some(found) = self.state.groups.get_mut(group) {
                found.sealed = Some(now);
            }
        }
        self.state.group(group)
    }

    /// Cancels what has not ended; what is past its deadline ends by that.
    pub(super) fn cancel_group(&mut self, group: &str) -> Result<Vec<TaskId>, QueueError> {
        let found = self.state.known_group(group)?;
        if found.sealed.is_none() {
            return Err(QueueError::Conflict(format!(
                "taskGroupId `{group}` is not sealed: seal it first, so that no task is added meanwhile"
            )));
        }
        let now = self.now;
        let open = |task: &Task| match task.state() {
            TaskState::Unscheduled | TaskState::Pending | TaskState::Running => {
                task.fields.deadline > now
            }
            TaskState::Completed | TaskState::Failed | TaskState::Exception => false,
        };
        let tasks = found.tasks.iter();
        let due: Vec<TaskId> = tasks
            .filter(|id| self.state.tasks.get(*id).is_some_and(open))
            .copied()
            .collect();
        let mut cancelled = Vec::new();
        for id in due {
            // the end of one may have begun another, which is in the list as well
            self.cancel(id)?;
            cancelled.push(id);
        }
        Ok(cancelled)
    }
}
