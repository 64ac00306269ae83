// SPDX-License-Identifier: MPL-2.0
//! SHA-256 and SHA-512, while streaming.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use sha2::Digest as _;

/// A hash algorithm that a chain of trust may use (V43).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// Returns the name that documents use: `sha256` or `sha512`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Returns the length of the digest in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no digest is empty")]
    pub const fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        match name {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ => Err(UnknownAlgorithm {
                name: name.chars().take(40).collect(),
            }),
        }
    }
}

/// A name that is no known algorithm.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected sha256 or sha512, found {name:?}")]
pub struct UnknownAlgorithm {
    /// The name, cut to 40 characters.
    pub name: String,
}

/// A digest and its algorithm.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digest {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

impl Digest {
    /// Returns the digest of `data`.
    #[must_use]
    pub fn of(algorithm: Algorithm, data: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(data);
        hasher.finish()
    }

    /// Parses lower-case hex of the right length (S9).
    #[must_use]
    pub fn parse(algorithm: Algorithm, hex: &str) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
        if !rest.is_empty() || pairs.len() != algorithm.len() {
            return None;
        }
        let bytes = pairs
            .iter()
            .map(|&[a, b]| Some(digit(a)? << 4 | digit(b)?))
            .collect::<Option<_>>()?;
        Some(Self { algorithm, bytes })
    }

    /// Returns the algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the raw bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the digest in lower-case hex.
    #[must_use]
    pub fn hex(&self) -> String {
        const DIGITS: [char; 16] = [
            '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
        ];
        let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or('0');
        let mut text = String::with_capacity(self.bytes.len().saturating_mul(2));
        for byte in &self.bytes {
            text.push(digit(byte >> 4));
            text.push(digit(byte & 15));
        }
        text
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Hashes a stream.
#[derive(Clone, Debug)]
pub enum Hasher {
    /// SHA-256.
    Sha256(sha2::Sha256),
    /// SHA-512.
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// Returns a hasher at the start of a stream.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(sha2::Sha512::new()),
        }
    }

    /// Takes the next piece.
    pub fn update(&mut self, data: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(data),
            Self::Sha512(hasher) => hasher.update(data),
        }
    }

    /// Ends the stream.
    #[must_use]
    pub fn finish(self) -> Digest {
        match self {
            Self::Sha256(hasher) => Digest {
                algorithm: Algorithm::Sha256,
                bytes: hasher.finalize().to_vec(),
            },
            Self::Sha512(hasher) => Digest {
                algorithm: Algorithm::Sha512,
                bytes: hasher.finalize().to_vec(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const SHA512_ABC: &str = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                              2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
    const SHA256_EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn known_answers() {
        let sha256 = |data| Digest::of(Algorithm::Sha256, data).hex();
        assert_eq!(sha256(b""), SHA256_EMPTY);
        assert_eq!(sha256(b"abc"), SHA256_ABC);
        assert_eq!(Digest::of(Algorithm::Sha512, b"abc").hex(), SHA512_ABC);
        let shown = Digest::of(Algorithm::Sha256, b"abc").to_string();
        assert_eq!(shown, format!("sha256:{SHA256_ABC}"));
    }

    #[test]
    fn streaming_equals_one_shot() {
        let data: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let whole = Digest::of(algorithm, &data);
            for size in [1, 7, 63, 64, 65, 128, 999, 1000] {
                let mut hasher = Hasher::new(algorithm);
                data.chunks(size).for_each(|piece| hasher.update(piece));
                hasher.update(b"");
                assert_eq!(hasher.finish(), whole, "{algorithm} in pieces of {size}");
            }
        }
    }

    #[test]
    fn s9_digests_are_lower_case_hex_of_the_right_length() {
        let good = Digest::parse(Algorithm::Sha256, SHA256_ABC).unwrap();
        assert_eq!(good, Digest::of(Algorithm::Sha256, b"abc"));
        assert_eq!(good.as_bytes()[..2], [0xba, 0x78]);
        let non_ascii = format!("é{}", &SHA256_ABC[2..]);
        for bad in [
            "",
            &SHA256_ABC.to_uppercase(),
            &SHA256_ABC[1..],
            &SHA256_ABC[2..],
            &format!("{SHA256_ABC}0"),
            &format!("{SHA256_ABC}00"),
            &format!(" {SHA256_ABC}"),
            &format!("0x{}", &SHA256_ABC[2..]),
            &non_ascii,
            SHA512_ABC,
        ] {
            assert_eq!(Digest::parse(Algorithm::Sha256, bad), None, "{bad}");
        }
        assert!(Digest::parse(Algorithm::Sha512, SHA512_ABC).is_some());
        assert_eq!(Digest::parse(Algorithm::Sha512, SHA256_ABC), None);
    }

    #[test]
    fn v43_only_two_algorithms_are_known() {
        assert_eq!("sha512".parse(), Ok(Algorithm::Sha512));
        for bad in ["sha1", "SHA256", "md5", ""] {
            assert!(bad.parse::<Algorithm>().is_err(), "{bad}");
        }
    }
}
