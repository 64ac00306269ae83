// SPDX-License-Identifier: MPL-2.0
//! Why the demo does not go on.

use catena_core::model::ids::TaskId;
use catena_core::policy::ConfigError;
use catena_crypto::keyfile::KeyFileError;
use catena_evidence::OptionsError;

use crate::LocalError;
use crate::client::ClientError;
use crate::vcs::{DeliverError, VcsError};

/// Why the demo does not go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A call was refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The generated configuration is not what the reader takes: a bug.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A push made no tasks.
    #[error(transparent)]
    Deliver(#[from] DeliverError),
    /// A file cannot be read or written, or there is no address.
    #[error("{what}: {why}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        why: std::io::Error,
    },
    /// A key cannot be read or written.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The services do not start.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The hosts cannot be asked as configured.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// Something that a script or the demo relies on is not there.
    #[error("{0}")]
    Setup(String),
    /// A task did not complete.
    #[error("the {label} task {task} did not complete")]
    Task {
        /// What it is called.
        label: String,
        /// Which.
        task: TaskId,
        /// The end of its log.
        log: String,
    },
    /// A template is wrong.
    #[error("the template of the task graph: {0}")]
    Template(String),
    /// The repository.
    #[error(transparent)]
    Vcs(#[from] VcsError),
}

impl DemoError {
    /// The system has no random bytes.
    pub(super) fn random(why: getrandom::Error) -> Self {
        Self::Setup(format!("the system has no random bytes: {why}"))
    }

    /// Says what was tried.
    pub(super) fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |why| Self::Io { what, why }
    }
}
