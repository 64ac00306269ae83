// SPDX-License-Identifier: MPL-2.0
//! Key files, and what makes a key of them acceptable (legacy.md §2.1 rule 3, §3).
//!
//! A key is judged at a time that the caller chose: alive, unrevoked and, where the library must judge
//! self-signatures, by the rules of that time.

use openpgp::cert::CertParser;
use openpgp::packet::Key;
use openpgp::packet::key::{PublicParts, UnspecifiedRole};
use openpgp::packet::signature::subpacket::SubpacketTag;
use openpgp::parse::Parse as _;
use openpgp::policy::StandardPolicy;
use openpgp::types::{PublicKeyAlgorithm, SignatureType};
use openpgp::{Cert, KeyHandle, Packet};
use sequoia_openpgp as openpgp;

use crate::profile::to_system;
use crate::refusal::Refusal;
use crate::time::UnixTime;

/// How keys of a kind of worker become trusted (legacy.md §3.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Model {
    /// docker-worker: the file in the signed tag is the whole trust. Its key packet counts, with no self-signature:
    /// most of them have only SHA1 ones, and no expiry.
    Bare,
    /// scriptworker: a trusted key certified the worker's key.
    Certified,
    /// generic-worker, and the people who sign tags: the file is the trust, and the key must be valid by itself.
    Flat,
}

/// A key file as it was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyFile {
    /// Where; for messages.
    pub path: String,
    /// What is in it: one public key, armoured or not.
    pub bytes: Vec<u8>,
}

/// The keys that may have signed, read but not judged: that happens at a time.
pub struct KeySet {
    pub(crate) model: Model,
    pub(crate) keys: Vec<Held>,
    pub(crate) trusted: Vec<Held>,
}

/// A key and its file.
pub(crate) struct Held {
    pub(crate) path: String,
    pub(crate) cert: Cert,
}

impl KeySet {
    /// Takes key files of docker-worker.
    ///
    /// # Errors
    /// [`Refusal::KeyFile`] for a file that is not one public key.
    pub fn bare(files: &[KeyFile]) -> Result<Self, Refusal> {
        Self::new(Model::Bare, files, &[])
    }

    /// Takes key files that need no certification.
    ///
    /// # Errors
    /// As [`KeySet::bare`].
    pub fn flat(files: &[KeyFile]) -> Result<Self, Refusal> {
        Self::new(Model::Flat, files, &[])
    }

    /// Takes key files of workers, and of those who may certify them. Trusted keys sign no documents.
    ///
    /// # Errors
    /// As [`KeySet::bare`].
    pub fn certified(workers: &[KeyFile], trusted: &[KeyFile]) -> Result<Self, Refusal> {
        Self::new(Model::Certified, workers, trusted)
    }

    fn new(model: Model, keys: &[KeyFile], trusted: &[KeyFile]) -> Result<Self, Refusal> {
        let read = |files: &[KeyFile]| -> Result<Vec<Held>, Refusal> {
            let mut all: Vec<Held> = Vec::new();
            for file in files {
                let held = Held::read(file)?;
                let same = |other: &Held| other.cert.fingerprint() == held.cert.fingerprint();
                match all.iter().position(same) {
                    // what any copy says counts: a revocation, a shorter life
                    Some(at) => {
                        let known = all.swap_remove(at);
                        all.push(known.merged(held)?);
                    }
                    None => all.push(held),
                }
            }
            Ok(all)
        };
        Ok(Self {
            model,
            keys: read(keys)?,
            trusted: read(trusted)?,
        })
    }

    /// Whether a key or subkey of the set has this fingerprint or key id.
    #[must_use]
    pub fn knows(&self, handle: &str) -> bool {
        let Ok(handle) = handle.parse::<KeyHandle>() else {
            return false;
        };
        self.keys.iter().any(|held| held.has(&handle))
    }

    /// The fingerprints of the keys, subkeys aside.
    #[must_use]
    pub fn fingerprints(&self) -> Vec<String> {
        let hex = |held: &Held| held.cert.fingerprint().to_hex();
        self.keys.iter().map(hex).collect()
    }
}

impl Held {
    fn read(file: &KeyFile) -> Result<Self, Refusal> {
        let refuse = |found: String| Refusal::KeyFile {
            path: file.path.clone(),
            found,
        };
        let mut certs = CertParser::from_bytes(&file.bytes).map_err(|e| refuse(e.to_string()))?;
        let cert = certs
            .next()
            .ok_or_else(|| refuse("none".to_owned()))?
            .map_err(|e| refuse(e.to_string()))?;
        if certs.next().is_some() {
            return Err(refuse("more behind it".to_owned()));
        }
        if cert.is_tsk() {
            return Err(refuse("a private one".to_owned()));
        }
        Ok(Self {
            path: file.path.clone(),
            cert,
        })
    }

    /// Puts two copies of a key together.
    fn merged(self, other: Self) -> Result<Self, Refusal> {
        let cert = self.cert.merge_public(other.cert);
        let cert = cert.map_err(|error| Refusal::KeyFile {
            path: other.path,
            found: error.to_string(),
        })?;
        Ok(Self {
            path: self.path,
            cert,
        })
    }

    /// Whether the key or one of its subkeys goes by this name.
    pub(crate) fn has(&self, handle: &KeyHandle) -> bool {
        let mut keys = self.cert.keys();
        keys.any(|key| key.key().key_handle().aliases(handle))
    }

    pub(crate) fn fingerprint(&self) -> String {
        self.cert.fingerprint().to_hex()
    }

    /// The primary key packet, with no regard to signatures on it.
    pub(crate) fn primary(&self) -> &Key<PublicParts, UnspecifiedRole> {
        self.cert.primary_key().key().role_as_unspecified()
    }

    /// Refuses a key that carries a revocation of any kind, as the tools of that time did (legacy.md §3.1): of the
    /// key, of a subkey, of a name, of a certification, or the naming of someone who may revoke.
    pub(crate) fn unrevoked(&self) -> Result<(), Refusal> {
        let revokes = |packet: Packet| {
            let Packet::Signature(signature) = packet else {
                return false;
            };
            matches!(
                signature.typ(),
                SignatureType::KeyRevocation
                    | SignatureType::SubkeyRevocation
                    | SignatureType::CertificationRevocation
            ) || signature.subpacket(SubpacketTag::RevocationKey).is_some()
        };
        match self.cert.clone().into_packets().any(revokes) {
            true => Err(Refusal::KeyRevoked {
                key: self.fingerprint(),
            }),
            false => Ok(()),
        }
    }

    /// Returns the key by that name if it may sign: the whole was valid and alive at `at`, and so was this part of it,
    /// which for a subkey needs a good binding and a good back-signature.
    pub(crate) fn signing(
        &self,
        handle: &KeyHandle,
        at: UnixTime,
    ) -> Result<&Key<PublicParts, UnspecifiedRole>, Refusal> {
        let policy = StandardPolicy::at(to_system(at));
        let invalid = |reason: String| Refusal::KeyInvalid {
            key: self.fingerprint(),
            at,
            reason,
        };
        let dead = || Refusal::KeyNotAlive {
            key: self.fingerprint(),
            at,
        };
        if self.primary().creation_time() > to_system(at) {
            return Err(dead());
        }
        let valid = self
            .cert
            .with_policy(&policy, to_system(at))
            .map_err(|error| invalid(error.to_string()))?;
        valid.alive().map_err(|_| dead())?;
        let key = valid
            .keys()
            .find(|key| key.key().key_handle().aliases(handle))
            .ok_or_else(|| invalid(format!("its part {handle} is not bound to it")))?;
        key.alive().map_err(|_| dead())?;
        if !key.for_signing() {
            return Err(invalid(format!("its part {handle} is not for signing")));
        }
        self.cert
            .keys()
            .map(|part| part.key())
            .find(|part| part.fingerprint() == key.key().fingerprint())
            .ok_or_else(|| invalid(format!("its part {handle} is gone")))
    }
}

/// Refuses keys of another version than 4, other than RSA, or short (legacy.md §2.1 rule 3).
pub(crate) fn strong(key: &Key<PublicParts, UnspecifiedRole>) -> Result<(), Refusal> {
    let name = key.fingerprint().to_hex();
    #[expect(
        deprecated,
        reason = "keys of that time may carry the old number of the same algorithm"
    )]
    let rsa = matches!(
        key.pk_algo(),
        PublicKeyAlgorithm::RSAEncryptSign | PublicKeyAlgorithm::RSASign
    );
    if !rsa || key.version() != 4 {
        return Err(Refusal::KeyAlgorithm {
            key: name,
            found: format!("{} in version {}", key.pk_algo(), key.version()),
        });
    }
    match key.mpis().bits() {
        Some(bits) if bits >= MIN_BITS => Ok(()),
        bits => Err(Refusal::KeyShort {
            key: name,
            found: bits.unwrap_or(0),
        }),
    }
}

/// The shortest RSA key that counts (legacy.md §2.1 rule 3).
const MIN_BITS: usize = 2048;
