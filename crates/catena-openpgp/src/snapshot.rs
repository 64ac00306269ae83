// SPDX-License-Identifier: MPL-2.0
//! A snapshot of the key repository: which keys each of its signed tags held, as one file (legacy.md §3.3).
//!
//! It is data: `tags` makes it from a clone and verifies the tags then. Whoever uses it pins its SHA-256, so
//! nothing is verified again but that the file is the one pinned and holds together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::time::UnixTime;

/// The version of the format.
pub const SCHEMA: &str = "catena-legacy-keys/1";

/// The kinds of worker that had keys.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// docker-worker.
    DockerWorker,
    /// generic-worker.
    GenericWorker,
    /// scriptworker.
    Scriptworker,
}

impl Family {
    /// All of them, by name.
    pub const ALL: [Self; 3] = [Self::DockerWorker, Self::GenericWorker, Self::Scriptworker];

    /// Returns the name, which is its directory in the key repository as well.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DockerWorker => "docker-worker",
            Self::GenericWorker => "generic-worker",
            Self::Scriptworker => "scriptworker",
        }
    }

    /// Suffixes of files that are no keys (legacy.md §3.1). Every other file is one, whatever its name.
    #[must_use]
    pub const fn ignored(self) -> &'static [&'static str] {
        match self {
            Self::DockerWorker => &[".md", ".json"],
            Self::GenericWorker => &[".md", ".in", ".sh"],
            Self::Scriptworker => &[".md"],
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Family {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|family| family.name() == text).ok_or_else(|| {
            format!("expected docker-worker, generic-worker or scriptworker, found {text:?}")
        })
    }
}

/// A signed tag of the key repository, and the keys it held.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    /// Its name, such as `production-20170601010635`.
    pub name: String,
    /// When it was made, says its signer.
    pub date: UnixTime,
    /// The tag's object id.
    pub object: String,
    /// The commit's id.
    pub commit: String,
    /// The fingerprint of the git-signing key that signed it.
    pub signer: String,
    /// Of each family, the path of each key file and the SHA-256 of its text.
    pub families: BTreeMap<Family, BTreeMap<String, String>>,
}

/// The file: tags from the oldest to the newest, and the texts of their keys, each once.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// [`SCHEMA`].
    pub schema: String,
    /// The fingerprints of the git-signing keys that were given.
    pub git_keys: Vec<String>,
    /// The tags, by date.
    pub tags: Vec<Tag>,
    /// Key files by the SHA-256 of their text.
    pub keys: BTreeMap<String, String>,
}

/// Why a snapshot is of no use. It is configuration, so these are not verdicts.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The file is not the pinned one.
    #[error("expected a key snapshot with SHA-256 {expected}, found {found}")]
    Pin {
        /// The pin.
        expected: String,
        /// The digest of the file.
        found: String,
    },
    /// The file is no snapshot.
    #[error("expected a key snapshot: {reason}")]
    Malformed {
        /// What is wrong, and where.
        reason: String,
    },
    /// The run is older than every tag.
    #[error(
        "expected a run after {first}, the first key tag, found one resolved at {found}; the first tag counts for it only if asked for"
    )]
    TooEarly {
        /// The date of the first tag.
        first: UnixTime,
        /// When the run was resolved.
        found: UnixTime,
    },
    /// A newer snapshot takes back what an older one had.
    #[error("expected what the previous snapshot holds, found {reason}")]
    Rollback {
        /// What is missing or changed.
        reason: String,
    },
}

impl SnapshotError {
    /// Returns the stable code of the reason, as docs/legacy.md and vectors name it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Pin { .. } => "keys-pin",
            Self::Malformed { .. } => "keys-malformed",
            Self::TooEarly { .. } => "keys-too-early",
            Self::Rollback { .. } => "keys-rolled-back",
        }
    }
}

/// What counts for runs that are older than the first tag (legacy.md §3.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Early {
    /// Nothing does.
    Refuse,
    /// The keys of the first tag: nobody signed what counted before.
    UseFirst,
}

/// The tags whose keys count for a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InForce<'a> {
    /// The newest tag that is not younger than the run.
    pub tag: &'a Tag,
    /// The one after it: workers had their new keys before the repository did.
    pub next: Option<&'a Tag>,
}

impl Snapshot {
    /// Takes the bytes of the file and the SHA-256 that is pinned for it.
    ///
    /// # Errors
    /// [`SnapshotError::Pin`], [`SnapshotError::Malformed`].
    pub fn open(bytes: &[u8], pin: &str) -> Result<Self, SnapshotError> {
        let found = sha256(bytes);
        match found.eq_ignore_ascii_case(pin) {
            true => Self::parse(bytes),
            false => Err(SnapshotError::Pin {
                expected: pin.to_owned(),
                found,
            }),
        }
    }

    /// Takes the bytes of a file that is known to be right.
    ///
    /// # Errors
    /// [`SnapshotError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let malformed = |reason: String| SnapshotError::Malformed { reason };
        let read: Self =
            serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
        read.coherent().map_err(malformed)?;
        Ok(read)
    }

    /// Whether it holds together, or what does not.
    fn coherent(&self) -> Result<(), String> {
        if self.schema != SCHEMA {
            return Err(format!("expected schema {SCHEMA}, found {:?}", self.schema));
        }
        if self.tags.is_empty() {
            return Err("it has no tags".to_owned());
        }
        for (older, newer) in self.tags.iter().zip(self.tags.iter().skip(1)) {
            if older.date >= newer.date || older.name == newer.name {
                return Err(format!("tag {} does not follow {}", newer.name, older.name));
            }
        }
        for (digest, text) in &self.keys {
            if sha256(text.as_bytes()) != *digest {
                return Err(format!("key {digest} has another digest"));
            }
        }
        let named: BTreeSet<&String> = self.digests().collect();
        let held: BTreeSet<&String> = self.keys.keys().collect();
        match named.symmetric_difference(&held).next() {
            Some(digest) => Err(format!(
                "key {digest} is held and not named, or named and not held"
            )),
            None => Ok(()),
        }
    }

    fn digests(&self) -> impl Iterator<Item = &String> {
        let families = self.tags.iter().flat_map(|tag| tag.families.values());
        families.flat_map(BTreeMap::values)
    }

    /// Returns the tags whose keys count for a run.
    ///
    /// # Errors
    /// [`SnapshotError::TooEarly`] for a run that is older than the first, unless `early` says otherwise.
    pub fn in_force(&self, resolved: UnixTime, early: Early) -> Result<InForce<'_>, SnapshotError> {
        let newer = self.tags.partition_point(|tag| tag.date <= resolved);
        let malformed = || SnapshotError::Malformed {
            reason: "it has no tags".to_owned(),
        };
        match (newer.checked_sub(1), early) {
            (Some(index), _) => Ok(InForce {
                tag: self.tags.get(index).ok_or_else(malformed)?,
                next: self.tags.get(newer),
            }),
            (None, Early::UseFirst) => Ok(InForce {
                tag: self.tags.first().ok_or_else(malformed)?,
                next: None,
            }),
            (None, Early::Refuse) => Err(SnapshotError::TooEarly {
                first: self.tags.first().ok_or_else(malformed)?.date,
                found: resolved,
            }),
        }
    }

    /// Takes the snapshot that was made before this one: every tag of it must still be there, unchanged, and every other
    /// tag must be newer than all of them.
    ///
    /// # Errors
    /// [`SnapshotError::Rollback`].
    pub fn follows(&self, previous: &Self) -> Result<(), SnapshotError> {
        for old in &previous.tags {
            let reason = match self.tags.iter().find(|tag| tag.name == old.name) {
                None => format!("no tag {}", old.name),
                Some(tag) if tag.object != old.object => format!(
                    "tag {} at object {}, no longer at {}",
                    old.name, tag.object, old.object
                ),
                Some(_) => continue,
            };
            return Err(SnapshotError::Rollback { reason });
        }
        let newest = previous.tags.iter().map(|tag| tag.date).max();
        let known = |tag: &Tag| previous.tags.iter().any(|old| old.name == tag.name);
        match self
            .tags
            .iter()
            .find(|tag| !known(tag) && Some(tag.date) <= newest)
        {
            Some(tag) => Err(SnapshotError::Rollback {
                reason: format!("tag {} between tags that were there before", tag.name),
            }),
            None => Ok(()),
        }
    }

    /// Returns the file's text: sorted, indented, with a line end.
    ///
    /// # Errors
    /// [`SnapshotError::Malformed`] if it does not hold together.
    pub fn render(&self) -> Result<String, SnapshotError> {
        let malformed = |reason: String| SnapshotError::Malformed { reason };
        self.coherent().map_err(malformed)?;
        let text = serde_json::to_string_pretty(self).map_err(|e| malformed(e.to_string()))?;
        Ok(text + "\n")
    }
}

/// Returns the SHA-256 in lower-case hexadecimal digits, as a pin is written.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(name: &str, date: u64) -> Tag {
        Tag {
            name: name.to_owned(),
            date: UnixTime::from_seconds(date),
            object: format!("object of {name}"),
            commit: "commit".to_owned(),
            signer: "signer".to_owned(),
            families: BTreeMap::new(),
        }
    }

    fn snapshot() -> Snapshot {
        Snapshot {
            schema: SCHEMA.to_owned(),
            git_keys: vec!["signer".to_owned()],
            tags: vec![tag("a", 100), tag("b", 200), tag("c", 300)],
            keys: BTreeMap::new(),
        }
    }

    fn names(resolved: u64) -> (String, Option<String>) {
        let snapshot = snapshot();
        let at = UnixTime::from_seconds(resolved);
        let found = snapshot.in_force(at, Early::Refuse).unwrap();
        (
            found.tag.name.clone(),
            found.next.map(|tag| tag.name.clone()),
        )
    }

    #[test]
    fn the_newest_tag_not_younger_than_the_run_is_in_force_with_the_one_after() {
        let pair = |tag: &str, next: Option<&str>| (tag.to_owned(), next.map(str::to_owned));
        assert_eq!(names(100), pair("a", Some("b")));
        assert_eq!(names(199), pair("a", Some("b")));
        assert_eq!(names(200), pair("b", Some("c")));
        assert_eq!(names(9999), pair("c", None));
    }

    #[test]
    fn a_run_before_the_first_tag_is_refused_unless_asked_for() {
        let snapshot = snapshot();
        let at = UnixTime::from_seconds(99);
        let refused = snapshot.in_force(at, Early::Refuse).unwrap_err();
        assert!(matches!(refused, SnapshotError::TooEarly { .. }));
        let found = snapshot.in_force(at, Early::UseFirst).unwrap();
        assert_eq!((found.tag.name.as_str(), found.next), ("a", None));
    }

    #[test]
    fn what_is_written_reads_back_and_the_pin_counts() {
        let text = snapshot().render().unwrap();
        let pin = sha256(text.as_bytes());
        assert_eq!(Snapshot::open(text.as_bytes(), &pin).unwrap(), snapshot());
        let changed = text.replace("\"c\"", "\"d\"");
        let refused = Snapshot::open(changed.as_bytes(), &pin).unwrap_err();
        assert!(matches!(refused, SnapshotError::Pin { .. }));
    }

    #[test]
    fn a_snapshot_that_does_not_hold_together_is_refused() {
        let broken: [fn(&mut Snapshot); 7] = [
            |it| it.schema = "catena-legacy-keys/2".to_owned(),
            |it| it.tags.clear(),
            |it| it.tags.swap(0, 1),
            |it| it.tags[1].date = it.tags[0].date,
            |it| it.tags[1].name = it.tags[0].name.clone(),
            |it| drop(it.keys.insert(sha256(b"key"), "key".to_owned())),
            |it| {
                let keys = BTreeMap::from([("k".to_owned(), sha256(b"key"))]);
                it.tags[0].families.insert(Family::DockerWorker, keys);
            },
        ];
        for break_it in broken {
            let mut snapshot = snapshot();
            break_it(&mut snapshot);
            assert!(snapshot.render().is_err(), "{snapshot:?}");
            let text = serde_json::to_vec(&snapshot).unwrap();
            assert!(Snapshot::parse(&text).is_err(), "{snapshot:?}");
        }
    }

    #[test]
    fn a_snapshot_that_takes_tags_back_is_a_rollback() {
        let old = snapshot();
        let mut new = snapshot();
        new.tags.push(tag("d", 400));
        new.follows(&old).unwrap();
        assert!(matches!(
            old.follows(&new),
            Err(SnapshotError::Rollback { .. })
        ));
        let mut between = new.clone();
        between.tags.insert(1, tag("new", 150));
        assert!(matches!(
            between.follows(&old),
            Err(SnapshotError::Rollback { .. })
        ));
        new.tags[1].object = "another".to_owned();
        assert!(matches!(
            new.follows(&old),
            Err(SnapshotError::Rollback { .. })
        ));
    }
}
