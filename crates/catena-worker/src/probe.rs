// SPDX-License-Identifier: MPL-2.0
//! What every task needs is tried before one is claimed: a worker whose machine is broken leaves the queue to others.
//!
//! What is written goes into files without a name, so that nothing is left, whatever happens.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use crate::config::{self, Directories, WorkerConfig};

/// What a task would lack.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// A file cannot be made and written.
    #[error("{what}: {cause}; expected room for a file that this user can write")]
    File {
        /// What for, or where.
        what: String,
        /// What the system said.
        cause: io::Error,
    },
    /// The program of `task_script`.
    #[error("{0}")]
    Program(String),
}

/// Tries what a task of this slot needs: the file for its credentials, its log, its directories, its script.
///
/// # Errors
/// [`ProbeError`]
pub fn probe(
    config: &WorkerConfig,
    slot: u32,
    directories: &Directories,
) -> Result<(), ProbeError> {
    let failed = |what: String| move |cause| ProbeError::File { what, cause };
    let temporary = std::env::temp_dir();
    let what = format!("{}, for credentials", temporary.display());
    fill(tempfile::tempfile()).map_err(failed(what))?;
    let places: [(&str, &Path); 4] = [
        ("log_dir", &config.log.dir),
        ("work_dir", &directories.work),
        ("artifact_dir", &directories.artifact),
        ("task_log_dir", &directories.log),
    ];
    for (key, path) in places {
        let what = format!("{key}, {}", path.display());
        fill(tempfile::tempfile_in(path)).map_err(failed(what))?;
    }
    let search = std::env::var_os("PATH");
    match config::program(config, slot, search.as_deref()) {
        Ok(_) => Ok(()),
        Err(why) => Err(ProbeError::Program(why)),
    }
}

fn fill(file: io::Result<File>) -> io::Result<()> {
    file?.write_all(&[0; ROOM])
}

/// More than the head of a log, the credentials and a definition need.
const ROOM: usize = 64 << 10;
