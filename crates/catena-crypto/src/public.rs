// SPDX-License-Identifier: MPL-2.0
//! The texts in which public keys are handed around: the base64 of `ed25519_public_keys`, PEM as OpenSSL writes it, a line of
//! OpenSSH. Each is read in its one canonical spelling (S20).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ed25519::{KeyError, PublicKey};

/// How a text holds a public key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PublicForm {
    /// Base64 of the 32 bytes.
    Base64,
    /// A line `ssh-ed25519 AAAA…`, with or without a comment.
    OpenSsh,
    /// `SubjectPublicKeyInfo` in PEM.
    Pem,
}

impl PublicForm {
    /// Returns the name of the form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::OpenSsh => "openssh",
            Self::Pem => "pem",
        }
    }
}

impl PublicKey {
    /// Parses a public key in any of the forms; whitespace around it does not count.
    ///
    /// # Errors
    /// What is wrong with the key; no error quotes the text, which may be a private key by mistake.
    pub fn parse(text: &[u8]) -> Result<(Self, PublicForm), KeyError> {
        let text = std::str::from_utf8(text.trim_ascii()).map_err(|_| KeyError::Base64)?;
        if let Some(line) = text.strip_prefix(OPENSSH) {
            let body = line.split(' ').next().unwrap_or_default();
            return Ok((Self::after(&OPENSSH_PREFIX, body)?, PublicForm::OpenSsh));
        }
        if let Some(rest) = text.strip_prefix(PEM_HEAD) {
            let body = rest.strip_suffix(PEM_TAIL).ok_or(KeyError::Base64)?;
            let key = Self::after(&SPKI, body.trim_ascii())?;
            return Ok((key, PublicForm::Pem));
        }
        Ok((Self::from_base64(text)?, PublicForm::Base64))
    }

    /// Returns the key in PEM, as OpenSSL reads it.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let body = STANDARD.encode([&SPKI[..], self.as_bytes()].concat());
        format!("{PEM_HEAD}\n{body}\n{PEM_TAIL}\n")
    }

    /// Takes the 32 bytes that follow a fixed prefix.
    fn after(prefix: &[u8], base64: &str) -> Result<Self, KeyError> {
        let bytes = STANDARD.decode(base64).map_err(|_| KeyError::Base64)?;
        let key = bytes.strip_prefix(prefix).ok_or(KeyError::Base64)?;
        let key = <[u8; 32]>::try_from(key).map_err(|_| KeyError::Length { found: key.len() })?;
        Self::from_bytes(key)
    }
}

const OPENSSH: &str = "ssh-ed25519 ";
const PEM_HEAD: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_TAIL: &str = "-----END PUBLIC KEY-----";

/// RFC 8709 section 4: the algorithm's name and the length of the key.
pub(crate) const OPENSSH_PREFIX: [u8; 19] = *b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20";

/// RFC 8410 section 4, in DER: a sequence of the algorithm ed25519 and a bit string of 32 bytes.
const SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    #[test]
    fn every_form_is_read() {
        let key = PublicKey::from_base64(KEY).unwrap();
        let blob = STANDARD.encode([&OPENSSH_PREFIX[..], key.as_bytes()].concat());
        for (text, form) in [
            (KEY.to_owned(), PublicForm::Base64),
            (format!("{KEY}\n"), PublicForm::Base64),
            (key.to_pem(), PublicForm::Pem),
            (
                format!("ssh-ed25519 {blob} who@where\n"),
                PublicForm::OpenSsh,
            ),
            (format!("ssh-ed25519 {blob}"), PublicForm::OpenSsh),
        ] {
            assert_eq!(PublicKey::parse(text.as_bytes()), Ok((key.clone(), form)));
        }
    }

    #[test]
    fn pem_is_the_example_of_rfc_8410() {
        let pem = "-----BEGIN PUBLIC KEY-----\n\
                   MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                   -----END PUBLIC KEY-----\n";
        let (key, form) = PublicKey::parse(pem.as_bytes()).unwrap();
        assert_eq!((key.to_pem().as_str(), form), (pem, PublicForm::Pem));
    }

    #[test]
    fn other_texts_are_refused_and_not_quoted_s20() {
        let key = PublicKey::from_base64(KEY).unwrap();
        let blob = STANDARD.encode([&OPENSSH_PREFIX[..], key.as_bytes()].concat());
        for text in [
            "",
            "hunter2",
            &KEY.replace('=', ""),
            &key.to_pem().replace("-----END", "----END"),
            &key.to_pem().replace("MCow", "MCox"),
            &format!("ssh-rsa {blob}"),
            &format!("ssh-ed25519  {blob}"),
            &format!("ssh-ed25519 {KEY}"),
            &format!("{KEY}\n{KEY}"),
        ] {
            let error = PublicKey::parse(text.as_bytes()).unwrap_err();
            assert!(
                text.is_empty() || !error.to_string().contains(text),
                "{text}"
            );
        }
        assert!(PublicKey::parse(b"\xff").is_err());
        let weak = STANDARD.encode([&[1][..], &[0; 31]].concat());
        assert_eq!(PublicKey::parse(weak.as_bytes()), Err(KeyError::Weak));
    }
}
