// SPDX-License-Identifier: MPL-2.0
//! A program in a process group of its own: it ends with all that it started.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::{Child, Command};

use super::cgi::CgiError;

/// A running program; dropping this kills it and what it started.
pub(crate) struct Group {
    pub(crate) child: Child,
    id: Option<Pid>,
}

impl Group {
    /// Starts it.
    pub(crate) fn start(mut command: Command) -> Result<Self, CgiError> {
        command.process_group(0).kill_on_drop(true);
        let child = command.spawn().map_err(|why| match why.kind() {
            std::io::ErrorKind::NotFound => CgiError::NoProgram,
            _ => CgiError::Broken(why.to_string()),
        })?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let id = id.and_then(Pid::from_raw);
        Ok(Self { child, id })
    }

    /// Kills what there still is, and waits until it is gone.
    pub(crate) async fn end(&mut self) {
        let Some(id) = self.id.take() else {
            return;
        };
        // there may be nobody left
        let _ = kill_process_group(id, Signal::KILL);
        let _ = self.child.wait().await;
        // its children are not ours to wait for: whoever adopts them reaps them
        for _ in 0..LOOKS {
            if test_kill_process_group(id).is_err() {
                return;
            }
            tokio::time::sleep(BETWEEN).await;
        }
        tracing::warn!("a killed process of git is not gone yet");
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

/// Up to a second: KILL needs no longer, unless nobody reaps.
const LOOKS: u32 = 100;
const BETWEEN: Duration = Duration::from_millis(10);
