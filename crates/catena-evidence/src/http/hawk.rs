// SPDX-License-Identifier: MPL-2.0
//! Signs requests to the deployment with Taskcluster credentials (V31, V95, worker.md §12).
//!
//! Hawk proves that we hold the access token without sending it: a message authentication code over
//! method, host, port and path, in a header, or in the query as a *bewit* for a limited time. URLs with a
//! bewit open what they sign, so they are made for one connection and appear nowhere else.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use catena_core::policy::Credentials;
use hawk::{Key, PayloadHasher, RequestBuilder, SHA256};
use reqwest::Url;
use reqwest::header::HeaderValue;
use serde_json::value::RawValue;

use super::options::OptionsError;

/// Credentials that are ready to sign. It deliberately has no `Debug`.
pub struct Signer {
    credentials: hawk::Credentials,
    /// The certificate of temporary credentials, as the `ext` of each signature.
    ext: Option<String>,
}

impl Signer {
    /// Takes credentials, permanent or temporary.
    ///
    /// # Errors
    /// A part that no header can carry; the error does not show it.
    pub fn new(credentials: &Credentials) -> Result<Self, OptionsError> {
        let unfit = |key, expected| OptionsError::Setting {
            key,
            expected,
            found: "(not shown)".to_owned(),
        };
        let id = &credentials.client_id;
        // a header cannot quote these, and a bewit separates its parts with backslashes
        if id.is_empty()
            || !id
                .bytes()
                .all(|b| matches!(b, b' '..=b'~') && !b"\"\\".contains(&b))
        {
            return Err(unfit("credentials.clientId", "printable ASCII"));
        }
        let key = Key::new(credentials.access_token.expose(), SHA256)
            .map_err(|_| unfit("credentials.accessToken", "a key"))?;
        let certificate = credentials.certificate.as_ref();
        let ext = certificate
            .filter(|certificate| !certificate.is_empty())
            .map(|certificate| {
                let value: &RawValue = serde_json::from_str(certificate.expose())
                    .map_err(|_| unfit("credentials.certificate", "JSON"))?;
                Ok(BASE64_STANDARD.encode(format!("{{\"certificate\":{value}}}")))
            });
        Ok(Self {
            credentials: hawk::Credentials {
                id: id.clone(),
                key,
            },
            ext: ext.transpose()?,
        })
    }

    /// Returns the client id, which is no secret.
    pub(crate) fn client_id(&self) -> &str {
        &self.credentials.id
    }

    /// Returns the `Authorization` of a POST with a JSON body.
    pub(crate) fn header(&self, url: &Url, body: &[u8]) -> Option<HeaderValue> {
        self.authorization("POST", url, Some(body))
    }

    /// Returns the `Authorization` of a request whose body, if there is one, is JSON; marked as sensitive. `None` for
    /// a URL that no request can go to.
    #[must_use]
    pub fn authorization(
        &self,
        method: &str,
        url: &Url,
        body: Option<&[u8]>,
    ) -> Option<HeaderValue> {
        self.authorization_at(method, url, body, SystemTime::now())
    }

    /// As [`authorization`](Self::authorization), for whoever knows the server's time better than the system does.
    #[must_use]
    pub fn authorization_at(
        &self,
        method: &str,
        url: &Url,
        body: Option<&[u8]>,
        now: SystemTime,
    ) -> Option<HeaderValue> {
        let hash = match body {
            Some(body) => Some(PayloadHasher::hash("application/json", SHA256, body).ok()?),
            None => None,
        };
        let request = RequestBuilder::from_url(method, url).ok()?;
        let request = request
            .hash(hash.as_ref().map(|hash| &hash[..]))
            .ext(self.ext.as_deref())
            .request();
        // it need not be secret, only be used once
        let nonce = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        let header = request
            .make_header_full(&self.credentials, now, nonce)
            .ok()?;
        let mut value = HeaderValue::from_str(&format!("Hawk {header}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Returns a URL that opens what `url` names, for a quarter of an hour.
    pub(crate) fn bewit(&self, url: &Url) -> Option<Url> {
        let request = RequestBuilder::from_url("GET", url).ok()?;
        let request = request.ext(self.ext.as_deref()).request();
        let bewit = request.make_bewit_with_ttl(&self.credentials, BEWIT).ok()?;
        let mut signed = url.clone();
        signed
            .query_pairs_mut()
            .append_pair("bewit", &bewit.to_str());
        Some(signed)
    }
}

/// How long a signed URL is good, as the reference has it (V31).
const BEWIT: Duration = Duration::from_mins(15);

#[cfg(test)]
mod tests {
    use catena_core::policy::Secret;

    use super::*;

    fn credentials(certificate: Option<&str>) -> Credentials {
        Credentials {
            client_id: "project/x".to_owned(),
            access_token: Secret::new("s3cret"),
            certificate: certificate.map(Secret::new),
        }
    }

    #[test]
    fn temporary_credentials_carry_their_certificate() {
        let signer = Signer::new(&credentials(Some(r#"{"version": 1, "seed": "x"}"#))).unwrap();
        let ext = BASE64_STANDARD.decode(signer.ext.unwrap()).unwrap();
        let ext: serde_json::Value = serde_json::from_slice(&ext).unwrap();
        assert_eq!(ext["certificate"]["seed"], "x");
        assert!(Signer::new(&credentials(None)).unwrap().ext.is_none());
        assert!(Signer::new(&credentials(Some(""))).unwrap().ext.is_none());
    }

    #[test]
    fn what_cannot_be_signed_is_refused_and_not_shown() {
        let mut odd = credentials(None);
        odd.client_id = "s3cret\"".to_owned();
        for bad in [odd, credentials(Some("{s3cret"))] {
            let error = Signer::new(&bad).err().unwrap().to_string();
            assert!(error.contains("credentials."), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
