// SPDX-License-Identifier: MPL-2.0
//! The tools of the reference under their own names (cli.md, P39): old arguments, old exit statuses, no stdout.
//!
//! `catena compat install DIR` makes links to this program; called by one of their names, it is that tool. What differs is
//! stricter: private keys are 0600 and replaced only with `--force`, `--pubkey` tries the given key alone, and chains are
//! verified with the profile `strict`. P1 makes it the default everywhere, the old command line has no word for another,
//! and a script that asks this tool must not be told more than `catena verify` would tell it. Whoever needs the reference's
//! lenience says `--profile compat`, an option that is new.

mod argparse;
mod create_test_workdir;
mod credentials;
mod gen_ed25519_key;
mod install;
mod scriptworker;
mod verify_cot;
mod verify_ed25519_signature;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use catena_report::escape::clean;
use clap::{Args, Subcommand};

use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make links to this program in a directory, under the names of the old tools
    Install(Install),
}

#[derive(Args, Debug)]
pub(crate) struct Install {
    /// The directory, such as one in PATH before the old tools
    pub(crate) dir: PathBuf,
    /// Replace links that lead elsewhere; other files are never replaced
    #[arg(long)]
    pub(crate) force: bool,
}

/// Does what `catena compat` says.
pub(crate) fn command(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Install(options) => install::run(options),
    }
}

/// A tool that this program stands in for.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    run: fn(&[String]) -> Result<Status, Stop>,
}

/// All tools, by name.
pub(crate) const TOOLS: [Tool; 5] = [
    Tool {
        name: "create_test_workdir",
        run: create_test_workdir::run,
    },
    Tool {
        name: "gen_ed25519_key",
        run: gen_ed25519_key::run,
    },
    Tool {
        name: "scriptworker",
        run: scriptworker::run,
    },
    Tool {
        name: "verify_cot",
        run: verify_cot::run,
    },
    Tool {
        name: "verify_ed25519_signature",
        run: verify_ed25519_signature::run,
    },
];

/// How a tool ends: the reference knows no third way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Status {
    Done,
    Failed,
}

/// Why a tool stops before it is through.
#[derive(Debug)]
pub(crate) enum Stop {
    Failure(Failure),
    /// `-h`: this text.
    Help(String),
    /// What is wrong with the arguments, behind a line on usage.
    Usage(String),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// Returns the tool by whose name this program was called.
pub(crate) fn called_as() -> Option<&'static Tool> {
    let called = env::args_os().next()?;
    let name = Path::new(&called).file_name()?.to_str()?;
    TOOLS.iter().find(|tool| tool.name == name)
}

/// Runs a tool on the arguments of the process. Any error, our own included, is status 1, as it was; usage is 2.
pub(crate) fn run(tool: &Tool) -> ExitCode {
    output::start_log();
    let mut code = 1;
    exit::guard(|| {
        let arguments: Vec<String> = env::args_os()
            .skip(1)
            .map(OsString::into_string)
            .map(lossy)
            .collect();
        code = match (tool.run)(&arguments) {
            Ok(Status::Done) => 0,
            Ok(Status::Failed) => 1,
            Err(Stop::Failure(failure)) => {
                output::complain(&failure);
                1
            }
            Err(Stop::Help(text)) => match output::print(&text) {
                Ok(()) => 0,
                Err(_) => 1,
            },
            Err(Stop::Usage(text)) => {
                output::say(text.trim_end());
                2
            }
        };
        Exit::Success
    });
    code.into()
}

fn lossy(argument: Result<String, OsString>) -> String {
    argument.unwrap_or_else(|raw| raw.to_string_lossy().into_owned())
}

/// Logs as the reference does by default: level, logger, message, on stderr.
fn log(level: &str, message: &str) {
    output::say(&format!("{level}:scriptworker:{}", clean(message, 2000)));
}
