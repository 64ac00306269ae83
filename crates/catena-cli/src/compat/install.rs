// SPDX-License-Identifier: MPL-2.0
//! `catena compat install DIR`: a symbolic link to this program for each tool. Done again, it changes nothing.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{Install, TOOLS};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

/// What stands where a link is to be.
enum Found {
    /// The link itself.
    Done,
    /// A link that leads elsewhere.
    Elsewhere(PathBuf),
    /// Something that is no link.
    File,
    Nothing,
}

/// Makes the links, after all places were found free.
pub(super) fn run(options: &Install) -> Result<Exit, Failure> {
    let program = env::current_exe().map_err(|source| Failure::File {
        path: "this program".into(),
        source,
    })?;
    let dir = &options.dir;
    fs::create_dir_all(dir).map_err(|error| unfit(dir, &error.to_string()))?;
    let mut due = Vec::new();
    for tool in &TOOLS {
        let path = dir.join(tool.name);
        match found(&path, &program).map_err(|error| unfit(&path, &error.to_string()))? {
            Found::Done => {}
            Found::Nothing => due.push(path),
            Found::Elsewhere(_) if options.force => due.push(path),
            Found::Elsewhere(target) => {
                let found = format!(
                    "expected nothing or a link to this program, found one to {}; --force replaces it",
                    target.display()
                );
                return Err(unfit(&path, &found));
            }
            Found::File => {
                return Err(unfit(
                    &path,
                    "expected nothing or a link to this program, found another file, which is not replaced",
                ));
            }
        }
    }
    for path in &due {
        link(&program, path).map_err(|error| unfit(path, &error.to_string()))?;
    }
    output::print(&format!(
        "{}: {} links made, {} were there\n",
        dir.display(),
        due.len(),
        TOOLS.len() - due.len()
    ))?;
    Ok(Exit::Success)
}

fn found(path: &Path, program: &Path) -> io::Result<Found> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_symlink() => {
            let target = fs::read_link(path)?;
            Ok(match target == program {
                true => Found::Done,
                false => Found::Elsewhere(target),
            })
        }
        Ok(_) => Ok(Found::File),
    }
}

/// Makes a link under another name, and renames it: at no moment is there none.
fn link(program: &Path, path: &Path) -> io::Result<()> {
    let mut hidden = path.as_os_str().to_owned();
    hidden.push(format!(".{}", std::process::id()));
    let hidden = PathBuf::from(hidden);
    symlink(program, &hidden)?;
    fs::rename(&hidden, path).inspect_err(|_| {
        // it is ours: it did not exist before
        let _ = fs::remove_file(&hidden);
    })
}

fn unfit(path: &Path, what: &str) -> Failure {
    Failure::Usage(format!("{}: {what}", path.display()))
}
