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

use crate::json;

/// Writes `cot/<taskId>/task.json` for each task, and every accepted file below it, with this mode.
pub(super) async fn all<'a>(
    source: &HttpSource,
    tasks: impl Iterator<Item = TaskId>,
    files: impl Iterator<Item = &'a Request>,
    work_dir: &Path,
    mode: u32,
) -> Result<(), String> {
    for task in tasks {
        definition(source, task, work_dir).await?;
    }
    for request in files {
        source
            .place(request, work_dir)
            .map_err(|why| format!("{request}: {why}"))?;
    }
    set_mode(&work_dir.join("cot"), mode)
        .map_err(|why| format!("the mode of verified files: {why}"))
}

async fn definition(source: &HttpSource, task: TaskId, work_dir: &Path) -> Result<(), String> {
    let answer = source.fetch(&Request::Definition { task }).await;
    let unread = || format!("the definition of {task} cannot be read again");
    let document = answer.map_err(|_| unread())?;
    let Body::Bytes(bytes) = &document.body else {
        return Err(unread());
    };
    let text = json::parse(bytes).map_err(|_| unread())?.to_text();
    let folder = work_dir.join("cot").join(task.as_str());
    let write = || -> io::Result<()> {
        fs::create_dir_all(&folder)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o644);
        options
            .open(folder.join("task.json"))?
            .write_all(text.as_bytes())
    };
    write().map_err(|why| format!("{}: {why}", folder.display()))
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
