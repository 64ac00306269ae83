// SPDX-License-Identifier: MPL-2.0
//! One run, from its claim to its report (worker.md 2–9).
//!
//! 1. The claim is held in the background.
//! 2. The payload is checked, the files of the script are written.
//! 3. The chain is verified.
//! 4. The script runs.
//! 5. The document is generated.
//! 6. Everything is uploaded.
//! 7. The end is reported.
//!
//! A lost claim ends 2 to 6 wherever they are: the logs are uploaded if that still goes, nothing is reported. A worker that
//! is told to stop ends 3 and 4; 6 and 7 follow. Whatever goes wrong is a status: nothing here ends the worker but what it
//! could not run another task without.

mod document;
mod finish;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::config::Directories;
use crate::facts::{WORKER_INFO, WorkerInfo};
use crate::generate::{Claim, Generated};
use crate::metrics::Phase;
use crate::payload::{self, Payload};
use crate::queue::Claimed;
use crate::script::{Ended, Script, TaskLog, Variables, environment, household, run};
use crate::session::Session;
use crate::status::{self, Report};
use crate::verify::{self, Decision};
use crate::worker::{Stop, Worker, stopped};

/// Where verified chains are recorded.
const FULL_COT: &str = "public/full-cot.json";
/// What the worker adds to the artifacts itself; a script that wrote one is refused (P36).
pub(crate) const OWN: [&str; 2] = [WORKER_INFO, FULL_COT];
const LIVE_LOG: &str = "live_backing.log";
const CHAIN_LOG: &str = "chain_of_trust.log";
/// Where logs lie among the artifacts.
const FOLDER: &str = "public/logs";
/// The artifacts that both become. Whoever can read them knows that the run is over.
pub(crate) const LOGS: [&str; 2] = [
    "public/logs/chain_of_trust.log",
    "public/logs/live_backing.log",
];

/// What is left of a run besides its status.
#[derive(Debug, Default)]
struct Left {
    /// The document.
    generated: Option<Generated>,
    /// `live_backing.log` is a link already.
    linked: bool,
    /// The text of `chain_of_trust.log`, if there was a verification. It is held here while the script runs (P36).
    chain: Option<Arc<str>>,
}

/// Why a run ended before its time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cut {
    Lost,
    Shutdown,
}

/// One run.
#[derive(Debug)]
struct Run<'a> {
    worker: &'a Worker,
    session: &'a Session,
    directories: &'a Directories,
    slot: u32,
    stop: &'a watch::Receiver<Stop>,
    log: TaskLog,
    info: WorkerInfo,
    expires: String,
}

/// Runs a claimed task to its report. Returns what the worker cannot go on without, if that is missing.
///
/// # Errors
/// The system refuses what no task can do without.
pub async fn perform(
    worker: &Worker,
    slot: u32,
    directories: &Directories,
    claimed: &Claimed,
    session: &Session,
    stop: &watch::Receiver<Stop>,
) -> Result<(), std::io::Error> {
    let info = info(worker, claimed);
    let log = TaskLog::new(&worker.config.log.dir, &info.to_line())?;
    let task = &claimed.task;
    worker.log.info(&format!(
        "Going to run taskId {}/{}, claimed until {}",
        task.id, task.run, claimed.taken_until
    ));
    let expires = task
        .claim
        .as_ref()
        .ok()
        .and_then(|claim| claim.task.get("expires"));
    let run = Run {
        worker,
        session,
        directories,
        slot,
        stop,
        log,
        info,
        // a task that is none has no expiry; the log that says so need not live long
        expires: expires
            .and_then(crate::json::Json::as_str)
            .map_or_else(|| claimed.taken_until.to_string(), str::to_owned),
    };
    let mut left = Left::default();
    let status = run.status(&task.claim, &mut left).await;
    run.finish(status, &left).await;
    Ok(())
}

fn info(worker: &Worker, claimed: &Claimed) -> WorkerInfo {
    let config = &worker.config;
    WorkerInfo {
        schema: WorkerInfo::schema(),
        task_id: claimed.task.id.to_string(),
        run_id: claimed.task.run.0,
        task_queue_id: config.identity.queue(),
        worker_group: config.identity.worker_group.clone(),
        worker_id: config.identity.worker_id.clone(),
        worker_implementation: "scriptworker".to_owned(),
        worker_version: env!("CARGO_PKG_VERSION").to_owned(),
        root_url: config.root_url.clone(),
        started_at: jiff::Timestamp::now().to_string(),
        interactive: false,
        image: None,
    }
}

impl Run<'_> {
    /// Everything up to the uploads; the status of what failed first, or of the script.
    async fn status(&self, claim: &Result<Claim, String>, left: &mut Left) -> i32 {
        let payload = claim
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|claim| Payload::read(&claim.task).map(|payload| (claim, payload)));
        let (claim, payload) = match payload {
            Ok(read) => read,
            Err(why) => return self.fail(status::MALFORMED_PAYLOAD, &why),
        };
        if let Err(why) = payload::write(&self.directories.work, claim) {
            // what goes missing between probe and claim costs no task, as with its log
            self.session.fault();
            let why = format!("nothing was run: work_dir: {why}");
            return self.fail(status::WORKER_SHUTDOWN, &why);
        }
        let decision = match self.verify(claim).await {
            Ok(decision) => decision,
            Err(cut) => return self.cut(cut, "the verification"),
        };
        if let Some(decision) = &decision {
            let text = format!("{}\n{}", self.info.to_line(), decision.log);
            left.chain = Some(text.into());
            if let Some(status) = self.refuse(decision, left).await {
                return status;
            }
        }
        let ended = match self.script(payload.max_run_time).await {
            Ok(ended) => ended,
            Err(why) => {
                let command = self.worker.config.script.first();
                let command = command.map_or("", String::as_str);
                return self.fail(
                    status::INTERNAL_ERROR,
                    &format!("task_script {command:?}: {why}"),
                );
            }
        };
        match ended {
            Ended::Exited(exit) => {
                let full = decision.and_then(|decision| decision.full_cot);
                status::worst(exit.status(), self.document(claim, full, left).await)
            }
            Ended::TimedOut(_) => self.worker.config.timeout_status,
            Ended::Stopped(_) => match self.session.is_lost() {
                true => status::INTERNAL_ERROR,
                false => status::WORKER_SHUTDOWN,
            },
        }
    }

    /// Notes why a run failed, in both logs.
    fn fail(&self, status: i32, why: &str) -> i32 {
        let shown = catena_report::escape::clean(why, 2000);
        if status == status::INTERNAL_ERROR && !self.session.is_lost() {
            self.session.fault();
        }
        self.log.error(&shown);
        let Session { task, run, .. } = self.session;
        self.worker.log.error(&format!("{task}/{run}: {shown}"));
        status
    }

    fn cut(&self, cut: Cut, what: &str) -> i32 {
        let (status, why) = match cut {
            Cut::Lost => (status::INTERNAL_ERROR, "the claim is lost"),
            Cut::Shutdown => (status::WORKER_SHUTDOWN, "the worker was told to stop"),
        };
        self.fail(status, &format!("{what} was stopped: {why}"))
    }

    /// Waits until the run is to end before its time.
    async fn until_cut(&self) -> Cut {
        tokio::select! {
            biased;
            () = self.session.lost() => Cut::Lost,
            () = stopped(self.stop, Stop::Now) => Cut::Shutdown,
        }
    }

    async fn verify(&self, claim: &Claim) -> Result<Option<Decision>, Cut> {
        let config = &self.worker.config;
        let Some(verification) = &config.verify else {
            let line = "verify_chain_of_trust is false: nothing was verified";
            self.worker.log.warn(line);
            self.log.line(&format!("[taskcluster] {line}"));
            return Ok(None);
        };
        let sharing = verify::Shared {
            evidence: self.worker.shared.as_ref(),
            connections: self.worker.connections.as_ref(),
        };
        let work_dir = &self.directories.work;
        let work = verify::verify(config, verification, claim, work_dir, sharing);
        let begun = Instant::now();
        let decision = tokio::select! {
            decision = work => decision,
            cut = self.until_cut() => return Err(cut),
        };
        self.worker.metrics.took(Phase::Verify, begun.elapsed());
        self.worker.metrics.verified(decision.status);
        self.worker.metrics.shared(decision.shared);
        for line in &decision.news {
            self.worker.log.warn(line);
        }
        self.worker.log.info(&decision.summary);
        Ok(Some(decision))
    }

    /// Shows the log of the verification in place of the script's (worker.md 8.4), if it says no.
    async fn refuse(&self, decision: &Decision, left: &mut Left) -> Option<i32> {
        if decision.status == status::SUCCESS {
            return None;
        }
        let Session { task, run, .. } = *self.session;
        let [target, name] = LOGS;
        let call = || {
            let queue = &self.session.queue;
            queue.create_link(task, run, name, target, &self.expires)
        };
        let done = tokio::select! {
            biased;
            () = self.session.lost() => Err("the claim is lost".to_owned()),
            () = stopped(self.stop, Stop::Abandon) => Err("told to stop twice".to_owned()),
            done = self.session.queue.again(call) => done.map_err(|why| why.to_string()),
        };
        match done {
            Ok(()) => left.linked = true,
            Err(why) => self.worker.log.warn(&format!("{name}: no link: {why}")),
        }
        self.log.error(&decision.summary);
        Some(decision.status)
    }

    /// Ends what the script left behind, before anything that it could still change is read.
    async fn settle(&self) -> std::io::Result<()> {
        let left = household::settle(&self.directories.work, &self.worker.log).await;
        let count = left.map_err(std::io::Error::other)?;
        if count > 0 {
            self.log.line(&format!(
                "[taskcluster] processes that left the group of the script were killed: {count}"
            ));
        }
        Ok(())
    }

    async fn script(&self, max_run_time: Option<Duration>) -> std::io::Result<Ended> {
        let config = &self.worker.config;
        let limit = max_run_time.map_or(config.max_timeout, |most| most.min(config.max_timeout));
        let command: Vec<String> = config
            .script
            .iter()
            .map(|part| crate::config::in_slot(part, self.slot))
            .collect();
        let variables = Variables {
            task: self.session.task,
            run: self.session.run,
            root_url: &config.root_url,
            credentials: self.session.credentials.number(),
            work_dir: &self.directories.work,
            strip: &config.hidden_variables(),
        };
        let script = Script {
            command: &command,
            environment: environment(std::env::vars_os(), &variables),
            credentials: &self.session.credentials,
            work_dir: &self.directories.work,
            limit,
            grace: self.worker.pace.grace,
        };
        let give = |text: &str| {
            self.log.write(text);
            self.worker.log.info(text.trim_end_matches(['\n', '\r']));
        };
        let stop = async { _ = self.until_cut().await };
        let begun = Instant::now();
        let ended = run(script, &give, stop).await?;
        self.settle().await?;
        self.worker.metrics.took(Phase::Script, begun.elapsed());
        match ended {
            Ended::Exited(_) => {}
            Ended::Stopped(_) => {
                let cut = match self.session.is_lost() {
                    true => Cut::Lost,
                    false => Cut::Shutdown,
                };
                self.cut(cut, "the script");
            }
            Ended::TimedOut(_) => {
                let seconds = limit.as_secs();
                self.log.error(&format!(
                    "the script ran longer than {seconds} s and was stopped"
                ));
            }
        }
        self.log.line(&ended.exit().line());
        Ok(ended)
    }
}

/// Reports a run that failed by a fault of ours, so that nobody waits for it.
pub(crate) async fn give_up(
    worker: &Worker,
    session: &Session,
    stop: &watch::Receiver<Stop>,
    reason: status::Reason,
    why: &str,
) {
    let Session { task, run, .. } = session;
    session.fault();
    worker.log.error(&format!("{task}/{run}: {why}"));
    let report = Report::Exception(reason);
    let told = session
        .report(report, &worker.pace, &worker.log, stop)
        .await;
    worker.metrics.ended(Some(report).filter(|_| told));
}
