// SPDX-License-Identifier: MPL-2.0
//! A directory of entries and bodies that several processes may use at once.
//!
//! `keys/{key}` says what was answered, `bodies/{sha256}` holds it. Files are made whole under another name and then
//! renamed, so whoever is killed leaves nothing half-made under a name that counts; what a crash of the machine leaves of a
//! body does not have its digest. The oldest go when there are too many, an entry as well as a body: one without the other is
//! no answer.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Found;
use super::entry::{Entry, Filling, Key, LONGEST_ENTRY, Unfit};
use crate::private::{self, Listed, remove, remove_oldest, stamp, write};
use crate::spool::{Intake, Kept};

/// The directory.
#[derive(Debug)]
pub(super) struct Disk {
    keys: PathBuf,
    bodies: PathBuf,
    most: u64,
    room: Mutex<Room>,
}

/// How much there is, as far as this process knows.
#[derive(Debug, Default)]
struct Room {
    /// Bytes in all files when they were last counted, and what we added since.
    used: u64,
    /// What may be added before they are counted again, for others add as well.
    left: u64,
}

impl Disk {
    /// Opens or makes `dir`, and a directory of at most `most` bytes in it.
    pub(super) fn open(dir: &Path, most: u64) -> io::Result<Self> {
        private::open(dir)?;
        let own = dir.join("shared");
        let (keys, bodies) = (own.join("keys"), own.join("bodies"));
        for dir in [&own, &keys, &bodies] {
            private::open(dir)?;
        }
        Ok(Self {
            keys,
            bodies,
            most,
            room: Mutex::default(),
        })
    }

    /// Looks for an answer; what is damaged is removed.
    pub(super) fn load(&self, key: &Key, intake: Intake) -> Found {
        let path = self.keys.join(key.as_str());
        let Ok(text) = read(&path) else {
            return Found::Nothing;
        };
        let Some(entry) = Entry::read(key, &text) else {
            remove(&path);
            return Found::Nothing;
        };
        let Some(body) = self.place(&entry) else {
            return Found::Nothing;
        };
        match fill(&body, &entry, intake) {
            Ok(Ok(kept)) => {
                stamp(&path);
                stamp(&body);
                Found::Kept(kept)
            }
            Ok(Err(Unfit::Damaged)) => {
                tracing::warn!(path = %body.display(), "shared evidence is damaged and dropped");
                remove(&body);
                remove(&path);
                Found::Damaged
            }
            Ok(Err(Unfit::Refused(why))) => {
                tracing::debug!(%why, "shared evidence cannot be taken in");
                Found::Nothing
            }
            Err(why) => {
                // most often another process has made room
                tracing::debug!(%why, path = %body.display(), "shared evidence cannot be read");
                Found::Nothing
            }
        }
    }

    /// Keeps an answer; returns whether it did. What would push out a large part of all others is not kept.
    pub(super) fn save(&self, key: &Key, kept: &Kept) -> io::Result<bool> {
        let entry = Entry::of(key, kept);
        if entry.size > self.most / LARGEST_PART {
            return Ok(false);
        }
        let place = self.place(&entry).ok_or(io::ErrorKind::InvalidInput)?;
        let text = entry.to_text();
        self.make_room(entry.size.saturating_add(LONGEST_ENTRY));
        write(&self.bodies, &place, |file| {
            kept.replay(|piece| file.write_all(piece))
                .map_err(|why| io::Error::other(why.to_string()))
        })?;
        let path = self.keys.join(key.as_str());
        write(&self.keys, &path, |file| file.write_all(&text))?;
        Ok(true)
    }

    /// Removes answers, whatever they are.
    pub(super) fn forget(&self, keys: &[Key]) {
        for key in keys {
            remove(&self.keys.join(key.as_str()));
        }
    }

    fn place(&self, entry: &Entry) -> Option<PathBuf> {
        Some(self.bodies.join(entry.digest()?.hex()))
    }

    /// Makes sure that `more` bytes may be added. Counting all files is rare; several processes that count at different
    /// times go over the bound by at most an eighth each.
    fn make_room(&self, more: u64) {
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        if room.left < more || room.used.saturating_add(more) > self.most {
            room.used = self.evict(more);
            room.left = (self.most / 8).max(more);
        }
        room.used = room.used.saturating_add(more);
        room.left -= more;
    }

    /// Counts all files; if there is no room for `more`, the oldest go until a quarter is free.
    fn evict(&self, more: u64) -> u64 {
        let files = self.files();
        let total: u64 = files.iter().map(|file| file.size).sum();
        if total.saturating_add(more) <= self.most {
            return total;
        }
        remove_oldest(files, (self.most / 4 * 3).saturating_sub(more))
    }

    /// Lists all files. Those that a killed process left half-made are removed.
    fn files(&self) -> Vec<Listed> {
        let mut listed = Vec::new();
        let all = [&self.keys, &self.bodies].map(fs::read_dir);
        for file in all.into_iter().flatten().flatten().flatten() {
            let Ok(found) = file.metadata() else { continue };
            let Ok(used) = found.modified() else { continue };
            let path = file.path();
            let half = file.file_name().as_encoded_bytes().starts_with(b".");
            if half && used.elapsed().is_ok_and(|age| age > ABANDONED) {
                remove(&path);
                continue;
            }
            listed.push(Listed {
                path,
                size: found.len(),
                used,
            });
        }
        listed
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    private::read(path)?
        .take(LONGEST_ENTRY + 1)
        .read_to_end(&mut text)?;
    Ok(text)
}

/// Takes in a body; the outer error is the file's.
fn fill(path: &Path, entry: &Entry, intake: Intake) -> io::Result<Result<Kept, Unfit>> {
    let mut file = private::read(path)?;
    let mut filling = Filling::new(intake, entry);
    let size = usize::try_from(entry.size).map_or(PIECE, |size| size.saturating_add(1).min(PIECE));
    let mut piece = vec![0; size];
    loop {
        let length = match file.read(&mut piece) {
            Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
            length => length?,
        };
        let Some(found) = piece.get(..length).filter(|found| !found.is_empty()) else {
            return Ok(filling.finish(entry));
        };
        if let Err(unfit) = filling.push(found) {
            return Ok(Err(unfit));
        }
    }
}

/// How much of a body is read at once.
const PIECE: usize = 1 << 18;
/// A body may have this part of the directory.
const LARGEST_PART: u64 = 4;
/// Nobody writes a file for as long.
const ABANDONED: Duration = Duration::from_hours(1);
