// SPDX-License-Identifier: MPL-2.0
//! Children of this process that have ended and wait to be asked how. None of this needs `/proc`.

use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// Whoever the system names first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum First {
    /// No child is dead.
    Nobody,
    /// This one is, and maybe others.
    Child(i32),
    /// Somebody is.
    Somebody,
}

/// Returns the child that is dead, and leaves it so.
#[cfg(target_os = "linux")]
pub(super) fn first() -> First {
    use nix::errno::Errno;
    use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};

    let options = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    match waitid(Id::All, options) {
        Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => First::Nobody,
        Ok(status) => status
            .pid()
            .map_or(First::Somebody, |pid| First::Child(pid.as_raw())),
        // a signal without a name, as real-time ones, ended it
        Err(_) => First::Somebody,
    }
}

/// Returns the child that is dead, and leaves it so.
#[cfg(not(target_os = "linux"))]
pub(super) fn first() -> First {
    match waitid(WaitId::All, OPTIONS | WaitIdOptions::NOWAIT) {
        Ok(Some(_)) => First::Somebody,
        _ => First::Nobody,
    }
}

/// Whether this process has children, alive or dead.
pub(super) fn has_children() -> bool {
    !matches!(
        waitid(WaitId::All, OPTIONS | WaitIdOptions::NOWAIT),
        Err(Errno::CHILD)
    )
}

/// Asks a child how it ended, if it has. Returns whether it is gone with that.
pub(super) fn reap(pid: Pid) -> bool {
    matches!(waitid(WaitId::Pid(pid), OPTIONS), Ok(Some(_)))
}

const OPTIONS: WaitIdOptions = WaitIdOptions::EXITED.union(WaitIdOptions::NOHANG);
