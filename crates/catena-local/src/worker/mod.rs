// SPDX-License-Identifier: MPL-2.0
//! Workers for the demo: they claim through HTTP like any worker, run shell scripts, upload what those leave, and write and
//! sign the Chain of Trust documents of the docker-worker, generic-worker and scriptworker families (generation.md).
//!
//! ```text
//! payload    what a task asks for, or why its payload is malformed
//!  ▼
//! task       one claimed run: image or upstream artifacts, command, uploads, document, report; reclaims meanwhile
//!  │ process   a command in its own process group: TERM, then KILL, when its time is over or the claim is lost
//!  │ proxy     signs requests with the task's credentials (taskcluster-proxy)
//!  │ files     what of the directory becomes an artifact
//!  ▼
//! cot        the document, in the layout of the family
//! ```
//!
//! There is no container: a task runs as the user of this process, in a directory of its own. Run nothing here that you
//! would not run yourself.

mod cot;
mod files;
mod image;
mod payload;
mod process;
mod proxy;
mod task;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use catena_core::model::ids::{RunId, TaskId};
use catena_crypto::signer::SigningKey;
use tokio::sync::{mpsc, watch};

use crate::client::{Client, ClientError};
use crate::queue::{Resolution, Worker};

/// Which worker implementation it stands for: what payload it takes, and how its documents look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Family {
    /// docker-worker (generation.md 5).
    DockerWorker,
    /// generic-worker with a payload of its own (generation.md 3).
    GenericWorker,
    /// scriptworker (generation.md 2).
    Scriptworker,
}

/// How a worker is set up.
#[derive(Clone)]
pub struct WorkerOptions {
    /// What it stands for.
    pub family: Family,
    /// The pool that it claims from, `provisionerId/workerType`.
    pub pool: String,
    /// Its group and id.
    pub worker: Worker,
    /// The key that it signs documents with.
    pub key: Arc<SigningKey>,
    /// Where the directories of tasks are made.
    pub dir: PathBuf,
    /// The program that scripts see as `$CATENA`.
    pub program: PathBuf,
    /// Further variables that every script gets.
    pub env: Vec<(String, String)>,
    /// The script of the scriptworker family, for `/bin/sh -c`.
    pub script: String,
    /// How long a script has between TERM and KILL.
    pub grace: Duration,
    /// Told what happens.
    pub events: Option<mpsc::UnboundedSender<Event>>,
}

impl fmt::Debug for WorkerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerOptions")
            .field("family", &self.family)
            .field("pool", &self.pool)
            .field("worker", &self.worker)
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

impl WorkerOptions {
    fn tell(&self, event: Event) {
        if let Some(events) = &self.events {
            // whoever does not listen any more need not be told
            let _ = events.send(event);
        }
    }
}

/// What a worker did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// It has a run.
    Claimed {
        /// Of which task.
        task: TaskId,
        /// Which run.
        run: RunId,
    },
    /// It ended a run.
    Resolved {
        /// Of which task.
        task: TaskId,
        /// Which run.
        run: RunId,
        /// How.
        how: Resolution,
    },
    /// A run is no longer its own: cancelled, or its claim ran out. Nothing was reported.
    Lost {
        /// Of which task.
        task: TaskId,
        /// Which run.
        run: RunId,
    },
}

/// Why a worker stopped, or a run went wrong.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The queue refused, or is not there.
    #[error("the queue: {0}")]
    Client(#[from] ClientError),
    /// The machine.
    #[error("{what}: {why}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        why: std::io::Error,
    },
    /// The key, which is at fault of nothing else.
    #[error("the document was not signed: {0}")]
    Sign(#[from] catena_crypto::signer::SignError),
}

/// Says what was tried.
fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> WorkerError {
    move |why| WorkerError::Io { what, why }
}

/// Claims and performs one task after the other until `stop` says true. A task that runs then ends as `worker-shutdown`.
///
/// # Errors
/// The queue refuses a claim. A queue that does not answer is asked again; what goes wrong in a task is that task's.
pub async fn run(
    client: &Client,
    options: &WorkerOptions,
    mut stop: watch::Receiver<bool>,
) -> Result<(), WorkerError> {
    while !*stop.borrow() {
        let claims = tokio::select! {
            claims = client.claim_work(&options.pool, &options.worker, 1) => claims,
            changed = stop.changed() => match changed {
                Ok(()) => continue,
                // nobody is left to tell it, so nobody wants it any more
                Err(_) => break,
            },
        };
        match claims {
            Ok(claims) => {
                for claim in claims {
                    task::perform(client, options, claim, stop.clone()).await;
                }
            }
            Err(error) if error.status().is_none_or(|status| status >= 500) => {
                tracing::warn!(%error, pool = options.pool, "no claim");
                tokio::select! {
                    () = tokio::time::sleep(AGAIN) => {}
                    _ = stop.changed() => {}
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The pause before a queue that did not answer is asked again.
const AGAIN: Duration = Duration::from_secs(1);
