// SPDX-License-Identifier: MPL-2.0
//! Makes temporary credentials and bewits.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use hawk::mac::{Mac, MacType};
use hawk::{Bewit, Key, SHA256};
use jiff::Timestamp;
use serde_json::json;
use zeroize::Zeroizing;

use super::registry::random_token;
use super::{AuthError, Certificate, QUEUE, Registry, access_token, claim_scopes};
use crate::Credentials;
use crate::queue::{Claim, Worker};

/// Temporary credentials named `client_id`, signed by a permanent client.
///
/// # Errors
/// There is no such issuer, or no random numbers.
pub fn temporary(
    registry: &Registry,
    issuer: &str,
    client_id: &str,
    scopes: Vec<String>,
    start: Timestamp,
    expires: Timestamp,
) -> Result<Credentials, AuthError> {
    let record = registry
        .client(issuer)
        .ok_or_else(|| AuthError::new(format!("no client {issuer} to issue credentials")))?;
    // 44 characters, as two slugs have
    let random = || random_token().map_err(|why| AuthError::new(why.to_string()));
    let seed: String = format!("{}{}", random()?, random()?)
        .chars()
        .take(44)
        .collect();
    let mut certificate = Certificate {
        version: 1,
        scopes,
        start: start.as_millisecond(),
        expiry: expires.as_millisecond(),
        seed,
        signature: String::new(),
        issuer: Some(issuer.to_owned()),
    };
    let mac = certificate.mac(client_id, &record.access_token)?;
    certificate.signature = BASE64_STANDARD.encode(mac);
    let token = access_token(&record.access_token, &certificate.seed)?;
    let certificate = serde_json::to_string(&certificate)
        .map_err(|why| AuthError::new(format!("the certificate cannot be written: {why}")))?;
    Ok(Credentials {
        client_id: client_id.to_owned(),
        access_token: Zeroizing::new(token),
        certificate: Some(certificate),
    })
}

/// The credentials of a claim: they end with it, and hold its three scopes and those of the task (worker.md §12.1).
///
/// # Errors
/// As [`temporary`].
pub fn task_credentials(
    registry: &Registry,
    claim: &Claim,
    worker: &Worker,
    now: Timestamp,
) -> Result<Credentials, AuthError> {
    let (task, run, until) = (claim.status.task_id, claim.run, claim.taken_until);
    let millis = until.as_millisecond();
    let (seconds, rest) = (millis.div_euclid(1000), millis.rem_euclid(1000));
    let client_id = format!(
        "task-client/{task}/{run}/on/{}/{}/until/{seconds}.{rest:03}",
        worker.group, worker.id
    );
    let mut scopes = claim_scopes(task, run);
    let of_task = claim.definition.get("scopes");
    let of_task = of_task.and_then(|scopes| scopes.as_array());
    let of_task = of_task.into_iter().flatten().filter_map(|s| s.as_str());
    scopes.extend(of_task.map(str::to_owned));
    temporary(registry, QUEUE, &client_id, scopes, now, until)
}

/// A bewit of a permanent client for a GET of `path` (with its query), good until `expires`. Whoever has it may do what
/// `scopes` allow, and no more: they stand in its `ext` as `authorizedScopes`.
///
/// # Errors
/// There is no such client.
pub fn bewit(
    registry: &Registry,
    client_id: &str,
    (host, port): (&str, u16),
    path: &str,
    scopes: &[String],
    expires: Timestamp,
) -> Result<String, AuthError> {
    let broken = |_| AuthError::new("the bewit cannot be computed");
    let record = registry
        .client(client_id)
        .ok_or_else(|| AuthError::new(format!("no client {client_id} to sign a URL")))?;
    let key = Key::new(record.access_token.as_bytes(), SHA256).map_err(broken)?;
    let seconds = u64::try_from(expires.as_second()).unwrap_or(0);
    let until = UNIX_EPOCH + Duration::from_secs(seconds);
    let ext = json!({ "authorizedScopes": scopes }).to_string();
    let ext = BASE64_URL_SAFE.encode(ext);
    let mac = Mac::new(
        MacType::Bewit,
        &key,
        until,
        "",
        "GET",
        host,
        port,
        path,
        None,
        Some(&ext),
    );
    Ok(Bewit::new(client_id, until, mac.map_err(broken)?, Some(&ext)).to_str())
}
