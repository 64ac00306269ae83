// SPDX-License-Identifier: MPL-2.0
//! Claims and runs tasks, one after the other in each slot, until it is told to stop (worker.md 2, 9).
//!
//! No task ends the worker, whatever goes wrong with it: its run is reported as `internal-error`, and the next one is
//! claimed. What ends it is what no task could do without: its directories and its log.
//!
//! A worker can be replaced while it runs, which is how a configuration is read again: whoever claims next takes the new
//! one, and the task in hand keeps its own.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::config::Directories;
use crate::directories::{DirectoryError, cleanup};
use crate::notify::Notifier;
use crate::queue::Claimed;
use crate::script::leftover;
use crate::session::Session;
use crate::status::{Reason, Report};
use crate::task;
use crate::worker::{Stop, Worker, stopped};

/// Why the worker cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// A directory of a slot.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The place where logs of tasks are held.
    #[error("log_dir: {0}")]
    Log(std::io::Error),
    /// A fault of ours.
    #[error("a slot ended by itself: {0}")]
    Slot(String),
}

/// Runs until `stop` says so. `current` holds the worker that claims; a new one gets the next claims. The number of slots
/// is that of the first.
///
/// # Errors
/// [`DaemonError`]; tasks in other slots were stopped, uploaded and reported.
pub async fn run(
    current: watch::Receiver<Arc<Worker>>,
    stop: &watch::Sender<Stop>,
    manager: &Notifier,
) -> Result<(), DaemonError> {
    let worker = Arc::clone(&current.borrow());
    greet(&worker);
    worker.metrics.slots(worker.config.capacity.get());
    let mut slots = JoinSet::new();
    for number in 0..worker.config.capacity.get() {
        slots.spawn(slot(current.clone(), number, stop.subscribe()));
    }
    manager.send("READY=1");
    let done = tokio::select! {
        done = supervise(&worker, slots, stop) => done,
        () = watchdog(manager) => Ok(()),
    };
    manager.send("STOPPING=1");
    worker.log.info("stopped");
    done
}

/// Tells the service manager that the worker is alive, for ever.
async fn watchdog(manager: &Notifier) {
    let Some(every) = manager.every() else {
        return std::future::pending().await;
    };
    loop {
        manager.send("WATCHDOG=1");
        sleep(every).await;
    }
}

/// Waits for all slots; when one cannot go on, the others are stopped.
async fn supervise(
    worker: &Worker,
    mut slots: JoinSet<Result<(), DaemonError>>,
    stop: &watch::Sender<Stop>,
) -> Result<(), DaemonError> {
    let mut outcome = Ok(());
    loop {
        let ended = tokio::select! {
            ended = slots.join_next() => ended,
            () = sleep(worker.pace.silence) => {
                worker.log.info("alive");
                continue;
            }
        };
        let why = match ended {
            None => break,
            Some(Ok(Ok(()))) => continue,
            Some(Ok(Err(why))) => why,
            Some(Err(why)) => DaemonError::Slot(why.to_string()),
        };
        worker.log.critical(&why.to_string());
        outcome = outcome.and(Err(why));
        stop.send_modify(|now| *now = (*now).max(Stop::Now));
    }
    outcome
}

/// Says who starts, and what an operator must know.
fn greet(worker: &Worker) {
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy();
    let version = env!("CARGO_PKG_VERSION");
    let identity = &worker.config.identity;
    worker.log.info(&format!(
        "catena worker {version} on {host}: {}/{} claims from {} at {}",
        identity.worker_group,
        identity.worker_id,
        identity.queue(),
        worker.config.root_url
    ));
    match &worker.config.verify {
        None => worker
            .log
            .warn("verify_chain_of_trust is false: TASKS RUN UNVERIFIED"),
        Some(verification) => {
            if let Some(reason) = &verification.unsigned {
                worker
                    .log
                    .warn(&format!("SIGNATURES ARE NOT VERIFIED: {reason}"));
            }
        }
    }
    for warning in &worker.config.warnings {
        worker.log.warn(warning);
    }
}

/// One slot: a task at a time, in directories of its own.
async fn slot(
    current: watch::Receiver<Arc<Worker>>,
    number: u32,
    stop: watch::Receiver<Stop>,
) -> Result<(), DaemonError> {
    let mut clean = None;
    while *stop.borrow() == Stop::No {
        let worker = Arc::clone(&current.borrow());
        let directories = worker.config.directories.of_slot(number);
        if clean.as_ref() != Some(&directories) {
            leftover::end(&directories.work, &worker.log).await;
            cleanup(&directories)?;
            clean = Some(directories.clone());
        }
        let claims = claim(&worker, &stop).await;
        if claims.is_empty() {
            tokio::select! {
                () = sleep(worker.config.poll_interval) => {}
                () = stopped(&stop, Stop::Finish) => {}
            }
        }
        for claimed in claims {
            let done = one(&worker, number, &directories, claimed, &stop).await;
            cleanup(&directories)?;
            done?;
        }
    }
    Ok(())
}

/// Asks for a task. When the worker is told to stop meanwhile, the answer is waited for: a task may have been claimed.
async fn claim(worker: &Worker, stop: &watch::Receiver<Stop>) -> Vec<Claimed> {
    let identity = &worker.config.identity;
    let (queue, log) = (identity.queue(), &worker.log);
    let call = worker
        .queue
        .claim_work(&queue, &identity.worker_group, &identity.worker_id);
    let mut call = std::pin::pin!(call);
    let answer = tokio::select! {
        answer = &mut call => answer,
        () = stopped(stop, Stop::Now) => match timeout(worker.pace.claim, call).await {
            Ok(answer) => answer,
            Err(_) => {
                log.warn("a claim in flight was not answered; what it claimed ends by itself");
                return Vec::new();
            }
        },
    };
    match &answer {
        Ok(claims) => worker.metrics.claimed(claims.len()),
        Err(_) => worker.metrics.not_claimed(),
    }
    if let Some(news) = worker.queue.clock_news() {
        log.warn(&news);
    }
    match answer {
        Ok(claims) if *stop.borrow() < Stop::Now => {
            log.debug(&format!("claimWork: {} tasks", claims.len()));
            claims
        }
        Ok(claims) => {
            for claimed in claims {
                resign(worker, &claimed).await;
            }
            Vec::new()
        }
        Err(why) => {
            log.error(&format!("no claim: {why}"));
            Vec::new()
        }
    }
}

/// Gives back a task that was claimed after the worker was told to stop.
async fn resign(worker: &Worker, claimed: &Claimed) {
    let (task, run) = (claimed.task.id, claimed.task.run);
    let report = Report::Exception(Reason::WorkerShutdown);
    let done = async {
        let queue = worker.queue.with(&claimed.credentials)?;
        queue.again(|| queue.report(task, run, report)).await
    };
    match done.await {
        Ok(()) => worker
            .log
            .info(&format!("{task}/{run}: reported {report}, nothing ran")),
        Err(why) => worker.log.error(&format!("{task}/{run}: {why}")),
    }
}

/// Runs one task, and survives it.
async fn one(
    worker: &Arc<Worker>,
    number: u32,
    directories: &Directories,
    claimed: Claimed,
    stop: &watch::Receiver<Stop>,
) -> Result<(), DaemonError> {
    let _busy = worker.metrics.busy();
    let session = match Session::new(&worker.queue, &claimed) {
        Ok(session) => Arc::new(session),
        Err(why) => {
            let (task, run) = (claimed.task.id, claimed.task.run);
            worker
                .log
                .error(&format!("{task}/{run}: the claim cannot be used: {why}"));
            return Ok(());
        }
    };
    let keeper = {
        let (worker, session) = (Arc::clone(worker), Arc::clone(&session));
        tokio::spawn(async move {
            let interval = worker.config.reclaim_interval;
            session
                .keep(
                    interval,
                    worker.pace.until_lost,
                    &worker.log,
                    &worker.metrics,
                )
                .await;
        })
    };
    let work = {
        let (worker, session) = (Arc::clone(worker), Arc::clone(&session));
        let (directories, stop) = (directories.clone(), stop.clone());
        tokio::spawn(async move {
            task::perform(&worker, number, &directories, &claimed, &session, &stop).await
        })
    };
    let done = match work.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(why)) => {
            task::give_up(worker, &session, stop, &format!("log_dir: {why}")).await;
            Err(DaemonError::Log(why))
        }
        Err(why) => {
            task::give_up(worker, &session, stop, &why.to_string()).await;
            Ok(())
        }
    };
    keeper.abort();
    done
}

/// Makes sure that no descriptor but stdin, stdout and stderr reaches a script (P38): what whoever started us left open,
/// too. To be called before anything is opened.
pub fn close_on_exec() {
    close_fds::set_fds_cloexec(3, &[]);
}
