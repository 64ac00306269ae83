// SPDX-License-Identifier: MPL-2.0
//! `catena legacy-keys`: snapshots of the key repository.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use catena_core::json::{self, Reading};
use catena_openpgp::keys::{KeyFile, KeySet};
use catena_openpgp::snapshot::{Snapshot, SnapshotError, sha256};
use catena_openpgp::tags;
use catena_openpgp::time::UnixTime;
use catena_report::escape::clean;

use super::{Build, Command, Refusal};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

/// Runs the command.
pub(crate) fn run(command: &Command) -> Result<Exit, Failure> {
    let Command::Build(options) = command;
    let refuse = |flag, path: &Path, reason: String| Refusal::File {
        flag,
        path: path.to_owned(),
        reason,
    };
    let files = key_files(&options.git_keys)
        .map_err(|error| refuse("--git-keys", &options.git_keys, error.to_string()))?;
    if files.is_empty() {
        let reason = "expected public keys, found no file".to_owned();
        return Err(refuse("--git-keys", &options.git_keys, reason).into());
    }
    let keys = KeySet::people(&files)
        .map_err(|error| refuse("--git-keys", &options.git_keys, error.to_string()))?;
    let made = tags::build(&options.clone, &keys).map_err(|error| {
        let reason = format!("{}: {}", error.code(), clean(&error.to_string(), 1000));
        refuse("CLONE", &options.clone, reason)
    })?;
    if let Some(path) = &options.previous {
        let bytes = read("--previous", path)?;
        strictly(&bytes, Snapshot::parse)
            .and_then(|previous| made.follows(&previous))
            .map_err(|error| refuse("--previous", path, format!("{}: {error}", error.code())))?;
    }
    let text = made
        .render()
        .map_err(|error| refuse("CLONE", &options.clone, error.to_string()))?;
    write_new(options, text.as_bytes())?;
    output::print(&format!(
        "{}\n  {} tags, {} keys\n  sha256:{}\n",
        clean(&options.out.to_string_lossy(), 1000),
        made.tags.len(),
        made.keys.len(),
        sha256(text.as_bytes())
    ))?;
    Ok(Exit::Success)
}

fn write_new(options: &Build, bytes: &[u8]) -> Result<(), Refusal> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&options.out);
    file.and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    })
    .map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => Refusal::File {
            flag: "--out",
            path: options.out.clone(),
            reason: "expected no file, found one".to_owned(),
        },
        _ => Refusal::Write {
            path: options.out.clone(),
            source,
        },
    })
}

/// Reads the files of a directory, in the order of their names.
fn key_files(dir: &Path) -> io::Result<Vec<KeyFile>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if fs::metadata(&path)?.is_file() {
            files.push(KeyFile {
                bytes: fs::read(&path)?,
                path: path.to_string_lossy().into_owned(),
            });
        }
    }
    files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(files)
}

/// Reads a file that a flag names.
pub(super) fn read(flag: &'static str, path: &Path) -> Result<Vec<u8>, Refusal> {
    fs::read(path).map_err(|error| Refusal::File {
        flag,
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// Takes a file of ours: read strictly, so that two equal keys are no snapshot (P23).
pub(super) fn strictly(
    bytes: &[u8],
    take: impl FnOnce(&[u8]) -> Result<Snapshot, SnapshotError>,
) -> Result<Snapshot, SnapshotError> {
    let taken = take(bytes)?;
    match json::parse(bytes, Reading::Strict) {
        Ok(_) => Ok(taken),
        Err(why) => Err(SnapshotError::Malformed {
            reason: why.to_string(),
        }),
    }
}

/// The time of this machine, which new signatures carry.
pub(super) fn now() -> UnixTime {
    let seconds = jiff::Timestamp::now().as_second();
    UnixTime::from_seconds(u64::try_from(seconds).unwrap_or_default())
}
