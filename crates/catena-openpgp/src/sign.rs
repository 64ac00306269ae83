// SPDX-License-Identifier: MPL-2.0
//! Signs a document as workers of the GPG era did, for those that still read it (P40).
//!
//! # Security
//! The library's arithmetic is variable-time: who can time many signatures by the same key may learn it. This is for
//! `catena generate --gpg-key` alone, never for the worker.

use std::sync::Arc;

use openpgp::crypto::hash::Hash as _;
use openpgp::crypto::{KeyPair, Signer as _, mpi};
use openpgp::packet::Signature;
use openpgp::packet::signature::Signature4;
use openpgp::packet::signature::subpacket::{Subpacket, SubpacketArea, SubpacketValue};
use openpgp::parse::Parse as _;
use openpgp::policy::StandardPolicy;
use openpgp::serialize::MarshalInto as _;
use openpgp::types::{HashAlgorithm, SignatureType};
use openpgp::{Cert, Packet};
use sequoia_openpgp as openpgp;

use crate::armour;
use crate::clear::{self, Digest};
use crate::keys::{Held, KeySet, Model, strong};
use crate::profile::to_system;
use crate::refusal::Refusal;
use crate::time::{Moment, UnixTime};
use crate::verify::verify;

/// A private key that can sign. It has no `Debug`; the library erases its memory.
pub struct SigningKey {
    cert: Cert,
}

/// Why nothing was signed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The file is no private key, or not exactly one.
    #[error("expected one OpenPGP private key without a passphrase: {reason}")]
    Key {
        /// What is wrong with it.
        reason: String,
    },
    /// The key would be refused by those who verify.
    #[error("the key is of no use for signing: {0}")]
    Weak(Refusal),
    /// A line that GnuPG cuts, so that its signature would not fit.
    #[error(
        "expected lines of at most {limit} bytes, found {found} in line {line}; indent the document"
    )]
    LongLine {
        /// The limit.
        limit: usize,
        /// The length.
        found: usize,
        /// The line, from 1.
        line: usize,
    },
    /// The library failed, or what it made does not verify.
    #[error("the signature could not be made: {reason}")]
    Library {
        /// What it said.
        reason: String,
    },
}

impl SigningKey {
    /// Takes the bytes of a key file as `gpg --export-secret-keys` writes it.
    ///
    /// # Errors
    /// [`SignError::Key`].
    pub fn read(bytes: &[u8]) -> Result<Self, SignError> {
        let refuse = |reason: String| SignError::Key { reason };
        let cert = Cert::from_bytes(bytes).map_err(|error| refuse(error.to_string()))?;
        match cert.is_tsk() {
            true => Ok(Self { cert }),
            false => Err(refuse("the file holds a public key".to_owned())),
        }
    }

    /// The fingerprint of the key.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.cert.fingerprint().to_hex()
    }

    /// Whether those who verify take the text: they judge the whole key, and any revocation on it.
    fn accepts(&self, text: &str, at: UnixTime) -> Result<(), SignError> {
        let held = Held {
            path: String::new(),
            cert: Arc::new(self.cert.clone().strip_secret_key_material()),
        };
        let keys = KeySet::of(Model::Flat, vec![held], Vec::new()).map_err(SignError::Weak)?;
        verify(text.as_bytes(), &keys, &Moment::of_run(at, at))
            .map(drop)
            .map_err(SignError::Weak)
    }

    /// The part that signs, at that time.
    fn pair(&self, at: UnixTime) -> Result<KeyPair, SignError> {
        let refuse = |reason: String| SignError::Key { reason };
        let policy = StandardPolicy::at(to_system(at));
        let part = self
            .cert
            .keys()
            .with_policy(&policy, to_system(at))
            .alive()
            .revoked(false)
            .for_signing()
            .unencrypted_secret()
            .next()
            .ok_or_else(|| {
                refuse(format!(
                    "{} has no part that can sign at {at}",
                    self.fingerprint()
                ))
            })?;
        let key = part.key().clone();
        strong(self.cert.primary_key().key().role_as_unspecified()).map_err(SignError::Weak)?;
        strong(key.parts_as_public().role_as_unspecified()).map_err(SignError::Weak)?;
        key.into_keypair()
            .map_err(|error| refuse(error.to_string()))
    }
}

/// Takes a document, a key and the time, returns the cleartext-signed message (SHA512).
///
/// # Errors
/// [`SignError`].
pub fn clearsign(document: &str, key: &SigningKey, at: UnixTime) -> Result<String, SignError> {
    let failed = |reason: String| SignError::Library { reason };
    let lines = clear::canonical(document);
    if let Some((index, line)) = lines
        .iter()
        .enumerate()
        .find(|(_, line)| line.len() > MAX_LINE)
    {
        return Err(SignError::LongLine {
            limit: MAX_LINE,
            found: line.len(),
            line: index.saturating_add(1),
        });
    }
    let mut pair = key.pair(at)?;
    let signed = lines.join("\r\n");
    let signature = signature(&mut pair, &signed, at).map_err(|error| failed(error.to_string()))?;
    // a fault while signing with RSA can give the key away
    signature
        .verify_message(pair.public(), &signed)
        .map_err(|error| failed(error.to_string()))?;
    let packet = Packet::from(signature)
        .to_vec()
        .map_err(|error| failed(error.to_string()))?;
    let mut text = format!("{}\nHash: {}\n\n", clear::BEGIN, Digest::Sha512.name());
    for line in lines {
        if line.starts_with('-') {
            text.push_str("- ");
        }
        text.push_str(line);
        text.push('\n');
    }
    text.push_str(&armour::encode(&packet));
    key.accepts(&text, at)?;
    Ok(text)
}

/// Makes the packet with what GnuPG of that time put into it. The library's own builder adds a random notation, which
/// GnuPG repeats to its callers byte for byte, and the Python tools of that time stop at that.
fn signature(pair: &mut KeyPair, signed: &str, at: UnixTime) -> openpgp::Result<Signature> {
    let created = SubpacketValue::SignatureCreationTime(to_system(at).try_into()?);
    let issuer = SubpacketValue::Issuer(pair.public().keyid());
    let fingerprint = SubpacketValue::IssuerFingerprint(pair.public().fingerprint());
    let area = |values: Vec<SubpacketValue>| {
        let packets = values.into_iter().map(|value| Subpacket::new(value, false));
        SubpacketArea::new(packets.collect::<openpgp::Result<Vec<_>>>()?)
    };
    let algorithm = pair.public().pk_algo();
    let hashed = area(vec![created, fingerprint])?;
    let unhashed = area(vec![issuer])?;
    let with = |prefix: [u8; 2], mpis: mpi::Signature| {
        let (hashed, unhashed) = (hashed.clone(), unhashed.clone());
        let digest = HashAlgorithm::SHA512;
        Signature4::new(
            SignatureType::Text,
            algorithm,
            digest,
            hashed,
            unhashed,
            prefix,
            mpis,
        )
    };
    // what is signed ends with the packet's own fields, which depend on neither the digest nor its signature
    let fields = with(
        [0; 2],
        mpi::Signature::RSA {
            s: mpi::MPI::new(&[]),
        },
    );
    let mut hash = HashAlgorithm::SHA512.context()?.for_signature(4);
    hash.update(signed.as_bytes());
    Signature::from(fields).hash(&mut hash)?;
    let digest = hash.into_digest()?;
    let mpis = pair.sign(HashAlgorithm::SHA512, &digest)?;
    let prefix = match digest.as_slice() {
        [first, second, ..] => [*first, *second],
        _ => [0; 2],
    };
    Ok(with(prefix, mpis).into())
}

/// GnuPG cuts lines of a cleartext message at 20,000 bytes, line end included.
const MAX_LINE: usize = 19_990;
