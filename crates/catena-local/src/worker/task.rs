// SPDX-License-Identifier: MPL-2.0
//! One claimed run, from its payload to its report. Meanwhile it is claimed again, with new credentials each time
//! (worker.md §12.1); when that is refused the script is stopped and nothing is reported.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

use super::files::{self, Found};
use super::image::{self, ImageDigests, sha256};
use super::payload::{self, Job};
use super::process::{self, Cancel, Ended, Script};
use super::proxy::Proxy;
use super::{Event, Family, WorkerError, WorkerOptions, cot, io};
use crate::client::{ClaimedTask, Client, Upload};
use crate::queue::{Exception, Resolution};

/// Performs a run. What goes wrong is the run's, and is logged.
pub(super) async fn perform(
    client: &Client,
    options: &WorkerOptions,
    claim: ClaimedTask,
    stop: watch::Receiver<bool>,
) {
    let (task, run) = (claim.status.task_id, claim.run);
    options.tell(Event::Claimed { task, run });
    match attempt(client, options, claim, stop).await {
        Ok(Some(how)) => options.tell(Event::Resolved { task, run, how }),
        Ok(None) => options.tell(Event::Lost { task, run }),
        Err(error) => {
            tracing::error!(%task, %run, %error, "the run was not ended in order");
            options.tell(Event::Lost { task, run });
        }
    }
}

/// Returns how the run was reported, or nothing if it was lost.
async fn attempt(
    client: &Client,
    options: &WorkerOptions,
    claim: ClaimedTask,
    stop: watch::Receiver<bool>,
) -> Result<Option<Resolution>, WorkerError> {
    let (newest, session) = watch::channel(client.with(&claim.credentials)?);
    let (reason, cancel) = watch::channel(None);
    let keeper = keep(&newest, &claim, &reason, stop);
    let mut run = Run::new(options, &claim, session, cancel)?;
    let how = tokio::select! {
        how = run.until_it_ends() => how,
        never = keeper => never,
    };
    let how = match how {
        Ok(how) => how,
        Err(Stop::Lost) => return Ok(None),
        Err(Stop::Resolve(reason, message)) => run.gave_up(reason, &message).await?,
        Err(Stop::Failed(error)) if error_is_conflict(&error) => return Ok(None),
        Err(Stop::Failed(error)) => {
            tracing::error!(task = %claim.status.task_id, %error, "internal error");
            run.gave_up(Exception::InternalError, &error.to_string())
                .await?
        }
    };
    let client = newest.borrow().clone();
    match client.resolve(claim.status.task_id, claim.run, how).await {
        Ok(_) => Ok(Some(how)),
        Err(error) if error.status() == Some(409) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn error_is_conflict(error: &WorkerError) -> bool {
    matches!(error, WorkerError::Client(error) if error.status() == Some(409))
}

/// Claims the run again whenever half of its time is over, until that is refused; passes on the worker's end as well.
/// Never returns.
async fn keep<T>(
    newest: &watch::Sender<Client>,
    claim: &ClaimedTask,
    reason: &watch::Sender<Option<Cancel>>,
    mut stop: watch::Receiver<bool>,
) -> T {
    let mut until = claim.taken_until;
    loop {
        let left = Duration::try_from(until.duration_since(Timestamp::now())).unwrap_or_default();
        let pause = tokio::time::sleep((left / 2).max(SHORTEST));
        tokio::select! {
            () = pause => {}
            stopped = async { stop.wait_for(|stop| *stop).await.is_ok() } => {
                if stopped {
                    reason.send_replace(Some(Cancel::Shutdown));
                }
                // the run ends before its claim does
                return std::future::pending().await;
            }
        }
        let client = newest.borrow().clone();
        match client.reclaim(claim.status.task_id, claim.run).await {
            Ok(again) => {
                until = again.taken_until;
                if let Ok(client) = client.with(&again.credentials) {
                    newest.send_replace(client);
                }
            }
            Err(error) if error.status().is_some_and(|status| status < 500) => {
                reason.send_replace(Some(Cancel::Lost));
                return std::future::pending().await;
            }
            // it is asked again while there is time
            Err(error) => tracing::warn!(%error, "reclaim"),
        }
    }
}

/// Why a run does not come to its end.
enum Stop {
    Failed(WorkerError),
    Lost,
    /// The reason, and what the log says.
    Resolve(Exception, String),
}

impl<E: Into<WorkerError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// A run under way.
struct Run<'a> {
    options: &'a WorkerOptions,
    claim: &'a ClaimedTask,
    session: watch::Receiver<Client>,
    cancel: watch::Receiver<Option<Cancel>>,
    /// Holds the task's directory, and is removed with it.
    root: TempDir,
    log: File,
}

impl<'a> Run<'a> {
    fn new(
        options: &'a WorkerOptions,
        claim: &'a ClaimedTask,
        session: watch::Receiver<Client>,
        cancel: watch::Receiver<Option<Cancel>>,
    ) -> Result<Self, WorkerError> {
        fs::create_dir_all(&options.dir).map_err(io("no directory for tasks"))?;
        let root = tempfile::Builder::new()
            .prefix("task-")
            .tempdir_in(&options.dir)
            .map_err(io("no directory for the task"))?;
        for dir in ["work", "artifacts/public/logs"] {
            fs::create_dir_all(root.path().join(dir)).map_err(io("no directory for the task"))?;
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(log_path(root.path()))
            .map_err(io("no log"))?;
        Ok(Self {
            options,
            claim,
            session,
            cancel,
            root,
            log,
        })
    }

    async fn until_it_ends(&mut self) -> Result<Resolution, Stop> {
        let family = self.options.family;
        let malformed = |why| Stop::Resolve(Exception::MalformedPayload, why);
        let job = payload::parse(family, &self.claim.task).map_err(malformed)?;
        let image = match &job.image {
            Some(image) => {
                let client = self.client();
                Some(image::fetch(&client, image).await.map_err(malformed)?)
            }
            None => None,
        };
        self.fetch_upstream(&job).await?;
        let proxy = match job.proxy {
            true => Some(Proxy::start(self.session.clone()).await?),
            false => None,
        };
        let ended = self.run_commands(&job, proxy.as_ref()).await?;
        drop(proxy);
        let how = self.judge(ended, &job)?;
        self.reserved_names()?;
        let digests = self.upload(&job).await?;
        if job.chain_of_trust {
            self.certify(digests, image.as_ref()).await?;
        }
        self.upload_log().await?;
        Ok(how)
    }

    fn client(&self) -> Client {
        self.session.borrow().clone()
    }

    fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    fn artifacts(&self) -> PathBuf {
        self.root.path().join("artifacts")
    }

    fn say(&mut self, text: &str) {
        // a full disk shows elsewhere
        let _ = writeln!(self.log, "[worker] {text}");
    }

    /// Puts upstream artifacts where scripts expect them, `cot/TASK/NAME`, and the definition beside them.
    async fn fetch_upstream(&mut self, job: &Job) -> Result<(), Stop> {
        if self.options.family != Family::Scriptworker {
            return Ok(());
        }
        let definition = Value::Object(self.claim.task.clone()).to_string();
        fs::write(self.work().join("task.json"), definition).map_err(io("no task.json"))?;
        for (task, name) in &job.upstream {
            let client = self.client();
            let bytes = client
                .artifact(*task, None, name.as_str(), MOST_BYTES)
                .await;
            let bytes = bytes.map_err(|why| {
                let message = format!("upstream artifact {name} of {task}: {why}");
                Stop::Resolve(Exception::ResourceUnavailable, message)
            })?;
            let path = self
                .work()
                .join("cot")
                .join(task.as_str())
                .join(name.as_str());
            let above = path.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(above).map_err(io("no directory for an upstream artifact"))?;
            fs::write(&path, bytes).map_err(io("an upstream artifact cannot be written"))?;
        }
        Ok(())
    }

    async fn run_commands(&mut self, job: &Job, proxy: Option<&Proxy>) -> Result<Ended, Stop> {
        let env = self.env(job, proxy);
        let dir = self.work();
        let shell = [
            "/bin/sh".to_owned(),
            "-c".to_owned(),
            self.options.script.clone(),
        ];
        let commands = match self.options.family {
            Family::Scriptworker => vec![shell.to_vec()],
            _ => job.commands.clone(),
        };
        let mut ended = Ended::Exit(0);
        let begun = tokio::time::Instant::now();
        for command in &commands {
            let script = Script {
                command,
                dir: &dir,
                env: &env,
                log: &self.log,
                limit: job.max_run_time.saturating_sub(begun.elapsed()),
                grace: self.options.grace,
            };
            ended = match process::run(&script, &mut self.cancel).await {
                Ok(ended) => ended,
                Err(why) => {
                    let program = command.first().map_or("", String::as_str);
                    self.say(&format!("{program:.200} does not start: {why}"));
                    Ended::Exit(127)
                }
            };
            if ended != Ended::Exit(0) {
                break;
            }
        }
        Ok(ended)
    }

    /// What scripts see: the worker's, the payload's, and last what no payload can change. No permanent credentials (P38).
    fn env(&self, job: &Job, proxy: Option<&Proxy>) -> Vec<(String, String)> {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let system = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
        let mut env = vec![
            pair("PATH", &system),
            pair("LANG", "C.UTF-8"),
            pair("HOME", &path(&self.work())),
        ];
        env.extend(self.options.env.iter().cloned());
        env.extend(job.env.iter().cloned());
        env.push(pair("TASK_ID", self.claim.status.task_id.as_str()));
        env.push(pair("RUN_ID", &self.claim.run.to_string()));
        env.push(pair("TASKCLUSTER_ROOT_URL", self.client().root_url()));
        env.push(pair("CATENA", &path(&self.options.program)));
        if let Some(proxy) = proxy {
            env.push(pair("TASKCLUSTER_PROXY_URL", proxy.url()));
        }
        if self.options.family == Family::Scriptworker {
            env.push(pair("WORK_DIR", &path(&self.work())));
            env.push(pair("ARTIFACT_DIR", &path(&self.artifacts())));
        }
        env
    }

    /// What the end of the script means to the queue: exit codes of scriptworker scripts have names (worker.md §12.1).
    fn judge(&mut self, ended: Ended, job: &Job) -> Result<Resolution, Stop> {
        let exception = |reason, text: &str| Err(Stop::Resolve(reason, text.to_owned()));
        match (ended, self.options.family) {
            (Ended::Cancelled(Cancel::Lost), _) => Err(Stop::Lost),
            (Ended::Cancelled(Cancel::Shutdown), _) => {
                exception(Exception::WorkerShutdown, "the worker shuts down")
            }
            (Ended::TimedOut, _) => {
                let limit = job.max_run_time.as_secs();
                self.say(&format!(
                    "the task was stopped after {limit} s, its maxRunTime"
                ));
                Ok(Resolution::Failed)
            }
            (Ended::Exit(0), _) => Ok(Resolution::Completed),
            (Ended::Exit(code), Family::Scriptworker) => match code {
                2 => exception(Exception::WorkerShutdown, "the script ended with 2"),
                3 => exception(Exception::MalformedPayload, "the script ended with 3"),
                4 => exception(Exception::ResourceUnavailable, "the script ended with 4"),
                5 => exception(Exception::InternalError, "the script ended with 5"),
                7 => exception(Exception::IntermittentTask, "the script ended with 7"),
                _ => Ok(Resolution::Failed),
            },
            (Ended::Exit(code), _) => {
                self.say(&format!("the command ended with {code}"));
                Ok(Resolution::Failed)
            }
        }
    }

    /// A script that left a document of its own tried to speak for the worker (P36).
    fn reserved_names(&self) -> Result<(), Stop> {
        if self.options.family != Family::Scriptworker {
            return Ok(());
        }
        match RESERVED
            .iter()
            .find(|name| self.artifacts().join(name).exists())
        {
            Some(name) => {
                let message = format!("the script left {name}, which is the worker's to write");
                Err(Stop::Resolve(Exception::MalformedPayload, message))
            }
            None => Ok(()),
        }
    }

    /// Uploads what the task left; returns what was uploaded with its SHA-256.
    async fn upload(&mut self, job: &Job) -> Result<Vec<(String, String)>, Stop> {
        let found = match self.options.family {
            Family::Scriptworker => {
                let artifacts = self.artifacts();
                let own = files::below(self.root.path(), &artifacts).into_iter();
                let file = |(name, path)| Found::File {
                    name,
                    path,
                    expires: None,
                };
                own.map(file).collect()
            }
            _ => files::declared(&self.work(), &job.artifacts),
        };
        let mut digests = Vec::new();
        for one in found {
            if is_reserved(self.options.family, one.name()) {
                let name = one.name();
                self.say(&format!("{name} is the worker's to write, and was skipped"));
                continue;
            }
            match one {
                Found::File {
                    name,
                    path,
                    expires,
                } => {
                    let bytes = fs::read(&path).map_err(io("an artifact cannot be read"))?;
                    let kind = files::content_type(&name);
                    let packed = name == LOG;
                    self.put(&name, cot::upload(&bytes, kind, packed), expires.as_deref())
                        .await?;
                    digests.push((name, sha256(&bytes)));
                }
                Found::Nothing {
                    name,
                    reason,
                    message,
                    expires,
                } => {
                    self.say(&format!("artifact {name}: {message}"));
                    let expires = self.expires(expires.as_deref());
                    let request = json!({"storageType": "error", "reason": reason, "message": message, "expires": expires});
                    let (task, run) = (self.claim.status.task_id, self.claim.run);
                    self.client()
                        .create_artifact(task, run, &name, &request)
                        .await?;
                }
            }
        }
        Ok(digests)
    }

    /// Freezes the log where the family does, and writes, signs and uploads the document.
    async fn certify(
        &mut self,
        mut digests: Vec<(String, String)>,
        image: Option<&ImageDigests>,
    ) -> Result<(), Stop> {
        let family = self.options.family;
        if family != Family::Scriptworker {
            let bytes = self.log_bytes()?;
            let upload = cot::upload(&bytes, "text/plain; charset=utf-8", true);
            self.put(CERTIFIED_LOG, upload, None).await?;
            digests.push((CERTIFIED_LOG.to_owned(), sha256(&bytes)));
        }
        let facts = cot::Facts {
            family,
            claim: self.claim,
            worker: &self.options.worker,
            digests: &digests,
            image,
        };
        let signed = cot::sign(&facts, &self.options.key)?;
        for (name, upload) in cot::uploads(family, &signed) {
            self.put(name, upload, None).await?;
        }
        Ok(())
    }

    /// Uploads the log, unless it went with the artifacts.
    async fn upload_log(&mut self) -> Result<(), Stop> {
        if self.options.family == Family::Scriptworker {
            return Ok(());
        }
        let upload = cot::upload(&self.log_bytes()?, "text/plain; charset=utf-8", true);
        Ok(self.put(LOG, upload, None).await?)
    }

    fn log_bytes(&self) -> Result<Vec<u8>, WorkerError> {
        fs::read(log_path(self.root.path())).map_err(io("the log cannot be read"))
    }

    async fn put(
        &self,
        name: &str,
        upload: Upload,
        expires: Option<&str>,
    ) -> Result<(), WorkerError> {
        let (task, run) = (self.claim.status.task_id, self.claim.run);
        let expires = self.expires(expires);
        Ok(self
            .client()
            .upload_artifact(task, run, name, expires, upload)
            .await?)
    }

    /// When an artifact expires: as it says, but not after its task.
    fn expires(&self, own: Option<&str>) -> Timestamp {
        let task = self.claim.status.expires;
        own.and_then(|own| own.parse().ok())
            .map_or(task, |own: Timestamp| own.min(task))
    }

    /// Says why in the log, which is all that is uploaded, and returns what to report.
    async fn gave_up(
        &mut self,
        reason: Exception,
        message: &str,
    ) -> Result<Resolution, WorkerError> {
        self.say(message);
        let upload = cot::upload(&self.log_bytes()?, "text/plain; charset=utf-8", true);
        if let Err(error) = self.put(LOG, upload, None).await {
            tracing::warn!(%error, "the log was not uploaded");
        }
        Ok(Resolution::Exception(reason))
    }
}

/// Whether a name is no artifact of the task, whatever it declares. The logs of docker-worker and generic-worker are written after
/// the document, which would hold digests of what is overwritten (generation.md 3.2); scriptworker's log goes with the artifacts.
fn is_reserved(family: Family, name: &str) -> bool {
    RESERVED.contains(&name) || (family != Family::Scriptworker && LOGS.contains(&name))
}

fn log_path(root: &Path) -> PathBuf {
    root.join("artifacts").join(LOG)
}

const LOG: &str = "public/logs/live_backing.log";
const CERTIFIED_LOG: &str = "public/logs/certified.log";
/// Names of the logs that the worker itself uploads.
const LOGS: [&str; 3] = [LOG, "public/logs/live.log", CERTIFIED_LOG];
/// Names that no script may leave.
const RESERVED: [&str; 3] = [cot::BODY, cot::SIGNATURE, "public/chainOfTrust.json.asc"];
/// The most bytes of an upstream artifact: it is held in memory.
const MOST_BYTES: usize = 512 << 20;
/// The shortest pause between claims of the same run.
const SHORTEST: Duration = Duration::from_millis(200);
