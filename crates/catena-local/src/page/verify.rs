// SPDX-License-Identifier: MPL-2.0
//! Verifications: asked for by a form, done in the background, kept in memory with what the task was then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use catena_core::model::ids::{RunId, TaskId};
use catena_core::report::Report;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::Page;
use super::error::PageError;
use super::task::read_id;
use crate::clock::Clock;
use crate::queue::{RunState, Status};

/// How many verifications run at a time.
const AT_A_TIME: usize = 2;
/// How many may be under way or waiting.
const WAITING: usize = 50;
/// How many outcomes are kept.
const KEPT: usize = 500;
/// The longest form.
const FORM: usize = 4096;

/// Verifies tasks: an argument of the page, which only shows what comes out.
#[async_trait]
pub trait Verify: Send + Sync {
    /// Returns the report on a task, or in words why there can be none: that is about the set-up, never a verdict.
    async fn verify(&self, task: TaskId) -> Result<Report, String>;
}

/// What is known of the verification of a task.
#[derive(Clone, Debug)]
pub(super) struct Verification {
    /// When it was asked for; once it is over, when it ended.
    pub(super) at: Timestamp,
    pub(super) progress: Progress,
    /// The runs of the task when it was asked for.
    runs: Vec<(RunId, RunState)>,
}

/// How far it is.
#[derive(Clone, Debug)]
pub(super) enum Progress {
    UnderWay,
    Done(Arc<Report>),
    /// There is no report, and this is why.
    Failed(String),
}

impl Verification {
    /// Whether the task has moved on since.
    pub(super) fn is_stale(&self, status: &Status) -> bool {
        self.runs != runs(status)
    }
}

fn runs(status: &Status) -> Vec<(RunId, RunState)> {
    status
        .runs
        .iter()
        .map(|run| (run.run_id, run.state))
        .collect()
}

/// The verifications of this process. A clone is the same.
#[derive(Clone)]
pub(super) struct Verifications(Arc<Inner>);

struct Inner {
    verify: Arc<dyn Verify>,
    clock: Clock,
    turn: Semaphore,
    known: Mutex<HashMap<TaskId, Verification>>,
}

impl Verifications {
    pub(super) fn new(verify: Arc<dyn Verify>, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            verify,
            clock,
            turn: Semaphore::new(AT_A_TIME),
            known: Mutex::default(),
        }))
    }

    /// What is known of a task.
    pub(super) fn of(&self, task: TaskId) -> Option<Verification> {
        self.known().get(&task).cloned()
    }

    /// Starts one, unless the task's is under way.
    fn start(&self, status: &Status) -> Result<(), PageError> {
        let (task, runs) = (status.task_id, runs(status));
        let entry = Verification {
            at: self.0.clock.now(),
            progress: Progress::UnderWay,
            runs: runs.clone(),
        };
        {
            let mut known = self.known();
            let under_way = |entry: &Verification| matches!(entry.progress, Progress::UnderWay);
            if known.get(&task).is_some_and(under_way) {
                return Ok(());
            }
            if known.values().filter(|entry| under_way(entry)).count() >= WAITING {
                return Err(PageError::Busy("Many verifications are under way."));
            }
            if known.len() >= KEPT {
                let ended = known.iter().filter(|(_, entry)| !under_way(entry));
                let oldest = ended
                    .min_by_key(|(_, entry)| entry.at)
                    .map(|(task, _)| *task);
                oldest.and_then(|task| known.remove(&task));
            }
            known.insert(task, entry);
        }
        let (inner, all) = (self.clone(), self.clone());
        let work = tokio::spawn(async move { inner.run(task).await });
        tokio::spawn(async move {
            // a verification that dies must not look as if it went on
            let progress = work.await.unwrap_or_else(|why| {
                tracing::error!(%task, %why, "a verification ended early");
                Progress::Failed(
                    "The verification ended early. The log of the server says more.".to_owned(),
                )
            });
            let at = all.0.clock.now();
            all.known()
                .insert(task, Verification { at, progress, runs });
        });
        Ok(())
    }

    async fn run(&self, task: TaskId) -> Progress {
        // closed never: the permit is only refused then
        let _turn = self.0.turn.acquire().await;
        match self.0.verify.verify(task).await {
            Ok(report) => Progress::Done(Arc::new(report)),
            Err(why) => Progress::Failed(why),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<TaskId, Verification>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `POST /tasks/TASK/verify`: starts a verification and leads to its report.
pub(super) async fn start(
    State(page): State<Page>,
    Path(task): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, PageError> {
    let form = axum::body::to_bytes(body, FORM).await.unwrap_or_default();
    page.0.token.check(&headers, &form)?;
    let status = page.0.queue.status(read_id(&task)?)?;
    page.0.verifications.start(&status)?;
    Ok(Redirect::to(&format!("/tasks/{}/report", status.task_id)).into_response())
}
