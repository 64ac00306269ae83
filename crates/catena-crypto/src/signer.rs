// SPDX-License-Identifier: MPL-2.0
//! Signing: who can sign, and the signer whose key lies in a file.
//!
//! Other signers hold their keys elsewhere: [`exec`] in whatever a command reaches, [`agent`] in an ssh-agent, `pkcs11` in a
//! hardware token. [`mod@reference`] reads the text by which a configuration names any of them.

pub mod agent;
pub mod exec;
pub mod form;
#[cfg(feature = "pkcs11")]
pub mod pkcs11;
pub mod reference;
pub mod token_uri;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use zeroize::Zeroizing;

use crate::ed25519::{PublicKey, Signature};
use form::KeyForm;

/// Something that holds a private key and signs with it: a file, a token, a service.
pub trait Signer {
    /// Returns the public half.
    fn public_key(&self) -> &PublicKey;

    /// Signs a message; returns the 64 bytes of a signature file (S21).
    ///
    /// # Errors
    /// [`SignError`] when the key cannot be used.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError>;

    /// Returns whether it signs at once, because the key is in this process: nobody is asked, and nothing is waited for.
    fn is_prompt(&self) -> bool {
        false
    }
}

/// Why there is no signature.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// What came back is no signature of the key over the message; it is not passed on.
    #[error("expected a signature by key {key}, found {found}")]
    Forged {
        /// The id of the key that was to sign.
        key: crate::ed25519::KeyId,
        /// What came instead.
        found: String,
    },
    /// The device or service that holds the key did not sign.
    #[error("signing key is not available: {reason}")]
    Unavailable {
        /// What it said.
        reason: String,
    },
}

/// Returns a signature that came from outside, if it is one by this key over this message.
pub(crate) fn verified(
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<[u8; 64], SignError> {
    let forged = |found: String| SignError::Forged {
        key: key.id(),
        found,
    };
    let signature = Signature::try_from(signature)
        .map_err(|_| forged(format!("{} bytes instead of 64", signature.len())))?;
    key.verify(message, &signature)
        .map(|_proof| *signature.as_bytes())
        .map_err(|_| forged("one that does not verify".to_owned()))
}

/// Makes what another program wrote fit for an error: one line, no control characters, not long.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let words: Vec<&str> = text
        .split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect();
    let shown = words.join(" ");
    shown
        .chars()
        // marks that turn the direction of a line or have no width
        .filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'))
        .take(PRINTABLE)
        .collect()
}

/// Some lines of a terminal.
const PRINTABLE: usize = 500;

/// A private key in memory. It has no serialised form, its `Debug` shows the public half, and it is overwritten on drop.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    public: PublicKey,
}

impl SigningKey {
    /// Takes the 32-byte seed of RFC 8032.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        Self::of(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// Makes a new key from the randomness of the system.
    ///
    /// # Errors
    /// [`SignError::Unavailable`] when the system gives none.
    pub fn generate() -> Result<Self, SignError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|error| SignError::Unavailable {
            reason: format!("no randomness from the system: {error}"),
        })?;
        Ok(Self::of(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    fn of(key: ed25519_dalek::SigningKey) -> Self {
        Self {
            public: PublicKey::of(key.verifying_key()),
            key,
        }
    }

    /// Parses the content of a key file in any of the forms that workers use (generation.md §1.4): base64 of the
    /// seed, base64 of seed and public key (docker-worker), PKCS#8 in PEM. Whitespace around it does not count.
    ///
    /// # Errors
    /// What is wrong with the content; no error quotes any of it.
    pub fn parse(content: &[u8]) -> Result<Self, SecretError> {
        Self::parse_form(content).map(|(key, _)| key)
    }

    /// As [`parse`](Self::parse), and tells the form.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_form(content: &[u8]) -> Result<(Self, KeyForm), SecretError> {
        let content = content.trim_ascii();
        if content.starts_with(b"-----BEGIN ") {
            return Self::parse_pem(content).map(|key| (key, KeyForm::Pem));
        }
        // capacity for the whole buffer, so that growing leaves no copy behind
        let mut bytes = Zeroizing::new(Vec::with_capacity(content.len()));
        STANDARD
            .decode_vec(content, &mut bytes)
            .map_err(|_| SecretError::Base64)?;
        if let Ok(seed) = <&[u8; 32]>::try_from(bytes.as_slice()) {
            let key = Self::of(ed25519_dalek::SigningKey::from_bytes(seed));
            Ok((key, KeyForm::Scriptworker))
        } else if let Ok(pair) = <&[u8; 64]>::try_from(bytes.as_slice()) {
            ed25519_dalek::SigningKey::from_keypair_bytes(pair)
                .map(|key| (Self::of(key), KeyForm::DockerWorker))
                .map_err(|_| SecretError::PublicHalf)
        } else {
            Err(SecretError::Length { found: bytes.len() })
        }
    }

    fn parse_pem(content: &[u8]) -> Result<Self, SecretError> {
        let text = std::str::from_utf8(content).map_err(|_| SecretError::Pem)?;
        ed25519_dalek::SigningKey::from_pkcs8_pem(text)
            .map(Self::of)
            .map_err(|_| SecretError::Pem)
    }
}

impl Signer for SigningKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(self.key.sign(message).to_bytes())
    }

    fn is_prompt(&self) -> bool {
        true
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// Why a text is no private key. Never quotes the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Neither canonical base64 nor PEM.
    #[error("expected a private key in canonical, padded standard base64, or in PEM")]
    Base64,
    /// Neither a seed nor a key pair.
    #[error("expected a seed of 32 bytes or a key pair of 64, found {found} bytes")]
    Length {
        /// The number of bytes.
        found: usize,
    },
    /// Not an unencrypted ed25519 key in PKCS#8.
    #[error("expected an unencrypted ed25519 key in PKCS#8 PEM")]
    Pem,
    /// The public half of a key pair is not that of its private half.
    #[error("public half of the key pair does not belong to its private half")]
    PublicHalf,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032 section 7.1 TEST 1.
    const SEED: [u8; 32] = [
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c,
        0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae,
        0x7f, 0x60,
    ];
    const PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    const SIGNATURE: &str = "5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc+bRr0lv18Flbvi\
                             RlUUFDjnoQCw==";

    #[test]
    fn r05_rfc_8032_signature() {
        let key = SigningKey::from_seed(SEED);
        assert_eq!(key.public_key().to_base64(), PUBLIC);
        let signature = key.sign(b"").unwrap();
        assert_eq!(STANDARD.encode(signature), SIGNATURE);
        let proof = key.public_key().verify(b"", &signature.into()).unwrap();
        assert_eq!(proof.key_id(), key.public_key().id());
    }

    #[test]
    fn g14_key_files_of_all_workers_are_read() {
        let seed = STANDARD.encode(SEED);
        let pair =
            STANDARD.encode([&SEED[..], SigningKey::from_seed(SEED).public.as_bytes()].concat());
        let der = [
            b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20",
            &SEED[..],
        ];
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der.concat())
        );
        for content in [
            seed.clone(),
            format!("{seed}\n"),
            format!("\n {seed}\r\n"),
            pair.clone(),
            format!("{pair}\n"),
            pem,
        ] {
            let key = SigningKey::parse(content.as_bytes()).unwrap();
            assert_eq!(key.public_key().to_base64(), PUBLIC, "{content}");
        }
    }

    #[test]
    fn g14_the_public_half_must_match() {
        let other = SigningKey::from_seed([1; 32]);
        let pair = STANDARD.encode([&SEED[..], other.public.as_bytes()].concat());
        let error = SigningKey::parse(pair.as_bytes()).unwrap_err();
        assert_eq!(error, SecretError::PublicHalf);
    }

    #[test]
    fn generated_keys_differ() {
        let [one, other] = [(); 2].map(|()| SigningKey::generate().unwrap());
        assert_ne!(one.public_key(), other.public_key());
    }

    #[test]
    fn signatures_from_outside_are_verified() {
        let key = SigningKey::from_seed(SEED);
        let good = key.sign(b"message").unwrap();
        assert_eq!(verified(key.public_key(), b"message", &good), Ok(good));
        let other = SigningKey::from_seed([1; 32]).sign(b"message").unwrap();
        for (bad, found) in [
            (&other[..], "one that does not verify"),
            (&good[..63], "63 bytes instead of 64"),
            (b"", "0 bytes instead of 64"),
        ] {
            let error = verified(key.public_key(), b"message", bad).unwrap_err();
            assert!(error.to_string().ends_with(found), "{error}");
        }
    }

    #[test]
    fn what_others_wrote_is_one_short_clean_line() {
        let shown = printable(b"no \x1b[31mkey\n\r\n\xff here\xe2\x80\xae\0");
        assert_eq!(shown, "no [31mkey \u{fffd} here");
        assert_eq!(printable(&[b'x'; 10_000]).len(), PRINTABLE);
    }

    #[test]
    fn g14_anything_else_is_refused() {
        let parse = |content: &str| SigningKey::parse(content.as_bytes()).unwrap_err();
        for found in [0, 31, 33, 63, 65] {
            let wrong = SecretError::Length { found };
            assert_eq!(parse(&STANDARD.encode(vec![1; found])), wrong);
        }
        let seed = STANDARD.encode(SEED);
        assert_eq!(parse(seed.trim_end_matches('=')), SecretError::Base64);
        assert_eq!(parse(&format!("{seed} # key")), SecretError::Base64);
        assert_eq!(SigningKey::parse(b"\xff").unwrap_err(), SecretError::Base64);
        assert_eq!(parse("-----BEGIN PRIVATE KEY-----"), SecretError::Pem);
    }

    #[test]
    fn debug_and_errors_show_no_secret() {
        let key = SigningKey::from_seed(SEED);
        let shown = format!("{key:?} {key:#?}");
        assert!(shown.contains(PUBLIC));
        let seed = STANDARD.encode(SEED);
        for secret in [seed.as_str(), "9d61b19d", "157, 97", "[9d, 61"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        let error = SigningKey::parse(format!("{seed}!").as_bytes()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(&seed[..8]));
    }

    #[test]
    fn keys_are_overwritten_on_drop() {
        fn overwritten<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        overwritten(&SigningKey::from_seed(SEED).key);
    }
}
