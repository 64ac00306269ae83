// SPDX-License-Identifier: MPL-2.0
//! Verifies a document with the keys that a snapshot had in force for its run (legacy.md §3.3).

use crate::keys::{KeyFile, KeySet};
use crate::refusal::Refusal;
use crate::snapshot::{Early, Family, InForce, Snapshot, SnapshotError, Tag};
use crate::time::Moment;
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

/// Takes a `chainOfTrust.json.asc` of a family's worker, and the moment of its run.
///
/// # Errors
/// [`InForceError::Refused`], which tells keys of other families and of other times from keys that nobody knows;
/// [`InForceError::Snapshot`] if no tag is in force.
pub fn verify_in_force(
    text: &[u8],
    family: Family,
    snapshot: &Snapshot,
    moment: &Moment,
    early: Early,
) -> Result<UnderTag, InForceError> {
    let in_force = snapshot.in_force(moment.reference, early)?;
    let mut refused = None;
    for tag in [Some(in_force.tag), in_force.next].into_iter().flatten() {
        match verify(text, &keys(snapshot, tag, family)?, moment) {
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
        Refusal::UnknownSigner { found } => elsewhere(&found, family, snapshot, &in_force)?,
        other => other,
    }))
}

/// Returns the keys that a family had at a tag.
///
/// # Errors
/// [`Refusal::KeyFile`] for a file that is not one public key.
pub fn keys(snapshot: &Snapshot, tag: &Tag, family: Family) -> Result<KeySet, Refusal> {
    let files = tag.families.get(&family).into_iter().flatten();
    let files: Vec<KeyFile> = files
        .filter_map(|(path, digest)| {
            Some(KeyFile {
                path: path.clone(),
                bytes: snapshot.keys.get(digest)?.clone().into_bytes(),
            })
        })
        .collect();
    match family {
        Family::DockerWorker => KeySet::bare(&files),
        Family::GenericWorker => KeySet::flat(&files),
        Family::Scriptworker => {
            let under = |dir: &str| -> Vec<KeyFile> {
                let mine = files.iter().filter(|file| file.path.starts_with(dir));
                mine.cloned().collect()
            };
            KeySet::certified(
                &under("scriptworker/valid/"),
                &under("scriptworker/trusted/"),
            )
        }
    }
}

/// Says where a signer that is not in force is known, if it is anywhere.
fn elsewhere(
    found: &str,
    family: Family,
    snapshot: &Snapshot,
    in_force: &InForce<'_>,
) -> Result<Refusal, Refusal> {
    let handles: Vec<&str> = found.split(", ").collect();
    let known = |keys: &KeySet| handles.iter().any(|handle| keys.knows(handle));
    for other in Family::ALL.into_iter().filter(|other| *other != family) {
        for tag in [Some(in_force.tag), in_force.next].into_iter().flatten() {
            if known(&keys(snapshot, tag, other)?) {
                return Ok(Refusal::Family {
                    expected: family.to_string(),
                    key: found.to_owned(),
                    found: other.to_string(),
                });
            }
        }
    }
    for tag in &snapshot.tags {
        if known(&keys(snapshot, tag, family)?) {
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
