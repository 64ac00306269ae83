// SPDX-License-Identifier: MPL-2.0
//! What a signature on a document may look like: inspects packets, before any key is known (legacy.md §2.1, rule 3).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use openpgp::packet::Signature;
use openpgp::packet::signature::subpacket::{Subpacket, SubpacketTag};
use openpgp::parse::{Dearmor, PacketParserBuilder, PacketParserResult, Parse as _};
use openpgp::types::{HashAlgorithm, SignatureType};
use openpgp::{KeyHandle, Packet};
use sequoia_openpgp as openpgp;

use crate::clear::Digest;
use crate::refusal::Refusal;
use crate::time::UnixTime;

/// What is signed, which decides the type of signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Signed {
    /// A cleartext message: types 0x01 and 0x00.
    Cleartext,
    /// Bytes beside the signature, as in git: type 0x00.
    Detached,
}

/// A signature of the right form. Whether it fits anything is not known yet.
pub(crate) struct Inspected {
    /// The packet.
    pub(crate) signature: Signature,
    /// Its digest.
    pub(crate) digest: Digest,
    /// When it was made, says the signer.
    pub(crate) created: UnixTime,
    /// Who made it, says the signature; never empty.
    pub(crate) issuers: Vec<KeyHandle>,
}

/// Takes the bytes of a signature block, returns its signatures; each must have the right form.
pub(crate) fn inspect(packets: &[u8], signed: Signed) -> Result<Vec<Inspected>, Refusal> {
    let unread = |found: String| Refusal::Packets { found };
    let mut parser = PacketParserBuilder::from_bytes(packets)
        .map(|builder| builder.dearmor(Dearmor::Disabled))
        .and_then(PacketParserBuilder::build)
        .map_err(|error| unread(error.to_string()))?;
    let mut found = Vec::new();
    while let PacketParserResult::Some(at) = parser {
        // before the rest of it is read: what is compressed can be large
        if !matches!(at.packet, Packet::Signature(_)) {
            return Err(unread(at.packet.tag().to_string()));
        }
        if found.len() == MAX_SIGNATURES {
            return Err(unread(format!("more than {MAX_SIGNATURES}")));
        }
        let (packet, next) = at.next().map_err(|error| unread(error.to_string()))?;
        parser = next;
        let Packet::Signature(signature) = packet else {
            return Err(unread(packet.tag().to_string()));
        };
        found.push(one(signature, signed)?);
    }
    match found.is_empty() {
        true => Err(unread("none".to_owned())),
        false => Ok(found),
    }
}

fn one(signature: Signature, signed: Signed) -> Result<Inspected, Refusal> {
    if signature.version() != 4 {
        return Err(Refusal::SignatureVersion {
            found: signature.version(),
        });
    }
    let expected = match (signed, signature.typ()) {
        (Signed::Cleartext, SignatureType::Text | SignatureType::Binary)
        | (Signed::Detached, SignatureType::Binary) => None,
        (Signed::Cleartext, _) => Some("text"),
        (Signed::Detached, _) => Some("file"),
    };
    if let Some(expected) = expected {
        return Err(Refusal::SignatureType {
            expected,
            found: signature.typ().to_string(),
        });
    }
    let digest = digest(signature.hash_algo())?;
    subpackets(&signature)?;
    let areas = [signature.hashed_area(), signature.unhashed_area()];
    let named = areas.into_iter().flat_map(|area| area.iter());
    if named.filter(names_issuer).nth(MAX_ISSUERS).is_some() {
        return Err(Refusal::Packets {
            found: format!("a signature with more than {MAX_ISSUERS} issuers"),
        });
    }
    let issuers = signature.get_issuers();
    let created = signature.signature_creation_time();
    match (created, issuers.is_empty()) {
        (Some(created), false) => Ok(Inspected {
            digest,
            created: from_system(created),
            issuers,
            signature,
        }),
        (None, _) => Err(Refusal::Packets {
            found: "a signature without the time it was made".to_owned(),
        }),
        (_, true) => Err(Refusal::NoIssuer),
    }
}

/// Returns the digest if it counts, for documents, certifications and tags alike.
pub(crate) fn digest(algorithm: HashAlgorithm) -> Result<Digest, Refusal> {
    match algorithm {
        HashAlgorithm::SHA256 => Ok(Digest::Sha256),
        HashAlgorithm::SHA384 => Ok(Digest::Sha384),
        HashAlgorithm::SHA512 => Ok(Digest::Sha512),
        other => Err(Refusal::Digest {
            found: other.to_string(),
        }),
    }
}

fn subpackets(signature: &Signature) -> Result<(), Refusal> {
    let name = |packet: &Subpacket| packet.tag().to_string();
    let known = |packet: &&Subpacket| {
        matches!(
            packet.tag(),
            SubpacketTag::SignatureCreationTime
                | SubpacketTag::SignatureExpirationTime
                | SubpacketTag::Issuer
                | SubpacketTag::IssuerFingerprint
        )
    };
    let mut hashed = signature.hashed_area().iter();
    if let Some(packet) = hashed.find(|packet| packet.critical() && !known(packet)) {
        return Err(Refusal::Critical {
            found: name(packet),
        });
    }
    let issuer = |packet: &&Subpacket| names_issuer(packet) && !packet.critical();
    match signature
        .unhashed_area()
        .iter()
        .find(|packet| !issuer(packet))
    {
        Some(packet) => Err(Refusal::Unhashed {
            found: name(packet),
        }),
        None => Ok(()),
    }
}

fn names_issuer(packet: &&Subpacket) -> bool {
    matches!(
        packet.tag(),
        SubpacketTag::Issuer | SubpacketTag::IssuerFingerprint
    )
}

/// A time as the library has it; times before 1970 do not occur in OpenPGP.
pub(crate) fn from_system(time: SystemTime) -> UnixTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_seconds(since.as_secs())
}

/// A time for the library. OpenPGP ends in 2106, and so do the times that it is asked about.
pub(crate) fn to_system(time: UnixTime) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(time.seconds().min(u64::from(u32::MAX)))
}

/// Documents had one signature. More are allowed as long as nobody has to check many.
const MAX_SIGNATURES: usize = 8;
/// A key id and a fingerprint. Each is looked for among all keys, and reported.
const MAX_ISSUERS: usize = 2;
