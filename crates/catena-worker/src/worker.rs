// SPDX-License-Identifier: MPL-2.0
//! What all tasks of a worker share, and when it is to stop (worker.md 9).

use std::sync::Arc;
use std::time::Duration;

use catena_evidence::{Connections, SharedCache};
use tokio::sync::watch;

use crate::config::{self, Directories, WorkerConfig};
use crate::locks::{LockError, Locks};
use crate::log::Log;
use crate::metrics::Metrics;
use crate::probe::{ProbeError, probe};
use crate::queue::{Queue, QueueError, Retry};
use crate::verify;

/// A worker that can run tasks.
pub struct Worker {
    /// What it is told.
    pub config: WorkerConfig,
    /// Its directories, which nobody else may use.
    pub locks: Locks,
    /// Its log.
    pub log: Log,
    /// The queue, with its permanent credentials.
    pub queue: Queue,
    /// How long it waits.
    pub pace: Pace,
    /// What it counts.
    pub metrics: Arc<Metrics>,
    /// Evidence that its tasks share.
    pub shared: Option<Arc<SharedCache>>,
    /// Connections for verifications; `None`: each makes its own.
    pub connections: Option<Arc<Connections>>,
}

impl std::fmt::Debug for Worker {
    /// Shows who it is; never its credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("identity", &self.config.identity)
            .finish_non_exhaustive()
    }
}

/// Why no worker could be made of a configuration.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address of metrics and health.
    #[error("x_cot.monitor: {address}: {cause}")]
    Monitor {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The place of evidence that tasks share.
    #[error("x_cot.cache_dir or x_cot.cache_store: {0}")]
    Shared(#[from] catena_evidence::OpenError),
    /// A directory that the configuration names.
    #[error("{path}: {cause}", path = path.display())]
    Directory {
        /// Which.
        path: std::path::PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Another worker has the directories.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The log cannot be opened.
    #[error("log_dir: {path}: {cause}", path = path.display())]
    Log {
        /// The directory.
        path: std::path::PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// What every task needs.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The credentials or the root URL cannot be used.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// What cannot change while tasks run.
    #[error("{0}")]
    Slots(String),
}

impl Worker {
    /// Opens the log, takes the directories, and prepares the queue.
    ///
    /// # Errors
    /// [`StartError`]
    pub fn new(config: WorkerConfig, pace: Pace) -> Result<Self, StartError> {
        Self::made(config, pace, &Locks::default())
    }

    /// Makes a worker of another configuration that can follow this one while its tasks run: what it counted goes on, and
    /// the new directories are there and can be written.
    ///
    /// # Errors
    /// [`StartError`]; nothing has changed then.
    pub fn followed(&self, config: WorkerConfig, pace: Pace) -> Result<Self, StartError> {
        let slots = self.config.capacity;
        if config.capacity != slots {
            return Err(StartError::Slots(format!(
                "x_cot.capacity: expected {slots}, which only a new start changes, found {}",
                config.capacity
            )));
        }
        let (old, new) = (&self.config.directories, &config.directories);
        if let Some(why) = config::clash(new, old, slots.get()) {
            return Err(StartError::Slots(why));
        }
        let made = Self::made(config, pace, &self.locks)?;
        for slot in 0..slots.get() {
            let new = made.config.directories.of_slot(slot);
            // a task may be in the old ones
            if new != old.of_slot(slot) {
                make(&new)?;
                probe(&made.config, slot, &new)?;
            }
        }
        Ok(Self {
            metrics: Arc::clone(&self.metrics),
            ..made
        })
    }

    fn made(config: WorkerConfig, pace: Pace, held: &Locks) -> Result<Self, StartError> {
        let log = Log::open(&config.log).map_err(|cause| StartError::Log {
            path: config.log.dir.clone(),
            cause,
        })?;
        let locks = Locks::take(&config, held)?;
        let queue = Queue::new(&config.root_url, &config.credentials, pace.calls)?
            .with_patience(pace.patience);
        let shared = crate::share::open(&config, &log)?;
        let connections = verify::connections(&config);
        Ok(Self {
            config,
            connections,
            shared,
            locks,
            log,
            queue,
            pace,
            metrics: Arc::default(),
        })
    }
}

/// Makes the directories of a slot; what is in them stays.
fn make(directories: &Directories) -> Result<(), StartError> {
    let Directories {
        work,
        artifact,
        log,
    } = directories;
    for path in [work, artifact, log] {
        std::fs::create_dir_all(path).map_err(|cause| StartError::Directory {
            path: path.clone(),
            cause,
        })?;
    }
    Ok(())
}

/// Pauses that no configuration changes; tests take shorter ones.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Calls of the queue.
    pub calls: Retry,
    /// How long a call may take.
    pub patience: Duration,
    /// Uploads.
    pub uploads: Retry,
    /// Reclaims and reports, until the claim ends.
    pub until_lost: Retry,
    /// After requests for work that fail, and after faults of the worker, each longer than the one before.
    pub faults: Retry,
    /// How long something that every task needs may be missing before the worker ends.
    pub broken: Duration,
    /// Between TERM and KILL.
    pub grace: Duration,
    /// How long a claim in flight is waited for when the worker is told to stop.
    pub claim: Duration,
    /// How long the logs of a lost run may take.
    pub lost: Duration,
    /// How long a report may take that does not arrive when the worker is told to stop.
    pub parting: Duration,
    /// The longest silence of `worker.log`; health probes look at its age.
    pub silence: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            calls: Retry::CALLS,
            patience: Duration::from_mins(1),
            uploads: Retry::UPLOADS,
            until_lost: Retry::UNTIL_LOST,
            faults: Retry::FAULTS,
            broken: Duration::from_mins(5),
            grace: Duration::from_secs(1),
            claim: Duration::from_secs(25),
            lost: Duration::from_mins(1),
            parting: Duration::from_secs(25),
            silence: Duration::from_mins(4),
        }
    }
}

impl Pace {
    /// Returns the pace of a configuration: `x_cot.retry` holds for the worker's calls and uploads as well, where it is given.
    #[must_use]
    pub fn of(config: &WorkerConfig) -> Self {
        let pace = Self::default();
        let Some(own) = config.retry else {
            return pace;
        };
        let pauses = |retry: Retry| Retry {
            base: own.base,
            cap: own.cap,
            ..retry
        };
        let attempts = |retry: Retry| Retry {
            attempts: own.attempts,
            ..pauses(retry)
        };
        Self {
            calls: attempts(pace.calls),
            patience: own.deadline.min(pace.patience),
            uploads: attempts(pace.uploads),
            until_lost: pauses(pace.until_lost),
            ..pace
        }
    }
}

/// How much is to stop; each includes those before it.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Stop {
    /// Nothing.
    #[default]
    No,
    /// No new claims: SIGUSR1.
    Finish,
    /// The task in hand, too; what it left is uploaded: SIGTERM.
    Now,
    /// Uploads, too: the second SIGTERM.
    Abandon,
}

/// Waits until the worker was told to stop twice, and a moment more: what tells the queue of a run gets one chance.
pub(crate) async fn abandoned(stop: &watch::Receiver<Stop>) {
    stopped(stop, Stop::Abandon).await;
    tokio::time::sleep(MOMENT).await;
}

const MOMENT: Duration = Duration::from_secs(2);

/// Waits until at least this much is to stop.
pub(crate) async fn stopped(stop: &watch::Receiver<Stop>, least: Stop) {
    let mut stop = stop.clone();
    if stop.wait_for(|now| *now >= least).await.is_err() {
        // nobody is left to say so
        std::future::pending::<()>().await;
    }
}
