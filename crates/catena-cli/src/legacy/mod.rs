// SPDX-License-Identifier: MPL-2.0
//! The GPG era on the command line: `catena legacy-keys`, `catena verify --legacy`, `catena generate --gpg-key`.
//!
//! The options are the same in every build. Without the feature `openpgp` they say that this build lacks it, because
//! the library behind them is LGPL (ADR 0013).

#[cfg(feature = "openpgp")]
mod keys;
#[cfg(feature = "openpgp")]
mod sign;
#[cfg(feature = "openpgp")]
mod text;
#[cfg(feature = "openpgp")]
mod verify;
#[cfg(not(feature = "openpgp"))]
mod without;

use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::exit::Exit;

#[cfg(not(feature = "openpgp"))]
pub(crate) use self::without::{Gpg, run, verify};
#[cfg(feature = "openpgp")]
pub(crate) use self::{keys::run, sign::Gpg, verify::verify};

pub(crate) const STATUS: &str = "\
Exit status:
   0  written
   5  internal error, or the system refused to write
  64  usage; or a clone, tag or key that is not fit for a snapshot";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a snapshot of the key repository: the keys of each of its signed tags, as one file
    #[command(after_help = STATUS)]
    Build(Build),
}

#[derive(Args, Debug)]
pub(crate) struct Build {
    /// A clone of the key repository, with its tags
    #[arg(value_name = "CLONE")]
    clone: PathBuf,
    /// The public keys of those who may sign tags, one in each file
    #[arg(long, value_name = "DIR")]
    git_keys: PathBuf,
    /// The snapshot to write; nothing is replaced
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// A snapshot that was made before: every tag of it must still be there
    #[arg(long, value_name = "FILE")]
    previous: Option<PathBuf>,
}

/// Options of `catena verify` for chains of the GPG era.
#[derive(Args, Debug, Default)]
pub(crate) struct Options {
    /// Verify a recorded chain of the GPG era, before 2019-06, by the rules of its time (docs/legacy.md)
    #[arg(
        long,
        requires_all = ["evidence", "legacy_keys", "legacy_keys_sha256", "legacy_policy"],
        conflicts_with_all = ["unsigned", "work_dir", "log", "profile", "product", "task_type", "check_task", "no_check_task"],
        help_heading = "GPG era"
    )]
    pub(crate) legacy: bool,
    /// The snapshot of keys, as `catena legacy-keys build` wrote it
    #[arg(
        long,
        value_name = "FILE",
        requires = "legacy",
        help_heading = "GPG era"
    )]
    legacy_keys: Option<PathBuf>,
    /// The SHA-256 of that file
    #[arg(
        long,
        value_name = "HEX",
        requires = "legacy",
        help_heading = "GPG era"
    )]
    legacy_keys_sha256: Option<String>,
    /// What was to be trusted at that time: repositories, trees, restricted scopes
    #[arg(
        long,
        value_name = "FILE",
        requires = "legacy",
        help_heading = "GPG era"
    )]
    legacy_policy: Option<PathBuf>,
    /// The version of the rules, 1 to 5; without this, by the chain's newest task
    #[arg(long, value_name = "NUMBER", requires = "legacy", value_parser = clap::value_parser!(u8).range(1..=5), help_heading = "GPG era")]
    cot_version: Option<u8>,
    /// Judge keys at this time, not when the queue says that each run was resolved
    #[arg(
        long,
        value_name = "TIME",
        requires = "legacy",
        help_heading = "GPG era"
    )]
    as_of: Option<String>,
    /// Let the first tag's keys count for runs that are older than it
    #[arg(long, requires = "legacy", help_heading = "GPG era")]
    early_keys: bool,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[cfg_attr(
        not(feature = "openpgp"),
        expect(dead_code, reason = "only with the feature")
    )]
    #[error("{flag}: {}: {reason}", path.display())]
    File {
        flag: &'static str,
        path: PathBuf,
        reason: String,
    },
    #[cfg_attr(
        not(feature = "openpgp"),
        expect(dead_code, reason = "only with the feature")
    )]
    #[error("{flag}: {reason}")]
    Value { flag: &'static str, reason: String },
    #[cfg_attr(
        feature = "openpgp",
        expect(dead_code, reason = "only without the feature")
    )]
    #[error("{flag}: this build has no OpenPGP library; build catena with --features openpgp")]
    Without { flag: &'static str },
    #[cfg_attr(
        not(feature = "openpgp"),
        expect(dead_code, reason = "only with the feature")
    )]
    #[error("{}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl Refusal {
    /// What the process ends with (P8).
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Write { .. } => Exit::Internal,
            _ => Exit::Usage,
        }
    }
}
