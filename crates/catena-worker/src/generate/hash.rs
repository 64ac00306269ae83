// SPDX-License-Identifier: MPL-2.0
//! Hashes many files at once, each in one pass, with memory that does not depend on their sizes.

use std::cmp::Reverse;
use std::io::Read as _;
use std::sync::atomic::{AtomicBool, Ordering};

use cap_std::fs::{File, Metadata, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use catena_crypto::digest::{Algorithm, Digest, Hasher};
use rayon::prelude::*;

use super::TreeError;
use super::tree::{Entry, Tree, look};

/// Fits into the cache of a core, and makes calls into the system rare.
const BUFFER: usize = 128 * 1024;

/// Files from this size on come after all others, the largest first.
const LARGE: u64 = 4 << 20;

/// Is told how far the hashing is; from several threads.
pub trait Progress {
    /// So many more bytes will be hashed: those of a file that was opened. Of all large files this is told before the
    /// first of them is hashed.
    fn expect(&self, bytes: u64);

    /// So many more bytes are hashed.
    fn advance(&self, bytes: u64);
}

/// Nobody looks.
impl Progress for () {
    fn expect(&self, _: u64) {}

    fn advance(&self, _: u64) {}
}

/// An artifact, its digests, and what the file was like when they were taken.
#[derive(Clone, Debug)]
pub struct Hashed {
    /// The artifact's name.
    pub name: String,
    /// One for each algorithm that was asked for, in that order.
    pub digests: Vec<Digest>,
    /// Bytes that were hashed.
    pub size: u64,
    /// None for what is in memory only.
    mark: Option<Mark>,
}

/// What changes when somebody writes to a file or puts another in its place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Mark {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Mark {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Hashed {
    /// Returns whether it was hashed in memory, as a file of the worker's own.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        self.mark.is_none()
    }

    /// Opens the file of an artifact again, to upload it.
    ///
    /// # Errors
    /// It cannot be opened, or is not the very file, unchanged, that was hashed (generation.md 6.4).
    pub fn reopen(&self, tree: &Tree) -> Result<std::fs::File, TreeError> {
        let io = |cause| TreeError::Io {
            path: tree.root.join(&self.name),
            cause,
        };
        let file = tree.open_entry(&self.name)?;
        if Some(Mark::of(&file.metadata().map_err(io)?)) == self.mark {
            Ok(file.into_std())
        } else {
            Err(TreeError::Changed {
                name: self.name.clone(),
            })
        }
    }
}

impl Tree {
    /// Opens the file of an artifact.
    ///
    /// # Errors
    /// The tree has no such file, or it cannot be opened any more.
    pub fn open(&self, name: &str) -> Result<std::fs::File, TreeError> {
        Ok(self.open_entry(name)?.into_std())
    }

    fn open_entry(&self, name: &str) -> Result<File, TreeError> {
        let io = |cause| TreeError::Io {
            path: self.root.join(name),
            cause,
        };
        let found = self
            .entries
            .binary_search_by(|entry| entry.name.as_str().cmp(name));
        let entry = found.ok().and_then(|at| self.entries.get(at));
        let entry = entry.ok_or_else(|| io(std::io::ErrorKind::NotFound.into()))?;
        open(self, entry).map_err(io)
    }
}

/// Hashes what is in memory and will be a file of this name.
pub(super) fn hash_bytes(name: &str, bytes: &[u8], algorithms: &[Algorithm]) -> Hashed {
    Hashed {
        name: name.to_owned(),
        digests: algorithms
            .iter()
            .map(|&algorithm| Digest::of(algorithm, bytes))
            .collect(),
        size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        mark: None,
    }
}

/// Looks whether the directory still holds exactly the files that were hashed, unchanged. A process that still has a file
/// mapped into its memory can change it unseen: only the digest of what is uploaded tells.
pub(super) fn unchanged(
    tree: &Tree,
    own: &[(&str, Vec<u8>)],
    hashed: &[Hashed],
) -> Result<(), TreeError> {
    let mut again = look(&tree.root, tree.found, true)?;
    again
        .entries
        .retain(|entry| own.iter().all(|(own, _)| *own != entry.name));
    let changed = |name: &str| TreeError::Changed {
        name: name.to_owned(),
    };
    let mut entries = again.entries.iter();
    for artifact in hashed.iter().filter(|artifact| artifact.mark.is_some()) {
        let entry = entries.next().ok_or_else(|| changed(&artifact.name))?;
        if entry.name != artifact.name {
            return Err(changed(entry.name.as_str().min(&artifact.name)));
        }
        if entry.mark != artifact.mark {
            return Err(changed(&artifact.name));
        }
    }
    if let Some(more) = entries.next() {
        return Err(changed(&more.name));
    }
    settled(tree)
}

/// Looks whether nothing was made, removed or renamed since the first walk: a file that moves to and fro between
/// directories can be missed by both walks.
fn settled(tree: &Tree) -> Result<(), TreeError> {
    tree.folders.par_iter().try_for_each(|(name, mark)| {
        let found = match name.as_str() {
            "" => tree.dir.dir_metadata(),
            name => tree.dir.symlink_metadata(name),
        };
        match found {
            Ok(found) if Mark::of(&found) == *mark => Ok(()),
            _ => Err(TreeError::Changed {
                name: format!("{name}/"),
            }),
        }
    })
}

/// Hashes the files of a tree, with all threads of the pool that calls this; returns them in the tree's order.
///
/// # Errors
/// The first file, in that order, that cannot be read, is no longer what was found, or changed meanwhile as far as this
/// is seen from here: see [`generate`](super::generate), which looks at all of them again.
pub fn hash(
    tree: &Tree,
    algorithms: &[Algorithm],
    progress: &(dyn Progress + Sync),
) -> Result<Vec<Hashed>, TreeError> {
    let mut job = Job {
        tree,
        algorithms,
        progress,
        failed: AtomicBool::new(false),
        postpone: LARGE,
    };
    let entries = tree.entries.par_iter().with_min_len(SOME);
    let mut done: Vec<Done> = entries
        .map_init(Vec::new, |buffer, entry| job.work(entry, buffer))
        .collect();
    let mut large: Vec<(u64, &Entry, &mut Done)> = tree
        .entries
        .iter()
        .zip(&mut done)
        .filter_map(|(entry, done)| match done {
            Done::Postponed(size) => Some((*size, entry, done)),
            _ => None,
        })
        .collect();
    // the largest first, so that no thread is left alone with it at the end
    large.sort_by_key(|(size, ..)| Reverse(*size));
    job.postpone = u64::MAX;
    large
        .into_par_iter()
        .with_max_len(1)
        .for_each_init(Vec::new, |buffer, (_, entry, done)| {
            *done = job.work(entry, buffer);
        });
    done.into_iter().filter_map(Done::hashed).collect()
}

/// So many files are not worth to be shared.
const SOME: usize = 16;

/// What the threads share.
struct Job<'a> {
    tree: &'a Tree,
    algorithms: &'a [Algorithm],
    progress: &'a (dyn Progress + Sync),
    failed: AtomicBool,
    /// Files from this size on are only looked at.
    postpone: u64,
}

/// What became of a file.
enum Done {
    Failed(TreeError),
    Hashed(Hashed),
    /// It is so large.
    Postponed(u64),
    /// Another one had failed.
    Skipped,
}

impl Done {
    fn hashed(self) -> Option<Result<Hashed, TreeError>> {
        match self {
            Self::Failed(error) => Some(Err(error)),
            Self::Hashed(hashed) => Some(Ok(hashed)),
            Self::Postponed(_) | Self::Skipped => None,
        }
    }
}

impl Job<'_> {
    /// `buffer`: of one thread; it gets its size here.
    fn work(&self, entry: &Entry, buffer: &mut Vec<u8>) -> Done {
        if self.failed.load(Ordering::Relaxed) {
            return Done::Skipped;
        }
        buffer.resize(BUFFER, 0);
        self.one(entry, buffer).unwrap_or_else(|error| {
            self.failed.store(true, Ordering::Relaxed);
            Done::Failed(error)
        })
    }

    fn one(&self, entry: &Entry, buffer: &mut [u8]) -> Result<Done, TreeError> {
        let io = |cause| TreeError::Io {
            path: self.tree.root.join(&entry.name),
            cause,
        };
        let changed = || TreeError::Changed {
            name: entry.name.clone(),
        };
        let mut file = open(self.tree, entry).map_err(|cause| match cause.raw_os_error() {
            // a socket was put there
            Some(code) if code == rustix::io::Errno::NXIO.raw_os_error() => changed(),
            _ => io(cause),
        })?;
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() {
            return Err(changed());
        }
        let size = metadata.len();
        // a large file is opened twice, and counts the first time
        if self.postpone < u64::MAX {
            self.progress.expect(size);
        }
        if size >= self.postpone {
            return Ok(Done::Postponed(size));
        }
        let digests = self.read(&mut file, size, buffer).map_err(io)?;
        let digests = digests.ok_or_else(changed)?;
        let mark = Mark::of(&metadata);
        // what was written while it was read; of a file that took one call this is seen later, when all are looked at
        let short = size < u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        if !short && Mark::of(&file.metadata().map_err(io)?) != mark {
            return Err(changed());
        }
        Ok(Done::Hashed(Hashed {
            name: entry.name.clone(),
            digests,
            size,
            mark: Some(mark),
        }))
    }

    /// Hashes what a file holds; `None` if that is more or less than `size`.
    fn read(
        &self,
        file: &mut File,
        size: u64,
        buffer: &mut [u8],
    ) -> std::io::Result<Option<Vec<Digest>>> {
        let mut hashers: Vec<Hasher> = self
            .algorithms
            .iter()
            .map(|&algorithm| Hasher::new(algorithm))
            .collect();
        let mut seen = 0;
        let mut full = true;
        // less than was asked for is the end, unless there is something missing
        while full || seen != size {
            let count = match file.read(buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(cause) => return Err(cause),
            };
            full = count == buffer.len();
            let piece = buffer.get(..count).unwrap_or_default();
            hashers.iter_mut().for_each(|hasher| hasher.update(piece));
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            seen = u64::saturating_add(seen, count);
            if seen > size {
                break;
            }
            self.progress.advance(count);
        }
        let digests = || hashers.into_iter().map(Hasher::finish).collect();
        Ok((seen == size).then(digests))
    }
}

fn open(tree: &Tree, entry: &Entry) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    // a pipe that was put there would wait for its writer
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    options.read(true).custom_flags(flags);
    tree.dir.open_with(entry.place(), &options)
}
