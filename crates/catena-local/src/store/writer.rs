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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicBool, Ordering};

    use redb::StorageBackend;
    use redb::backends::InMemoryBackend;

    use super::*;
    use crate::store::Table;

    /// A disk that can be full.
    #[derive(Debug)]
    struct Disk {
        inner: InMemoryBackend,
        full: Arc<AtomicBool>,
    }

    impl StorageBackend for Disk {
        fn len(&self) -> io::Result<u64> {
            self.inner.len()
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.inner.read(offset, out)
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            self.inner.set_len(len)
        }

        fn sync_data(&self) -> io::Result<()> {
            self.inner.sync_data()
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            if self.full.load(Ordering::SeqCst) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.inner.write(offset, data)
        }
    }

    fn change(key: &str) -> Vec<Change> {
        vec![Change {
            table: Table::Index,
            key: key.to_owned(),
            value: Some(b"x".to_vec()),
        }]
    }

    #[tokio::test]
    async fn after_a_failed_write_nothing_is_acknowledged_any_more() {
        let full = Arc::new(AtomicBool::new(false));
        let disk = Disk {
            inner: InMemoryBackend::new(),
            full: Arc::clone(&full),
        };
        let writer = Writer::start(Arc::new(database::over(disk).unwrap())).unwrap();
        writer.submit(change("a")).wait().await.unwrap();
        full.store(true, Ordering::SeqCst);
        let error = writer.submit(change("b")).wait().await.unwrap_err();
        assert!(
            error.to_string().starts_with("write to the database: "),
            "{error}"
        );
        // the disk has room again, but what was decided since rests on what is lost
        full.store(false, Ordering::SeqCst);
        let later = writer.submit(change("c")).wait().await.unwrap_err();
        assert_eq!(later.to_string(), error.to_string());
        assert!(writer.submit(Vec::new()).wait().await.is_err());
    }

    #[tokio::test]
    async fn what_was_submitted_is_written_before_the_writer_ends() {
        let database = Arc::new(database::open_memory().unwrap());
        let writer = Writer::start(Arc::clone(&database)).unwrap();
        let keys: Vec<String> = (0..100).map(|number| format!("{number:03}")).collect();
        // nobody waits for these receipts: their callers have gone
        let receipts: Vec<Receipt> = keys.iter().map(|key| writer.submit(change(key))).collect();
        drop(receipts);
        drop(writer);
        let found = database::scan(&database, Table::Index, "").unwrap();
        let found: Vec<String> = found.into_iter().map(|(key, _)| key).collect();
        assert_eq!(found, keys);
    }
}
