// SPDX-License-Identifier: MPL-2.0
//! The command line.

use std::path::PathBuf;

use catena_core::model::ids::TaskId;
use catena_core::model::task_type::TaskType;
use catena_core::policy;
use catena_core::walk::{CheckTask, Signatures};
use catena_report::text::Detail;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::verify::Extra;
use crate::{check_sig, compat, generate, keys, legacy, log_header, populate, worker};

const EXIT_STATUS: &str = "\
Exit status:
   0  trusted
   1  rejected
   4  undetermined, or signatures were not verified (--unsigned)
   5  internal error
  64  usage or configuration";

const ENVIRONMENT: &str = "\
Environment:
  TASKCLUSTER_ROOT_URL  the deployment, unless --root-url or recorded evidence names it
  TASKCLUSTER_CLIENT_ID, TASKCLUSTER_ACCESS_TOKEN, TASKCLUSTER_CERTIFICATE
                        credentials, for private artifacts and GitHub tokens
  CATENA_GITHUB_TOKEN, SCRIPTWORKER_GITHUB_OAUTH_TOKEN
                        token for GitHub's API; the first that is set counts
  CATENA_CACHE_DIR      as --cache-dir; by default $XDG_CACHE_HOME/catena or
                        $HOME/.cache/catena
  HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE
                        as everywhere
  CATENA_LOG            what to log to stderr, such as `debug`
  CATENA_LOG_FORMAT     `json`: a line of JSON for each event

Exit status:
   0  trusted
   1  rejected
   4  undetermined, or signatures were not verified (--unsigned)
   5  internal error
  64  usage or configuration";

const DEMO_STATUS: &str = "\
Exit status:
   0  the story ended with a trusted chain; what was broken was caught
   1  it did not, or was not
   5  internal error
  64  usage";

const LINT_STATUS: &str = "\
Exit status:
   0  clean, or warnings only
   1  findings, or warnings with --deny-warnings
   5  internal error
  64  usage, configuration, or a file that cannot be read";

/// Verifies Taskcluster chains of trust
#[derive(Debug, Parser)]
#[command(name = "catena", version, after_help = EXIT_STATUS, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// When to use colours; `auto`: on a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, default_value_t, global = true, value_name = "WHEN")]
    pub(crate) color: When,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check a detached signature, such as that of a chain-of-trust.json
    #[command(name = "check-sig", after_help = check_sig::STATUS)]
    CheckSig(check_sig::Options),
    /// List all checks
    Checks,
    /// Stand in for the tools of scriptworker, under their names and with their arguments
    #[command(subcommand)]
    Compat(compat::Command),
    /// Show the whole story, from a commit to a verified signing task; or break a chain, and see it caught
    #[command(after_help = DEMO_STATUS)]
    Demo(Demo),
    /// Explain a check: what it enforces, what it stops, what to do when it fails
    Explain {
        /// Id of the check, as findings show it
        id: String,
    },
    /// Write the chain-of-trust document of a task, and sign it
    #[command(after_help = generate::HELP)]
    Generate(generate::Options),
    /// Make, show and convert signing keys; private keys are never printed
    #[command(subcommand, after_help = keys::STATUS)]
    Keys(keys::Command),
    /// Snapshots of the keys of the GPG era, to verify its archives
    #[command(subcommand, after_help = legacy::STATUS)]
    LegacyKeys(legacy::Command),
    /// Show the chain that definitions or a task graph will produce, and what would be refused; without network
    #[command(after_help = LINT_STATUS)]
    Lint(Lint),
    /// A Taskcluster in this process, for demonstrations, authors of scripts and tests
    #[command(subcommand)]
    Local(Local),
    /// Show what the head of a log says of the worker that wrote it
    #[command(after_help = log_header::HELP)]
    LogHeader(log_header::Options),
    /// Verify the chain of trust of a task
    #[command(after_help = ENVIRONMENT)]
    Verify(Verify),
    /// Fill a work directory with a task's definition and its upstream artifacts, to develop scripts
    #[command(after_help = populate::STATUS)]
    Workdir(populate::Options),
    /// Claim tasks, verify their chains, run the task script, generate, upload and report: instead of scriptworker
    #[command(after_help = worker::HELP)]
    Worker(worker::Options),
}

#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// The task; may be left out with --evidence
    #[arg(required_unless_present = "evidence")]
    pub(crate) task_id: Option<TaskId>,
    /// Its type, such as `signing`; if left out it is inferred from the task, and so self-asserted
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) task_type: Option<TaskType>,
    /// The product whose policy applies; if left out it is inferred from the task, and so self-asserted
    #[arg(long, value_name = "NAME")]
    pub(crate) product: Option<String>,
    /// The Taskcluster deployment; without this, TASKCLUSTER_ROOT_URL, the file and the built-in default follow
    #[arg(long, value_name = "URL")]
    pub(crate) root_url: Option<String>,
    /// A scriptworker.yaml, or the same keys as JSON or TOML
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How closely to follow scriptworker where it is lenient
    #[arg(long, value_enum, default_value_t)]
    pub(crate) profile: Profile,
    /// Take the documents from a directory that was recorded, not from their hosts
    #[arg(long, value_name = "DIR")]
    pub(crate) evidence: Option<PathBuf>,
    /// Leave verified files in this directory, which must be empty or absent
    #[arg(long, value_name = "DIR")]
    pub(crate) work_dir: Option<PathBuf>,
    /// Also write the whole report as text into this file, as a chain_of_trust.log
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// Keep GitHub's answers in this directory to ask less next time; each is confirmed by the host before it counts
    #[arg(long, value_name = "DIR", conflicts_with = "evidence")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Keep no answers, and use none that were kept
    #[arg(long, conflicts_with = "cache_dir")]
    pub(crate) no_cache: bool,
    /// Check the chain-of-trust document of the task itself even if it has not completed
    #[arg(long, conflicts_with = "no_check_task")]
    check_task: bool,
    /// Do not check the chain-of-trust document of the task itself
    #[arg(long)]
    no_check_task: bool,
    /// Do not verify signatures: never a trust decision
    #[arg(long)]
    unsigned: bool,
    #[command(flatten)]
    pub(crate) legacy: legacy::Options,
    #[command(flatten)]
    pub(crate) show: Show,
    /// What other commands ask for beyond the command line
    #[arg(skip)]
    pub(crate) extra: Extra,
}

impl Verify {
    /// Whether the task's own document is checked (P12).
    pub(crate) const fn own(&self) -> CheckTask {
        match (self.check_task, self.no_check_task) {
            (true, _) => CheckTask::Always,
            (_, true) => CheckTask::Never,
            _ => CheckTask::Auto,
        }
    }

    /// Whether signatures count (P19): only this flag turns them off, no configuration.
    pub(crate) const fn signatures(&self) -> Signatures {
        if self.unsigned {
            Signatures::Ignore
        } else {
            Signatures::Verify
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Break a valid chain so that this check must notice, and show what is said to it
    #[arg(long = "break", value_name = "CHECK", group = "what")]
    pub(crate) check: Option<String>,
    /// Which of the check's saboteurs, as --list names them; without this, the first
    #[arg(long, value_name = "NAME", requires = "check")]
    pub(crate) saboteur: Option<String>,
    /// List the saboteurs of every check
    #[arg(long, group = "what")]
    pub(crate) list: bool,
    /// Let every saboteur break a chain, and show which were caught
    #[arg(long, group = "what")]
    pub(crate) all: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "verbose")]
    pub(crate) json: bool,
    /// Print everything, also what passed
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Local {
    /// Call the deployment from a task's script, through the task's proxy
    #[command(hide = true)]
    Call(Call),
    /// Plan the tasks of the demo repository, as its decision task does
    #[command(hide = true)]
    Decision,
    /// Print a file of the repository and revision that the task is about
    #[command(hide = true)]
    Source {
        /// Its path in the repository
        path: String,
    },
    /// Start it on loopback addresses, and run until interrupted
    Up(Up),
}

#[derive(Args, Debug)]
pub(crate) struct Call {
    /// The HTTP method
    pub(crate) method: String,
    /// The path behind the root URL, such as `/api/queue/v1/ping`
    pub(crate) path: String,
    /// The JSON body, or `-` for stdin
    #[arg(long, value_name = "JSON")]
    pub(crate) body: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Up {
    /// Keep everything in this directory, and go on from what is there
    #[arg(long, value_name = "DIR", required_unless_present = "ephemeral")]
    pub(crate) dir: Option<PathBuf>,
    /// Keep nothing
    #[arg(long, conflicts_with = "dir")]
    pub(crate) ephemeral: bool,
    /// The port of the Taskcluster services; 0: any
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port: u16,
    /// How long a claim holds, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1200, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) claim_timeout: u64,
    /// Also run workers for the pools of the demo: scripts of tasks run as you, without a container
    #[arg(long)]
    pub(crate) with_workers: bool,
    /// Also push the demo repository, whose tasks the workers run
    #[arg(long)]
    pub(crate) demo: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Lint {
    /// Task definitions, as TASK_ID.json or TASK_ID/task.json, and task-graph.json or full-task-graph.json
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The task to lint, by id or label; without this, every task on a scriptworker pool or with a restricted scope
    #[arg(long, value_name = "ID|LABEL")]
    pub(crate) task: Option<String>,
    /// Its type, such as `signing`; if left out it is inferred from the task, and so self-asserted
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) task_type: Option<TaskType>,
    /// The product whose policy applies; if left out it is inferred from the task, and so self-asserted
    #[arg(long, value_name = "NAME")]
    pub(crate) product: Option<String>,
    /// A scriptworker.yaml, or the same keys as JSON or TOML
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How closely to follow scriptworker where it is lenient
    #[arg(long, value_enum, default_value_t)]
    pub(crate) profile: Profile,
    /// End with status 1 on warnings as well
    #[arg(long)]
    pub(crate) deny_warnings: bool,
    #[command(flatten)]
    pub(crate) show: Show,
}

/// How much to print.
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// Print JSON
    #[arg(long, conflicts_with_all = ["quiet", "verbose"])]
    json: bool,
    /// Print one line for a task, and no progress
    #[arg(long, short, conflicts_with = "verbose")]
    quiet: bool,
    /// Print everything, also what passed
    #[arg(long, short)]
    verbose: bool,
}

impl Show {
    pub(crate) const fn format(&self) -> Format {
        match (self.json, self.quiet, self.verbose) {
            (true, ..) => Format::Json,
            (_, true, _) => Format::Line,
            (_, _, true) => Format::All,
            _ => Format::Text,
        }
    }
}

/// How to show a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    All,
    Json,
    Line,
    Text,
}

impl Format {
    pub(crate) const fn detail(self) -> Detail {
        match self {
            Self::All => Detail::All,
            _ => Detail::Folded,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Profile {
    /// Decide like scriptworker where no rule forbids it
    Compat,
    /// Relax nothing
    #[default]
    Strict,
}

impl From<Profile> for policy::Profile {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Compat => Self::Compat,
            Profile::Strict => Self::Strict,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum When {
    Always,
    #[default]
    Auto,
    Never,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
