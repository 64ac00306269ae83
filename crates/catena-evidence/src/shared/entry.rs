// SPDX-License-Identifier: MPL-2.0
//! Which answers tasks may share, under what name, and what is checked when one is read.

use std::time::{Duration, SystemTime};

use catena_core::request::Request;
use catena_crypto::digest::{Algorithm, Digest};
use serde::{Deserialize, Serialize};

use crate::spool::{Intake, IntakeError, Kept};

/// Names an answer: what is asked for, and where the connection goes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Key(String);

impl Key {
    /// Returns the name of an answer that may be shared, else `None`.
    ///
    /// Shared is what cannot change under its name, what everybody may read, and what each verification compares with a
    /// signed document anyway (ADR 14). Never a status, a branch, a listing, or what a VCS host says.
    pub(crate) fn of(request: &Request, target: &str) -> Option<Self> {
        let shared = match request {
            Request::Artifact { name, .. } => name.as_str().starts_with("public/"),
            Request::CotBody { .. }
            | Request::CotSignature { .. }
            | Request::Definition { .. }
            | Request::TaskGraph { .. } => true,
            _ => false,
        };
        let text = format!("{FORMAT}\n{request}\n{target}");
        shared.then(|| Self(Digest::of(Algorithm::Sha256, text.as_bytes()).hex()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is kept beside a body.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Entry {
    /// Its own name: what was put in another's place is none.
    key: String,
    sha256: String,
    pub(super) size: u64,
    /// Seconds since 1970.
    stored: u64,
}

impl Entry {
    /// Describes a body that arrived just now.
    pub(super) fn of(key: &Key, body: &Kept) -> Self {
        let (size, sha256) = body.measure();
        Self {
            key: key.0.clone(),
            sha256: sha256.hex(),
            size,
            stored: seconds(),
        }
    }

    /// Reads the entry of `key`; `None` if it is damaged, another's, or too old.
    pub(super) fn read(key: &Key, text: &[u8]) -> Option<Self> {
        let entry: Self = serde_json::from_slice(text).ok()?;
        let age = seconds().checked_sub(entry.stored)?;
        (entry.key == key.0 && age <= OLDEST.as_secs() && entry.digest().is_some()).then_some(entry)
    }

    pub(super) fn to_text(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Returns the name of the body; `None` if the digest is none.
    pub(super) fn digest(&self) -> Option<Digest> {
        Digest::parse(Algorithm::Sha256, &self.sha256)
    }
}

/// Takes in a body that was kept: the same way, and under the same caps, as one that arrives.
pub(super) struct Filling {
    intake: Intake,
    left: u64,
}

/// Why a body that was kept is not used.
#[derive(Debug)]
pub(super) enum Unfit {
    /// It is not what was kept.
    Damaged,
    /// There is no room for it here.
    Refused(IntakeError),
}

impl Filling {
    pub(super) const fn new(intake: Intake, entry: &Entry) -> Self {
        Self {
            intake,
            left: entry.size,
        }
    }

    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), Unfit> {
        let more = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(more).ok_or(Unfit::Damaged)?;
        self.intake.push(piece).map_err(Unfit::Refused)
    }

    /// Returns the body, if it is the very one that was kept.
    pub(super) fn finish(self, entry: &Entry) -> Result<Kept, Unfit> {
        let kept = self.intake.finish().map_err(Unfit::Refused)?;
        let (size, sha256) = kept.measure();
        if size == entry.size && Some(sha256) == entry.digest() {
            Ok(kept)
        } else {
            Err(Unfit::Damaged)
        }
    }
}

/// Seconds since 1970. Nothing that is verified depends on it.
fn seconds() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// Goes into every name: another layout has other names.
const FORMAT: &str = "catena-shared/1";
/// The tasks of a graph run within hours of each other. What is older is asked for again, so that a host that has withdrawn
/// something is heard.
const OLDEST: Duration = Duration::from_hours(24);
/// An entry holds two digests and two numbers.
pub(super) const LONGEST_ENTRY: u64 = 1 << 10;
