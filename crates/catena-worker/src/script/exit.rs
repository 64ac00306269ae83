// SPDX-License-Identifier: MPL-2.0
//! How a script ended, as a status and as the last line of its log (worker.md 5).

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use crate::status::FAILURE;

/// The end of a script.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// It exited.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, signal) => Self::Signal(signal.unwrap_or_default()),
        }
    }
}

impl Exit {
    /// Returns the status of the task.
    #[must_use]
    pub const fn status(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(_) => FAILURE,
        }
    }

    /// Returns the last line of the log, which Treeherder knows.
    #[must_use]
    pub fn line(self) -> String {
        match self {
            Self::Code(code) => format!("exit code: {code}"),
            Self::Signal(signal) => {
                format!("Automation Error: python exited with signal -{signal}")
            }
        }
    }
}
