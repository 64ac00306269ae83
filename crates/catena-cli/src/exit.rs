// SPDX-License-Identifier: MPL-2.0
//! What the exit status means (P8). The tools of the reference know failure only (V104).

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use catena_core::report::Verdict;
use catena_report::escape::clean;
use clap::error::ErrorKind;

use crate::output;

/// How the process ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    Internal,
    Rejected,
    /// Trusted, or nothing had to be decided.
    Success,
    Undetermined,
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Rejected => 1,
            Exit::Undetermined => 4,
            Exit::Internal => 5,
            Exit::Usage => 64,
        })
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Trusted => Self::Success,
            Verdict::Rejected => Self::Rejected,
            Verdict::Undetermined | Verdict::Unsigned => Self::Undetermined,
        }
    }
}

/// Says on stderr what panicked, escaped: a panic may quote a task.
pub(crate) fn report_panics() {
    panic::set_hook(Box::new(|panic| {
        let message = clean(&panic.to_string(), 1000);
        output::say(&format!("catena: internal error, please report: {message}"));
    }));
}

/// Runs the program; a panic anywhere in it is an internal error, never a verdict.
pub(crate) fn guard(run: impl FnOnce() -> Exit) -> Exit {
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or(Exit::Internal)
}

/// Prints what clap has to say: help and version are no errors.
pub(crate) fn usage(error: &clap::Error) -> Exit {
    // a closed pipe is no reason for another status
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Success,
        _ => Exit::Usage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_succeeds_p8_v104() {
        assert_eq!(Exit::from(Verdict::Trusted), Exit::Success);
        assert_eq!(Exit::from(Verdict::Rejected), Exit::Rejected);
        assert_eq!(Exit::from(Verdict::Undetermined), Exit::Undetermined);
        assert_eq!(Exit::from(Verdict::Unsigned), Exit::Undetermined);
    }

    #[test]
    fn a_panic_is_an_internal_error_p8() {
        assert_eq!(guard(|| panic!("\u{1b}[2J")), Exit::Internal);
    }
}
