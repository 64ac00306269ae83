// SPDX-License-Identifier: MPL-2.0
//! From numbers to what is reported (worker.md 7).
//!
//! The status of a task is one number: the largest of what its parts ended with. The number decides the report.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// It went well.
pub const SUCCESS: i32 = 0;
/// The task failed.
pub const FAILURE: i32 = 1;
/// The worker was told to stop.
pub const WORKER_SHUTDOWN: i32 = 2;
/// The task is at fault: its payload, or the chain that it stands in.
pub const MALFORMED_PAYLOAD: i32 = 3;
/// Something that the worker needs is not there.
pub const RESOURCE_UNAVAILABLE: i32 = 4;
/// The worker is at fault.
pub const INTERNAL_ERROR: i32 = 5;
/// Once: another task took over. The queue refuses it today.
pub const SUPERSEDED: i32 = 6;
/// Worth another try.
pub const INTERMITTENT_TASK: i32 = 7;

/// A reason that the queue accepts for an exception.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reason {
    /// The worker is at fault.
    InternalError,
    /// Worth another try: the queue makes a new run while retries are left.
    IntermittentTask,
    /// The task is at fault.
    MalformedPayload,
    /// Something is not there.
    ResourceUnavailable,
    /// The worker was told to stop: the queue makes a new run while retries are left.
    WorkerShutdown,
}

impl Reason {
    const ALL: [Self; 5] = [
        Self::InternalError,
        Self::IntermittentTask,
        Self::MalformedPayload,
        Self::ResourceUnavailable,
        Self::WorkerShutdown,
    ];

    /// Returns its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InternalError => "internal-error",
            Self::IntermittentTask => "intermittent-task",
            Self::MalformedPayload => "malformed-payload",
            Self::ResourceUnavailable => "resource-unavailable",
            Self::WorkerShutdown => "worker-shutdown",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, UnknownReason> {
        let found = Self::ALL.into_iter().find(|reason| reason.as_str() == text);
        found.ok_or(UnknownReason)
    }
}

/// A text that is no reason of an exception.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "expected internal-error, intermittent-task, malformed-payload, resource-unavailable or worker-shutdown"
)]
pub struct UnknownReason;

/// What the queue is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Report {
    /// `reportCompleted`.
    Completed,
    /// `reportException`.
    Exception(Reason),
    /// `reportFailed`.
    Failed,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed => f.write_str("completed"),
            Self::Exception(reason) => write!(f, "exception {reason}"),
            Self::Failed => f.write_str("failed"),
        }
    }
}

/// Returns what is reported for a status; `reversed` is `reversed_statuses`.
///
/// 6 is reported as failed: the queue refuses its old reason.
#[must_use]
pub fn report(status: i32, reversed: &BTreeMap<i32, Reason>) -> Report {
    match status {
        SUCCESS => Report::Completed,
        FAILURE => Report::Failed,
        _ if reversed.contains_key(&status) => reversed
            .get(&status)
            .map_or(Report::Failed, |&reason| Report::Exception(reason)),
        WORKER_SHUTDOWN => Report::Exception(Reason::WorkerShutdown),
        MALFORMED_PAYLOAD => Report::Exception(Reason::MalformedPayload),
        RESOURCE_UNAVAILABLE => Report::Exception(Reason::ResourceUnavailable),
        INTERNAL_ERROR => Report::Exception(Reason::InternalError),
        INTERMITTENT_TASK => Report::Exception(Reason::IntermittentTask),
        _ => Report::Failed,
    }
}

/// Returns the worse of two statuses, which is the larger.
#[must_use]
pub fn worst(a: i32, b: i32) -> i32 {
    a.max(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reversed() -> BTreeMap<i32, Reason> {
        BTreeMap::from([
            (241, Reason::IntermittentTask),
            (245, Reason::IntermittentTask),
        ])
    }

    #[test]
    fn every_status_has_its_report_section_7() {
        let exception = Report::Exception;
        for (status, due) in [
            (0, Report::Completed),
            (1, Report::Failed),
            (2, exception(Reason::WorkerShutdown)),
            (3, exception(Reason::MalformedPayload)),
            (4, exception(Reason::ResourceUnavailable)),
            (5, exception(Reason::InternalError)),
            (6, Report::Failed),
            (7, exception(Reason::IntermittentTask)),
            (8, Report::Failed),
            (99, Report::Failed),
            (241, exception(Reason::IntermittentTask)),
            (245, exception(Reason::IntermittentTask)),
        ] {
            assert_eq!(report(status, &reversed()), due, "{status}");
        }
    }

    #[test]
    fn one_is_failed_whatever_the_configuration_says_section_7() {
        let odd = BTreeMap::from([(1, Reason::IntermittentTask), (0, Reason::InternalError)]);
        assert_eq!(report(1, &odd), Report::Failed);
        assert_eq!(report(0, &odd), Report::Completed);
    }

    #[test]
    fn reasons_have_their_names() {
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
        }
        assert_eq!("superseded".parse::<Reason>(), Err(UnknownReason));
    }
}
