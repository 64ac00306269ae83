// SPDX-License-Identifier: MPL-2.0
//! Hawk headers for the client (worker.md §12): MAC over method, host, port, path with query, and the payload's hash.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hawk::{Key, PayloadHasher, RequestBuilder, SHA256};
use reqwest::header::HeaderValue;
use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::ClientError;
use crate::Credentials;

/// Credentials ready to sign; has no `Debug`.
pub(super) struct Signer {
    credentials: hawk::Credentials,
    ext: Option<String>,
}

impl Signer {
    pub(super) fn new(credentials: &Credentials) -> Result<Self, ClientError> {
        let id = &credentials.client_id;
        let quotable = |b: u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\');
        if id.is_empty() || !id.bytes().all(quotable) {
            return Err(unfit("client id"));
        }
        let key = Key::new(credentials.access_token.as_bytes(), SHA256)
            .map_err(|_| unfit("access token"))?;
        let certificate = credentials.certificate.as_deref();
        let ext = certificate.map(extension).transpose()?;
        Ok(Self {
            credentials: hawk::Credentials {
                id: id.clone(),
                key,
            },
            ext,
        })
    }

    /// The `Authorization` of a request with this body; marked as sensitive.
    pub(super) fn header(
        &self,
        method: &Method,
        url: &Url,
        content_type: &str,
        body: &[u8],
    ) -> Result<HeaderValue, ClientError> {
        let broken = |_| ClientError::Setup(format!("{method} {} cannot be signed", url.path()));
        // hashed are the type without parameters, in lower case, and the body
        let plain = content_type.split(';').next().unwrap_or_default();
        let hash = PayloadHasher::hash(plain.trim().to_ascii_lowercase(), SHA256, body);
        let hash = hash.map_err(broken)?;
        let request = RequestBuilder::from_url(method.as_str(), url).map_err(broken)?;
        let request = request.hash(&hash[..]).ext(self.ext.as_deref()).request();
        let header = request.make_header(&self.credentials).map_err(broken)?;
        let mut value = HeaderValue::from_str(&format!("Hawk {header}"))
            .map_err(|_| unfit("client id or certificate"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// The `ext` that carries the certificate of temporary credentials.
fn extension(certificate: &str) -> Result<String, ClientError> {
    let certificate: Value = serde_json::from_str(certificate).map_err(|_| unfit("certificate"))?;
    Ok(BASE64_STANDARD.encode(json!({ "certificate": certificate }).to_string()))
}

fn unfit(what: &str) -> ClientError {
    ClientError::Setup(format!("the {what} cannot be used in a Hawk header"))
}
