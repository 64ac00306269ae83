// SPDX-License-Identifier: MPL-2.0
//! Why nothing was decided: usage, configuration, or the machine that we run on. A rejection is none of these.

use std::io;
use std::path::PathBuf;

use catena_core::document::EvidenceError;
use catena_core::lint::ReadError;
use catena_core::model::task_type::UnknownTaskType;
use catena_core::policy::ConfigError;
use catena_crypto::keyfile::KeyFileError;
use catena_crypto::signer::reference::OpenError;
use catena_evidence::{DirectoryError, OptionsError, PlaceError};

use crate::exit::Exit;
use crate::{generate, legacy, log_header, worker};

/// A run without a verdict.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(
        "expected the id of a check, as `catena checks` lists them, found {id:?}{}",
        or(nearest)
    )]
    Check {
        id: String,
        nearest: Vec<&'static str>,
    },
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{source}")]
    Demo {
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("--config: {path}: {source}")]
    ConfigFile { path: PathBuf, source: io::Error },
    #[error("expected {missing} beside the other half of the Taskcluster credentials, found none")]
    Credentials { missing: &'static str },
    #[error("--evidence: {path}: {source}")]
    Evidence {
        path: PathBuf,
        source: DirectoryError,
    },
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Generate(#[from] generate::Refusal),
    #[error("network options: {0}")]
    Http(#[from] OptionsError),
    #[error("expected {flag}, which {reason}{}", or(candidates))]
    Infer {
        flag: &'static str,
        reason: String,
        candidates: Vec<String>,
    },
    #[error("catena local up: {source}")]
    Local { source: catena_local::LocalError },
    #[error("{request}: {error}")]
    Fetch {
        request: String,
        error: Box<EvidenceError>,
    },
    #[error("{0}")]
    Key(#[from] KeyFileError),
    #[error(transparent)]
    Legacy(#[from] legacy::Refusal),
    #[error("{0}")]
    Lint(#[from] ReadError),
    #[error("{path}: {source}")]
    LintFile { path: PathBuf, source: io::Error },
    #[error(transparent)]
    LogHeader(#[from] log_header::Refusal),
    #[error(
        "expected a task that releases something in the files, found none; --task names another"
    )]
    LintNothing,
    #[error("--task: expected the id or the unique label of a task in the files, found {name:?}")]
    LintTask { name: String },
    #[error("interrupted: nothing was decided, and nothing is left behind")]
    Interrupted,
    #[error("expected a task id, which the evidence does not name")]
    NoTask,
    #[error("work directory: {source}")]
    Place { source: PlaceError },
    #[error(
        "expected a saboteur of check {check}, found {name:?}{}",
        or(candidates)
    )]
    Saboteur {
        check: &'static str,
        name: String,
        candidates: Vec<&'static str>,
    },
    #[error("{request} cannot be read again")]
    Reread { request: String },
    #[error("the report cannot be written as JSON: {source}")]
    Render { source: serde_json::Error },
    #[error("{origin}: expected https://HOST, or http://HOST on loopback, found {found:?}")]
    RootUrl { origin: &'static str, found: String },
    #[error("the runtime does not start: {source}")]
    Runtime { source: io::Error },
    #[error("{0}")]
    Signer(#[from] OpenError),
    #[error("--evidence: {0}")]
    Subject(#[from] UnknownTaskType),
    #[error("{0}")]
    Unfit(String),
    #[error("{0}")]
    Usage(String),
    #[error("--work-dir: expected an empty or absent directory, found {found} at {path}")]
    WorkDir { path: PathBuf, found: String },
    #[error(transparent)]
    Worker(#[from] worker::Refusal),
    #[error("stdout: {source}")]
    Write { source: io::Error },
}

impl Failure {
    /// Says which of several tasks it is about.
    pub(crate) fn about(self, task: &str) -> Self {
        match self {
            Self::Infer {
                flag,
                reason,
                candidates,
            } => Self::Infer {
                flag,
                reason: format!("{reason} ({task})"),
                candidates,
            },
            other => other,
        }
    }

    /// What the process ends with (P8).
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Generate(refusal) => refusal.exit(),
            Self::Legacy(refusal) => refusal.exit(),
            Self::LogHeader(refusal) => refusal.exit(),
            Self::Worker(refusal) => refusal.exit(),
            Self::Demo { .. }
            | Self::File { .. }
            | Self::Place { .. }
            | Self::Render { .. }
            | Self::Reread { .. }
            | Self::Runtime { .. }
            | Self::Write { .. } => Exit::Internal,
            Self::Fetch { .. } | Self::Interrupted => Exit::Undetermined,
            Self::Unfit(_) => Exit::Rejected,
            _ => Exit::Usage,
        }
    }
}

/// Lists what may have been meant.
fn or(candidates: &[impl AsRef<str>]) -> String {
    match candidates {
        [] => String::new(),
        _ => format!(
            "; candidates: {}",
            candidates
                .iter()
                .map(AsRef::as_ref)
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}
