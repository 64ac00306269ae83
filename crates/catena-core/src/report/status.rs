// SPDX-License-Identifier: MPL-2.0
//! The status with which a worker resolves a task (V100), as a verdict decides it (S51).
//!
//! The reference reports every failure of a verification as malformed payload, and what it trips over on the way as
//! an internal error or a plain failure (V101, V102). Here a trust decision is 3, whatever the attacker wrote; what could
//! not be decided is 4; and 5 is left for our own mistakes. What is refused stays the same.

use std::fmt;

use serde::Serialize;

use super::Verdict;

/// A status of the reference's worker, with its number (V100).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskStatus {
    /// 0.
    Success,
    /// 1.
    Failure,
    /// 2.
    WorkerShutdown,
    /// 3: the task is not what it claims to be.
    MalformedPayload,
    /// 4: something that is needed could not be had.
    ResourceUnavailable,
    /// 5: a mistake of ours.
    InternalError,
    /// 6.
    Superseded,
    /// 7.
    IntermittentTask,
}

/// How a task is resolved (V103).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resolution {
    /// `reportCompleted`.
    Completed,
    /// `reportFailed`.
    Failed,
    /// `reportException` with this reason.
    Exception(&'static str),
}

impl TaskStatus {
    /// All, by number.
    pub const ALL: [Self; 8] = [
        Self::Success,
        Self::Failure,
        Self::WorkerShutdown,
        Self::MalformedPayload,
        Self::ResourceUnavailable,
        Self::InternalError,
        Self::Superseded,
        Self::IntermittentTask,
    ];

    /// Returns the name that the queue knows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::IntermittentTask => "intermittent-task",
            Self::InternalError => "internal-error",
            Self::MalformedPayload => "malformed-payload",
            Self::ResourceUnavailable => "resource-unavailable",
            Self::Success => "success",
            Self::Superseded => "superseded",
            Self::WorkerShutdown => "worker-shutdown",
        }
    }

    /// Returns the number.
    #[must_use]
    pub fn code(self) -> u8 {
        let at = Self::ALL.iter().position(|status| *status == self);
        at.and_then(|at| u8::try_from(at).ok()).unwrap_or(5)
    }

    /// Returns the worse of two, which is the higher (V103): verification, script and upload count together.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        self.max(other)
    }

    /// Returns how the task is resolved (V103).
    #[must_use]
    pub const fn resolution(self) -> Resolution {
        match self {
            Self::Failure => Resolution::Failed,
            Self::Success => Resolution::Completed,
            other => Resolution::Exception(other.as_str()),
        }
    }
}

impl From<Verdict> for TaskStatus {
    /// A trust decision is malformed payload, also where the reference would die of a path (S35); an outage is
    /// resource unavailable (S51). Signatures that nobody verified are no trust, and asking for that is the
    /// operator's mistake.
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Rejected => Self::MalformedPayload,
            Verdict::Trusted => Self::Success,
            Verdict::Undetermined => Self::ResourceUnavailable,
            Verdict::Unsigned => Self::InternalError,
        }
    }
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_the_references_v100() {
        let names: Vec<_> = TaskStatus::ALL.map(TaskStatus::as_str).into();
        let expected = [
            "success",
            "failure",
            "worker-shutdown",
            "malformed-payload",
            "resource-unavailable",
            "internal-error",
            "superseded",
            "intermittent-task",
        ];
        assert_eq!(names, expected);
        let codes: Vec<_> = TaskStatus::ALL.map(TaskStatus::code).into();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn verdicts_have_their_statuses_s51_v101_v102() {
        let of = |verdict| TaskStatus::from(verdict).code();
        assert_eq!(of(Verdict::Trusted), 0);
        assert_eq!(of(Verdict::Rejected), 3);
        assert_eq!(of(Verdict::Undetermined), 4);
        assert_eq!(of(Verdict::Unsigned), 5);
    }

    #[test]
    fn the_worse_status_resolves_the_task_v103() {
        let verified = TaskStatus::from(Verdict::Rejected);
        assert_eq!(verified.worse(TaskStatus::Success), verified);
        assert_eq!(
            verified.worse(TaskStatus::ResourceUnavailable),
            TaskStatus::ResourceUnavailable
        );
        assert_eq!(TaskStatus::Success.resolution(), Resolution::Completed);
        assert_eq!(TaskStatus::Failure.resolution(), Resolution::Failed);
        assert_eq!(
            verified.resolution(),
            Resolution::Exception("malformed-payload")
        );
    }
}
