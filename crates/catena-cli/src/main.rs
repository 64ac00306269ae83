// SPDX-License-Identifier: MPL-2.0
//! `catena`: verifies Taskcluster chains of trust.
//!
//! The report goes to stdout, everything else to stderr; what the exit status means is in [`exit`].

mod args;
mod check_sig;
mod compat;
mod config;
mod demo;
mod exit;
mod explain;
mod failure;
mod generate;
mod infer;
mod keys;
mod legacy;
mod lint;
mod local;
mod log_header;
mod notes;
mod output;
mod populate;
mod progress;
mod signals;
mod task_json;
mod verify;
mod workdir;
mod worker;

use std::process::ExitCode;

use args::{Cli, Command};
use clap::Parser as _;
use exit::Exit;

fn main() -> ExitCode {
    exit::report_panics();
    if let Some(tool) = compat::called_as() {
        return compat::run(tool);
    }
    exit::guard(run).into()
}

fn run() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return exit::usage(&error),
    };
    output::start_log();
    let done = match &cli.command {
        Command::CheckSig(options) => check_sig::run(options),
        Command::Checks => explain::list(),
        Command::Compat(what) => compat::command(what),
        Command::Demo(options) => demo::run(options, cli.color),
        Command::Explain { id } => explain::one(id),
        Command::Generate(options) => generate::run(options),
        Command::Keys(what) => keys::run(what),
        Command::LegacyKeys(what) => legacy::run(what),
        Command::Lint(options) => lint::run(options, cli.color),
        Command::Local(what) => local::run(what),
        Command::LogHeader(options) => log_header::run(options),
        Command::Verify(options) => verify::verify(options, cli.color),
        Command::Workdir(options) => populate::run(options, cli.color),
        Command::Worker(options) => worker::run(options),
    };
    done.unwrap_or_else(|failure| {
        output::complain(&failure);
        failure.exit()
    })
}
