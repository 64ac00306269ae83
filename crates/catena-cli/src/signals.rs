// SPDX-License-Identifier: MPL-2.0
//! When the process is asked to end.

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// Ctrl-C and SIGTERM, from the moment it is made, so that what was made is removed before the process ends (P28): a request that comes before anybody waits is not lost, and does not
/// kill the process.
pub(crate) struct Interruptions {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
}

impl Interruptions {
    /// Listens from now on. What the system does not let us hear ends the process as it always did.
    pub(crate) fn listen() -> Self {
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    /// Waits for the first of them.
    pub(crate) async fn first(&mut self) {
        tokio::select! {
            () = next(&mut self.interrupt) => {}
            () = next(&mut self.terminate) => {}
        }
    }
}

async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Does something unless the process is asked to end first, which is listened for before anything is done. What runs in
/// the background is not waited for.
///
/// # Errors
/// As the work, or `interrupted`.
pub(crate) fn block_on<T>(
    runtime: Runtime,
    work: impl Future<Output = Result<T, Failure>>,
    interrupted: Failure,
) -> Result<T, Failure> {
    let done = runtime.block_on(async {
        let mut interruptions = Interruptions::listen();
        tokio::select! {
            done = work => done,
            () = interruptions.first() => Err(interrupted),
        }
    });
    runtime.shutdown_background();
    done
}
