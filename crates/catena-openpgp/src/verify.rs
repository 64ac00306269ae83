// SPDX-License-Identifier: MPL-2.0
//! The one place where a signature of the GPG era is found good.
//!
//! 1. [`clear::parse`] turns the message into one text, and that text is what is verified and what is returned.
//! 2. Every signature in the block must have the right form; those by unknown keys are then set aside.
//! 3. The signature must fit the text, and have been made inside the run.
//! 4. The key must be strong, unrevoked, and valid and alive both when it signed and at the reference time: the first
//!    alone would let a stolen, expired key sign with an old date.
//! 5. A worker's key that needs a certification must have one by a trusted key. Neither may be one that was revoked for
//!    compromise or without a reason later on: a recorded time revives no such key (P27).
//! 6. Exactly one signature must be good.

use openpgp::KeyHandle;
use openpgp::crypto::hash::Hash as _;
use openpgp::packet::Key;
use openpgp::packet::key::{PublicParts, UnspecifiedRole};
use sequoia_openpgp as openpgp;

use crate::clear::{self, Digest};
use crate::keys::{Held, KeySet, Model, strong};
use crate::profile::{self, Inspected, Signed, to_system};
use crate::refusal::Refusal;
use crate::time::{Moment, UnixTime};
use crate::{armour, certify};

/// What a good signature covers, and by whom it is. Only this module makes one.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Verified {
    /// The text that was signed, without blanks at line ends and without the last line end. Compare what it parses
    /// to, never its bytes. Empty for a detached signature: the caller has the bytes.
    pub payload: String,
    /// Who signed.
    pub by: Signer,
}

/// Who made a good signature.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Signer {
    /// The fingerprint of the key, or subkey, that signed.
    pub signer: String,
    /// The fingerprint of the key that it belongs to.
    pub key: String,
    /// The file of that key.
    pub path: String,
    /// When it was signed, says the signer; the moment bounds it.
    pub signed: UnixTime,
    /// The signature's digest.
    pub digest: Digest,
    /// The fingerprint of the trusted key that certified the worker's, where one has to.
    pub certifier: Option<String>,
}

/// Takes a whole `chainOfTrust.json.asc`, returns its text if exactly one acceptable key signed it.
///
/// # Errors
/// A [`Refusal`]; nothing of the text is to be relied on then.
pub fn verify(text: &[u8], keys: &KeySet, moment: &Moment) -> Result<Verified, Refusal> {
    let message = clear::parse(text)?;
    let signatures = profile::inspect(&message.packets, Signed::Cleartext)?;
    for signature in &signatures {
        if !message.digests.contains(&signature.digest) {
            return Err(Refusal::DigestUnnamed {
                found: signature.digest.name().to_owned(),
            });
        }
    }
    let by = one_good(&signatures, &message.signed, keys, moment)?;
    Ok(Verified {
        payload: message.payload,
        by,
    })
}

/// Takes bytes and the armoured signature beside them, as git keeps both in a tag; returns who signed.
///
/// # Errors
/// As [`verify`].
pub fn verify_detached(
    bytes: &[u8],
    armoured: &str,
    keys: &KeySet,
    moment: &Moment,
) -> Result<Signer, Refusal> {
    let inner = armoured
        .trim_end_matches('\n')
        .strip_prefix(armour::BEGIN)
        .and_then(|rest| rest.strip_prefix('\n')?.strip_suffix(armour::END))
        .and_then(|rest| rest.strip_suffix('\n'));
    let inner = inner.ok_or(Refusal::Armour {
        reason: "it has a first and a last line of its own",
    })?;
    let packets = armour::decode(inner.split('\n'))?;
    let signatures = profile::inspect(&packets, Signed::Detached)?;
    one_good(&signatures, bytes, keys, moment)
}

fn one_good(
    signatures: &[Inspected],
    signed: &[u8],
    keys: &KeySet,
    moment: &Moment,
) -> Result<Signer, Refusal> {
    let mut good = Vec::new();
    for signature in signatures {
        if let Some(signer) = by_known_key(signature, signed, keys, moment)? {
            good.push(signer);
        }
    }
    let found = good.len();
    match (good.pop(), found) {
        (Some(signer), 1) => Ok(signer),
        (Some(_), _) => Err(Refusal::SeveralSignatures { found }),
        (None, _) => Err(Refusal::UnknownSigner {
            found: issuers(signatures),
        }),
    }
}

/// Returns who signed, `None` if that is no key of the set. A bad signature by a key of the set is refused.
fn by_known_key(
    signature: &Inspected,
    signed: &[u8],
    keys: &KeySet,
    moment: &Moment,
) -> Result<Option<Signer>, Refusal> {
    let mut refused = None;
    for held in &keys.keys {
        for (handle, key) in parts(held, keys.model) {
            if !signature
                .issuers
                .iter()
                .all(|issuer| issuer.aliases(&handle))
            {
                continue;
            }
            match by(signature, signed, held, key, keys, moment) {
                Ok(signer) => return Ok(Some(signer)),
                Err(refusal) => refused = refused.or(Some(refusal)),
            }
        }
    }
    refused.map_or(Ok(None), Err)
}

/// The parts of a key that can sign; of a bare key the primary alone, for nothing vouches for the others.
fn parts(held: &Held, model: Model) -> Vec<(KeyHandle, &Key<PublicParts, UnspecifiedRole>)> {
    match model {
        Model::Bare => vec![(held.primary().key_handle(), held.primary())],
        Model::Certified | Model::Flat | Model::People => held
            .cert
            .keys()
            .map(|part| (part.key().key_handle(), part.key()))
            .collect(),
    }
}

fn by(
    signature: &Inspected,
    signed: &[u8],
    held: &Held,
    key: &Key<PublicParts, UnspecifiedRole>,
    keys: &KeySet,
    moment: &Moment,
) -> Result<Signer, Refusal> {
    strong(key)?;
    strong(held.primary())?;
    fits(signature, signed, key)?;
    inside(signature, moment)?;
    let handle = key.key_handle();
    keys.uncompromised(held)?;
    match keys.model {
        Model::People => held.unrevoked_part(&handle)?,
        Model::Bare | Model::Certified | Model::Flat => held.unrevoked()?,
    }
    let certifier = match keys.model {
        Model::Bare => {
            alive_without_signatures(key, signature.created)?;
            None
        }
        Model::Flat | Model::People => {
            held.signing(&handle, signature.created)?;
            held.signing(&handle, moment.reference)?;
            None
        }
        Model::Certified => {
            held.signing(&handle, signature.created)?;
            held.signing(&handle, moment.reference)?;
            Some(certify::certified_by(
                held,
                keys,
                signature.created.min(moment.reference),
                moment.reference,
            )?)
        }
    };
    Ok(Signer {
        signer: key.fingerprint().to_hex(),
        key: held.fingerprint(),
        path: held.path.clone(),
        signed: signature.created,
        digest: signature.digest,
        certifier,
    })
}

/// Whether the signature fits the text, the two bytes of the digest that it repeats included.
fn fits(
    signature: &Inspected,
    signed: &[u8],
    key: &Key<PublicParts, UnspecifiedRole>,
) -> Result<(), Refusal> {
    let packet = &signature.signature;
    let digest = || -> openpgp::Result<Vec<u8>> {
        let mut hash = packet
            .hash_algo()
            .context()?
            .for_signature(packet.version());
        hash.update(signed);
        packet.hash(&mut hash)?;
        hash.into_digest()
    };
    let wrong = || Refusal::Wrong {
        signer: key.fingerprint().to_hex(),
    };
    let digest = digest().map_err(|_| wrong())?;
    if !digest.starts_with(packet.digest_prefix()) {
        return Err(wrong());
    }
    packet.verify_digest(key, digest).map_err(|_| wrong())
}

fn inside(signature: &Inspected, moment: &Moment) -> Result<(), Refusal> {
    let Moment {
        reference,
        earliest,
        latest,
    } = *moment;
    if signature.created < earliest || signature.created > latest {
        return Err(Refusal::OutsideRun {
            earliest,
            latest,
            found: signature.created,
        });
    }
    let at = reference.max(signature.created);
    signature
        .signature
        .signature_alive(to_system(at), None)
        .map_err(|_| Refusal::SignatureExpired { at })
}

/// A bare key has no expiry, but no key signs before it exists.
fn alive_without_signatures(
    key: &Key<PublicParts, UnspecifiedRole>,
    at: UnixTime,
) -> Result<(), Refusal> {
    match key.creation_time() <= to_system(at) {
        true => Ok(()),
        false => Err(Refusal::KeyNotAlive {
            key: key.fingerprint().to_hex(),
            at,
        }),
    }
}

fn issuers(signatures: &[Inspected]) -> String {
    let names = signatures.iter().flat_map(|signature| &signature.issuers);
    names.map(KeyHandle::to_hex).collect::<Vec<_>>().join(", ")
}
