// SPDX-License-Identifier: MPL-2.0
//! Ed25519 verification (V33, S20, S21): the one place where a signature becomes a proof.
//!
//! Keys and signatures have one accepted spelling each, so that a key has one id and a signed message one signature:
//! canonical base64, canonical points, no key of small order, no `R` of small order, `S` below the group order.

use std::fmt;
use std::hash::{Hash, Hasher};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::VerifyingKey;
use serde::{Serialize, Serializer};

use crate::digest::{Algorithm, Digest};

/// A public key that is fit to verify with: a canonically encoded point that is not of small order (S20).
#[derive(Clone)]
pub struct PublicKey {
    key: VerifyingKey,
    id: KeyId,
}

impl PublicKey {
    /// Parses canonical standard base64 of the 32 bytes: padded, no whitespace, no stray bits (S20).
    ///
    /// # Errors
    /// What is wrong with the key; V35's lenient spellings are refused.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        let bytes = STANDARD.decode(text).map_err(|_| KeyError::Base64)?;
        let bytes = <[u8; 32]>::try_from(bytes.as_slice())
            .map_err(|_| KeyError::Length { found: bytes.len() })?;
        Self::from_bytes(bytes)
    }

    /// Takes the 32 raw bytes.
    ///
    /// # Errors
    /// What is wrong with the key.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::Point)?;
        // the library accepts encodings with y ≥ p: a second spelling, hence a second id, of the same key
        if VerifyingKey::from(key.to_edwards()).as_bytes() != &bytes {
            return Err(KeyError::Point);
        }
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        Ok(Self::of(key))
    }

    /// Takes a key that is known to be sound: the public half of a private key.
    pub(crate) fn of(key: VerifyingKey) -> Self {
        Self {
            id: KeyId::of(key.as_bytes()),
            key,
        }
    }

    /// Returns the raw bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Returns the key in standard base64.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.as_bytes())
    }

    /// Returns the key's id.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// Verifies a signature over exactly these bytes (V33, S20).
    ///
    /// # Errors
    /// [`SignatureError::Mismatch`] when this key did not sign the message, or not in the one canonical way.
    pub fn verify(
        &self,
        message: &[u8],
        signature: &Signature,
    ) -> Result<SignatureVerified, SignatureError> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        match self.key.verify_strict(message, &signature) {
            Ok(()) => Ok(SignatureVerified::assertion(self.id)),
            Err(_) => Err(SignatureError::Mismatch { key: self.id }),
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_base64())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl Eq for PublicKey {}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The id of a key: SHA-256 of its 32 raw bytes, in lower-case hex.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyId([u8; 32]);

impl KeyId {
    fn of(public_key: &[u8; 32]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(public_key).into())
    }

    /// Parses 64 lower-case hex digits.
    #[must_use]
    pub fn parse(hex: &str) -> Option<Self> {
        let digest = Digest::parse(Algorithm::Sha256, hex)?;
        digest.as_bytes().try_into().ok().map(Self)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A detached signature: exactly 64 raw bytes (S21). Whether it verifies is not known yet.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// Returns the raw bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl From<[u8; 64]> for Signature {
    fn from(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for Signature {
    type Error = SignatureError;

    /// Takes the content of a signature file (S21): no base64, no final newline.
    fn try_from(bytes: &[u8]) -> Result<Self, SignatureError> {
        let found = bytes.len();
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| SignatureError::Length { found })
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", STANDARD.encode(self.0))
    }
}

/// The proof that a signature was verified, and with which key.
///
/// Only [`PublicKey::verify`] makes one:
///
/// ```compile_fail,E0624
/// use catena_crypto::ed25519::{KeyId, SignatureVerified};
/// let id = KeyId::parse(&"00".repeat(32)).unwrap();
/// let forged = SignatureVerified::assertion(id);
/// ```
///
/// ```compile_fail,E0451
/// use catena_crypto::ed25519::{KeyId, SignatureVerified};
/// let id = KeyId::parse(&"00".repeat(32)).unwrap();
/// let forged = SignatureVerified { key: id };
/// ```
///
/// The same lines compile without the forgery:
///
/// ```
/// use catena_crypto::ed25519::{KeyId, SignatureVerified};
/// let id = KeyId::parse(&"00".repeat(32)).unwrap();
/// let genuine = |proof: &SignatureVerified| proof.key_id() == id;
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct SignatureVerified {
    key: KeyId,
}

impl SignatureVerified {
    /// Asserts that a signature by this key was verified just now.
    pub(crate) const fn assertion(key: KeyId) -> Self {
        Self { key }
    }

    /// Returns the id of the key that verified.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key
    }
}

/// Why a text or a run of bytes is no public key (S20).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not canonical base64.
    #[error("expected canonical, padded standard base64 without whitespace")]
    Base64,
    /// Not 32 bytes.
    #[error("expected 32 bytes, found {found}")]
    Length {
        /// The number of bytes.
        found: usize,
    },
    /// Not the canonical encoding of a point of the curve.
    #[error("expected the canonical encoding of a curve point")]
    Point,
    /// A point of small order, for which anyone can make signatures.
    #[error("expected a key of full order, found one of small order")]
    Weak,
}

/// Why a signature proves nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// Not 64 bytes (S21).
    #[error("expected a signature of 64 bytes, found {found}")]
    Length {
        /// The number of bytes.
        found: usize,
    },
    /// The key did not make this signature over this message.
    #[error("signature does not verify with key {key}")]
    Mismatch {
        /// The key that was tried.
        key: KeyId,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032 section 7.1: public key, message, signature of TEST 1, 2, 3 and SHA(abc).
    const RFC_8032: [(&str, &str, &str); 4] = [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
        (
            "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
        ),
    ];

    /// The group order ℓ, little endian.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];

    fn unhex(hex: &str) -> Vec<u8> {
        let digit = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(digit).collect()
    }

    fn vector(at: usize) -> (PublicKey, Vec<u8>, Signature) {
        let (key, message, signature) = RFC_8032[at];
        let key = PublicKey::from_base64(&STANDARD.encode(unhex(key))).unwrap();
        let signature = Signature::try_from(unhex(signature).as_slice()).unwrap();
        (key, unhex(message), signature)
    }

    #[test]
    fn v33_rfc_8032_vectors_verify() {
        for at in 0..RFC_8032.len() {
            let (key, message, signature) = vector(at);
            assert_eq!(key.verify(&message, &signature).unwrap().key_id(), key.id());
        }
    }

    #[test]
    fn v33_any_flipped_bit_fails() {
        let (key, message, signature) = vector(2);
        let failed = Err(SignatureError::Mismatch { key: key.id() });
        for bit in 0..512 {
            let mut bytes = *signature.as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.verify(&message, &bytes.into()), failed, "bit {bit}");
        }
        assert_eq!(key.verify(b"\xaf\x83", &signature), failed);
        assert_eq!(key.verify(b"\xaf\x82\n", &signature), failed);
        let (other, ..) = vector(1);
        assert!(other.verify(&message, &signature).is_err());
    }

    #[test]
    fn s20_s_plus_order_is_refused() {
        let (key, message, signature) = vector(2);
        let mut bytes = *signature.as_bytes();
        let mut carry = 0;
        for (byte, add) in bytes[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        assert!(key.verify(&message, &bytes.into()).is_err());
    }

    #[test]
    fn s20_small_order_keys_and_r_are_refused() {
        // the eight points of small order, canonically encoded
        for hex in [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        ] {
            let point = unhex(hex);
            let key = PublicKey::from_base64(&STANDARD.encode(&point));
            assert_eq!(key.unwrap_err(), KeyError::Weak, "{hex}");
            let (key, message, signature) = vector(0);
            let mut bytes = *signature.as_bytes();
            bytes[..32].copy_from_slice(&point);
            assert!(key.verify(&message, &bytes.into()).is_err(), "{hex}");
        }
    }

    #[test]
    fn s20_points_have_one_spelling() {
        // y = p + 3 instead of 3, a point of large order; and y = p + 1, the neutral element
        let mut bytes = [0xff; 32];
        bytes[31] = 0x7f;
        for (low, canonical) in [(0xf0, 3), (0xee, 1)] {
            bytes[0] = low;
            assert!(VerifyingKey::from_bytes(&bytes).is_ok(), "the library");
            assert_eq!(PublicKey::from_bytes(bytes).unwrap_err(), KeyError::Point);
            let mut plain = [0; 32];
            plain[0] = canonical;
            assert_ne!(PublicKey::from_bytes(plain).err(), Some(KeyError::Point));
        }
        // y = 2 is on no point
        let mut bytes = [0; 32];
        bytes[0] = 2;
        assert_eq!(PublicKey::from_bytes(bytes).unwrap_err(), KeyError::Point);
    }

    #[test]
    fn s20_keys_are_canonical_base64() {
        let good = vector(0).0.to_base64();
        assert_eq!(good, "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
        assert_eq!(PublicKey::from_base64(&good).unwrap(), vector(0).0);
        for bad in [
            good.replace('/', "_"),
            good.replace('=', ""),
            good.replace('=', "=="),
            good.replace("o=", "p="),
            format!("{good}\n"),
            format!(" {good}"),
            format!("{}\n{}", &good[..20], &good[20..]),
            format!("{good}AAAA"),
        ] {
            assert_eq!(
                PublicKey::from_base64(&bad),
                Err(KeyError::Base64),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn v35_wrong_lengths_are_errors_not_crashes() {
        for found in [0, 3, 31, 33, 64] {
            let text = STANDARD.encode(vec![7; found]);
            assert_eq!(
                PublicKey::from_base64(&text),
                Err(KeyError::Length { found })
            );
        }
    }

    #[test]
    fn s21_signatures_are_64_bytes() {
        for found in [0, 63, 65, 88, 128] {
            let wrong = Signature::try_from(vec![1; found].as_slice());
            assert_eq!(wrong, Err(SignatureError::Length { found }));
        }
        assert!(Signature::try_from([1; 64].as_slice()).is_ok());
    }

    #[test]
    fn key_ids_are_sha256_of_the_raw_key() {
        let id = vector(0).0.id();
        let digest = Digest::of(Algorithm::Sha256, vector(0).0.as_bytes());
        assert_eq!(id.to_string(), digest.hex());
        assert_eq!(KeyId::parse(&digest.hex()), Some(id));
        assert_eq!(KeyId::parse(&digest.hex().to_uppercase()), None);
        assert_eq!(KeyId::parse("21fe"), None);
    }
}
