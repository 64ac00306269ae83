// SPDX-License-Identifier: MPL-2.0
//! Key files, and what makes a key of them acceptable (legacy.md §2.1 rule 3, §3).
//!
//! A key is judged at a time that the caller chose: alive, unrevoked and, where the library must judge
//! self-signatures, by the rules of that time.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use openpgp::cert::CertParser;
use openpgp::packet::key::{PublicParts, UnspecifiedRole};
use openpgp::packet::signature::subpacket::SubpacketTag;
use openpgp::packet::{Key, Signature};
use openpgp::parse::{PacketParser, PacketParserResult, Parse as _};
use openpgp::policy::StandardPolicy;
use openpgp::types::{PublicKeyAlgorithm, ReasonForRevocation, RevocationType, SignatureType};
use openpgp::{Cert, Fingerprint, KeyHandle, Packet};
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
    /// generic-worker: the file is the trust, and the key must be valid by itself.
    Flat,
    /// The people who sign tags: as with [`Model::Flat`], but people give up subkeys and names and go on. A revocation
    /// counts if it is of the key, or of the part that signed.
    People,
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
    /// Keys that are revoked for good somewhere, whatever the copies of this set say of them.
    pub(crate) compromised: Rc<HashSet<Fingerprint>>,
}

/// A key and its file. Copies share the key, which is large.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) path: String,
    pub(crate) cert: Arc<Cert>,
}

impl KeySet {
    /// Takes key files of docker-worker.
    ///
    /// # Errors
    /// [`Refusal::KeyFile`] for a file that is not one public key.
    pub fn bare(files: &[KeyFile]) -> Result<Self, Refusal> {
        Self::of(Model::Bare, read(files)?, Vec::new())
    }

    /// Takes key files that need no certification.
    ///
    /// # Errors
    /// As [`KeySet::bare`].
    pub fn flat(files: &[KeyFile]) -> Result<Self, Refusal> {
        Self::of(Model::Flat, read(files)?, Vec::new())
    }

    /// Takes the key files of people who sign tags.
    ///
    /// # Errors
    /// As [`KeySet::bare`].
    pub fn people(files: &[KeyFile]) -> Result<Self, Refusal> {
        Self::of(Model::People, read(files)?, Vec::new())
    }

    /// Takes key files of workers, and of those who may certify them. Trusted keys sign no documents.
    ///
    /// # Errors
    /// As [`KeySet::bare`].
    pub fn certified(workers: &[KeyFile], trusted: &[KeyFile]) -> Result<Self, Refusal> {
        Self::of(Model::Certified, read(workers)?, read(trusted)?)
    }

    /// Takes keys that were read before, copies of a key among them.
    pub(crate) fn of(model: Model, keys: Vec<Held>, trusted: Vec<Held>) -> Result<Self, Refusal> {
        Ok(Self {
            model,
            keys: each_once(keys)?,
            trusted: each_once(trusted)?,
            compromised: Rc::default(),
        })
    }

    /// Refuses a key that was revoked for good at any time, or a part of which was (P27).
    pub(crate) fn uncompromised(&self, held: &Held) -> Result<(), Refusal> {
        match held
            .fingerprints()
            .any(|name| self.compromised.contains(&name))
        {
            true => Err(held.revoked()),
            false => Ok(()),
        }
    }

    /// Whether a key of the set has this fingerprint or key id, or a subkey where subkeys count.
    #[must_use]
    pub fn knows(&self, handle: &str) -> bool {
        let Ok(handle) = handle.parse::<KeyHandle>() else {
            return false;
        };
        let known = |held: &Held| match self.model {
            Model::Bare => held.primary().key_handle().aliases(&handle),
            Model::Certified | Model::Flat | Model::People => held.has(&handle),
        };
        self.keys.iter().any(known)
    }

    /// The fingerprints of the keys, subkeys aside.
    #[must_use]
    pub fn fingerprints(&self) -> Vec<String> {
        let hex = |held: &Held| held.cert.fingerprint().to_hex();
        self.keys.iter().map(hex).collect()
    }
}

fn read(files: &[KeyFile]) -> Result<Vec<Held>, Refusal> {
    let read = |file: &KeyFile| Held::read(&file.path, &file.bytes);
    files.iter().map(read).collect()
}

/// Whether every packet can be read: one that cannot may be a revocation. Says which cannot.
fn whole(bytes: &[u8]) -> Result<(), String> {
    let mut parser = PacketParser::from_bytes(bytes).map_err(|error| error.to_string())?;
    while let PacketParserResult::Some(at) = parser {
        if let Packet::Unknown(unknown) = &at.packet {
            return Err(format!("a packet that cannot be read: {}", unknown.tag()));
        }
        (_, parser) = at.next().map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Puts copies of a key together.
fn each_once(keys: Vec<Held>) -> Result<Vec<Held>, Refusal> {
    let mut places: HashMap<Fingerprint, usize> = HashMap::new();
    let mut all: Vec<Held> = Vec::new();
    for held in keys {
        let place = *places.entry(held.cert.fingerprint()).or_insert(all.len());
        match all.get_mut(place) {
            // what any copy says counts: a revocation, a shorter life
            Some(known) => known.merge(&held)?,
            None => all.push(held),
        }
    }
    Ok(all)
}

impl Held {
    /// Reads a key file.
    pub(crate) fn read(path: &str, bytes: &[u8]) -> Result<Self, Refusal> {
        let refuse = |found: String| Refusal::KeyFile {
            path: path.to_owned(),
            found,
        };
        whole(bytes).map_err(refuse)?;
        let mut certs = CertParser::from_bytes(bytes).map_err(|e| refuse(e.to_string()))?;
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
            path: path.to_owned(),
            cert: Arc::new(cert),
        })
    }

    /// The same key in a file elsewhere.
    pub(crate) fn at(&self, path: &str) -> Self {
        Self {
            path: path.to_owned(),
            cert: Arc::clone(&self.cert),
        }
    }

    /// Takes in another copy of the key.
    fn merge(&mut self, other: &Self) -> Result<(), Refusal> {
        if Arc::ptr_eq(&self.cert, &other.cert) {
            return Ok(());
        }
        let (mine, other_cert) = (Cert::clone(&self.cert), Cert::clone(&other.cert));
        let cert = mine
            .merge_public(other_cert)
            .map_err(|error| Refusal::KeyFile {
                path: other.path.clone(),
                found: error.to_string(),
            })?;
        self.cert = Arc::new(cert);
        Ok(())
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
            revocation(&signature) || signature.subpacket(SubpacketTag::RevocationKey).is_some()
        };
        match self.packets().any(revokes) {
            true => Err(self.revoked()),
            false => Ok(()),
        }
    }

    /// Whether the key carries a revocation that also counts for what was signed before it: of the key or of a subkey,
    /// for another reason than that something replaced it or is out of use (RFC 4880 §5.2.3.23). Whoever stole a key
    /// signs with any date; and who gives no reason may mean that. A name or a certification that was taken back says
    /// so only in words.
    pub(crate) fn compromised(&self) -> bool {
        let hard = |packet: Packet| {
            let Packet::Signature(signature) = packet else {
                return false;
            };
            let reason = signature.reason_for_revocation().map(|(code, _)| code);
            match signature.typ() {
                SignatureType::KeyRevocation | SignatureType::SubkeyRevocation => {
                    let kind = reason.map(|code| code.revocation_type());
                    kind.is_none_or(|kind| kind == RevocationType::Hard)
                }
                SignatureType::CertificationRevocation => {
                    reason == Some(ReasonForRevocation::KeyCompromised)
                }
                _ => false,
            }
        };
        self.packets().any(hard)
    }

    /// Everything in the file.
    fn packets(&self) -> impl Iterator<Item = Packet> {
        Cert::clone(&self.cert).into_packets()
    }

    /// The fingerprints of the key and its subkeys.
    pub(crate) fn fingerprints(&self) -> impl Iterator<Item = Fingerprint> {
        self.cert.keys().map(|part| part.key().fingerprint())
    }

    /// Refuses a key of a person that carries a revocation of the whole, or of the part by that name.
    pub(crate) fn unrevoked_part(&self, handle: &KeyHandle) -> Result<(), Refusal> {
        let whole = |packet: Packet| matches!(packet, Packet::Signature(signature) if signature.typ() == SignatureType::KeyRevocation);
        let part = self.cert.keys().any(|key| {
            let bundle = key.bundle();
            let mut revocations = bundle.self_revocations().chain(bundle.other_revocations());
            key.key().key_handle().aliases(handle) && revocations.next().is_some()
        });
        match part || self.packets().any(whole) {
            true => Err(self.revoked()),
            false => Ok(()),
        }
    }

    fn revoked(&self) -> Refusal {
        Refusal::KeyRevoked {
            key: self.fingerprint(),
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

fn revocation(signature: &Signature) -> bool {
    matches!(
        signature.typ(),
        SignatureType::KeyRevocation
            | SignatureType::SubkeyRevocation
            | SignatureType::CertificationRevocation
    )
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
