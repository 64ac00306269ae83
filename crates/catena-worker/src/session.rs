// SPDX-License-Identifier: MPL-2.0
//! A claim that is held: its credentials, until when, and whether it was lost (worker.md 6).
//!
//! [`Session::keep`] reclaims in the background. What goes wrong is tried again until the claim ends; a claim that ended,
//! or that the queue gave to somebody else, is lost, and everything that waits on [`Session::lost`] stops.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use catena_core::model::ids::{RunId, TaskId};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::log::Log;
use crate::metrics::{Metrics, Renewal};
use crate::queue::{Claimed, Queue, QueueError, Reclaimed, Retry};
use crate::script::CredentialsFile;
use crate::status::Report;
use crate::worker::{Pace, Stop, abandoned, stopped};

/// A run that is ours.
#[derive(Debug)]
pub struct Session {
    /// The task.
    pub task: TaskId,
    /// Its run.
    pub run: RunId,
    /// The queue, with the credentials of the run.
    pub queue: Queue,
    /// What the script reads its credentials from.
    pub credentials: CredentialsFile,
    until: Mutex<Instant>,
    faulty: AtomicBool,
    lost: watch::Sender<bool>,
}

impl Session {
    /// Begins with a claim.
    ///
    /// # Errors
    /// Its credentials cannot be used, or the system refuses a file for them.
    pub fn new(queue: &Queue, claimed: &Claimed) -> Result<Self, SessionError> {
        Ok(Self {
            task: claimed.task.id,
            run: claimed.task.run,
            queue: queue.with(&claimed.credentials)?,
            credentials: CredentialsFile::new(&claimed.credentials)?,
            until: Mutex::new(instant(queue, claimed.taken_until)),
            faulty: AtomicBool::new(false),
            lost: watch::Sender::new(false),
        })
    }

    /// Waits until the claim is lost.
    pub async fn lost(&self) {
        // the sender lives as long as this
        let _ = self.lost.subscribe().wait_for(|lost| *lost).await;
    }

    /// Returns whether the claim is lost.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        *self.lost.borrow()
    }

    /// Notes that the claim is lost.
    pub fn lose(&self) {
        self.lost.send_replace(true);
    }

    /// Notes that the run failed by a fault of the worker or its machine.
    pub fn fault(&self) {
        self.faulty.store(true, Ordering::Relaxed);
    }

    /// Returns whether the run failed by a fault of the worker or its machine.
    #[must_use]
    pub fn is_faulty(&self) -> bool {
        self.faulty.load(Ordering::Relaxed)
    }

    /// Reclaims every `interval`, and in any case while a third of the claim is left, until the claim is lost.
    pub async fn keep(&self, interval: Duration, retry: Retry, log: &Log, metrics: &Metrics) {
        while !self.is_lost() {
            let (now, end) = (Instant::now(), self.until());
            let most = (end.saturating_duration_since(now) * 2 / 3).max(LEAST);
            sleep_until((now + interval.min(most)).min(end)).await;
            if self.reclaim(retry, log, metrics).await.is_none() {
                metrics.reclaimed(Renewal::Lost);
                self.lose();
            }
        }
    }

    /// Reclaims once, with as many attempts as there is time; `None` if the claim is lost.
    async fn reclaim(&self, retry: Retry, log: &Log, metrics: &Metrics) -> Option<()> {
        let (task, run) = (self.task, self.run);
        let mut failed = 0;
        loop {
            let end = self.until();
            let answer = timeout_at(patience(end), self.queue.reclaim(task, run)).await;
            if let Some(news) = self.queue.clock_news() {
                log.warn(&news);
            }
            if answer.is_err() && Instant::now() >= end {
                log.warn(&format!(
                    "{task}/{run}: the claim ended before it could be renewed"
                ));
                return None;
            }
            let answer = answer.unwrap_or_else(|_| Err(QueueError::stalled("reclaimTask")));
            match answer.and_then(|reclaimed| self.renew(&reclaimed).map(|()| reclaimed)) {
                Ok(reclaimed) => {
                    let until = reclaimed.taken_until;
                    log.info(&format!(
                        "Reclaim task response: {task}/{run} until {until}, credentials ********"
                    ));
                    metrics.reclaimed(Renewal::Done);
                    return Some(());
                }
                Err(why) if why.is_conflict() => {
                    log.warn(&format!("{task}/{run}: the claim is lost: {why}"));
                    return None;
                }
                Err(why) => log.warn(&format!("{task}/{run}: not reclaimed yet: {why}")),
            }
            metrics.reclaimed(Renewal::Failed);
            failed += 1;
            let next = Instant::now() + retry.pause(failed).unwrap_or(retry.cap);
            sleep_until(next.min(end)).await;
        }
    }

    fn renew(&self, reclaimed: &Reclaimed) -> Result<(), QueueError> {
        self.queue.renew(&reclaimed.credentials)?;
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) =
            instant(&self.queue, reclaimed.taken_until);
        self.credentials
            .write(&reclaimed.credentials)
            .map_err(|why| QueueError::Transient {
                call: "the script's credentials",
                status: None,
                detail: why.to_string(),
            })
    }

    /// Reports the end of the run; tries again until the claim ends as it stands now, whoever renews it meanwhile.
    ///
    /// Whatever the queue answers but 409, it is asked again (worker.md 7): a report that does not arrive would let the task
    /// run once more. A worker that is told to stop tries no longer than its pace allows, and one that is told twice has a
    /// moment. Returns whether the queue knows the end.
    pub async fn report(
        &self,
        report: Report,
        pace: &Pace,
        log: &Log,
        stop: &watch::Receiver<Stop>,
    ) -> bool {
        let (task, run) = (self.task, self.run);
        let end = self.until();
        let parting = async {
            stopped(stop, Stop::Now).await;
            sleep(pace.parting).await;
        };
        let why = tokio::select! {
            biased;
            () = abandoned(stop) => "told to stop twice".to_owned(),
            () = self.lost() => "the claim is lost".to_owned(),
            told = self.tell(report, pace.until_lost, log) => match told {
                Ok(()) => {
                    log.info(&format!("{task}/{run}: reported {report}"));
                    return true;
                }
                Err(why) if why.is_conflict() => {
                    log.warn(&format!("{task}/{run}: {report} came too late: {why}"));
                    self.lose();
                    return false;
                }
                Err(why) => why.to_string(),
            },
            () = sleep_until(end) => "the claim ended".to_owned(),
            () = parting => "told to stop, and the queue did not take it in time".to_owned(),
        };
        log.error(&format!("{task}/{run}: {report} was not reported: {why}"));
        false
    }

    /// Reports until the queue takes it, or says that it is too late.
    async fn tell(&self, report: Report, retry: Retry, log: &Log) -> Result<(), QueueError> {
        let (task, run) = (self.task, self.run);
        let mut failed = 0;
        loop {
            match self.queue.report(task, run, report).await {
                Err(why) if !why.is_conflict() => {
                    log.warn(&format!("{task}/{run}: not reported yet: {why}"));
                }
                done => return done,
            }
            failed += 1;
            sleep(retry.pause(failed).unwrap_or(retry.cap)).await;
        }
    }

    fn until(&self) -> Instant {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a claim cannot be held.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The credentials.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The file for the script.
    #[error("no file for the credentials of the script: {0}")]
    Io(#[from] std::io::Error),
}

/// Until when one attempt to renew a claim that ends then may take: one that hangs leaves time for others.
fn patience(end: Instant) -> Instant {
    let now = Instant::now();
    let part = end.saturating_duration_since(now) / 3;
    end.min(now + part.max(LEAST))
}

/// The shortest time that an attempt gets, and between reclaims that nobody asked for, unless the claim ends before.
const LEAST: Duration = Duration::from_millis(500);

/// The end of a claim on our own clock, which no change of the system's time moves.
fn instant(queue: &Queue, until: Timestamp) -> Instant {
    let left = until.duration_since(queue.now());
    Instant::now() + Duration::try_from(left).unwrap_or_default()
}
