// SPDX-License-Identifier: MPL-2.0
//! A signer whose key lies in a hardware token and never leaves it, reached through the token's PKCS#11 module.
//!
//! The public key is that of the public object with the same id. What the token signed is verified before anybody sees it.

use std::ffi::OsString;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::reference::OpenError;
use super::token_uri::{PinSource, TokenUri};
use super::{SignError, Signer, printable, verified};
use crate::ed25519::PublicKey;
use crate::keyfile;

/// A key in a token.
pub struct TokenSigner {
    session: Mutex<Session>,
    key: ObjectHandle,
    public: PublicKey,
}

impl TokenSigner {
    /// Loads the module, finds the one token and the one key that the URI describes, and logs in. `variable` looks up
    /// the environment, for the PIN.
    ///
    /// # Errors
    /// [`OpenError`]: what is missing, or what there are several of.
    pub fn open(
        uri: &TokenUri,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, OpenError> {
        let module = load(uri)?;
        let slot = slot(&module, uri)?;
        let session = module
            .open_ro_session(slot)
            .map_err(|error| failed("session", error))?;
        login(&session, uri, variable)?;
        let (key, public) = find(&session, uri)?;
        Ok(Self {
            session: Mutex::new(session),
            key,
            public,
        })
    }
}

impl Signer for TokenSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let mechanism = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519));
        // a thread that panicked has left nothing half-done in the session
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let signature = session
            .sign(&mechanism, self.key, message)
            .map_err(|error| failed("signature", error))?;
        drop(session);
        verified(&self.public, message, &signature)
    }
}

fn load(uri: &TokenUri) -> Result<Pkcs11, SignError> {
    let module = Pkcs11::new(&uri.module).map_err(|error| failed("module", error))?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(module),
        Err(error) => Err(failed("module", error)),
    }
}

fn slot(module: &Pkcs11, uri: &TokenUri) -> Result<Slot, SignError> {
    let mut fit = Vec::new();
    let slots = module.get_slots_with_initialized_token();
    for slot in slots.map_err(|error| failed("slots", error))? {
        let token = module
            .get_token_info(slot)
            .map_err(|error| failed("token", error))?;
        let is = |wanted: &Option<String>, found: &str| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted == found.trim_end())
        };
        if is(&uri.token, token.label())
            && is(&uri.serial, token.serial_number())
            && is(&uri.manufacturer, token.manufacturer_id())
            && is(&uri.model, token.model())
        {
            fit.push(slot);
        }
    }
    only("token", &fit)
}

fn login(
    session: &Session,
    uri: &TokenUri,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<(), OpenError> {
    let pin = match &uri.pin {
        None => None,
        Some(PinSource::File(path)) => Some(text(&keyfile::read(path)?)?),
        Some(PinSource::Env(name)) => {
            let value = variable(name).and_then(|value| value.into_string().ok());
            let value = value.filter(|value| !value.is_empty());
            Some(Zeroizing::new(
                value.ok_or_else(|| OpenError::NoPin { name: name.clone() })?,
            ))
        }
    };
    let pin = pin.map(|pin| AuthPin::from(pin.as_str()));
    match session.login(UserType::User, pin.as_ref()) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(error) => Err(failed("login", error).into()),
    }
}

fn text(pin: &[u8]) -> Result<Zeroizing<String>, SignError> {
    let pin = pin.strip_suffix(b"\n").unwrap_or(pin);
    match std::str::from_utf8(pin) {
        Ok(pin) if !pin.is_empty() => Ok(Zeroizing::new(pin.to_owned())),
        _ => Err(failed("PIN", "expected text in its file")),
    }
}

/// Finds the private key, and its public half by its id.
fn find(session: &Session, uri: &TokenUri) -> Result<(ObjectHandle, PublicKey), SignError> {
    let search = |class, id: Option<&Vec<u8>>, label: Option<&String>| {
        let mut template = vec![
            Attribute::Class(class),
            Attribute::KeyType(KeyType::EC_EDWARDS),
        ];
        template.extend(label.map(|label| Attribute::Label(label.clone().into_bytes())));
        template.extend(id.map(|id| Attribute::Id(id.clone())));
        session
            .find_objects(&template)
            .map_err(|error| failed("keys", error))
    };
    let key = only(
        "private Edwards key",
        &search(
            ObjectClass::PRIVATE_KEY,
            uri.id.as_ref(),
            uri.object.as_ref(),
        )?,
    )?;
    let attribute = |object, kind| {
        let found = session.get_attributes(object, &[kind]);
        found
            .map(|mut found| found.pop())
            .map_err(|error| failed("attributes", error))
    };
    let Some(Attribute::Id(id)) = attribute(key, AttributeType::Id)? else {
        return Err(failed(
            "private key",
            "expected an id, by which its public key is found",
        ));
    };
    let half = only(
        "public Edwards key with the id of the private one",
        &search(ObjectClass::PUBLIC_KEY, Some(&id), None)?,
    )?;
    match attribute(half, AttributeType::EcPoint)? {
        Some(Attribute::EcPoint(point)) => Ok((key, public(&point)?)),
        _ => Err(failed("public key", "expected an EC point")),
    }
}

/// Reads an EC point: the 32 bytes in a DER octet string, or bare.
fn public(point: &[u8]) -> Result<PublicKey, SignError> {
    let bytes = point.strip_prefix(&[0x04, 0x20]).unwrap_or(point);
    let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| {
        failed(
            "public key",
            format!("expected 32 bytes, found {}", bytes.len()),
        )
    })?;
    PublicKey::from_bytes(bytes).map_err(|error| failed("public key", error))
}

fn only<T: Copy>(what: &str, found: &[T]) -> Result<T, SignError> {
    match found {
        [one] => Ok(*one),
        _ => Err(failed(
            "search",
            format!(
                "expected one {what} that fits the URI, found {}",
                found.len()
            ),
        )),
    }
}

fn failed(what: &str, error: impl Display) -> SignError {
    SignError::Unavailable {
        reason: format!(
            "pkcs11: {what}: {}",
            printable(error.to_string().as_bytes())
        ),
    }
}
