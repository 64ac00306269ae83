// SPDX-License-Identifier: MPL-2.0
//! The forms of private keys at rest (generation.md §1.4), as they are written.
//!
//! PKCS#8 is written as version 1, without the public key: OpenSSL 3.0 does not read version 2.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{Signer as _, SigningKey};

/// How a key file holds a private key.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum KeyForm {
    /// Base64 of the seed and the public key, 64 bytes.
    DockerWorker,
    /// PKCS#8 in PEM, as OpenSSL reads and writes it.
    Pem,
    /// Base64 of the seed, 32 bytes; generic-worker reads this as well.
    #[default]
    Scriptworker,
}

impl KeyForm {
    /// All forms, in the order of their names.
    pub const ALL: [Self; 3] = [Self::DockerWorker, Self::Pem, Self::Scriptworker];

    /// Returns the name by which the command line knows the form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DockerWorker => "docker-worker",
            Self::Pem => "pem",
            Self::Scriptworker => "scriptworker",
        }
    }
}

impl fmt::Display for KeyForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyForm {
    type Err = UnknownForm;

    fn from_str(text: &str) -> Result<Self, UnknownForm> {
        let known = Self::ALL.into_iter().find(|form| form.as_str() == text);
        known.ok_or(UnknownForm)
    }
}

/// A text that names no form.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected docker-worker, pem or scriptworker")]
pub struct UnknownForm;

impl SigningKey {
    /// Returns the key as a key file holds it. Base64 has no final newline (generation.md §1.4), PEM has one.
    #[must_use]
    pub fn encode(&self, form: KeyForm) -> Zeroizing<String> {
        let seed = Zeroizing::new(self.key.to_bytes());
        match form {
            KeyForm::DockerWorker => base64(&[&seed[..], self.public_key().as_bytes()]),
            KeyForm::Pem => {
                let body = base64(&[&PKCS8_V1, &seed[..]]);
                // one allocation of the final size, so that growing leaves no copy behind
                let mut text = Zeroizing::new(String::with_capacity(256));
                for part in [HEAD, &body, TAIL] {
                    text.push_str(part);
                }
                text
            }
            KeyForm::Scriptworker => base64(&[&seed[..]]),
        }
    }
}

fn base64(parts: &[&[u8]]) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(
        parts.iter().map(|part| part.len()).sum(),
    ));
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    Zeroizing::new(STANDARD.encode(bytes.as_slice()))
}

const HEAD: &str = "-----BEGIN PRIVATE KEY-----\n";
const TAIL: &str = "\n-----END PRIVATE KEY-----\n";

/// RFC 8410 section 7, in DER: a sequence of version 0, the algorithm ed25519, and the seed as an octet string in one.
const PKCS8_V1: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g14_every_form_is_read_back() {
        let key = SigningKey::from_seed([7; 32]);
        for form in KeyForm::ALL {
            let text = key.encode(form);
            let (read, found) = SigningKey::parse_form(text.as_bytes()).unwrap();
            assert_eq!((read.public_key(), found), (key.public_key(), form));
            assert_eq!(form.as_str().parse(), Ok(form));
        }
        assert_eq!("der".parse::<KeyForm>(), Err(UnknownForm));
    }

    #[test]
    fn pem_is_the_example_of_rfc_8410() {
        let seed = [
            0xd4, 0xee, 0x72, 0xdb, 0xf9, 0x13, 0x58, 0x4a, 0xd5, 0xb6, 0xd8, 0xf1, 0xf7, 0x69,
            0xf8, 0xad, 0x3a, 0xfe, 0x7c, 0x28, 0xcb, 0xf1, 0xd4, 0xfb, 0xe0, 0x97, 0xa8, 0x8f,
            0x44, 0x75, 0x58, 0x42,
        ];
        assert_eq!(
            SigningKey::from_seed(seed).encode(KeyForm::Pem).as_str(),
            "-----BEGIN PRIVATE KEY-----\n\
             MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
             -----END PRIVATE KEY-----\n"
        );
    }
}
