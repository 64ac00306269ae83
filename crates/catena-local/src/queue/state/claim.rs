// SPDX-License-Identifier: MPL-2.0
//! `claimWork` and `reclaimTask`.

use std::time::Duration;

use catena_core::model::ids::{RunId, TaskId};
use jiff::Timestamp;

use super::super::{Claim, QueueError, RunState, Worker};
use super::data::{Task, Timer, Tx};

/// Most tasks in one claim (worker.md §12.1).
pub(super) const MOST_TASKS: usize = 32;

impl Tx<'_> {
    /// Claims up to `tasks` pending runs, after what is due has expired.
    pub(super) fn claim(
        &mut self,
        queue: &str,
        worker: &Worker,
        tasks: usize,
        hold: Duration,
    ) -> Vec<Claim> {
        self.expire_due();
        let until = later(self.now, hold);
        let mut claims = Vec::new();
        while claims.len() < tasks.clamp(1, MOST_TASKS) {
            let Some(pool) = self.state.pools.get_mut(queue) else {
                break;
            };
            let Some((_, id)) = pool.runs.pop_first() else {
                break;
            };
            claims.extend(self.start(id, worker, until));
        }
        claims
    }

    fn start(&mut self, id: TaskId, worker: &Worker, until: Timestamp) -> Option<Claim> {
        let now = self.now;
        self.modify(id, |task| {
            if let Some(run) = task.record.runs.last_mut() {
                run.state = RunState::Running;
                run.worker_group = Some(worker.group.clone());
                run.worker_id = Some(worker.id.clone());
                run.taken_until = Some(until);
                run.started = Some(now);
            }
        });
        self.state.timers.insert((until, Timer::Claim, id));
        self.state.tasks.get(&id).and_then(held)
    }

    /// Holds a running run for longer.
    pub(super) fn reclaim(
        &mut self,
        id: TaskId,
        run: RunId,
        hold: Duration,
    ) -> Result<Claim, QueueError> {
        let task = self.state.task(id)?;
        let found = task.run(run)?;
        if task.fields.deadline <= self.now {
            return Err(QueueError::Conflict(format!(
                "Task `{id}` cannot be reclaimed past its deadline of {:.3}.",
                task.fields.deadline
            )));
        }
        if found.state != RunState::Running {
            return Err(QueueError::Conflict(format!(
                "Run {run} on task `{id}` is resolved or not running."
            )));
        }
        let before = found.taken_until;
        let until = later(self.now, hold);
        if let Some(before) = before {
            self.state.timers.remove(&(before, Timer::Claim, id));
        }
        self.state.timers.insert((until, Timer::Claim, id));
        self.modify(id, |task| {
            if let Some(run) = task.record.runs.last_mut() {
                run.taken_until = Some(until);
            }
        });
        let claim = held(self.state.task(id)?);
        claim.ok_or_else(|| QueueError::Conflict(format!("Run {run} on task `{id}` is not held.")))
    }
}

/// The claim on a task's last run.
fn held(task: &Task) -> Option<Claim> {
    let run = task.record.runs.last()?;
    Some(Claim {
        status: task.status(),
        run: run.run_id,
        taken_until: run.taken_until?,
        definition: task.shown(),
    })
}

/// The time after a while.
pub(super) fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
