// SPDX-License-Identifier: MPL-2.0
//! What a worker does with itself before anything else, because scripts of the same user run beside it.
//!
//! - No descriptor that whoever started it left open reaches a script (P38).
//! - Nobody but root reads its memory, its environment or its descriptors through `/proc`, or traces it. Core dumps, which
//!   would hold keys, end with that. Scripts are programs of their own and can be traced as ever.
//! - It adopts what outlives a script, so that it can end it.

use std::io;

/// Prepares the process. To be called before anything is opened and before any secret is read.
///
/// # Errors
/// The system refuses to keep others out.
pub fn prepare() -> io::Result<()> {
    close_on_exec();
    conceal()?;
    adopt();
    Ok(())
}

/// Makes sure that no descriptor but stdin, stdout and stderr reaches a script (P38): what whoever started us left open,
/// too. To be called before anything is opened.
pub fn close_on_exec() {
    close_fds::set_fds_cloexec(3, &[]);
}

#[cfg(target_os = "linux")]
fn conceal() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};

    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Makes this process the parent of all orphans among its descendants. A system that cannot do this is not told of here:
/// [`adopts`] says so when it matters.
#[cfg(target_os = "linux")]
fn adopt() {
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Returns whether orphans become children of this process.
#[cfg(target_os = "linux")]
pub(crate) fn adopts() -> bool {
    use rustix::process::{Pid, child_subreaper, getpid};

    getpid() == Pid::INIT || matches!(child_subreaper(), Ok(Some(_)))
}

#[cfg(not(target_os = "linux"))]
fn conceal() -> io::Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn adopt() {}

/// Returns whether orphans become children of this process.
#[cfg(not(target_os = "linux"))]
pub(crate) fn adopts() -> bool {
    false
}
