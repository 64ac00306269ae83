// SPDX-License-Identifier: MPL-2.0
//! Reads and checks Hawk headers and bewits. The parsers are ours: those of the library panic on times out of range.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hawk::mac::{Mac, MacType};
use hawk::{Key, PayloadHasher, SHA256};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{ANONYMOUS, AuthError, Caller, Certificate, Registry, is_scope, satisfies};

/// What of a request is signed.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// In capitals.
    pub method: &'a str,
    /// Path with query, as it was sent.
    pub resource: &'a str,
    /// Host, without the port.
    pub host: &'a str,
    /// Port; 80 or 443 if the URL has none.
    pub port: u16,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The `Content-Type` header and the body, if they are at hand: only then is the payload's hash checked.
    pub payload: Option<(&'a str, &'a [u8])>,
}

/// Who sends this request. Without credentials: `anonymous`.
///
/// # Errors
/// Credentials that are malformed, unknown, expired or do not fit the request.
pub fn authenticate(
    head: &RequestHead<'_>,
    registry: &Registry,
    now: Timestamp,
) -> Result<Caller, AuthError> {
    let (resource, bewit) = split_bewit(head.resource)?;
    match (head.authorization, bewit) {
        (None, None) => Ok(Caller {
            client_id: ANONYMOUS.to_owned(),
            scopes: registry.expand(&[]),
            expires: None,
        }),
        (Some(_), Some(_)) => Err(AuthError::new("both a Hawk header and a bewit")),
        (Some(text), None) => {
            let header = Header::parse(text)?;
            let client = Client::find(&header.id, header.ext.as_deref(), registry, now)?;
            header.check(head, &client.token, now)?;
            client.caller(registry)
        }
        (None, Some(bewit)) => {
            if head.method != "GET" && head.method != "HEAD" {
                return Err(AuthError::new("a bewit is good for GET only"));
            }
            let bewit = BewitText::parse(bewit)?;
            let client = Client::find(&bewit.id, bewit.ext.as_deref(), registry, now)?;
            bewit.check(head, &resource, &client.token, now)?;
            client.caller(registry)
        }
    }
}

/// The client that a request names, and the token that must have signed it.
struct Client {
    id: String,
    token: String,
    scopes: Vec<String>,
    expires: Timestamp,
    authorized: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ext {
    certificate: Option<Value>,
    authorized_scopes: Option<Vec<String>>,
}

impl Client {
    fn find(
        id: &str,
        ext: Option<&str>,
        registry: &Registry,
        now: Timestamp,
    ) -> Result<Self, AuthError> {
        let ext = ext
            .filter(|ext| !ext.is_empty())
            .map(read_ext)
            .transpose()?;
        let (certificate, authorized) = match ext {
            Some(ext) => (ext.certificate, ext.authorized_scopes),
            None => (None, None),
        };
        let (token, scopes, expires) = match certificate {
            Some(value) => {
                let granted = read_certificate(value)?.verify(id, registry, now)?;
                (granted.token, granted.scopes, granted.expires)
            }
            None => {
                let client = registry
                    .client(id)
                    .ok_or_else(|| AuthError::new("no such client"))?;
                if client.disabled || client.expires <= now {
                    return Err(AuthError::new("the client is disabled or has expired"));
                }
                (client.access_token, client.scopes, client.expires)
            }
        };
        Ok(Self {
            id: id.to_owned(),
            token,
            scopes,
            expires,
            authorized,
        })
    }

    /// The caller, whose request is signed with the token; `authorizedScopes` only ever take away.
    fn caller(self, registry: &Registry) -> Result<Caller, AuthError> {
        let mut scopes = registry.expand(&self.scopes);
        if let Some(authorized) = self.authorized {
            if !authorized.iter().all(|scope| is_scope(scope)) {
                let text = "ext.authorizedScopes must be a list of valid scopes";
                return Err(AuthError::new(text));
            }
            if let Some(scope) = authorized.iter().find(|scope| !satisfies(&scopes, scope)) {
                let text = format!("ext.authorizedScopes oversteps your scopes: `{scope}`");
                return Err(AuthError(text));
            }
            scopes = registry.expand(&authorized);
        }
        Ok(Caller {
            client_id: self.id,
            scopes,
            expires: Some(self.expires),
        })
    }
}

fn read_ext(text: &str) -> Result<Ext, AuthError> {
    let bytes = base64(text).ok_or_else(|| AuthError::new("ext is not base64"))?;
    serde_json::from_slice(&bytes).map_err(|_| AuthError::new("Failed to parse ext"))
}

/// A certificate is an object, or one as text.
fn read_certificate(value: Value) -> Result<Certificate, AuthError> {
    let bad = |_| AuthError::new("ext.certificate is not valid");
    match value {
        Value::String(text) => serde_json::from_str(&text).map_err(bad),
        value => serde_json::from_value(value).map_err(bad),
    }
}

/// A Hawk header, all required fields there.
#[derive(Debug)]
struct Header {
    id: String,
    ts: u64,
    nonce: String,
    mac: Vec<u8>,
    hash: Option<Vec<u8>>,
    ext: Option<String>,
}

impl Header {
    fn parse(text: &str) -> Result<Self, AuthError> {
        let bad = |what: &str| AuthError(format!("Bad Hawk header: {what}"));
        let scheme = text.get(..5).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("hawk ") {
            return Err(bad("expected the scheme Hawk"));
        }
        let mut fields: Vec<(&str, &str)> = Vec::new();
        let mut rest = text.get(5..).unwrap_or_default().trim();
        while !rest.is_empty() {
            let (name, after) = rest.split_once('=').ok_or_else(|| bad("expected ="))?;
            let after = after
                .strip_prefix('"')
                .ok_or_else(|| bad("expected a quote"))?;
            let (value, after) = after
                .split_once('"')
                .ok_or_else(|| bad("expected a closing quote"))?;
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(bad("a field stands there twice"));
            }
            if !["id", "ts", "nonce", "mac", "hash", "ext"].contains(&name) {
                return Err(bad("unknown field"));
            }
            fields.push((name, value));
            rest = after.trim_start();
            if !rest.is_empty() {
                rest = rest
                    .strip_prefix(',')
                    .ok_or_else(|| bad("expected a comma"))?
                    .trim_start();
            }
        }
        let find = |name| fields.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        let need = |name| {
            find(name)
                .filter(|value| !value.is_empty())
                .ok_or_else(|| bad(&format!("no {name}")))
        };
        let bytes = |name, text| base64(text).ok_or_else(|| bad(&format!("{name} is not base64")));
        Ok(Self {
            id: need("id")?.to_owned(),
            ts: need("ts")?.parse().map_err(|_| bad("ts is not a time"))?,
            nonce: need("nonce")?.to_owned(),
            mac: bytes("mac", need("mac")?)?,
            hash: find("hash").map(|hash| bytes("hash", hash)).transpose()?,
            ext: find("ext").map(str::to_owned),
        })
    }

    fn check(&self, head: &RequestHead<'_>, token: &str, now: Timestamp) -> Result<(), AuthError> {
        // the MAC covers the hash as it was sent; decoding and encoding again is the same
        let calculated = Mac::new(
            MacType::Header,
            &key(token)?,
            time(self.ts)?,
            &self.nonce,
            head.method,
            head.host,
            head.port,
            head.resource,
            self.hash.as_deref(),
            self.ext.as_deref(),
        );
        if calculated.map_err(|_| broken())? != Mac::from(self.mac.clone()) {
            return Err(AuthError::new("Bad mac"));
        }
        let ts = i64::try_from(self.ts).unwrap_or(i64::MAX);
        if ts.abs_diff(now.as_second()) > SKEW {
            return Err(AuthError::new("Stale timestamp"));
        }
        if let (Some(hash), Some((content_type, body))) = (&self.hash, head.payload) {
            let plain = content_type.split(';').next().unwrap_or_default().trim();
            let calculated = PayloadHasher::hash(plain.to_ascii_lowercase(), SHA256, body);
            if Mac::from(calculated.map_err(|_| broken())?) != Mac::from(hash.clone()) {
                return Err(AuthError::new("Bad payload hash"));
            }
        }
        Ok(())
    }
}

/// A bewit, read.
#[derive(Debug)]
struct BewitText {
    id: String,
    expires: u64,
    mac: Vec<u8>,
    ext: Option<String>,
}

impl BewitText {
    fn parse(text: &str) -> Result<Self, AuthError> {
        let bad = || AuthError::new("Invalid bewit");
        let text = base64(text).and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(bad)?;
        let mut parts = text.split('\\');
        let mut next = || parts.next().ok_or_else(bad);
        let (id, expires, mac, ext) = (next()?, next()?, next()?, next()?);
        if parts.next().is_some() || id.is_empty() {
            return Err(bad());
        }
        Ok(Self {
            id: id.to_owned(),
            expires: expires.parse().map_err(|_| bad())?,
            mac: base64(mac).ok_or_else(bad)?,
            ext: Some(ext.to_owned()).filter(|ext| !ext.is_empty()),
        })
    }

    fn check(
        &self,
        head: &RequestHead<'_>,
        resource: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        let calculated = Mac::new(
            MacType::Bewit,
            &key(token)?,
            time(self.expires)?,
            "",
            "GET",
            head.host,
            head.port,
            resource,
            None,
            self.ext.as_deref(),
        );
        if calculated.map_err(|_| broken())? != Mac::from(self.mac.clone()) {
            return Err(AuthError::new("Bad mac"));
        }
        let expires = i64::try_from(self.expires).unwrap_or(i64::MAX);
        if expires <= now.as_second() {
            return Err(AuthError::new("Access expired"));
        }
        Ok(())
    }
}

/// Takes the bewit out of a query; the rest is what it signs.
fn split_bewit(resource: &str) -> Result<(String, Option<&str>), AuthError> {
    let Some((path, query)) = resource.split_once('?') else {
        return Ok((resource.to_owned(), None));
    };
    let (bewits, others): (Vec<&str>, Vec<&str>) = query
        .split('&')
        .partition(|part| part.starts_with("bewit="));
    match bewits.as_slice() {
        [] => Ok((resource.to_owned(), None)),
        [bewit] => {
            let signed = if others.is_empty() {
                path.to_owned()
            } else {
                format!("{path}?{}", others.join("&"))
            };
            Ok((signed, bewit.strip_prefix("bewit=")))
        }
        _ => Err(AuthError::new("more than one bewit")),
    }
}

fn key(token: &str) -> Result<Key, AuthError> {
    Key::new(token, SHA256).map_err(|_| broken())
}

fn time(seconds: u64) -> Result<SystemTime, AuthError> {
    UNIX_EPOCH
        .checked_add(Duration::from_secs(seconds))
        .ok_or_else(|| AuthError::new("a time out of range"))
}

fn broken() -> AuthError {
    AuthError::new("the MAC cannot be computed")
}

/// Decodes base64 of either alphabet, padded or not: clients differ ("Queue facts" of the rulings).
fn base64(text: &str) -> Option<Vec<u8>> {
    let any = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) {
        &URL_SAFE
    } else {
        &STANDARD
    };
    GeneralPurpose::new(alphabet, any).decode(text).ok()
}

/// How far apart the clocks may be, in seconds.
const SKEW: u64 = 15 * 60;
