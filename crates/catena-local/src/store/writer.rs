// SPDX-License-Identifier: MPL-2.0
//! One thread writes. Whatever waits when a commit ends goes into the next one, so that many callers share one
//! `fsync`, and the changes of one caller are never parted.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use redb::Database;
use tokio::sync::oneshot;

use super::{Change, StoreError, database};

/// Most callers in one commit.
const GROUP: usize = 1024;

/// The changes of one caller, and where the outcome goes.
struct Job {
    changes: Vec<Change>,
    done: oneshot::Sender<Result<(), StoreError>>,
}

/// Says when the changes that were submitted are committed. Dropping it does not take them back.
#[must_use = "nothing is acknowledged before the receipt is in"]
#[derive(Debug)]
pub(crate) struct Receipt(oneshot::Receiver<Result<(), StoreError>>);

impl Receipt {
    /// Waits for the commit.
    pub(crate) async fn wait(self) -> Result<(), StoreError> {
        self.0.await.unwrap_or_else(|_| Err(stopped()))
    }
}

fn stopped() -> StoreError {
    StoreError::new("write to the database", "its writer has stopped")
}

/// The thread and the way to it. Dropping it waits until what was submitted is written.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(database: Arc<Database>) -> Result<Self, StoreError> {
        let (jobs, queue) = channel();
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || run(&database, &queue))
            .map_err(|error| StoreError::new("start the writer of the database", error))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Puts changes in the queue. Those submitted first are written first.
    pub(super) fn submit(&self, changes: Vec<Change>) -> Receipt {
        let (done, receipt) = oneshot::channel();
        if let Some(jobs) = &self.jobs {
            // a stopped writer drops the job, and the receipt says so
            let _ = jobs.send(Job { changes, done });
        }
        Receipt(receipt)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Writes group after group until nobody can submit any more. After a failure nothing is written any more: what came
/// later was decided on the strength of what is lost.
fn run(database: &Database, queue: &Receiver<Job>) {
    let mut failure: Option<StoreError> = None;
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        group.extend(queue.try_iter().take(GROUP - 1));
        if failure.is_none() {
            failure = write(database, &group).err();
            if let Some(error) = &failure {
                tracing::error!(%error, "the store takes no more writes");
            }
        }
        let outcome = failure.clone().map_or(Ok(()), Err);
        for job in group {
            let _ = job.done.send(outcome.clone());
        }
    }
}

fn write(database: &Database, group: &[Job]) -> Result<(), StoreError> {
    let mut changes = group.iter().flat_map(|job| &job.changes).peekable();
    if changes.peek().is_none() {
        return Ok(());
    }
    database::write(database, changes)
        .map_err(|error| StoreError::new("write to the database", error))
}
