// SPDX-License-Identifier: MPL-2.0
//! The PKCS#11 URI (RFC 7512) of a key in a token.
//!
//! Path: `token`, `serial`, `manufacturer`, `model` choose the token, `object` and `id` the key in it. Query: `module-path`
//! names the module; `pin-source` the file that holds the PIN, or `env:NAME`. A PIN in the URI itself is refused: it
//! would be on a command line or in a configuration file.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

/// Where a key in a token is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TokenUri {
    /// The label of the token.
    pub token: Option<String>,
    /// The serial number of the token.
    pub serial: Option<String>,
    /// Who made the token.
    pub manufacturer: Option<String>,
    /// The model of the token.
    pub model: Option<String>,
    /// The label of the key.
    pub object: Option<String>,
    /// The id of the key.
    pub id: Option<Vec<u8>>,
    /// The module, a shared library.
    pub module: PathBuf,
    /// Where the PIN is; a token with a keypad of its own needs none.
    pub pin: Option<PinSource>,
}

/// Where a PIN is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PinSource {
    /// A variable of the environment.
    Env(String),
    /// A file that only its owner can access; a final newline does not count.
    File(PathBuf),
}

/// Why a text is no URI of a key in a token. Never quotes a value, which may be a PIN.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UriError {
    /// An attribute that does not exist, or does not help to find a private key.
    #[error(
        "pkcs11 URI: expected token, serial, manufacturer, model, object or id, then ? and module-path or pin-source, found {name:?}"
    )]
    Attribute {
        /// Its name.
        name: String,
    },
    /// An attribute that stands there twice, or has no value.
    #[error("pkcs11 URI: expected one value for {name}")]
    Value {
        /// Its name.
        name: String,
    },
    /// Nothing says which key.
    #[error("pkcs11 URI: expected object or id, to choose a key")]
    NoKey,
    /// No module.
    #[error("pkcs11 URI: expected ?module-path=, the absolute path of the token's module")]
    NoModule,
    /// The PIN itself.
    #[error(
        "pkcs11 URI: pin-value would be seen by others; expected pin-source=/a/file or pin-source=env:NAME"
    )]
    PinValue,
    /// The type of the object is not that of a private key.
    #[error("pkcs11 URI: expected type=private, or no type")]
    Type,
}

impl TokenUri {
    /// Parses what follows `pkcs11:`.
    ///
    /// # Errors
    /// [`UriError`]: what was expected.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let mut uri = Self::default();
        for (name, value) in attributes(path, ';') {
            match name {
                "token" => once(&mut uri.token, name, utf8(value))?,
                "serial" => once(&mut uri.serial, name, utf8(value))?,
                "manufacturer" => once(&mut uri.manufacturer, name, utf8(value))?,
                "model" => once(&mut uri.model, name, utf8(value))?,
                "object" => once(&mut uri.object, name, utf8(value))?,
                "id" => once(&mut uri.id, name, Some(percent_decode_str(value).collect()))?,
                "type" if value == "private" => {}
                "type" => return Err(UriError::Type),
                _ => return Err(unknown(name)),
            }
        }
        let mut module = None;
        for (name, value) in attributes(query, '&') {
            match name {
                "module-path" => once(&mut module, name, utf8(value).map(PathBuf::from))?,
                "pin-source" => once(&mut uri.pin, name, pin(value))?,
                "pin-value" => return Err(UriError::PinValue),
                _ => return Err(unknown(name)),
            }
        }
        uri.module = module
            .filter(|path| path.is_absolute())
            .ok_or(UriError::NoModule)?;
        match uri.object.is_none() && uri.id.is_none() {
            true => Err(UriError::NoKey),
            false => Ok(uri),
        }
    }
}

fn attributes(text: &str, separator: char) -> impl Iterator<Item = (&str, &str)> {
    text.split(separator)
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "")))
}

fn once<T>(slot: &mut Option<T>, name: &str, value: Option<T>) -> Result<(), UriError> {
    match (value, slot.is_some()) {
        (Some(value), false) => {
            *slot = Some(value);
            Ok(())
        }
        _ => Err(UriError::Value {
            name: name.to_owned(),
        }),
    }
}

fn utf8(value: &str) -> Option<String> {
    let text = percent_decode_str(value).decode_utf8().ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

fn pin(value: &str) -> Option<PinSource> {
    let text = utf8(value)?;
    match text.strip_prefix("env:") {
        Some(name) if !name.is_empty() => Some(PinSource::Env(name.to_owned())),
        Some(_) => None,
        None => {
            let path = text.strip_prefix("file:").unwrap_or(&text);
            let path = PathBuf::from(path.strip_prefix("//").unwrap_or(path));
            path.is_absolute().then_some(PinSource::File(path))
        }
    }
}

fn unknown(name: &str) -> UriError {
    UriError::Attribute {
        name: name.chars().take(40).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_7512_uris_are_read() {
        let uri = TokenUri::parse(
            "token=The%20Software%20Token;serial=a1;object=my%3bkey;type=private;id=%69%95\
             ?module-path=/usr/lib/m.so&pin-source=file:/etc/token",
        )
        .unwrap();
        assert_eq!(uri.token.as_deref(), Some("The Software Token"));
        assert_eq!(uri.object.as_deref(), Some("my;key"));
        assert_eq!(uri.id, Some(vec![0x69, 0x95]));
        assert_eq!(uri.module, PathBuf::from("/usr/lib/m.so"));
        assert_eq!(uri.pin, Some(PinSource::File("/etc/token".into())));
        for (text, pin) in [
            ("/etc/token", PinSource::File("/etc/token".into())),
            ("file:///etc/token", PinSource::File("/etc/token".into())),
            ("env:PIN", PinSource::Env("PIN".to_owned())),
        ] {
            let text = format!("object=k?module-path=/m.so&pin-source={text}");
            assert_eq!(TokenUri::parse(&text).unwrap().pin, Some(pin));
        }
    }

    #[test]
    fn other_uris_are_refused_and_no_pin_is_quoted() {
        let rest = "?module-path=/m.so";
        for (text, expected) in [
            (String::new(), UriError::NoModule),
            ("object=k?module-path=m.so".to_owned(), UriError::NoModule),
            (format!("token=t{rest}"), UriError::NoKey),
            (format!("object=k;type=public{rest}"), UriError::Type),
            (format!("object=k{rest}&pin-value=1234"), UriError::PinValue),
        ] {
            assert_eq!(TokenUri::parse(&text), Err(expected), "{text}");
        }
        for text in [
            "object=k;object=l",
            "object=",
            "object=%ff",
            "label=k",
            "object=k?pin-source=relative",
            "object=k?pin-source=env:",
            "object=k?pin=hunter2",
            "object=k?pin-source=hunter2&pin-source=hunter2",
        ] {
            let error = TokenUri::parse(text).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{text}: {error}");
        }
    }
}
