// SPDX-License-Identifier: MPL-2.0
//! The ends of runs and tasks that somebody asks for: reports of workers, `cancelTask`; and the new beginnings:
//! `rerunTask`, `scheduleTask`.

use catena_core::model::ids::{RunId, TaskId};

use super::super::{Exception, QueueError, Resolution, RunState, Status, TaskState};
use super::data::{Task, Timer, Tx};
use super::runs::{MOST_RUNS, retries};

impl Resolution {
    /// The run's state and `reasonResolved`.
    const fn outcome(self) -> (RunState, &'static str) {
        match self {
            Self::Completed => (RunState::Completed, "completed"),
            Self::Failed => (RunState::Failed, "failed"),
            Self::Exception(reason) => (RunState::Exception, reason.as_str()),
        }
    }

    /// `reasonCreated` of the run that follows while retries are left.
    const fn retry(self) -> Option<&'static str> {
        match self {
            Self::Exception(Exception::WorkerShutdown) => Some("retry"),
            Self::Exception(Exception::IntermittentTask) => Some("task-retry"),
            _ => None,
        }
    }
}

impl Exception {
    /// As the API writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WorkerShutdown => "worker-shutdown",
            Self::MalformedPayload => "malformed-payload",
            Self::ResourceUnavailable => "resource-unavailable",
            Self::InternalError => "internal-error",
            Self::IntermittentTask => "intermittent-task",
        }
    }
}

impl Tx<'_> {
    /// A worker's report. The same report again is answered as the first.
    pub(super) fn resolve(
        &mut self,
        id: TaskId,
        run: RunId,
        resolution: Resolution,
    ) -> Result<Status, QueueError> {
        let found = self.state.task(id)?.run(run)?;
        let (state, reason) = resolution.outcome();
        if found.state == RunState::Running {
            self.end_run(id, state, reason);
            match resolution.retry() {
                Some(retry) => self.retry_or_settle(id, retry),
                None => self.settle(id),
            }
        } else if !self.is_last(id, run, resolution)?
            || (found.state, found.reason_resolved.as_deref()) != (state, Some(reason))
        {
            return Err(QueueError::Conflict(format!(
                "Run {run} on task `{id}` is resolved or not running."
            )));
        }
        Ok(self.state.task(id)?.status())
    }

    /// Whether a report may be repeated: it is on the latest run or, for an exception, which may have made another, on the
    /// one before that.
    fn is_last(&self, id: TaskId, run: RunId, how: Resolution) -> Result<bool, QueueError> {
        let runs = self.state.task(id)?.record.runs.iter();
        let newer = runs.filter(|other| other.run_id > run).count();
        Ok(newer == 0 || (newer == 1 && matches!(how, Resolution::Exception(_))))
    }

    /// Ends what has not ended.
    pub(super) fn cancel(&mut self, id: TaskId) -> Result<Status, QueueError> {
        let task = self.before_deadline(id, "canceled")?;
        if is_active(task.state()) || task.state() == TaskState::Unscheduled {
            self.end_task(id, "canceled");
        }
        Ok(self.state.task(id)?.status())
    }

    /// A new run, with all retries, unless one is pending or running.
    pub(super) fn rerun(&mut self, id: TaskId) -> Result<Status, QueueError> {
        let task = self.before_deadline(id, "rescheduled")?;
        if !is_active(task.state()) {
            if task.record.runs.len() >= MOST_RUNS {
                return Err(QueueError::Conflict(format!(
                    "Maximum number of runs reached ({MOST_RUNS})."
                )));
            }
            self.begin_run(id, "rerun");
            self.modify(id, |task| {
                let wanted = task.fields.retries;
                task.record.retries_left = retries(wanted, task.record.runs.len());
            });
        }
        Ok(self.state.task(id)?.status())
    }

    /// The first run, whatever the dependencies; nothing if there is one.
    pub(super) fn schedule(&mut self, id: TaskId) -> Result<Status, QueueError> {
        let task = self.before_deadline(id, "scheduled")?;
        if task.state() == TaskState::Unscheduled {
            self.begin_run(id, "scheduled");
        }
        Ok(self.state.task(id)?.status())
    }

    fn before_deadline(&self, id: TaskId, what: &str) -> Result<&Task, QueueError> {
        let task = self.state.task(id)?;
        if task.fields.deadline > self.now {
            return Ok(task);
        }
        Err(QueueError::Conflict(format!(
            "Task `{id}` can't be {what} past its deadline of {:.3}.",
            task.fields.deadline
        )))
    }

    /// Ends the claims and the tasks whose time has passed.
    pub(super) fn expire_due(&mut self) {
        while let Some(&(at, timer, id)) = self.state.timers.first() {
            if at > self.now {
                return;
            }
            self.state.timers.pop_first();
            match timer {
                Timer::Deadline => self.exceed_deadline(id),
                Timer::Claim => self.expire_claim(id),
            }
        }
    }

    fn exceed_deadline(&mut self, id: TaskId) {
        let state = self.state.tasks.get(&id).map(Task::state);
        if state.is_some_and(|state| is_active(state) || state == TaskState::Unscheduled) {
            self.end_task(id, "deadline-exceeded");
        }
    }

    /// A task whose deadline has passed as well is left to that.
    fn expire_claim(&mut self, id: TaskId) {
        let due = self.state.tasks.get(&id).is_some_and(|task| {
            task.state() == TaskState::Running && task.fields.deadline > self.now
        });
        if due {
            self.end_run(id, RunState::Exception, "claim-expired");
            self.retry_or_settle(id, "retry");
        }
    }
}

fn is_active(state: TaskState) -> bool {
    matches!(state, TaskState::Pending | TaskState::Running)
}
