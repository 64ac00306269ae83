// SPDX-License-Identifier: MPL-2.0
//! The queue itself: one lock around the state, one store behind it.
//!
//! A change is decided in memory and handed to the store under the lock, so the store gets changes in the order in
//! which they were decided; the caller is answered when the store has committed them. Reads see a change as soon as it
//! is decided. A caller who goes away while the store commits has done what it asked for: a claim made so is nobody's
//! and expires, as with the real service.

mod artifacts;
mod claim;
mod create;
mod data;
mod dependents;
mod groups;
mod load;
mod priority;
mod remove;
mod resolve;
mod runs;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use catena_core::model::ids::{RunId, TaskId};
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::{
    Artifact, ArtifactRequest, Claim, Page, Priority, QueueError, Resolution, Status, TaskGroup,
    Worker, definition, token,
};
use crate::clock::Clock;
use crate::store::{Receipt, Store};

use create::Created;
use data::{State, Tx};
pub use remove::Expired;

/// Kind of the tokens of task group lists.
const TOKEN: &str = "group";
/// Longest wait of a claim: patience is a client's wish.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// What can be set.
#[derive(Clone, Debug)]
pub struct QueueSettings {
    /// How long a claim holds (default 1200 s).
    pub claim_timeout: Duration,
    /// How long a run that became `exception` still takes artifacts (25 minutes).
    pub late_artifacts: Duration,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            claim_timeout: Duration::from_secs(1200),
            late_artifacts: Duration::from_secs(25 * 60),
        }
    }
}

/// The queue. A clone is the same queue.
#[derive(Clone, Debug)]
pub struct Queue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    clock: Clock,
    settings: QueueSettings,
    state: Mutex<State>,
}

impl Queue {
    /// Opens the queue over what the store holds. Claims that ended meanwhile expire at the next sweep.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn open(store: Store, clock: Clock, settings: QueueSettings) -> Result<Self, QueueError> {
        let state = Mutex::new(load::load(&store)?);
        Ok(Self(Arc::new(Inner {
            store,
            clock,
            settings,
            state,
        })))
    }

    /// `createTask`: the definition is schema-checked and has its defaults ([`super::complete`], worker.md §12.2).
    /// Idempotent for the same definition.
    ///
    /// # Errors
    /// `Conflict` for another definition, or another scheduler or project than the group's; `Input` for a deadline in
    /// the past or too far away, dependencies that are unknown or expire too early, expiry before deadline.
    pub async fn create_task(
        &self,
        task: TaskId,
        definition: Map<String, Value>,
    ) -> Result<Status, QueueError> {
        self.change(|tx| tx.create(task, definition, Created::Now))
            .await
    }

    /// As [`Queue::create_task`], for what the deployment itself learned of late: `created` may be long ago.
    ///
    /// # Errors
    /// As there.
    pub async fn create_late_task(
        &self,
        task: TaskId,
        definition: Map<String, Value>,
    ) -> Result<Status, QueueError> {
        self.change(|tx| tx.create(task, definition, Created::Earlier))
            .await
    }

    /// `task`: the definition with its defaults.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn definition(&self, task: TaskId) -> Result<Map<String, Value>, QueueError> {
        Ok(self.state().task(task)?.shown())
    }

    /// `status`.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn status(&self, task: TaskId) -> Result<Status, QueueError> {
        Ok(self.state().task(task)?.status())
    }

    /// `listTaskGroup`: up to `limit` ids (at least one), in the order of creation.
    ///
    /// # Errors
    /// `NotFound` for a group without tasks; `Input` for a token that is none.
    pub fn task_group(
        &self,
        group: &str,
        continuation: Option<&str>,
        limit: usize,
    ) -> Result<Page<TaskId>, QueueError> {
        let state = self.state();
        let found = state.known_group(group)?;
        let start = match continuation {
            Some(given) => token::read(TOKEN, given)?
                .parse()
                .map_err(|_| token::unknown())?,
            None => 0,
        };
        let rest = found.tasks.get(start..).ok_or_else(token::unknown)?;
        let items: Vec<TaskId> = rest.iter().take(limit.max(1)).copied().collect();
        let next = start.saturating_add(items.len());
        let continuation =
            (next < found.tasks.len()).then(|| token::write(TOKEN, &next.to_string()));
        Ok(Page {
            items,
            continuation,
        })
    }

    /// `getTaskGroup`.
    ///
    /// # Errors
    /// `NotFound` for a group without tasks.
    pub fn group(&self, group: &str) -> Result<TaskGroup, QueueError> {
        self.state().group(group)
    }

    /// `sealTaskGroup`: it takes no more tasks. Idempotent.
    ///
    /// # Errors
    /// `NotFound` for a group without tasks.
    pub async fn seal_group(&self, group: &str) -> Result<TaskGroup, QueueError> {
        self.change(|tx| tx.seal_group(group)).await
    }

    /// `cancelTaskGroup`: ends what has not ended; returns those tasks.
    ///
    /// # Errors
    /// `NotFound` for a group without tasks; `Conflict` for one that is not sealed.
    pub async fn cancel_group(&self, group: &str) -> Result<Vec<TaskId>, QueueError> {
        self.change(|tx| tx.cancel_group(group)).await
    }

    /// Task groups, newest first: for the web page.
    #[must_use]
    pub fn task_groups(&self, limit: usize) -> Vec<String> {
        let state = self.state();
        state.groups.keys().rev().take(limit).cloned().collect()
    }

    /// `claimWork`: up to `tasks` pending runs (1 to 32) of a queue, highest priority and oldest first. Waits up to
    /// `patience` for the first. A call that is dropped while it waits has claimed nothing; one that is dropped while the
    /// store commits its claim leaves a claim that expires, as when a worker dies.
    ///
    /// # Errors
    /// `Store`.
    pub async fn claim_work(
        &self,
        queue: &str,
        worker: &Worker,
        tasks: usize,
        patience: Duration,
    ) -> Result<Vec<Claim>, QueueError> {
        let waiter = Waiter::new(self, queue);
        let give_up = Instant::now() + patience.min(LONGEST_WAIT);
        loop {
            // registered before the look, so that what becomes pending after it is noticed
            let mut pending = std::pin::pin!(waiter.waker.notified());
            pending.as_mut().enable();
            let (claims, receipt) = self.try_claim(queue, worker, tasks)?;
            if !claims.is_empty() {
                if let Some(receipt) = receipt {
                    receipt.wait().await?;
                }
                return Ok(claims);
            }
            if timeout_at(give_up, pending).await.is_err() {
                return Ok(Vec::new());
            }
        }
    }

    /// `reclaimTask`.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` unless the run is running, and past the deadline.
    pub async fn reclaim(&self, task: TaskId, run: RunId) -> Result<Claim, QueueError> {
        let hold = self.0.settings.claim_timeout;
        self.change(|tx| tx.reclaim(task, run, hold)).await
    }

    /// `reportCompleted`, `reportFailed`, `reportException`: idempotent for the same outcome.
    ///
    /// # Errors
    /// `NotFound`, `Conflict`.
    pub async fn resolve(
        &self,
        task: TaskId,
        run: RunId,
        resolution: Resolution,
    ) -> Result<Status, QueueError> {
        self.change(|tx| tx.resolve(task, run, resolution)).await
    }

    /// `cancelTask`: idempotent.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` past the deadline.
    pub async fn cancel(&self, task: TaskId) -> Result<Status, QueueError> {
        self.change(|tx| tx.cancel(task)).await
    }

    /// `rerunTask`: nothing for a task that is pending or running.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` past the deadline, and at 50 runs.
    pub async fn rerun(&self, task: TaskId) -> Result<Status, QueueError> {
        self.change(|tx| tx.rerun(task)).await
    }

    /// `scheduleTask`: regardless of dependencies; nothing for a task that has a run.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` past the deadline.
    pub async fn schedule(&self, task: TaskId) -> Result<Status, QueueError> {
        self.change(|tx| tx.schedule(task)).await
    }

    /// `changeTaskPriority`: of a task that has not ended; runs that are claimed stay as they are.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` for a task that has ended.
    pub async fn change_priority(
        &self,
        task: TaskId,
        priority: Priority,
    ) -> Result<Status, QueueError> {
        self.change(|tx| tx.change_priority(task, priority)).await
    }

    /// As [`Queue::change_priority`] for whoever may change it from `from`: `None` if it is another by now, and no change.
    ///
    /// # Errors
    /// As there.
    pub async fn change_priority_from(
        &self,
        task: TaskId,
        from: Priority,
        priority: Priority,
    ) -> Result<Option<Status>, QueueError> {
        self.change(|tx| tx.change_priority_from(task, from, priority))
            .await
    }

    /// `listDependentTasks`: up to `limit` tasks (at least one) that name this one as a dependency, by id.
    ///
    /// # Errors
    /// `NotFound`; `Input` for a token that is none.
    pub fn dependents(
        &self,
        task: TaskId,
        continuation: Option<&str>,
        limit: usize,
    ) -> Result<Page<TaskId>, QueueError> {
        self.state().dependent_page(task, continuation, limit)
    }

    /// Number of pending runs of a queue.
    #[must_use]
    pub fn pending(&self, queue: &str) -> usize {
        let state = self.state();
        state.pools.get(queue).map_or(0, |pool| pool.runs.len())
    }

    /// Expires claims and deadlines that have passed. The server calls this on a timer, tests when they like.
    ///
    /// # Errors
    /// `Store`.
    pub async fn sweep(&self) -> Result<(), QueueError> {
        self.change(|tx| {
            tx.expire_due();
            Ok(())
        })
        .await
    }

    /// What expired more than a day ago: until then it is still answered that it expired.
    #[must_use]
    pub fn expired(&self) -> Expired {
        let late = self.0.settings.late_artifacts;
        self.state().expired(self.now(), late)
    }

    /// Removes what [`Queue::expired`] found; its contents are the caller's to remove, before.
    ///
    /// # Errors
    /// `Store`.
    pub async fn remove(&self, expired: &Expired) -> Result<(), QueueError> {
        self.change(|tx| {
            tx.remove(expired);
            Ok(())
        })
        .await
    }

    /// `createArtifact` (worker.md §12.3, "Queue facts" of the rulings). The name is checked by the caller. For an
    /// `object` that is created again, the answer has the first `upload_id`.
    ///
    /// # Errors
    /// `Input` for an unknown task or run or one that is not claimed, a bad expiry; `Conflict` for other properties or a
    /// run that ended.
    pub async fn create_artifact(
        &self,
        task: TaskId,
        run: RunId,
        name: &str,
        request: ArtifactRequest,
    ) -> Result<Artifact, QueueError> {
        let late = self.0.settings.late_artifacts;
        self.change(|tx| tx.create_artifact((task, run, name), request, late))
            .await
    }

    /// `finishArtifact`: idempotent.
    ///
    /// # Errors
    /// `NotFound`; `Input` for another upload id or a type that is not finished.
    pub async fn finish_artifact(
        &self,
        task: TaskId,
        run: RunId,
        name: &str,
        upload_id: &str,
    ) -> Result<(), QueueError> {
        self.change(|tx| tx.finish_artifact((task, run, name), upload_id))
            .await
    }

    /// The run that "latest" means: the highest, whatever its state (worker.md §12.5).
    ///
    /// # Errors
    /// `NotFound` without a run.
    pub fn latest_run(&self, task: TaskId) -> Result<RunId, QueueError> {
        self.state().latest_run(task)
    }

    /// One artifact; links are not followed here. An unfinished object is `NotFound`.
    ///
    /// # Errors
    /// `NotFound`, `Expired`.
    pub fn artifact(&self, task: TaskId, run: RunId, name: &str) -> Result<Artifact, QueueError> {
        self.state().readable(task, run, name, self.now())
    }

    /// The id of the upload that belongs to an artifact of type `object`; `None` for all others.
    #[must_use]
    pub fn upload_id(&self, task: TaskId, run: RunId, name: &str) -> Option<String> {
        self.state().upload(task, run, name)
    }

    /// The artifacts of a run, by name: up to `limit` of them (at least one).
    ///
    /// # Errors
    /// `NotFound` for a task or run that is not; `Input` for a token that is none.
    pub fn artifacts(
        &self,
        task: TaskId,
        run: RunId,
        continuation: Option<&str>,
        limit: usize,
    ) -> Result<Page<Artifact>, QueueError> {
        self.state().artifact_page(task, run, continuation, limit)
    }

    /// The time in whole milliseconds, as the API writes it.
    fn now(&self) -> Timestamp {
        definition::milliseconds(self.0.clock.now())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides under the lock, and waits for the store without it.
    async fn change<T>(
        &self,
        decide: impl FnOnce(&mut Tx<'_>) -> Result<T, QueueError>,
    ) -> Result<T, QueueError> {
        let (outcome, receipt) = {
            let mut state = self.state();
            let mut tx = Tx::new(&mut state, self.now());
            let outcome = decide(&mut tx)?;
            let changes = tx.finish()?;
            // without changes too: what the answer rests on may not be committed yet
            (outcome, self.0.store.submit(changes))
        };
        receipt.wait().await?;
        Ok(outcome)
    }

    /// Claims what is there; the receipt is of whatever had to be written.
    fn try_claim(
        &self,
        queue: &str,
        worker: &Worker,
        tasks: usize,
    ) -> Result<(Vec<Claim>, Option<Receipt>), QueueError> {
        let mut state = self.state();
        let mut tx = Tx::new(&mut state, self.now());
        let claims = tx.claim(queue, worker, tasks, self.0.settings.claim_timeout);
        if tx.is_clean() {
            return Ok((claims, None));
        }
        let changes = tx.finish()?;
        Ok((claims, Some(self.0.store.submit(changes))))
    }
}

/// One who waits for a pending run. Queues that nobody uses are forgotten when the last of them goes.
struct Waiter<'a> {
    queue: &'a Queue,
    name: &'a str,
    waker: Arc<Notify>,
}

impl<'a> Waiter<'a> {
    fn new(queue: &'a Queue, name: &'a str) -> Self {
        let mut state = queue.state();
        let pool = state.pools.entry(name.to_owned()).or_default();
        let waker = Arc::clone(&pool.waker);
        Self { queue, name, waker }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        // released under the lock, so that whoever is last sees that
        self.waker = Arc::default();
        state.forget_idle(self.name);
    }
}
