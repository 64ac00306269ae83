// SPDX-License-Identifier: MPL-2.0
//! Makes a snapshot from a clone of the key repository (legacy.md §3.1, §3.3).
//!
//! 1. Every tag `production-*` is read. Each must be annotated, be called inside what its reference is called, and
//!    be signed by a git-signing key that was given, alive at the tag's date. One that is not stops the build: a tag
//!    left out would put older keys back in force.
//! 2. From the tag to the keys, every object is checked against its id; the library does not do that on reading.
//! 3. Key files are those of [`Family`]'s directories, the ignored suffixes aside. Each must be one public key.
//! 4. Each tag must be on the commit of the tag before or on one that follows from it: the old tools remembered the last
//!    good revision and did not mind another. A name with a time must be of about the time that the tagger says.

mod objects;
mod signed;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use gix::ObjectId;

use self::objects::Objects;
use self::signed::SignedTag;
use crate::in_force::Keyring;
use crate::keys::KeySet;
use crate::refusal::Refusal;
use crate::snapshot::{Family, SCHEMA, Snapshot, SnapshotError, Tag, sha256};
use crate::time::UnixTime;

/// Why no snapshot was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TagsError {
    /// The clone cannot be read.
    #[error("{path}: expected a clone of the key repository: {reason}")]
    Clone {
        /// The clone.
        path: PathBuf,
        /// What the library said.
        reason: String,
    },
    /// There are no tags to read.
    #[error("expected tags called production-…, found none; fetch them with git fetch --tags")]
    NoTags,
    /// A tag that nobody signed.
    #[error("tag {tag}: expected an annotated, signed tag, found {found}")]
    Unsigned {
        /// The tag.
        tag: String,
        /// What was found.
        found: &'static str,
    },
    /// A tag whose signature does not count.
    #[error("tag {tag}: {refusal}")]
    Signature {
        /// The tag.
        tag: String,
        /// Why.
        refusal: Refusal,
    },
    /// A tag that goes by another name inside: an older one, renamed.
    #[error("tag {tag}: expected it to be signed under that name, found {found:?}")]
    Renamed {
        /// The name of the reference.
        tag: String,
        /// The name that was signed.
        found: String,
    },
    /// A tag whose name says another time than its tagger.
    #[error("tag {tag}: expected it to be made at about the time of its name, found {date}")]
    Misdated {
        /// The tag.
        tag: String,
        /// When it was made, says its signer.
        date: UnixTime,
    },
    /// A tag on a commit that does not follow from the tag before.
    #[error(
        "tag {tag}: expected a commit that follows from the tag before, found {commit}: rolled back"
    )]
    RolledBack {
        /// The tag.
        tag: String,
        /// Its commit.
        commit: String,
    },
    /// An object that is missing, broken, or not what it should be.
    #[error("object {id}: expected {expected}: {reason}")]
    Object {
        /// Its id.
        id: String,
        /// What it should be.
        expected: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A key file that is no key.
    #[error("tag {tag}: {refusal}")]
    Key {
        /// The tag.
        tag: String,
        /// Which file, and why.
        refusal: Refusal,
    },
    /// What was put together does not hold together.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

impl TagsError {
    /// Returns the stable code of the reason, as docs/legacy.md and vectors name it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Clone { .. } => "keys-clone",
            Self::NoTags => "keys-no-tags",
            Self::Unsigned { .. } => "keys-unsigned",
            Self::Signature { refusal, .. } | Self::Key { refusal, .. } => refusal.code(),
            Self::Renamed { .. } => "keys-renamed",
            Self::Misdated { .. } => "keys-misdated",
            Self::RolledBack { .. } => "keys-rolled-back",
            Self::Object { .. } => "keys-object",
            Self::Snapshot(error) => error.code(),
        }
    }
}

/// Takes the path of a clone and the git-signing keys, returns the snapshot.
///
/// # Errors
/// [`TagsError`]; nothing is left out silently.
pub fn build(clone: &Path, git_keys: &KeySet) -> Result<Snapshot, TagsError> {
    let objects = Objects::open(clone)?;
    let mut tags: Vec<SignedTag> = Vec::new();
    for (name, id) in objects.tags(PREFIX)? {
        tags.push(signed::read(&objects, &name, id, git_keys)?);
    }
    if tags.is_empty() {
        return Err(TagsError::NoTags);
    }
    tags.sort_by(|left, right| (left.date, &left.name).cmp(&(right.date, &right.name)));
    forward(&objects, &tags)?;
    let mut texts = Texts::default();
    let mut out = Vec::new();
    for tag in &tags {
        out.push(Tag {
            name: tag.name.clone(),
            date: tag.date,
            object: tag.object.to_string(),
            commit: tag.commit.to_string(),
            signer: tag.signer.clone(),
            families: families(&objects, tag.commit, &mut texts)?,
        });
    }
    let snapshot = Snapshot {
        schema: SCHEMA.to_owned(),
        git_keys: git_keys.fingerprints(),
        tags: out,
        keys: texts.by_digest,
    };
    readable(&snapshot)?;
    snapshot.render()?;
    Ok(snapshot)
}

/// Refuses a tag whose commit does not follow from that of the tag before: an older commit, one of another branch, or one
/// with no history. Keys that were removed would be back.
fn forward(objects: &Objects, tags: &[SignedTag]) -> Result<(), TagsError> {
    let mut seen: HashSet<ObjectId> = HashSet::new();
    let mut last: Option<ObjectId> = None;
    for tag in tags {
        let mut follows = last.is_none();
        let mut open = vec![tag.commit];
        while let Some(id) = open.pop() {
            follows |= Some(id) == last;
            if seen.insert(id) {
                open.extend(objects.commit(id)?.parents);
            }
        }
        if !follows {
            return Err(TagsError::RolledBack {
                tag: tag.name.clone(),
                commit: tag.commit.to_string(),
            });
        }
        last = Some(tag.commit);
    }
    Ok(())
}

/// The texts of key files, each read once.
#[derive(Default)]
struct Texts {
    by_object: HashMap<ObjectId, String>,
    by_digest: BTreeMap<String, String>,
}

fn families(
    objects: &Objects,
    commit: ObjectId,
    texts: &mut Texts,
) -> Result<BTreeMap<Family, BTreeMap<String, String>>, TagsError> {
    let tree = objects.commit(commit)?.tree;
    let mut out = BTreeMap::new();
    for family in Family::ALL {
        let mut keys = BTreeMap::new();
        for (path, id) in objects.files(tree, family.name())? {
            let ignored = family.ignored().iter().any(|suffix| path.ends_with(suffix));
            if ignored || !in_model(family, &path) {
                continue;
            }
            if !texts.by_object.contains_key(&id) {
                let text = objects.text(id)?;
                let digest = sha256(text.as_bytes());
                texts.by_digest.insert(digest.clone(), text);
                texts.by_object.insert(id, digest);
            }
            if let Some(digest) = texts.by_object.get(&id) {
                keys.insert(path, digest.clone());
            }
        }
        if !keys.is_empty() {
            out.insert(family, keys);
        }
    }
    Ok(out)
}

/// Of scriptworker's files, only two directories have a meaning.
fn in_model(family: Family, path: &str) -> bool {
    family != Family::Scriptworker
        || path.starts_with("scriptworker/valid/")
        || path.starts_with("scriptworker/trusted/")
}

/// Refuses key files that are no keys, now and not when a document needs them.
fn readable(snapshot: &Snapshot) -> Result<(), TagsError> {
    let keyring = Keyring::new(snapshot);
    for tag in &snapshot.tags {
        for family in tag.families.keys() {
            let read = keyring.keys(tag, *family);
            read.map_err(|refusal| TagsError::Key {
                tag: tag.name.clone(),
                refusal,
            })?;
        }
    }
    Ok(())
}

/// What tags of the key repository are called; others have no meaning.
const PREFIX: &str = "production-";
