// SPDX-License-Identifier: MPL-2.0
//! Verifies a document with the keys that a snapshot had in force for its run (legacy.md §3.3).
//!
//! One thing is not judged by the tags in force: a key that any tag revokes for compromise never counts (P27).

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use sequoia_openpgp::Fingerprint;

use crate::keys::{Held, KeySet, Model};
use crate::refusal::Refusal;
use crate::snapshot::{Early, Family, InForce, Snapshot, SnapshotError, Tag};
use crate::time::{Moment, UnixTime};
use crate::verify::{Verified, verify};

/// A document that is good, and the tag that made it so.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnderTag {
    /// What was signed, and by whom.
    pub verified: Verified,
    /// The tag in force.
    pub tag: String,
    /// The tag whose keys were used: the one in force, or the next.
    pub used: String,
}

/// Why a document does not count.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InForceError {
    /// The document or its key is refused: a verdict.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The snapshot cannot tell: configuration.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// A snapshot and what was read of it so far: each key file once, whatever the number of tags, tasks and families.
pub struct Keyring<'a> {
    snapshot: &'a Snapshot,
    files: RefCell<HashMap<String, Held>>,
    /// By the date of the tag, which no other has.
    sets: RefCell<HashMap<(UnixTime, Family), Rc<KeySet>>>,
    /// Of all tags and families.
    compromised: OnceCell<Rc<HashSet<Fingerprint>>>,
}

impl<'a> Keyring<'a> {
    /// Takes a snapshot. Nothing is read yet.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot) -> Self {
        Self {
            snapshot,
            files: RefCell::default(),
            sets: RefCell::default(),
            compromised: OnceCell::new(),
        }
    }

    /// Takes a `chainOfTrust.json.asc` of a family's worker, and the moment of its run.
    ///
    /// # Errors
    /// [`InForceError::Refused`], which tells keys of other families and of other times from keys that nobody knows;
    /// [`InForceError::Snapshot`] if no tag is in force.
    pub fn verify(
        &self,
        text: &[u8],
        family: Family,
        moment: &Moment,
        early: Early,
    ) -> Result<UnderTag, InForceError> {
        let in_force = self.snapshot.in_force(moment.reference, early)?;
        let mut refused = None;
        for tag in [Some(in_force.tag), in_force.next].into_iter().flatten() {
            match verify(text, &*self.keys(tag, family)?, moment) {
                Ok(verified) => {
                    return Ok(UnderTag {
                        verified,
                        tag: in_force.tag.name.clone(),
                        used: tag.name.clone(),
                    });
                }
                // the next tag may bring a key or a certification, but no better copy of a key that is refused
                Err(refusal @ (Refusal::UnknownSigner { .. } | Refusal::Uncertified { .. })) => {
                    refused = match refused {
                        Some(known @ Refusal::Uncertified { .. }) => Some(known),
                        _ => Some(refusal),
                    };
                }
                Err(refusal) => return Err(InForceError::Refused(refusal)),
            }
        }
        let refusal = refused.unwrap_or(Refusal::Unsigned);
        Err(InForceError::Refused(match refusal {
            Refusal::UnknownSigner { found } => self.elsewhere(&found, family, &in_force)?,
            other => other,
        }))
    }

    /// Returns the keys that a family had at a tag of the snapshot.
    ///
    /// # Errors
    /// [`Refusal::KeyFile`] for a file that is not one public key.
    pub fn keys(&self, tag: &Tag, family: Family) -> Result<Rc<KeySet>, Refusal> {
        let name = (tag.date, family);
        if let Some(known) = self.sets.borrow().get(&name) {
            return Ok(Rc::clone(known));
        }
        let set = Rc::new(self.read(tag, family)?);
        self.sets.borrow_mut().insert(name, Rc::clone(&set));
        Ok(set)
    }

    fn read(&self, tag: &Tag, family: Family) -> Result<KeySet, Refusal> {
        let (mut keys, mut trusted) = (Vec::new(), Vec::new());
        for (path, digest) in tag.families.get(&family).into_iter().flatten() {
            let list = match family {
                Family::Scriptworker if path.starts_with(TRUSTED) => &mut trusted,
                Family::Scriptworker if !path.starts_with(VALID) => continue,
                _ => &mut keys,
            };
            if let Some(held) = self.file(path, digest)? {
                list.push(held);
            }
        }
        let model = match family {
            Family::DockerWorker => Model::Bare,
            Family::GenericWorker => Model::Flat,
            Family::Scriptworker => Model::Certified,
        };
        let compromised = self.compromised()?;
        Ok(KeySet {
            compromised,
            ..KeySet::of(model, keys, trusted)?
        })
    }

    /// Returns the keys that any file of any tag and family says to be revoked for compromise, or without a reason: who
    /// had such a key could sign for any run, and the time of a run is a claim (P27).
    fn compromised(&self) -> Result<Rc<HashSet<Fingerprint>>, Refusal> {
        if let Some(known) = self.compromised.get() {
            return Ok(Rc::clone(known));
        }
        let mut seen = HashSet::new();
        let mut found = HashSet::new();
        let families = self
            .snapshot
            .tags
            .iter()
            .flat_map(|tag| tag.families.values());
        for (path, digest) in families.flatten() {
            if !seen.insert(digest) {
                continue;
            }
            if let Some(held) = self.file(path, digest)?.filter(Held::compromised) {
                found.extend(held.fingerprints());
            }
        }
        Ok(Rc::clone(self.compromised.get_or_init(|| Rc::new(found))))
    }

    fn file(&self, path: &str, digest: &str) -> Result<Option<Held>, Refusal> {
        if let Some(known) = self.files.borrow().get(digest) {
            return Ok(Some(known.at(path)));
        }
        let Some(text) = self.snapshot.keys.get(digest) else {
            return Ok(None);
        };
        let held = Held::read(path, text.as_bytes())?;
        let mut files = self.files.borrow_mut();
        files.insert(digest.to_owned(), held.clone());
        Ok(Some(held))
    }

    /// Says where a signer that is not in force is known, if it is anywhere.
    fn elsewhere(
        &self,
        found: &str,
        family: Family,
        in_force: &InForce<'_>,
    ) -> Result<Refusal, Refusal> {
        let handles: Vec<&str> = found.split(", ").collect();
        let known = |keys: &KeySet| handles.iter().any(|handle| keys.knows(handle));
        for other in Family::ALL.into_iter().filter(|other| *other != family) {
            for tag in [Some(in_force.tag), in_force.next].into_iter().flatten() {
                if known(&*self.keys(tag, other)?) {
                    return Ok(Refusal::Family {
                        expected: family.to_string(),
                        key: found.to_owned(),
                        found: other.to_string(),
                    });
                }
            }
        }
        for tag in &self.snapshot.tags {
            if known(&*self.keys(tag, family)?) {
                return Ok(Refusal::NotInForce {
                    tag: in_force.tag.name.clone(),
                    key: found.to_owned(),
                });
            }
        }
        Ok(Refusal::UnknownSigner {
            found: found.to_owned(),
        })
    }
}

/// scriptworker's own keys, and those of the people who certify them (legacy.md §3.1).
const VALID: &str = "scriptworker/valid/";
const TRUSTED: &str = "scriptworker/trusted/";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::snapshot::{SCHEMA, sha256};

    /// A chain has hundreds of tasks, and a snapshot dozens of tags with hundreds of keys each: all hold the same few.
    #[test]
    fn a_key_file_is_read_once_for_all_tags_and_texts() {
        let key = include_str!("../../../vectors/gpg-era/worker.pub").to_owned();
        let digest = sha256(key.as_bytes());
        let families = |path: &str| {
            let files = BTreeMap::from([(path.to_owned(), digest.clone())]);
            BTreeMap::from([
                (Family::DockerWorker, files.clone()),
                (Family::GenericWorker, files),
            ])
        };
        let tag = |date: u64, path: &str| Tag {
            name: format!("production-{date}"),
            date: UnixTime::from_seconds(date),
            object: String::new(),
            commit: String::new(),
            signer: String::new(),
            families: families(path),
        };
        let snapshot = Snapshot {
            schema: SCHEMA.to_owned(),
            git_keys: Vec::new(),
            tags: vec![tag(1, "a"), tag(2, "b")],
            keys: BTreeMap::from([(digest.clone(), key)]),
        };
        let keyring = Keyring::new(&snapshot);
        let cert = |tag: usize, family: Family| {
            let set = keyring.keys(&snapshot.tags[tag], family).unwrap();
            Arc::clone(&set.keys[0].cert)
        };
        let first = cert(0, Family::DockerWorker);
        for (tag, family) in [
            (0, Family::DockerWorker),
            (0, Family::GenericWorker),
            (1, Family::DockerWorker),
            (1, Family::GenericWorker),
        ] {
            assert!(Arc::ptr_eq(&first, &cert(tag, family)));
            let again = || keyring.keys(&snapshot.tags[tag], family).unwrap();
            assert!(Rc::ptr_eq(&again(), &again()));
        }
        // the file is another, the key is not
        let set = keyring
            .keys(&snapshot.tags[1], Family::DockerWorker)
            .unwrap();
        assert_eq!(set.keys[0].path, "b");
    }
}
