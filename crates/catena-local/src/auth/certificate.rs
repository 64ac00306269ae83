// SPDX-License-Identifier: MPL-2.0
//! Certificates of temporary credentials: an issuer's HMAC over who, what and until when.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hawk::mac::Mac;
use hawk::{Key, SHA256};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AuthError, Registry, is_scope, satisfies};

/// A certificate, as it stands in `ext`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the document")]
pub struct Certificate {
    pub version: u32,
    pub scopes: Vec<String>,
    /// Milliseconds since 1970.
    pub start: i64,
    /// Milliseconds since 1970.
    pub expiry: i64,
    pub seed: String,
    pub signature: String,
    /// The client whose token signs; without one, the credentials' own client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}

/// What a valid certificate gives.
pub(super) struct Granted {
    /// The access token that signs requests.
    pub(super) token: String,
    pub(super) scopes: Vec<String>,
    pub(super) expires: Timestamp,
}

impl Certificate {
    /// The signature that the issuer's token makes for credentials of `client_id`.
    pub(super) fn mac(&self, client_id: &str, issuer_token: &str) -> Result<Vec<u8>, AuthError> {
        let mut lines = vec![format!("version:{}", self.version)];
        if let Some(issuer) = &self.issuer {
            lines.push(format!("clientId:{client_id}"));
            lines.push(format!("issuer:{issuer}"));
        }
        lines.push(format!("seed:{}", self.seed));
        lines.push(format!("start:{}", self.start));
        lines.push(format!("expiry:{}", self.expiry));
        lines.push("scopes:".to_owned());
        lines.extend_from_slice(&self.scopes);
        hmac(issuer_token, &lines.join("\n"))
    }

    /// Checks everything; `client_id` is that of the request.
    pub(super) fn verify(
        &self,
        client_id: &str,
        registry: &Registry,
        now: Timestamp,
    ) -> Result<Granted, AuthError> {
        self.check_form(client_id)?;
        let expires = self.check_time(now)?;
        let issuer_id = self.issuer.as_deref().unwrap_or(client_id);
        let issuer = registry
            .client(issuer_id)
            .filter(|issuer| !issuer.disabled && issuer.expires > now)
            .ok_or_else(|| AuthError::new("ext.certificate.issuer is not an active client"))?;
        // the signature first: whoever cannot sign learns nothing about the issuer's scopes
        let signature = BASE64_STANDARD
            .decode(&self.signature)
            .map_err(|_| AuthError::new("ext.certificate.signature is not base64"))?;
        if Mac::from(signature) != Mac::from(self.mac(client_id, &issuer.access_token)?) {
            return Err(AuthError::new("ext.certificate.signature is not valid"));
        }
        let have = registry.expand(&issuer.scopes);
        if self.issuer.is_some() && !satisfies(&have, &format!("auth:create-client:{client_id}")) {
            let text = format!(
                "ext.certificate issuer `{issuer_id}` doesn't have `auth:create-client:{client_id}` for supplied clientId."
            );
            return Err(AuthError(text));
        }
        // expanded, because a role's scopes are not covered by the word `assume:`
        let wanted = &self.scopes;
        if let Some(scope) = wanted.iter().find(|scope| !satisfies(&have, scope)) {
            let text = format!("ext.certificate issuer `{issuer_id}` doesn't have `{scope}`.");
            return Err(AuthError(text));
        }
        Ok(Granted {
            token: access_token(&issuer.access_token, &self.seed)?,
            scopes: self.scopes.clone(),
            expires: expires.min(issuer.expires),
        })
    }

    fn check_form(&self, client_id: &str) -> Result<(), AuthError> {
        if self.version != 1 {
            return Err(AuthError::new("ext.certificate.version must be 1"));
        }
        if self.issuer.as_deref() == Some(client_id) {
            let text = "ext.certificate.issuer and clientId must not be the same";
            return Err(AuthError::new(text));
        }
        if self.seed.len() != 44 || !is_scope(&self.seed) {
            return Err(AuthError::new("ext.certificate.seed must be 44 characters"));
        }
        if self.scopes.iter().all(|scope| is_scope(scope)) {
            Ok(())
        } else {
            let text = "ext.certificate.scopes must be a list of valid scopes";
            Err(AuthError::new(text))
        }
    }

    /// Clocks may be five minutes apart; nothing holds longer than 31 days.
    fn check_time(&self, now: Timestamp) -> Result<Timestamp, AuthError> {
        let out_of_range = |_| AuthError::new("ext.certificate.start and expiry must be times");
        Timestamp::from_millisecond(self.start).map_err(out_of_range)?;
        let expires = Timestamp::from_millisecond(self.expiry).map_err(out_of_range)?;
        let now = now.as_millisecond();
        if self.start > now.saturating_add(SKEW) {
            return Err(AuthError::new("ext.certificate.start > now"));
        }
        if self.expiry < now.saturating_sub(SKEW) {
            return Err(AuthError::new("ext.certificate.expiry < now"));
        }
        let longest = self.start.saturating_add(LONGEST);
        if self.expiry > longest {
            let text = "ext.certificate cannot last longer than 31 days!";
            return Err(AuthError::new(text));
        }
        Ok(expires)
    }
}

/// The access token of temporary credentials.
///
/// # Errors
/// The MAC cannot be computed.
pub fn access_token(issuer_token: &str, seed: &str) -> Result<String, AuthError> {
    Ok(BASE64_URL_SAFE_NO_PAD.encode(hmac(issuer_token, seed)?))
}

fn hmac(key: &str, data: &str) -> Result<Vec<u8>, AuthError> {
    let broken = |_| AuthError::new("the MAC cannot be computed");
    let key = Key::new(key, SHA256).map_err(broken)?;
    key.sign(data.as_bytes()).map_err(broken)
}

/// How far apart clocks may be, in milliseconds.
const SKEW: i64 = 5 * 60 * 1000;
/// Longest life of temporary credentials, in milliseconds.
const LONGEST: i64 = 31 * 24 * 3600 * 1000;
