// SPDX-License-Identifier: MPL-2.0
//! `catena worker`: claims tasks, verifies their chains, runs the task script (worker.md).

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use catena_report::escape::clean;
use catena_worker::config::{self, Problems, WorkerConfig};
use catena_worker::daemon::{self, DaemonError};
use catena_worker::guard;
use catena_worker::monitor;
use catena_worker::notify::Notifier;
use catena_worker::signals;
use catena_worker::worker::{Pace, StartError, Stop, Worker};
use clap::Args;
use tokio::runtime;
use tokio::sync::watch;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

pub(crate) const HELP: &str = "\
The file is the scriptworker.yaml of scriptworker, with the same keys. The worker runs
until it gets a signal:
  SIGTERM  no new claims; the task in hand is stopped, uploaded, and given back
           (worker-shutdown). A second SIGTERM skips the uploads
  SIGUSR1  no new claims; the task in hand is finished
  SIGHUP   the file is read again, policy and keys included, for the next claim; a
           file that is not valid, names directories that cannot be used or
           another x_cot.capacity changes nothing

Environment:
  TASKCLUSTER_ROOT_URL, SCRIPTWORKER_WORKER_ID
                        instead of what the file says
  TASKCLUSTER_CLIENT_ID, TASKCLUSTER_ACCESS_TOKEN, TASKCLUSTER_CERTIFICATE
                        credentials, if neither the file, ./secrets.json nor
                        $HOME/.scriptworker has any; scripts never see them

Exit status:
   0  told to stop; or the configuration is valid
   5  directories or logs cannot be written or are in use by another worker,
      something that every task needs is missing for minutes, processes of a
      script do not end for minutes, or internal error
  64  usage, configuration or key";

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The configuration, in YAML or JSON
    #[arg(value_name = "CONFIG", default_value = "scriptworker.yaml")]
    pub(crate) config: PathBuf,
    /// Show every effective value and where it came from, and claim nothing
    #[arg(long)]
    pub(crate) check_config: bool,
}

/// Why no worker runs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Config(#[from] Problems),
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    #[error("the system does not let the worker keep others out of its memory: {0}")]
    Guard(io::Error),
    #[error("signals: {0}")]
    Signals(io::Error),
    #[error(transparent)]
    Start(#[from] StartError),
}

impl Refusal {
    /// What the process ends with (P8).
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::Start(StartError::Queue(_) | StartError::Shared(_)) => {
                Exit::Usage
            }
            Self::Daemon(_) | Self::Guard(_) | Self::Signals(_) | Self::Start(_) => Exit::Internal,
        }
    }
}

/// Runs a worker until it is told to stop.
pub(crate) fn run(options: &Options) -> Result<Exit, Failure> {
    guard::prepare().map_err(Refusal::Guard)?;
    let variable = |name: &str| env::var(name).ok();
    let config = match WorkerConfig::load(&options.config, &variable) {
        Ok(config) => config,
        Err(problems) => {
            let (last, others) = problems
                .0
                .split_last()
                .ok_or(Refusal::Config(Problems(vec![])))?;
            for problem in others {
                output::say(&format!("catena: {}", clean(problem, 2000)));
            }
            return Err(Refusal::Config(Problems(vec![last.clone()])).into());
        }
    };
    if options.check_config {
        output::print(&config::explain(&config, &variable))?;
        return Ok(Exit::Success);
    }
    output::wait_no_more();
    let pace = Pace::of(&config);
    let worker = Worker::new(config, pace).map_err(Refusal::from)?;
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| Failure::Runtime { source })?;
    let manager = Notifier::from_env(&variable);
    let done = runtime.block_on(async {
        let stop = watch::Sender::new(Stop::No);
        if let Some(address) = worker.config.monitor {
            let listener = monitor::bind(address)
                .await
                .map_err(|cause| StartError::Monitor { address, cause })
                .map_err(Refusal::from)?;
            let metrics = Arc::clone(&worker.metrics);
            tokio::spawn(monitor::serve(listener, metrics, monitor::Room::default()));
        }
        let (current, claims) = watch::channel(Arc::new(worker));
        let path = options.config.clone();
        let one_by_one = Mutex::new(());
        let again = move || {
            let _turn = one_by_one.lock().unwrap_or_else(PoisonError::into_inner);
            reload(&path, &current);
        };
        signals::listen(&stop, claims.clone(), again).map_err(Refusal::Signals)?;
        daemon::run(claims, &stop, &manager)
            .await
            .map_err(Refusal::from)
    });
    // a download that nobody waits for any more is no reason to wait
    runtime.shutdown_background();
    done?;
    Ok(Exit::Success)
}

/// Reads the file again; one that is not valid, or cannot follow the old one, changes nothing.
fn reload(path: &Path, current: &watch::Sender<Arc<Worker>>) {
    let old = Arc::clone(&current.borrow());
    let made = WorkerConfig::load(path, &|name| env::var(name).ok())
        .map_err(Refusal::from)
        .and_then(|config| {
            let pace = Pace::of(&config);
            old.followed(config, pace).map_err(Refusal::from)
        });
    match made {
        Ok(worker) => {
            worker
                .log
                .info("the configuration was read again; the next claim goes by it");
            daemon::caveats(&worker);
            if worker.config.monitor != old.config.monitor {
                worker
                    .log
                    .warn("x_cot.monitor: the old address stays until the worker is started again");
            }
            current.send_replace(Arc::new(worker));
        }
        Err(why) => {
            let why = clean(&why.to_string(), 2000);
            old.log.error(&format!(
                "the old configuration stays, because the new one cannot be used: {why}"
            ));
        }
    }
}
