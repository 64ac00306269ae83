// SPDX-License-Identifier: MPL-2.0
//! Reads git objects, each checked against its id.

use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice as _;
use gix::objs::tree::EntryKind;
use gix::objs::{CommitRef, Kind, TreeRef, compute_hash};
use gix::{ObjectId, Repository};

use super::TagsError;

/// The objects of a clone.
pub(super) struct Objects {
    path: PathBuf,
    git: Repository,
}

/// What counts of a commit.
pub(super) struct Commit {
    pub(super) tree: ObjectId,
    pub(super) parents: Vec<ObjectId>,
}

impl Objects {
    pub(super) fn open(path: &Path) -> Result<Self, TagsError> {
        // an object can be small and what it is a difference to large; the library refuses to unpack more than this
        let limit = format!("gitoxide.objects.allocLimit={UNPACKED}");
        let options = gix::open::Options::isolated()
            .with(gix::sec::Trust::Full)
            .config_overrides([limit]);
        let git = gix::open_opts(path, options).map_err(|error| TagsError::Clone {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            path: path.to_owned(),
            git,
        })
    }

    /// The tags whose names begin so, and the objects that they name.
    pub(super) fn tags(&self, prefix: &str) -> Result<Vec<(String, ObjectId)>, TagsError> {
        let unread = |reason: String| TagsError::Clone {
            path: self.path.clone(),
            reason,
        };
        let platform = self.git.references().map_err(|e| unread(e.to_string()))?;
        let mut out = Vec::new();
        for reference in platform.tags().map_err(|e| unread(e.to_string()))? {
            let reference = reference.map_err(|e| unread(e.to_string()))?;
            let name = reference.name().shorten().to_str_lossy().into_owned();
            if !name.starts_with(prefix) {
                continue;
            }
            let id = reference
                .try_id()
                .ok_or_else(|| unread(format!("tag {name} names another reference")))?;
            out.push((name, id.detach()));
        }
        Ok(out)
    }

    /// Returns what an object says it is, before its bytes are read.
    pub(super) fn kind(&self, id: ObjectId) -> Result<Kind, TagsError> {
        let header = self.git.find_header(id);
        let header = header.map_err(|e| broken(id, ANY, e.to_string()))?;
        Ok(header.kind())
    }

    /// Returns the bytes of an object of that kind, which have that id. None larger than its kind has any need for is
    /// read.
    pub(super) fn read(
        &self,
        id: ObjectId,
        kind: Kind,
        name: &'static str,
    ) -> Result<Vec<u8>, TagsError> {
        let fail = |reason: String| broken(id, ANY, reason);
        let header = self.git.find_header(id).map_err(|e| fail(e.to_string()))?;
        if header.kind() != kind {
            return Err(broken(id, name, format!("found a {}", header.kind())));
        }
        let limit = match kind {
            Kind::Blob => KEY_SIZE,
            Kind::Commit | Kind::Tag | Kind::Tree => OTHER_SIZE,
        };
        if header.size() > limit {
            let found = header.size();
            return Err(broken(
                id,
                name,
                format!("it has {found} bytes, more than {limit}"),
            ));
        }
        let object = self.git.find_object(id).map_err(|e| fail(e.to_string()))?;
        let found =
            compute_hash(id.kind(), object.kind, &object.data).map_err(|e| fail(e.to_string()))?;
        match found == id && object.kind == kind {
            true => Ok(object.data.clone()),
            false => Err(fail(format!("its bytes have id {found}"))),
        }
    }

    pub(super) fn commit(&self, id: ObjectId) -> Result<Commit, TagsError> {
        let data = self.read(id, Kind::Commit, "a commit")?;
        let fail = |reason: String| broken(id, "a commit", reason);
        let commit = CommitRef::from_bytes(&data, id.kind()).map_err(|e| fail(e.to_string()))?;
        Ok(Commit {
            tree: commit.tree(),
            parents: commit.parents().collect(),
        })
    }

    /// The files under a directory, with their paths from the root; none if there is no such directory.
    pub(super) fn files(
        &self,
        root: ObjectId,
        dir: &str,
    ) -> Result<Vec<(String, ObjectId)>, TagsError> {
        let mut out = Vec::new();
        let mut trees = TREES;
        for (name, kind, id) in self.tree(root)? {
            if name == dir && kind == EntryKind::Tree {
                self.collect(id, dir, (DEPTH, &mut trees), &mut out)?;
            }
        }
        Ok(out)
    }

    fn collect(
        &self,
        tree: ObjectId,
        under: &str,
        (depth, trees): (usize, &mut usize),
        out: &mut Vec<(String, ObjectId)>,
    ) -> Result<(), TagsError> {
        let refuse =
            |id, reason: &str| Err(broken(id, "a directory of key files", reason.to_owned()));
        let Some(below) = depth.checked_sub(1) else {
            return refuse(tree, "it nests too deep");
        };
        // one tree can stand in many places
        *trees = match trees.checked_sub(1) {
            Some(left) => left,
            None => return refuse(tree, "it has too many directories"),
        };
        for (name, kind, id) in self.tree(tree)? {
            let path = format!("{under}/{name}");
            match kind {
                EntryKind::Tree => self.collect(id, &path, (below, &mut *trees), out)?,
                EntryKind::Blob | EntryKind::BlobExecutable if out.len() < FILES => {
                    out.push((path, id));
                }
                EntryKind::Blob | EntryKind::BlobExecutable => {
                    return refuse(tree, "it has too many files");
                }
                EntryKind::Commit | EntryKind::Link => {
                    return refuse(tree, &format!("{path} is a link"));
                }
            }
        }
        Ok(())
    }

    fn tree(&self, id: ObjectId) -> Result<Vec<(String, EntryKind, ObjectId)>, TagsError> {
        let data = self.read(id, Kind::Tree, "a tree")?;
        let fail = |reason: String| broken(id, "a tree", reason);
        let tree = TreeRef::from_bytes(&data, id.kind()).map_err(|e| fail(e.to_string()))?;
        let entry = |entry: &gix::objs::tree::EntryRef<'_>| {
            let name = entry.filename.to_str().map_err(|e| fail(e.to_string()))?;
            Ok((name.to_owned(), entry.mode.kind(), entry.oid.to_owned()))
        };
        tree.entries.iter().map(entry).collect()
    }

    /// Returns a file that is text.
    pub(super) fn text(&self, id: ObjectId) -> Result<String, TagsError> {
        let data = self.read(id, Kind::Blob, "a key file")?;
        String::from_utf8(data)
            .map_err(|_| broken(id, "an armoured key file", "it is no text".to_owned()))
    }
}

pub(super) fn broken(id: ObjectId, expected: &'static str, reason: String) -> TagsError {
    TagsError::Object {
        id: id.to_string(),
        expected,
        reason,
    }
}

/// Keys lie at most three directories deep.
const DEPTH: usize = 8;
/// A family had some hundred keys.
const FILES: usize = 20_000;
/// They had some dozens of directories.
const TREES: usize = 1_000;
/// Keys have a few kilobytes, with pictures some dozens.
const KEY_SIZE: u64 = 1 << 20;
/// A tag has a signature, a commit a message, and a directory forty bytes for each file.
const OTHER_SIZE: u64 = 4 << 20;
/// What one object may take while it is unpacked.
const UNPACKED: u64 = 16 << 20;
const ANY: &str = "an object of that id";
