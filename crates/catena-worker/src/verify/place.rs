// SPDX-License-Identifier: MPL-2.0
//! Puts verified files where scripts look for them (worker.md 11.3), read-only unless the operator says otherwise.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use catena_core::document::Body;
use catena_core::model::ids::TaskId;
use catena_core::request::Request;
use catena_evidence::{HttpSource, Source as _};
use rayon::prelude::*;

use crate::json;

/// Writes `cot/<taskId>/task.json` for each task, and every accepted file below it, with this mode.
///
/// A chain has dozens of them, each in a directory of its own, which file systems make side by side.
pub(super) async fn all<'a>(
    source: &HttpSource,
    tasks: impl Iterator<Item = TaskId>,
    files: impl Iterator<Item = &'a Request>,
    work_dir: &Path,
    mode: u32,
) -> Result<(), String> {
    let mut definitions = Vec::new();
    for task in tasks {
        definitions.push((task, definition(source, task).await?));
    }
    let cot = work_dir.join("cot");
    definitions.par_iter().try_for_each(|(task, text)| {
        let folder = cot.join(task.as_str());
        write(&folder, text).map_err(|why| format!("{}: {why}", folder.display()))
    })?;
    let files: Vec<&Request> = files.collect();
    files.par_iter().try_for_each(|request| {
        let placed = source.place(request, work_dir);
        placed.map_err(|why| format!("{request}: {why}"))
    })?;
    set_mode(&cot, mode).map_err(|why| format!("the mode of verified files: {why}"))
}

/// Returns the definition of a task as `task.json` has it.
async fn definition(source: &HttpSource, task: TaskId) -> Result<String, String> {
    let answer = source.fetch(&Request::Definition { task }).await;
    let unread = || format!("the definition of {task} cannot be read again");
    let document = answer.map_err(|_| unread())?;
    let Body::Bytes(bytes) = &document.body else {
        return Err(unread());
    };
    Ok(json::parse(bytes).map_err(|_| unread())?.to_text())
}

fn write(folder: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o644);
    options
        .open(folder.join("task.json"))?
        .write_all(text.as_bytes())
}

/// Gives every file below a directory this mode.
fn set_mode(root: &Path, mode: u32) -> io::Result<()> {
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        let entries = match fs::read_dir(&dir) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            match entry.file_type()? {
                kind if kind.is_dir() => open.push(entry.path()),
                kind if kind.is_file() => {
                    fs::set_permissions(entry.path(), Permissions::from_mode(mode))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}
