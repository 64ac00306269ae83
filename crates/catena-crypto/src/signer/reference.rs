// SPDX-License-Identifier: MPL-2.0
//! The text by which a command line or a configuration names a signer.
//!
//! | Text | Signer |
//! |---|---|
//! | `PATH` | the key file; a path that begins like one of the others is written with `./` |
//! | `exec:[pub=KEY] COMMAND ARGUMENT…` | the [command](super::exec); KEY in base64 spares it the question |
//! | `agent:[KEY]` | the [ssh-agent](super::agent) of `SSH_AUTH_SOCK`; KEY in base64 or a key id, needed if it has several |
//! | `pkcs11:…` | the key of this [URI](super::token_uri) |
//!
//! Words of a command are separated by spaces; quotes, single or double, keep spaces within a word. Nothing else is special:
//! no shell is involved.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::agent::AgentSigner;
use super::exec::ExecSigner;
use super::token_uri::{TokenUri, UriError};
use super::{SignError, Signer, SigningKey};
use crate::ed25519::{KeyError, KeyId, PublicKey};
use crate::keyfile::KeyFileError;

/// Which signer to use. It has no `Debug`: the words of a command may be nobody's business.
#[derive(Clone)]
pub enum SignerRef {
    /// A key of an ssh-agent.
    Agent {
        /// Which one; without this, the only one.
        key: Option<KeyId>,
    },
    /// A command.
    Exec {
        /// Its words.
        command: Vec<String>,
        /// Its public key; without this, it is asked.
        public: Option<PublicKey>,
    },
    /// A key file.
    File(PathBuf),
    /// A key in a token.
    Token(TokenUri),
}

impl SignerRef {
    /// Makes the signer ready: reads the file, asks the agent or command for its public key, opens the token.
    /// `variable` looks up the environment.
    ///
    /// # Errors
    /// [`OpenError`]: what is missing.
    pub fn open(
        &self,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Box<dyn Signer + Send + Sync>, OpenError> {
        Ok(match self {
            Self::Agent { key } => {
                let socket = variable(SOCKET).filter(|path| !path.is_empty());
                let socket = socket.ok_or(OpenError::NoAgent)?;
                Box::new(AgentSigner::open(Path::new(&socket), *key, PATIENCE)?)
            }
            Self::Exec { command, public } => {
                Box::new(ExecSigner::open(command.clone(), public.clone(), PATIENCE)?)
            }
            Self::File(path) => Box::new(SigningKey::read_file(path)?),
            Self::Token(uri) => open_token(uri, variable)?,
        })
    }
}

impl FromStr for SignerRef {
    type Err = RefError;

    fn from_str(text: &str) -> Result<Self, RefError> {
        if let Some(command) = text.strip_prefix("exec:") {
            exec(command)
        } else if let Some(key) = text.strip_prefix("agent:") {
            Ok(Self::Agent {
                key: (!key.is_empty()).then(|| key_id(key)).transpose()?,
            })
        } else if let Some(uri) = text.strip_prefix("pkcs11:") {
            Ok(Self::Token(TokenUri::parse(uri)?))
        } else if text.is_empty() {
            Err(RefError::Empty)
        } else if SigningKey::parse(text.as_bytes()).is_ok() && !Path::new(text).exists() {
            Err(RefError::Secret)
        } else {
            Ok(Self::File(text.into()))
        }
    }
}

fn exec(text: &str) -> Result<SignerRef, RefError> {
    let mut command = words(text).ok_or(RefError::Quote)?;
    let public = match command.first().and_then(|word| word.strip_prefix("pub=")) {
        Some(key) => Some(PublicKey::from_base64(key).map_err(RefError::Key)?),
        None => None,
    };
    if public.is_some() {
        command.remove(0);
    }
    match command.first() {
        Some(program) if !program.is_empty() => Ok(SignerRef::Exec { command, public }),
        _ => Err(RefError::Command),
    }
}

fn key_id(text: &str) -> Result<KeyId, RefError> {
    KeyId::parse(text).map_or_else(
        || {
            PublicKey::from_base64(text)
                .map(|key| key.id())
                .map_err(RefError::Key)
        },
        Ok,
    )
}

/// Splits a command; `None` when a quote is not closed.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (' ' | '\t', None) => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(feature = "pkcs11")]
fn open_token(
    uri: &TokenUri,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Box<dyn Signer + Send + Sync>, OpenError> {
    Ok(Box::new(super::pkcs11::TokenSigner::open(uri, variable)?))
}

#[cfg(not(feature = "pkcs11"))]
fn open_token(
    _: &TokenUri,
    _: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Box<dyn Signer + Send + Sync>, OpenError> {
    Err(OpenError::NoTokens)
}

/// Why a text names no signer. Never quotes the text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RefError {
    /// No command.
    #[error("exec: expected a command, found none")]
    Command,
    /// Nothing at all.
    #[error("expected a key file, exec:COMMAND, agent:KEY or a pkcs11: URI, found nothing")]
    Empty,
    /// Neither a key nor a key id.
    #[error("public key of a signer: {0}")]
    Key(KeyError),
    /// A quote without its partner.
    #[error("exec: expected a closing quote")]
    Quote,
    /// What may be a key itself, where its file belongs.
    #[error(
        "expected the file of a key, found what may be a private key itself: others can see the words of a command, \
         so put it into a file, and make a new key if it is one that is in use"
    )]
    Secret,
    /// Not the URI of a key in a token.
    #[error(transparent)]
    Uri(#[from] UriError),
}

/// Why a signer is not ready.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The key file, or the file of a PIN.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// No agent is named.
    #[error("agent: expected {SOCKET} in the environment, as an ssh-agent sets it")]
    NoAgent,
    /// The PIN is not where the URI says.
    #[error("pkcs11: expected the PIN in the variable {name}, found none")]
    NoPin {
        /// The variable.
        name: String,
    },
    /// This program has been built without.
    #[error("pkcs11: this program was built without the feature pkcs11")]
    NoTokens,
    /// The signer itself.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Where an ssh-agent says how to reach it.
const SOCKET: &str = "SSH_AUTH_SOCK";

/// How long a signer may take for an answer; somebody may have to touch a token.
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    fn parsed(text: &str) -> SignerRef {
        text.parse().ok().unwrap()
    }

    fn refused(text: &str) -> RefError {
        text.parse::<SignerRef>().err().unwrap()
    }

    #[test]
    fn each_kind_is_told_by_its_beginning() {
        for path in ["key", "/etc/key", "./exec:x", "execute", "C:/key"] {
            assert!(matches!(parsed(path), SignerRef::File(found) if found == Path::new(path)));
        }
        assert!(matches!(parsed("agent:"), SignerRef::Agent { key: None }));
        let id = PublicKey::from_base64(KEY).unwrap().id();
        for text in [format!("agent:{KEY}"), format!("agent:{id}")] {
            assert!(matches!(parsed(&text), SignerRef::Agent { key: Some(found) } if found == id));
        }
        let SignerRef::Exec { command, public } = parsed("exec:sign --with 'a b' \"\"  c\"d\"")
        else {
            panic!("a command");
        };
        assert_eq!(command, ["sign", "--with", "a b", "", "cd"]);
        assert_eq!(public, None);
        let SignerRef::Exec { command, public } = parsed(&format!("exec:pub={KEY} sign $HOME *"))
        else {
            panic!("a command");
        };
        assert_eq!(command, ["sign", "$HOME", "*"]);
        assert_eq!(public.unwrap().to_base64(), KEY);
        assert!(matches!(
            parsed("pkcs11:object=k?module-path=/m.so"),
            SignerRef::Token(_)
        ));
    }

    #[test]
    fn other_texts_are_refused() {
        assert_eq!(refused(""), RefError::Empty);
        assert_eq!(refused("exec:"), RefError::Command);
        assert_eq!(refused("exec:''"), RefError::Command);
        assert_eq!(refused("exec:sign 'x"), RefError::Quote);
        assert_eq!(refused(&format!("exec:pub={KEY}")), RefError::Command);
        assert_eq!(refused("exec:pub=x sign"), RefError::Key(KeyError::Base64));
        assert_eq!(refused("agent:x"), RefError::Key(KeyError::Base64));
        assert_eq!(refused("pkcs11:"), RefError::Uri(UriError::NoModule));
    }

    #[test]
    fn an_agent_needs_a_socket() {
        for nothing in [None, Some(OsString::new())] {
            let opened = parsed("agent:").open(&|_| nothing.clone());
            assert!(matches!(opened.err().unwrap(), OpenError::NoAgent));
        }
    }

    #[cfg(not(feature = "pkcs11"))]
    #[test]
    fn tokens_need_the_feature() {
        let opened = parsed("pkcs11:object=k?module-path=/m.so").open(&|_| None);
        assert!(matches!(opened.err().unwrap(), OpenError::NoTokens));
    }
}
