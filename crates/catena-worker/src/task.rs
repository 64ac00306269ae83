// SPDX-License-Identifier: MPL-2.0
//! One run, from its claim to its report (worker.md 2–9).
//!
//! 1. The claim is held in the background. 2. The payload is checked, the files of the script are written. 3. The chain is
//! verified. 4. The script runs. 5. The document is generated. 6. Everything is uploaded. 7. The end is reported.
//!
//! A lost claim ends 2 to 6 wherever they are: the logs are uploaded if that still goes, nothing is reported. A worker that
//! is told to stop ends 3 and 4; 6 and 7 follow. Whatever goes wrong is a status: nothing here ends the worker but what it
//! could not run another task without.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::Directories;
use crate::facts::{WORKER_INFO, WorkerInfo};
use crate::generate::{
    self, Claim, Environment, Found, GenerateError, Generated, Identity, Inputs, TreeError,
};
use crate::payload::{self, Payload};
use crate::queue::Claimed;
use crate::script::{Ended, Script, TaskLog, Variables, environment, place, run};
use crate::session::Session;
use crate::status::{self, Report};
use crate::upload::Uploads;
use crate::verify::{self, Decision};
use crate::worker::{Stop, Worker, stopped};
use catena_crypto::signer::{Signer, SigningKey};

/// Where verified chains are recorded.
const FULL_COT: &str = "public/full-cot.json";
const LIVE_LOG: &str = "live_backing.log";
const CHAIN_LOG: &str = "chain_of_trust.log";
/// The artifacts that both become. Whoever sees them knows that the run is over.
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
        "{}/{}: claimed until {}",
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
            return self.fail(status::INTERNAL_ERROR, &format!("task.json: {why}"));
        }
        let decision = match self.verify(claim).await {
            Ok(decision) => decision,
            Err(cut) => return self.cut(cut, "the verification"),
        };
        if let Some(decision) = &decision
            && let Some(status) = self.refuse(decision, left).await
        {
            return status;
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
        let work = verify::verify(config, verification, claim, &self.directories.work);
        let decision = tokio::select! {
            decision = work => decision,
            cut = self.until_cut() => return Err(cut),
        };
        self.worker.log.info(&decision.summary);
        let text = format!("{}\n{}", self.info.to_line(), decision.log);
        if let Err(why) = place(self.directories, CHAIN_LOG, &mut text.as_bytes()) {
            self.fail(status::INTERNAL_ERROR, &format!("{CHAIN_LOG}: {why}"));
        }
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
        match self.session.queue.again(call).await {
            Ok(()) => left.linked = true,
            Err(why) => self.worker.log.warn(&format!("{name}: no link: {why}")),
        }
        self.log.error(&decision.summary);
        Some(decision.status)
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
            strip: &config.strip_env,
        };
        let script = Script {
            command: &command,
            environment: environment(std::env::vars_os(), &variables),
            credentials: &self.session.credentials,
            limit,
            grace: self.worker.pace.grace,
        };
        let give = |text: &str| {
            self.log.write(text);
            self.worker.log.info(text.trim_end_matches(['\n', '\r']));
        };
        let stop = async { _ = self.until_cut().await };
        let ended = run(script, &give, stop).await?;
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

    /// Generates the document of what the script left; a status that is not 0 if there is none.
    async fn document(&self, claim: &Claim, full: Option<String>, left: &mut Left) -> i32 {
        let done = self.generate(claim, full).await;
        match done {
            Ok(generated) => {
                left.generated = Some(generated);
                status::SUCCESS
            }
            Err(why) => {
                let status = match &why {
                    GenerateError::Tree(
                        TreeError::Reserved { .. }
                        | TreeError::Link { .. }
                        | TreeError::Kind { .. }
                        | TreeError::Name { .. },
                    ) => status::MALFORMED_PAYLOAD,
                    _ => status::INTERNAL_ERROR,
                };
                self.fail(status, &format!("no chain-of-trust document: {why}"))
            }
        }
    }

    async fn generate(
        &self,
        claim: &Claim,
        full: Option<String>,
    ) -> Result<Generated, GenerateError> {
        let artifact_dir = self.directories.artifact.clone();
        for name in [WORKER_INFO, FULL_COT] {
            if artifact_dir.join(name).symlink_metadata().is_ok() {
                return Err(TreeError::Reserved { name }.into());
            }
        }
        let log = self.log.place(self.directories, LIVE_LOG);
        log.map_err(|cause| GenerateError::Write {
            path: self.directories.log.join(LIVE_LOG),
            cause,
        })?;
        let config = &self.worker.config;
        let key = config.key.clone();
        let environment = match config.minimal_environment {
            true => Environment::Minimal,
            false => Environment::Full {
                root_url: config.root_url.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
        };
        let identity = Identity {
            group: config.identity.worker_group.clone(),
            id: config.identity.worker_id.clone(),
            worker_type: config.identity.worker_type.clone(),
        };
        let (claim, hash, info) = (claim.clone(), config.hash, self.info.to_json());
        let work = move || {
            generate::write_own(&artifact_dir, WORKER_INFO, info.as_bytes(), Found::Refused)?;
            if let Some(full) = full {
                generate::write_own(&artifact_dir, FULL_COT, full.as_bytes(), Found::Refused)?;
            }
            // in memory while it signs, and no longer
            let key = key.map(SigningKey::read_file).transpose();
            let key = key.map_err(|why| GenerateError::Write {
                path: "ed25519_private_key_path".into(),
                cause: std::io::Error::other(why.to_string()),
            })?;
            let inputs = Inputs {
                artifact_dir: &artifact_dir,
                claim: &claim,
                identity: &identity,
                environment: &environment,
                algorithms: &[hash],
                threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
                replace: false,
            };
            generate::generate(&inputs, key.as_ref().map(|key| -> &dyn Signer { key }), &())
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|why| {
            Err(GenerateError::Write {
                path: self.directories.artifact.clone(),
                cause: std::io::Error::other(why.to_string()),
            })
        })
    }

    /// Uploads, and reports.
    async fn finish(&self, status: i32, left: &Left) {
        let Session { task, run, .. } = *self.session;
        let worker = self.worker;
        let uploaded = tokio::select! {
            biased;
            () = self.session.lost() => status::INTERNAL_ERROR,
            () = stopped(self.stop, Stop::Abandon) => {
                worker.log.warn(&format!("{task}/{run}: told to stop twice: uploads were skipped"));
                status::WORKER_SHUTDOWN
            }
            status = self.upload(left, false) => status,
        };
        if self.session.is_lost() {
            self.bury(left).await;
            return;
        }
        let status = status::worst(status, uploaded);
        let report = status::report(status, &worker.config.reversed);
        if status == status::SUPERSEDED {
            worker.log.warn(&format!(
                "{task}/{run}: the queue does not take superseded any more"
            ));
        }
        worker
            .log
            .info(&format!("{task}/{run}: status {status}, {report}"));
        self.session
            .report(report, worker.pace.until_lost, &worker.log)
            .await;
    }

    /// Leaves the logs of a run that was lost, if the queue still takes them. Nothing is reported.
    async fn bury(&self, left: &Left) {
        let Session { task, run, .. } = *self.session;
        self.log.error("the claim is lost: nothing is reported");
        let logs = self.upload(left, true);
        let log = &self.worker.log;
        tokio::select! {
            status = logs => log.warn(&format!("{task}/{run}: lost; status of its logs: {status}")),
            () = tokio::time::sleep(self.worker.pace.lost) => {
                log.warn(&format!("{task}/{run}: lost; its logs took too long"));
            }
            () = stopped(self.stop, Stop::Abandon) => {}
        }
    }

    async fn upload(&self, left: &Left, logs_only: bool) -> i32 {
        let worker = self.worker;
        let placed = match (&left.generated, left.linked) {
            // it was hashed: nothing may be added to it
            (Some(_), _) if !logs_only => Ok(()),
            (_, true) => Ok(()),
            _ => self.log.place(self.directories, LIVE_LOG),
        };
        if let Err(why) = placed {
            worker.log.error(&format!("{LIVE_LOG}: {why}"));
        }
        let tree = self.tree();
        let hashed = match (&left.generated, logs_only) {
            (Some(generated), false) => generated.artifacts.as_slice(),
            _ => &[],
        };
        let signed = left.generated.as_ref().filter(|_| !logs_only);
        let uploads = Uploads {
            session: self.session,
            tree: tree.ok().map(Arc::new),
            hashed,
            signed: signed.map(|generated| &generated.signed),
            expires: &self.expires,
            storage: worker.config.storage,
            scratch: &worker.config.log.dir,
            timeout: worker.config.upload_timeout,
            retry: worker.pace.uploads,
            log: &worker.log,
        };
        match logs_only {
            true => uploads.logs().await,
            false => uploads.run().await,
        }
    }

    /// The files of the run; if they are not fit to be artifacts, its logs alone.
    fn tree(&self) -> Result<generate::Tree, TreeError> {
        let found = generate::find(&self.directories.artifact, Found::Ours);
        found.or_else(|why| {
            self.worker
                .log
                .error(&format!("only the logs are uploaded: {why}"));
            generate::find_only(&self.directories.artifact, &LOGS)
        })
    }
}

/// Reports a run whose worker failed, so that nobody waits for it.
pub async fn give_up(worker: &Worker, session: &Session, why: &str) {
    let Session { task, run, .. } = session;
    worker
        .log
        .error(&format!("{task}/{run}: internal error: {why}"));
    let report = Report::Exception(status::Reason::InternalError);
    session
        .report(report, worker.pace.until_lost, &worker.log)
        .await;
}
