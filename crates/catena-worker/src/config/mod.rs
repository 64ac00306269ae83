// SPDX-License-Identifier: MPL-2.0
//! `scriptworker.yaml` for the worker (worker.md 1, config.md, P29).
//!
//! What verification reads is the core's [`Config`]; this adds what only a worker reads, with the defaults of the
//! reference, and demands that everything is there. All that is wrong is told at once.
//!
//! ```text
//! file ─► core Config ─► read     every worker key, typed
//!                        slots    `{slot}` in directories and command (P34)
//!                        source   credentials: file, secrets.json, home, environment
//!                        access   who may read and write keys and files (R-05)
//!                        places   nothing lies in a directory that is emptied
//!                        program  the program of `task_script` is there
//!                    ─► explain   every effective value, and where it came from
//! ```

mod access;
mod defaults;
mod explain;
mod format;
mod places;
mod program;
mod read;
mod sharing;
mod slots;
mod source;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use catena_core::model::task_type::TaskType;
use catena_core::policy::{Config, Credentials, Profile, Relaxations, RetrySettings};
use catena_crypto::digest::Algorithm;

pub use explain::explain;
pub use format::{Level, LineFormat, Record};
pub(crate) use places::clash;
pub(crate) use program::of_slot as program;
pub use sharing::Sharing;
pub use slots::Directories;
pub(crate) use slots::in_slot;

use crate::queue::Storage;
use crate::status::Reason;

/// Everything that a worker is told. It holds secrets, hence no `Debug`.
pub struct WorkerConfig {
    /// What verification reads.
    pub policy: Config,
    /// The deployment, without a slash at its end.
    pub root_url: String,
    /// Who the worker is.
    pub identity: WorkerIdentity,
    /// What it claims with.
    pub credentials: Credentials,
    /// Where these were found.
    pub credentials_from: String,
    /// `task_script`, with `{slot}` where there is one.
    pub script: Vec<String>,
    /// The longest time that a script may run.
    pub max_timeout: Duration,
    /// Status of a script that ran longer.
    pub timeout_status: i32,
    /// Time between reclaims.
    pub reclaim_interval: Duration,
    /// Time between claims when there is no work.
    pub poll_interval: Duration,
    /// `reversed_statuses`.
    pub reversed: BTreeMap<i32, Reason>,
    /// Directories, absolute, with `{slot}` where there is one.
    pub directories: Directories,
    /// The worker's own log.
    pub log: LogConfig,
    /// The longest time that one upload may take.
    pub upload_timeout: Duration,
    /// The key that signs documents; `None`: they are not signed.
    pub key: Option<PathBuf>,
    /// How tasks are verified; `None`: they are not.
    pub verify: Option<Verification>,
    /// Algorithm of documents.
    pub hash: Algorithm,
    /// Whether documents say nothing of the worker (P37).
    pub minimal_environment: bool,
    /// Where artifacts are stored.
    pub storage: Storage,
    /// Status of a task whose chain could not be decided (S51).
    pub undetermined: i32,
    /// Whether `full-cot.json` is written.
    pub full_cot: bool,
    /// Whether scripts may write to the verified files: mode 0644 instead of 0444 (`x_cot.verified_files`).
    pub writable_evidence: bool,
    /// Tasks at once.
    pub capacity: NonZeroU32,
    /// `x_cot.retry`, if it is given.
    pub retry: Option<RetrySettings>,
    /// Where metrics and health are served; `None`: nowhere.
    pub monitor: Option<SocketAddr>,
    /// Where evidence is kept that tasks share.
    pub sharing: Sharing,
    /// Variables that scripts do not inherit.
    pub strip_env: Vec<String>,
    /// What is odd and allowed, a line each.
    pub warnings: Vec<String>,
}

/// Who a worker is, as the queue knows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WorkerIdentity {
    /// First half of the pool.
    pub provisioner_id: String,
    /// Second half of the pool.
    pub worker_type: String,
    /// Its group.
    pub worker_group: String,
    /// Its name in the group.
    pub worker_id: String,
}

impl WorkerIdentity {
    /// Returns the pool, `<provisioner>/<worker type>`.
    #[must_use]
    pub fn queue(&self) -> String {
        format!("{}/{}", self.provisioner_id, self.worker_type)
    }
}

/// How tasks are verified before their script runs.
#[derive(Clone, Debug)]
pub struct Verification {
    /// `cot_job_type`.
    pub task_type: TaskType,
    /// `cot_product`.
    pub product: String,
    /// Signatures are not checked, and why not (P19).
    pub unsigned: Option<String>,
}

/// The worker's own log (worker.md 10).
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// Where `worker.log` is.
    pub dir: PathBuf,
    /// How lines look.
    pub format: LineFormat,
    /// Debug messages too, and everything on the console as well.
    pub verbose: bool,
    /// Reopen the file when somebody else moved it away.
    pub watch: bool,
    /// Size at which it is moved away here; 0: never.
    pub max_bytes: u64,
    /// How many old files are kept.
    pub max_backups: u32,
}

/// Everything that is wrong with a configuration, a line each.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Problems(pub Vec<String>);

/// The environment, as a function, so that tests bring their own.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

impl WorkerConfig {
    /// The variables that no script inherits: those that `x_cot.strip_env` names, and those that tokens are read from (P38).
    #[must_use]
    pub fn hidden_variables(&self) -> Vec<String> {
        let hosts = self.policy.settings.vcs_hosts.iter();
        let tokens = hosts.filter_map(|(_, host)| host.token_env.clone());
        self.strip_env.iter().cloned().chain(tokens).collect()
    }

    /// Returns what verification may leave out: the profile is `strict`, whatever the policy says (worker.md 4).
    pub(crate) fn relaxations(&self) -> Relaxations {
        self.policy
            .relaxations
            .clone()
            .with_profile(Profile::Strict)
    }

    /// Reads a file, and everything that it names.
    ///
    /// # Errors
    /// [`Problems`]; nothing in it is secret.
    pub fn load(path: &Path, env: Env<'_>) -> Result<Self, Problems> {
        let one = |line: String| Problems(vec![line]);
        let shown = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|why| one(format!("{shown}: {why}")))?;
        let policy =
            Config::from_scriptworker_yaml(&bytes, &shown).map_err(|why| Problems(why.lines()))?;
        let mut problems = Vec::new();
        let found = source::credentials(&policy, env, &mut problems);
        let file = found.as_ref().and_then(|found| found.file.clone());
        let mut read = read::Reader::new(&policy, &shown, env);
        let config = read.config(found);
        problems.append(&mut read.problems);
        let Some(mut config) = config.filter(|_| problems.is_empty()) else {
            return Err(Problems(problems));
        };
        access::check(path, file.as_deref(), &mut config, &mut problems);
        problems.extend(places::judge(&config, path, file.as_deref()));
        let search = env("PATH");
        problems.extend(program::judge(&config, search.as_deref().map(OsStr::new)));
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(Problems(problems))
        }
    }
}
