// SPDX-License-Identifier: MPL-2.0
//! The program of `task_script`: where it is, as the system will find it.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::{WorkerConfig, in_slot};

/// Finds the program of a slot. `path` is the variable `PATH` that the script will have.
///
/// # Errors
/// There is none, or this user cannot execute it.
pub(crate) fn of_slot(
    config: &WorkerConfig,
    slot: u32,
    path: Option<&OsStr>,
) -> Result<PathBuf, String> {
    let name = config
        .script
        .first()
        .map(String::as_str)
        .unwrap_or_default();
    let name = in_slot(name, slot);
    let stripped = config.hidden_variables().iter().any(|name| name == "PATH");
    let path = path.filter(|_| !stripped);
    find(&name, path).map_err(|why| {
        format!("task_script: expected a program that this user can execute, found {name:?}: {why}")
    })
}

/// What is wrong with the programs of all slots.
pub(super) fn judge(config: &WorkerConfig, path: Option<&OsStr>) -> Vec<String> {
    let slots = 0..config.capacity.get();
    let mut problems: Vec<_> = slots
        .filter_map(|slot| of_slot(config, slot, path).err())
        .collect();
    problems.dedup();
    problems
}

/// A name with a slash is a path; another is looked for in the directories of `path`.
fn find(name: &str, path: Option<&OsStr>) -> io::Result<PathBuf> {
    if name.contains('/') {
        return fit(Path::new(name)).map(|()| name.into());
    }
    let path = path.unwrap_or(OsStr::new(DEFAULT)).as_bytes();
    let mut why = ErrorKind::NotFound.into();
    for directory in path.split(|byte| *byte == b':') {
        // an empty part is the current directory
        let found = Path::new(OsStr::from_bytes(directory)).join(name);
        match fit(&found) {
            Ok(()) => return Ok(found),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => why = error,
        }
    }
    Err(why)
}

fn fit(path: &Path) -> io::Result<()> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    Ok(access(path, Access::EXEC_OK)?)
}

/// Where the C library looks without `PATH`.
const DEFAULT: &str = "/bin:/usr/bin";

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_program_is_found_as_the_system_finds_it() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        for (directory, mode) in [(&a, 0o644), (&b, 0o755)] {
            fs::create_dir(directory).unwrap();
            fs::write(directory.join("script"), "").unwrap();
            fs::set_permissions(directory.join("script"), Permissions::from_mode(mode)).unwrap();
        }
        let path = |text: &str| Some(OsStr::new(text).to_owned());
        let both = path(&format!("/nowhere:{}:{}", a.display(), b.display()));
        // what cannot be executed is passed over, as the system does
        assert_eq!(find("script", both.as_deref()).unwrap(), b.join("script"));
        let only = path(&a.display().to_string());
        let why = find("script", only.as_deref()).unwrap_err();
        assert_eq!(why.kind(), ErrorKind::PermissionDenied);
        assert!(find("no-such-script", both.as_deref()).is_err());
        let at = |path: &Path| find(&path.display().to_string(), None);
        assert!(at(&b.join("script")).is_ok());
        assert!(at(&a.join("script")).is_err() && at(&b).is_err() && at(&b.join("x")).is_err());
        assert!(find("sh", None).is_ok());
    }
}
