// SPDX-License-Identifier: MPL-2.0
//! The task types and worker implementations that the chain of trust knows (V12, V13).

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// A task type (V12).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the variants are the names")]
pub enum TaskType {
    Action,
    Balrog,
    Beetmover,
    Bouncer,
    Build,
    Decision,
    DockerImage,
    L10n,
    Partials,
    Pushapk,
    Repackage,
    Scriptworker,
    Shipit,
    Signing,
}

impl TaskType {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 14] = [
        Self::Action,
        Self::Balrog,
        Self::Beetmover,
        Self::Bouncer,
        Self::Build,
        Self::Decision,
        Self::DockerImage,
        Self::L10n,
        Self::Partials,
        Self::Pushapk,
        Self::Repackage,
        Self::Scriptworker,
        Self::Shipit,
        Self::Signing,
    ];

    /// Returns the name that tasks and configuration use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Balrog => "balrog",
            Self::Beetmover => "beetmover",
            Self::Bouncer => "bouncer",
            Self::Build => "build",
            Self::Decision => "decision",
            Self::DockerImage => "docker-image",
            Self::L10n => "l10n",
            Self::Partials => "partials",
            Self::Pushapk => "pushapk",
            Self::Repackage => "repackage",
            Self::Scriptworker => "scriptworker",
            Self::Shipit => "shipit",
            Self::Signing => "signing",
        }
    }

    /// Returns whether tasks of this type create tasks, and are rebuilt.
    #[must_use]
    pub const fn is_parent(self) -> bool {
        matches!(self, Self::Action | Self::Decision)
    }

    /// Returns whether tasks of this type must run on a scriptworker (V50).
    #[must_use]
    pub const fn is_scripted(self) -> bool {
        matches!(
            self,
            Self::Balrog
                | Self::Beetmover
                | Self::Bouncer
                | Self::Pushapk
                | Self::Scriptworker
                | Self::Shipit
                | Self::Signing
        )
    }
}

/// A name that is no task type.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected one of the 14 task types, found {0:?}")]
pub struct UnknownTaskType(pub String);

impl FromStr for TaskType {
    type Err = UnknownTaskType;

    fn from_str(name: &str) -> Result<Self, UnknownTaskType> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        known.ok_or_else(|| UnknownTaskType(name.chars().take(100).collect()))
    }
}

impl fmt::Display for TaskType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A worker implementation (V13). An unknown tag value is kept: no key exists for it (V34).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the variants are the names")]
pub enum WorkerImplementation {
    DockerWorker,
    GenericWorker,
    Scriptworker,
    Unknown(String),
}

impl WorkerImplementation {
    /// Returns the name that tags and key families use.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::DockerWorker => "docker-worker",
            Self::GenericWorker => "generic-worker",
            Self::Scriptworker => "scriptworker",
            Self::Unknown(name) => name,
        }
    }
}

impl From<&str> for WorkerImplementation {
    fn from(name: &str) -> Self {
        match name {
            "docker-worker" => Self::DockerWorker,
            "generic-worker" => Self::GenericWorker,
            "scriptworker" => Self::Scriptworker,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

impl fmt::Display for WorkerImplementation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
