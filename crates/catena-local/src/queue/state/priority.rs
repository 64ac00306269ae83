// SPDX-License-Identifier: MPL-2.0
//! `changeTaskPriority`.

use catena_core::model::ids::TaskId;

use super::super::{Priority, QueueError, Status, TaskState};
use super::data::Tx;

impl Tx<'_> {
    /// As `change_priority`, if the priority is still `from`; `None` and no change if it is another.
    pub(super) fn change_priority_from(
        &mut self,
        id: TaskId,
        from: Priority,
        priority: Priority,
    ) -> Result<Option<Status>, QueueError> {
        if self.state.task(id)?.status().priority == from {
            self.change_priority(id, priority).map(Some)
        } else {
            Ok(None)
        }
    }

    /// A pending run moves to its new place at once, later runs begin there; a claimed one stays as it is.
    pub(super) fn change_priority(
        &mut self,
        id: TaskId,
        priority: Priority,
    ) -> Result<Status, QueueError> {
        let before = self.state.task(id)?.clone();
        let ended = match before.state() {
            TaskState::Unscheduled | TaskState::Pending | TaskState::Running => false,
            TaskState::Completed | TaskState::Failed | TaskState::Exception => true,
        };
        if ended {
            return Err(QueueError::Conflict(format!(
                "Task `{id}` is resolved: its priority cannot be changed any more."
            )));
        }
        let is_pending = before.state() == TaskState::Pending;
        if is_pending {
            self.state.unqueue(&before);
        }
        self.modify(id, |task| task.record.priority = Some(priority));
        let after = self.state.task(id)?.clone();
        if is_pending {
            self.state.queue(&after);
        }
        Ok(after.status())
    }
}
