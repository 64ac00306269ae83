// SPDX-License-Identifier: MPL-2.0
//! Hashes many files at once, each in one pass, with memory that does not depend on them.

use std::cmp::Reverse;
use std::io::Read as _;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use cap_std::fs::{File, Metadata, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use catena_crypto::digest::{Algorithm, Digest, Hasher};

use super::TreeError;
use super::tree::{Entry, Tree, find};

/// Fits into the cache of a core, and makes calls into the system rare.
const BUFFER: usize = 128 * 1024;

/// Is told how far the hashing is; from several threads.
pub trait Progress {
    /// So many bytes will be hashed.
    fn begin(&self, bytes: u64);

    /// So many more bytes are hashed.
    fn advance(&self, bytes: u64);
}

/// Nobody looks.
impl Progress for () {
    fn begin(&self, _: u64) {}

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
    let mut again = find(&tree.root, tree.found)?;
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
        if Some(entry.mark) != artifact.mark {
            return Err(changed(&artifact.name));
        }
    }
    entries
        .next()
        .map_or(Ok(()), |more| Err(changed(&more.name)))
}

/// Hashes the files of a tree; returns them in the tree's order.
///
/// # Errors
/// The first file, in that order, that cannot be read, is no longer what was found, or changed meanwhile.
pub fn hash(
    tree: &Tree,
    algorithms: &[Algorithm],
    threads: NonZeroUsize,
    progress: &(dyn Progress + Sync),
) -> Result<Vec<Hashed>, TreeError> {
    let total = tree.entries.iter().map(|entry| entry.size);
    progress.begin(total.fold(0, u64::saturating_add));
    // the largest first, so that no thread is left alone with it at the end
    let mut order: Vec<usize> = (0..tree.entries.len()).collect();
    order.sort_by_key(|&at| tree.entries.get(at).map(|entry| Reverse(entry.size)));
    let job = Job {
        tree,
        algorithms,
        order,
        next: AtomicUsize::new(0),
        failed: AtomicBool::new(false),
        progress,
    };
    let threads = threads.get().min(tree.entries.len().max(1));
    let mut done: Vec<_> = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| job.work())).collect();
        let mut done = job.work();
        for other in others {
            match other.join() {
                Ok(part) => done.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, hashed)| hashed).collect()
}

/// What the threads share.
struct Job<'a> {
    tree: &'a Tree,
    algorithms: &'a [Algorithm],
    order: Vec<usize>,
    next: AtomicUsize,
    failed: AtomicBool,
    progress: &'a (dyn Progress + Sync),
}

impl Job<'_> {
    fn work(&self) -> Vec<(usize, Result<Hashed, TreeError>)> {
        let mut buffer = vec![0; BUFFER];
        let mut done = Vec::new();
        while !self.failed.load(Ordering::Relaxed) {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let Some((at, entry)) = self
                .order
                .get(at)
                .and_then(|&at| Some((at, self.tree.entries.get(at)?)))
            else {
                break;
            };
            let hashed = self.one(entry, &mut buffer);
            self.failed.fetch_or(hashed.is_err(), Ordering::Relaxed);
            done.push((at, hashed));
        }
        done
    }

    fn one(&self, entry: &Entry, buffer: &mut [u8]) -> Result<Hashed, TreeError> {
        let io = |cause| TreeError::Io {
            path: self.tree.root.join(&entry.name),
            cause,
        };
        let changed = || TreeError::Changed {
            name: entry.name.clone(),
        };
        let mut file = open(self.tree, entry).map_err(io)?;
        let mut hashers: Vec<Hasher> = self
            .algorithms
            .iter()
            .map(|&algorithm| Hasher::new(algorithm))
            .collect();
        let mut size = 0;
        loop {
            let count = match file.read(buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(cause) => return Err(io(cause)),
            };
            let piece = buffer.get(..count).unwrap_or_default();
            hashers.iter_mut().for_each(|hasher| hasher.update(piece));
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            size = u64::saturating_add(size, count);
            if size > entry.size {
                return Err(changed());
            }
            self.progress.advance(count);
        }
        // also when something else stands there by now: a mark holds the inode
        let mark = Mark::of(&file.metadata().map_err(io)?);
        if size != entry.size || mark != entry.mark {
            return Err(changed());
        }
        Ok(Hashed {
            name: entry.name.clone(),
            digests: hashers.into_iter().map(Hasher::finish).collect(),
            size,
            mark: Some(mark),
        })
    }
}

fn open(tree: &Tree, entry: &Entry) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    // a pipe that was put there would wait for its writer
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    options.read(true).custom_flags(flags);
    tree.dir.open_with(&entry.place, &options)
}
