// SPDX-License-Identifier: MPL-2.0
//! The steps that all transitions are made of: a run begins, a run ends, a task is settled (worker.md §12.1).

use std::collections::BTreeSet;

use catena_core::model::ids::TaskId;

use super::super::{Requires, Run, RunState, TaskState};
use super::data::{Task, Timer, Tx};

/// Most runs of a task.
pub(super) const MOST_RUNS: usize = 50;

/// Number of retries that a task may have beside `runs` runs.
pub(super) fn retries(wanted: u32, runs: usize) -> u32 {
    let room = MOST_RUNS.saturating_sub(runs);
    wanted.min(u32::try_from(room).unwrap_or(u32::MAX))
}

impl Tx<'_> {
    /// A new pending run.
    pub(super) fn begin_run(&mut self, id: TaskId, reason: &str) {
        let (queued, now) = (self.next(), self.now);
        self.modify(id, |task| {
            task.record.queued = queued;
            task.record.runs.push(Run {
                run_id: task.next_run(),
                state: RunState::Pending,
                reason_created: reason.to_owned(),
                reason_resolved: None,
                worker_group: None,
                worker_id: None,
                taken_until: None,
                scheduled: now,
                started: None,
                resolved: None,
            });
        });
        if let Some(task) = self.state.tasks.get(&id).cloned() {
            self.state
                .timers
                .insert((task.fields.deadline, Timer::Deadline, id));
            self.state.queue(&task);
        }
    }

    /// The last run ends, if it is pending or running.
    pub(super) fn end_run(&mut self, id: TaskId, state: RunState, reason: &str) {
        let Some(task) = self.state.tasks.get(&id).cloned() else {
            return;
        };
        match task.record.runs.last() {
            Some(run) if run.state == RunState::Pending => self.state.unqueue(&task),
            Some(run) if run.state == RunState::Running => {
                if let Some(until) = run.taken_until {
                    self.state.timers.remove(&(until, Timer::Claim, id));
                }
            }
            _ => return,
        }
        let now = self.now;
        self.modify(id, |task| {
            if let Some(run) = task.record.runs.last_mut() {
                run.state = state;
                run.reason_resolved = Some(reason.to_owned());
                run.resolved = Some(now);
            }
        });
    }

    /// The task ends as `exception`, with a run made for that if it has none.
    pub(super) fn end_task(&mut self, id: TaskId, reason: &str) {
        let state = self.state.tasks.get(&id).map(Task::state);
        if state == Some(TaskState::Unscheduled) {
            let now = self.now;
            self.modify(id, |task| {
                task.record.runs.push(Run {
                    run_id: task.next_run(),
                    state: RunState::Exception,
                    reason_created: "exception".to_owned(),
                    reason_resolved: Some(reason.to_owned()),
                    worker_group: None,
                    worker_id: None,
                    taken_until: None,
                    scheduled: now,
                    started: None,
                    resolved: Some(now),
                });
            });
        } else {
            self.end_run(id, RunState::Exception, reason);
        }
        self.settle(id);
    }

    /// Another run if retries are left, else the end of the task.
    pub(super) fn retry_or_settle(&mut self, id: TaskId, reason: &str) {
        let left = self
            .state
            .tasks
            .get(&id)
            .filter(|task| task.record.runs.len() < MOST_RUNS)
            .and_then(|task| task.record.retries_left.checked_sub(1));
        match left {
            Some(left) => {
                self.modify(id, |task| task.record.retries_left = left);
                self.begin_run(id, reason);
            }
            None => self.settle(id),
        }
    }

    /// The task has ended: those who waited for such an end no longer wait for it, and run if it was the last.
    pub(super) fn settle(&mut self, id: TaskId) {
        let Some(state) = self.state.tasks.get(&id).map(Task::state) else {
            return;
        };
        let dependents = self.state.dependents.remove(&id).unwrap_or_default();
        let (met, unmet): (BTreeSet<_>, BTreeSet<_>) =
            dependents.into_iter().partition(|dependent| {
                let waits = self.state.tasks.get(dependent);
                waits.is_some_and(|task| fulfils(state, task.fields.requires))
            });
        if !unmet.is_empty() {
            self.state.dependents.insert(id, unmet);
        }
        for dependent in met {
            self.fulfil(dependent, id);
        }
    }

    fn fulfil(&mut self, dependent: TaskId, dependency: TaskId) {
        self.modify(dependent, |task| {
            task.record.waiting.remove(&dependency);
        });
        let now = self.now;
        let ready = self.state.tasks.get(&dependent).is_some_and(|task| {
            task.record.waiting.is_empty()
                && task.record.runs.is_empty()
                && task.fields.deadline > now
        });
        if ready {
            self.begin_run(dependent, "scheduled");
        }
    }
}

/// Whether a dependency in this state is what the dependent waits for.
pub(super) fn fulfils(state: TaskState, requires: Requires) -> bool {
    match state {
        TaskState::Completed => true,
        TaskState::Failed | TaskState::Exception => requires == Requires::AllResolved,
        TaskState::Unscheduled | TaskState::Pending | TaskState::Running => false,
    }
}
