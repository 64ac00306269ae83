// SPDX-License-Identifier: MPL-2.0
//! Signs a document as workers of the GPG era did, for those that still read it (P40).
//!
//! # Security
//! The library's arithmetic is variable-time: who can time many signatures by the same key may learn it. This is for
//! `catena generate --gpg-key` alone, never for the worker.

use openpgp::Cert;
use openpgp::Packet;
use openpgp::crypto::KeyPair;
use openpgp::packet::signature::SignatureBuilder;
use openpgp::parse::Parse as _;
use openpgp::policy::StandardPolicy;
use openpgp::serialize::MarshalInto as _;
use openpgp::types::{HashAlgorithm, SignatureType};
use sequoia_openpgp as openpgp;

use crate::armour;
use crate::clear::{self, Digest};
use crate::keys::strong;
use crate::profile::to_system;
use crate::refusal::Refusal;
use crate::time::UnixTime;

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
    let signature = SignatureBuilder::new(SignatureType::Text)
        .set_hash_algo(HashAlgorithm::SHA512)
        .set_signature_creation_time(to_system(at))
        .and_then(|builder| builder.sign_message(&mut pair, &signed))
        .map_err(|error| failed(error.to_string()))?;
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
    Ok(text)
}

/// GnuPG cuts lines of a cleartext message at 20,000 bytes, line end included.
const MAX_LINE: usize = 19_990;
