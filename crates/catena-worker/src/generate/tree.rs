// SPDX-License-Identifier: MPL-2.0
//! Which files of a directory are artifacts (generation.md 2.2).
//!
//! Regular files at any depth, under their path; links to files count as files, links to directories are not followed.
//! All access goes through a handle of the directory that cannot leave it, so that nothing that a script plants, or
//! swaps while we look, reads a file from elsewhere.

use std::mem;
use std::path::{Component, Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirEntry, FileType, FileTypeExt as _};
use rayon::prelude::*;

use super::TreeError;
use super::hash::Mark;
use super::names::{FOLDER, Found, is_document, is_ours};

/// One file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The artifact's name: its path below the directory, with `/`.
    pub name: String,
    /// The path to open where the name is a link: that of its target.
    pub(super) target: Option<PathBuf>,
    /// What the file was like when it was found, where that was asked for.
    pub(super) mark: Option<Mark>,
}

impl Entry {
    /// The path to open.
    pub(super) fn place(&self) -> &Path {
        self.target.as_deref().unwrap_or(Path::new(&self.name))
    }
}

/// The artifacts of a directory.
#[derive(Debug)]
pub struct Tree {
    pub(super) dir: Dir,
    pub(super) found: Found,
    pub(super) root: PathBuf,
    /// The files, by name.
    pub entries: Vec<Entry>,
    /// Links to directories.
    pub skipped: Vec<String>,
    /// What each directory was like before it was read. Whatever is made, removed or renamed in it changes that.
    pub(super) folders: Vec<(String, Mark)>,
}

/// Finds the artifacts of a directory, sorted by name, with all threads of the pool that calls this.
///
/// # Errors
/// The directory cannot be read, or holds something that is no artifact: see [`TreeError`].
pub fn find(root: &Path, found: Found) -> Result<Tree, TreeError> {
    look(root, found, false)
}

/// Finds the artifacts of a directory, each with its mark if `marked`: a call into the system for each of them, which
/// whoever opens it makes anyway.
pub(super) fn look(root: &Path, found: Found, marked: bool) -> Result<Tree, TreeError> {
    let io = |cause| TreeError::Io {
        path: root.to_owned(),
        cause,
    };
    let dir = Dir::open_ambient_dir(root, ambient_authority()).map_err(io)?;
    let finder = Finder {
        real: root.canonicalize().map_err(io)?,
        dir,
        found,
        marked,
        root: root.to_owned(),
    };
    // level by level instead of recursion: depth costs no stack
    let mut whole = Part::default();
    let mut level = vec![String::new()];
    while !level.is_empty() {
        let mut parts = finder.level(&level)?;
        level = parts
            .iter_mut()
            .flat_map(|part| mem::take(&mut part.open))
            .collect();
        for part in parts {
            whole.entries.extend(part.entries);
            whole.skipped.extend(part.skipped);
            whole.folders.extend(part.folders);
        }
    }
    whole
        .entries
        .par_sort_unstable_by(|a, b| a.name.cmp(&b.name));
    whole.skipped.sort();
    Ok(Tree {
        dir: finder.dir,
        found,
        root: finder.root,
        entries: whole.entries,
        skipped: whole.skipped,
        folders: whole.folders,
    })
}

/// Finds these files alone; what is no regular file is left out.
///
/// # Errors
/// The directory cannot be opened.
pub fn find_only(root: &Path, names: &[&str]) -> Result<Tree, TreeError> {
    let dir = Dir::open_ambient_dir(root, ambient_authority()).map_err(|cause| TreeError::Io {
        path: root.to_owned(),
        cause,
    })?;
    let entry = |name: &&str| {
        let found = dir
            .symlink_metadata(name)
            .ok()
            .filter(|found| found.is_file())?;
        Some(Entry {
            name: (*name).to_owned(),
            target: None,
            mark: Some(Mark::of(&found)),
        })
    };
    let mut entries: Vec<Entry> = names.iter().filter_map(entry).collect();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Tree {
        dir,
        root: root.to_owned(),
        entries,
        skipped: Vec::new(),
        folders: Vec::new(),
        found: Found::Ours,
    })
}

struct Finder {
    /// The directory without links in its path.
    real: PathBuf,
    dir: Dir,
    found: Found,
    marked: bool,
    root: PathBuf,
}

/// What some directories hold.
#[derive(Default)]
struct Part {
    entries: Vec<Entry>,
    skipped: Vec<String>,
    folders: Vec<(String, Mark)>,
    /// Directories in them.
    open: Vec<String>,
}

impl Finder {
    /// Looks into directories, all of one depth.
    fn level(&self, names: &[String]) -> Result<Vec<Part>, TreeError> {
        let parts = names.par_iter().map(|name| {
            let mut part = Part::default();
            self.directory(name, &mut part)?;
            Ok(part)
        });
        parts.collect()
    }

    fn directory(&self, name: &str, part: &mut Part) -> Result<(), TreeError> {
        let io = |cause| self.io(name, cause);
        let place = if name.is_empty() { "." } else { name };
        let dir = self.dir.open_dir(place).map_err(io)?;
        let mark = Mark::of(&dir.dir_metadata().map_err(io)?);
        part.folders.push((name.to_owned(), mark));
        let entries = dir.entries().map_err(io)?;
        let entries: Vec<DirEntry> = entries.collect::<Result<_, _>>().map_err(io)?;
        for entry in entries {
            let child = self.name(name, &entry)?;
            let kind = entry.file_type().map_err(|cause| self.io(&child, cause))?;
            if is_document(&child) {
                self.document(child, kind)?;
                continue;
            }
            if child == FOLDER && !kind.is_dir() {
                return Err(TreeError::Folder {
                    found: if kind.is_symlink() {
                        "a link"
                    } else {
                        "something else"
                    },
                });
            }
            if kind.is_dir() {
                part.open.push(child);
            } else if kind.is_symlink() {
                self.link(child, part)?;
            } else {
                self.file(child, &entry, kind, part)?;
            }
        }
        Ok(())
    }

    fn name(&self, parent: &str, entry: &DirEntry) -> Result<String, TreeError> {
        let file = entry.file_name();
        let name = file
            .to_str()
            .filter(|name| !name.chars().any(char::is_control));
        let name = name.ok_or_else(|| TreeError::Name {
            path: self.root.join(parent).join(&file),
        })?;
        Ok(if parent.is_empty() {
            name.to_owned()
        } else {
            format!("{parent}/{name}")
        })
    }

    fn file(
        &self,
        name: String,
        entry: &DirEntry,
        kind: FileType,
        part: &mut Part,
    ) -> Result<(), TreeError> {
        let name = regular(name, kind)?;
        let mark = if self.marked {
            // beside the directory, which is open
            let metadata = entry.metadata().map_err(|cause| self.io(&name, cause))?;
            Some(Mark::of(&metadata))
        } else {
            None
        };
        part.entries.push(Entry {
            name,
            target: None,
            mark,
        });
        Ok(())
    }

    /// A document that is there before it was generated: left out only where it is a file of ours.
    fn document(&self, name: String, kind: FileType) -> Result<(), TreeError> {
        if self.found == Found::Ours && kind.is_file() && is_ours(&name) {
            Ok(())
        } else {
            Err(TreeError::Reserved { name })
        }
    }

    fn link(&self, name: String, part: &mut Part) -> Result<(), TreeError> {
        let target = |shown: String| TreeError::Link {
            name: name.clone(),
            target: shown,
        };
        let real = self.root.join(&name).canonicalize();
        let real = real.map_err(|cause| target(format!("nothing that can be opened: {cause}")))?;
        let place = real
            .strip_prefix(&self.real)
            .ok()
            .filter(|place| {
                place
                    .components()
                    .all(|part| matches!(part, Component::Normal(_)))
            })
            .ok_or_else(|| target(real.display().to_string()))?;
        // the root itself is a directory, too
        let place = if place.as_os_str().is_empty() {
            Path::new(".")
        } else {
            place
        };
        let metadata = self.dir.symlink_metadata(place);
        let metadata = metadata.map_err(|cause| self.io(&name, cause))?;
        if metadata.is_dir() {
            part.skipped.push(name);
            return Ok(());
        }
        if place.to_str().is_some_and(is_document) {
            // what it leads to is about to be replaced
            return Err(target("a name that belongs to the worker".to_owned()));
        }
        part.entries.push(Entry {
            name: regular(name, metadata.file_type())?,
            target: Some(place.to_owned()),
            mark: self.marked.then(|| Mark::of(&metadata)),
        });
        Ok(())
    }

    fn io(&self, name: &str, cause: std::io::Error) -> TreeError {
        TreeError::Io {
            path: self.root.join(name),
            cause,
        }
    }
}

/// Refuses what is no regular file.
fn regular(name: String, kind: FileType) -> Result<String, TreeError> {
    if kind.is_file() {
        Ok(name)
    } else {
        Err(TreeError::Kind {
            name,
            found: describe(kind),
        })
    }
}

fn describe(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device"
    } else {
        "something else"
    }
}
