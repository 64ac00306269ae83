// SPDX-License-Identifier: MPL-2.0
//! Children of this process that have ended and wait to be asked how. None of this needs `/proc`.

use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// A child that is dead, maybe among others: its number, if the system tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Dead(pub(super) Option<i32>);

/// Returns a child that is dead, and leaves it so. `None`: no child is.
#[cfg(target_os = "linux")]
pub(super) fn first() -> Option<Dead> {
    use nix::errno::Errno;
    use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};

    let options = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    match waitid(Id::All, options) {
        Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => None,
        Ok(status) => Some(Dead(status.pid().map(nix::unistd::Pid::as_raw))),
        // a signal without a name, as real-time ones, ended it
        Err(_) => Some(Dead(None)),
    }
}

/// Returns a child that is dead, and leaves it so. `None`: no child is.
#[cfg(not(target_os = "linux"))]
pub(super) fn first() -> Option<Dead> {
    match waitid(WaitId::All, OPTIONS | WaitIdOptions::NOWAIT) {
        Ok(Some(_)) => Some(Dead(None)),
        _ => None,
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
