// SPDX-License-Identifier: MPL-2.0
//! Claims and runs tasks, one after the other in each slot, until it is told to stop (worker.md 2, 9).
//!
//! No task ends the worker, whatever goes wrong with it: its run is reported as `internal-error`, and the next one is
//! claimed, after a pause that grows with every fault. What ends it is what no task could do without: its directories, and
//! what a probe before each claim does not find for minutes.
//!
//! A worker can be replaced while it runs, which is how a configuration is read again: whoever claims next takes the new
//! one, and the task in hand keeps its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::Instrument as _;

use crate::config::Directories;
use crate::directories::{DirectoryError, cleanup};
use crate::notify::Notifier;
use crate::probe::{ProbeError, probe};
use crate::queue::Claimed;
use crate::script::{household, leftover};
use crate::session::Session;
use crate::status::{Reason, Report};
use crate::task;
use crate::worker::{Stop, Worker, abandoned, stopped};

/// Why the worker cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// A directory of a slot.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// What every task needs was missing for too long.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// Processes of a script did not end for too long; only a new start can be alone.
    #[error(
        "slot {number}: {why}; end them, or see why they do not end, and start the worker again"
    )]
    Strays {
        /// The slot.
        number: u32,
        /// How many there are.
        why: String,
    },
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
    let slots = start(&current, stop);
    manager.send("READY=1");
    let done = tokio::select! {
        done = supervise(&current, slots, stop) => done,
        () = watchdog(manager) => Ok(()),
        () = household::bury() => Ok(()),
    };
    manager.send("STOPPING=1");
    let log = current.borrow().log.clone();
    log.info("stopped");
    log.flush();
    done
}

/// Starts the slots.
fn start(
    current: &watch::Receiver<Arc<Worker>>,
    stop: &watch::Sender<Stop>,
) -> JoinSet<Result<(), DaemonError>> {
    let worker = Arc::clone(&current.borrow());
    greet(&worker);
    let capacity = worker.config.capacity.get();
    worker.metrics.slots(capacity);
    let mut slots = JoinSet::new();
    for number in 0..capacity {
        slots.spawn(slot(current.clone(), number, stop.subscribe()));
    }
    slots
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
    current: &watch::Receiver<Arc<Worker>>,
    mut slots: JoinSet<Result<(), DaemonError>>,
    stop: &watch::Sender<Stop>,
) -> Result<(), DaemonError> {
    let mut outcome = Ok(());
    loop {
        // whoever was replaced is not needed here any more
        let (log, silence) = {
            let worker = current.borrow();
            (worker.log.clone(), worker.pace.silence)
        };
        let ended = tokio::select! {
            ended = slots.join_next() => ended,
            () = sleep(silence) => {
                current.borrow().log.info("alive");
                continue;
            }
        };
        let why = match ended {
            None => break,
            Some(Ok(Ok(()))) => continue,
            Some(Ok(Err(why))) => why,
            Some(Err(why)) => DaemonError::Slot(why.to_string()),
        };
        log.critical(&why.to_string());
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
    caveats(worker);
}

/// Says what is odd about how tasks will be run.
pub fn caveats(worker: &Worker) {
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

/// What a slot remembers from one task to the next.
#[derive(Debug, Default)]
struct Memory {
    /// The directories that were emptied.
    clean: Option<Directories>,
    /// Since when something that every task needs is missing.
    broken: Option<Instant>,
    /// Requests for work that failed, one after the other.
    unanswered: u32,
    /// Tasks that failed by our fault, one after the other.
    faults: u32,
}

/// One slot: a task at a time, in directories of its own.
async fn slot(
    current: watch::Receiver<Arc<Worker>>,
    number: u32,
    stop: watch::Receiver<Stop>,
) -> Result<(), DaemonError> {
    let mut memory = Memory::default();
    while *stop.borrow() == Stop::No {
        let worker = Arc::clone(&current.borrow());
        let pause = turn(&worker, number, &mut memory, &stop).await?;
        drop(worker);
        if !pause.is_zero() {
            tokio::select! {
                () = sleep(pause) => {}
                () = stopped(&stop, Stop::Finish) => {}
            }
        }
    }
    Ok(())
}

/// Waits until nothing is left of the slot's scripts: no task begins beside it. Returns whether that is so; it may not be
/// when the worker is told to stop. What does not end for as long as something else may be missing ends the worker.
async fn alone(
    worker: &Worker,
    number: u32,
    directories: &Directories,
    stop: &watch::Receiver<Stop>,
) -> Result<bool, DaemonError> {
    let begun = Instant::now();
    while let Err(why) = household::settle(&directories.work, &worker.log).await {
        worker.metrics.ill(number, true);
        if begun.elapsed() >= worker.pace.broken {
            let why = why.to_string();
            return Err(DaemonError::Strays { number, why });
        }
        tokio::select! {
            () = sleep(worker.config.poll_interval) => {}
            () = stopped(stop, Stop::Finish) => return Ok(false),
        }
    }
    Ok(true)
}

/// Claims and runs what there is. Returns how long to wait before the next turn.
async fn turn(
    worker: &Arc<Worker>,
    number: u32,
    memory: &mut Memory,
    stop: &watch::Receiver<Stop>,
) -> Result<Duration, DaemonError> {
    let directories = worker.config.directories.of_slot(number);
    if memory.clean.as_ref() != Some(&directories) {
        leftover::end(&directories.work, &worker.log).await;
        empty(&directories).await?;
        memory.clean = Some(directories.clone());
    }
    let pace = worker.pace;
    let pause = |failed: u32| pace.faults.pause(failed).unwrap_or(pace.faults.cap);
    let poll = worker.config.poll_interval;
    if !fit(worker, number, &directories, memory).await? {
        return Ok(poll.max(pause(1)));
    }
    let Some(claims) = claim(worker, stop).await else {
        memory.unanswered = memory.unanswered.saturating_add(1);
        return Ok(poll.max(pause(memory.unanswered)));
    };
    memory.unanswered = 0;
    if claims.is_empty() {
        return Ok(poll);
    }
    for claimed in claims {
        let well = one(worker, number, &directories, claimed, stop).await;
        if !alone(worker, number, &directories, stop).await? {
            return Ok(poll);
        }
        empty(&directories).await?;
        memory.faults = match well {
            true => 0,
            false => memory.faults.saturating_add(1),
        };
    }
    Ok(match memory.faults {
        0 => Duration::ZERO,
        faults => pause(faults),
    })
}

/// Tries what every task needs. `false`: something is missing, and nothing must be claimed.
async fn fit(
    worker: &Arc<Worker>,
    number: u32,
    directories: &Directories,
    memory: &mut Memory,
) -> Result<bool, DaemonError> {
    let tried = {
        let (worker, directories) = (Arc::clone(worker), directories.clone());
        apart(move || probe(&worker.config, number, &directories)).await?
    };
    worker.metrics.ill(number, tried.is_err());
    let Err(why) = tried else {
        if memory.broken.take().is_some() {
            worker.log.info(&format!("slot {number} claims again"));
        }
        return Ok(true);
    };
    let since = *memory.broken.get_or_insert_with(Instant::now);
    if since.elapsed() >= worker.pace.broken {
        return Err(why.into());
    }
    let line = format!("slot {number} claims nothing: {why}");
    worker.log.error(&line);
    Ok(false)
}

/// Empties the directories of a slot.
async fn empty(directories: &Directories) -> Result<(), DaemonError> {
    let directories = directories.clone();
    Ok(apart(move || cleanup(&directories)).await??)
}

/// Runs what waits for a disk on a thread of its own.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, DaemonError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|why| DaemonError::Slot(why.to_string()))
}

/// Asks for a task; `None` if that failed. When the worker is told to stop meanwhile, the answer is waited for: a task may
/// have been claimed.
async fn claim(worker: &Worker, stop: &watch::Receiver<Stop>) -> Option<Vec<Claimed>> {
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
                return None;
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
            Some(claims)
        }
        Ok(claims) => {
            for claimed in claims {
                resign(worker, &claimed, stop).await;
            }
            Some(Vec::new())
        }
        Err(why) => {
            log.error(&format!("no claim: {why}"));
            None
        }
    }
}

/// Gives back a task that was claimed after the worker was told to stop.
async fn resign(worker: &Worker, claimed: &Claimed, stop: &watch::Receiver<Stop>) {
    let (task, run) = (claimed.task.id, claimed.task.run);
    let report = Report::Exception(Reason::WorkerShutdown);
    let done = async {
        let queue = worker.queue.with(&claimed.credentials)?;
        queue.again(|| queue.report(task, run, report)).await
    };
    let done = tokio::select! {
        biased;
        () = abandoned(stop) => {
            let why = "not given back: told to stop twice; its claim ends by itself";
            worker.log.error(&format!("{task}/{run}: {why}"));
            return;
        }
        done = done => done,
    };
    match done {
        Ok(()) => worker
            .log
            .info(&format!("{task}/{run}: reported {report}, nothing ran")),
        Err(why) => worker.log.error(&format!("{task}/{run}: {why}")),
    }
}

/// Runs one task, and survives it. `false`: it failed by a fault of ours.
async fn one(
    worker: &Arc<Worker>,
    number: u32,
    directories: &Directories,
    claimed: Claimed,
    stop: &watch::Receiver<Stop>,
) -> bool {
    let _busy = worker.metrics.busy();
    let session = match Session::new(&worker.queue, &claimed) {
        Ok(session) => Arc::new(session),
        Err(why) => {
            let (task, run) = (claimed.task.id, claimed.task.run);
            worker
                .log
                .error(&format!("{task}/{run}: the claim cannot be used: {why}"));
            resign(worker, &claimed, stop).await;
            return false;
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
        let (task, run) = (claimed.task.id, claimed.task.run);
        let span = tracing::info_span!("task", %task, %run, slot = number);
        let work = async move {
            task::perform(&worker, number, &directories, &claimed, &session, &stop).await
        };
        tokio::spawn(work.instrument(span))
    };
    let fault = match work.await {
        Ok(Ok(())) => None,
        // nothing has run: the queue makes another run
        Ok(Err(why)) => Some((
            Reason::WorkerShutdown,
            format!("nothing was run: log_dir: {why}"),
        )),
        Err(why) => Some((Reason::InternalError, format!("internal error: {why}"))),
    };
    if let Some((reason, why)) = fault {
        task::give_up(worker, &session, stop, reason, &why).await;
    }
    keeper.abort();
    !session.is_faulty()
}
