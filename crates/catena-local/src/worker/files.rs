// SPDX-License-Identifier: MPL-2.0
//! What of a directory becomes an artifact. A link that leads out of the directory is never followed.

use std::fs;
use std::path::{Path, PathBuf};

use super::payload::Declared;

/// A file to upload, or why there is none.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Found {
    /// One file.
    File {
        name: String,
        path: PathBuf,
        expires: Option<String>,
    },
    /// None; `reason` is one of those of worker.md §12.3.
    Nothing {
        name: String,
        reason: &'static str,
        message: String,
        expires: Option<String>,
    },
}

impl Found {
    /// What it is called as an artifact.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::File { name, .. } | Self::Nothing { name, .. } => name,
        }
    }
}

/// Returns what was declared, directories file by file in the order of their names.
pub(super) fn declared(dir: &Path, all: &[Declared]) -> Vec<Found> {
    let mut out = Vec::new();
    for one in all {
        let path = dir.join(&one.path);
        let nothing = |reason, message: String| Found::Nothing {
            name: one.name.clone(),
            reason,
            message,
            expires: one.expires.clone(),
        };
        if !path.exists() {
            out.push(nothing(
                "file-missing-on-worker",
                format!("{} does not exist", one.path),
            ));
        } else if !within(dir, &path) || !is_kind(&path, one.is_directory) {
            let kind = if one.is_directory {
                "directory"
            } else {
                "file"
            };
            let message = format!("{} is no {kind} of the task", one.path);
            out.push(nothing("invalid-resource-on-worker", message));
        } else if one.is_directory {
            let below = below(dir, &path).into_iter();
            out.extend(below.map(|(name, path)| Found::File {
                name: format!("{}/{name}", one.name),
                path,
                expires: one.expires.clone(),
            }));
        } else {
            out.push(Found::File {
                name: one.name.clone(),
                path,
                expires: one.expires.clone(),
            });
        }
    }
    out
}

/// Returns the files below a directory with their names relative to it, in order. Links out of `root`, and linked
/// directories, are left out.
pub(super) fn below(root: &Path, dir: &Path) -> Vec<(String, PathBuf)> {
    let mut out = Vec::new();
    let mut open = vec![(String::new(), dir.to_owned())];
    while let Some((prefix, dir)) = open.pop() {
        let entries = fs::read_dir(&dir).into_iter().flatten().flatten();
        for entry in entries {
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let (name, path) = (format!("{prefix}{name}"), entry.path());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push((format!("{name}/"), path));
            } else if path.is_file() && within(root, &path) {
                out.push((name, path));
            }
        }
    }
    out.sort();
    out
}

/// Whether it is a directory, or a regular file: reading a pipe or a device may never end.
fn is_kind(path: &Path, directory: bool) -> bool {
    if directory {
        path.is_dir()
    } else {
        path.is_file()
    }
}

fn within(root: &Path, path: &Path) -> bool {
    match (root.canonicalize(), path.canonicalize()) {
        (Ok(root), Ok(path)) => path.starts_with(root),
        _ => false,
    }
}

/// Returns the type of a file by its name.
pub(super) fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "json" => "application/json",
        "log" | "txt" | "yml" | "yaml" => "text/plain; charset=utf-8",
        "gz" => "application/gzip",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_out_of_the_directory_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        fs::create_dir_all(dir.path().join("out/sub")).unwrap();
        fs::write(dir.path().join("out/sub/a"), "a").unwrap();
        std::os::unix::fs::symlink(outside.path(), dir.path().join("out/leak")).unwrap();
        std::os::unix::fs::symlink("sub/a", dir.path().join("out/b")).unwrap();
        let names: Vec<_> = below(dir.path(), &dir.path().join("out"))
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["b", "sub/a"]);
        let one = |path: &str, is_directory| Declared {
            name: "public/x".to_owned(),
            path: path.to_owned(),
            is_directory,
            expires: None,
        };
        for (entry, due) in [
            (one("out/leak", false), "invalid-resource-on-worker"),
            (one("out", false), "invalid-resource-on-worker"),
            (one("none", false), "file-missing-on-worker"),
        ] {
            let found = declared(dir.path(), &[entry]);
            assert!(
                matches!(&found[..], [Found::Nothing { reason, .. }] if *reason == due),
                "{found:?}"
            );
        }
    }
}
