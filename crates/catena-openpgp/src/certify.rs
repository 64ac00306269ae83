// SPDX-License-Identifier: MPL-2.0
//! Whether a trusted key certified a worker's key (legacy.md §3.2, §3.3).
//!
//! The certifier is judged at the time of the certification: it may have expired since. The certification must name
//! SHA256 or better, and must still hold when the worker's key was used.

use openpgp::packet::signature::subpacket::SubpacketTag;
use openpgp::packet::{Signature, UserID};
use openpgp::policy::StandardPolicy;
use sequoia_openpgp as openpgp;

use crate::keys::{Held, KeySet, strong};
use crate::profile::{digest, from_system, to_system};
use crate::refusal::Refusal;
use crate::time::UnixTime;

/// Returns the fingerprint of a trusted key that certified a name of the worker's key, as of `at`; the certification must
/// hold until `reference`.
///
/// # Errors
/// Why the certification by a trusted key does not count; [`Refusal::Uncertified`] if there is none.
pub(crate) fn certified_by(
    worker: &Held,
    keys: &KeySet,
    at: UnixTime,
    reference: UnixTime,
) -> Result<String, Refusal> {
    let mut refused = None;
    let policy = StandardPolicy::at(to_system(at));
    let valid = worker
        .cert
        .with_policy(&policy, to_system(at))
        .map_err(|error| Refusal::KeyInvalid {
            key: worker.fingerprint(),
            at,
            reason: error.to_string(),
        })?;
    for name in valid.userids() {
        for signature in name.amalgamation().bundle().certifications() {
            let issuers = signature.get_issuers();
            let issued = |held: &&Held| {
                let handle = held.primary().key_handle();
                !issuers.is_empty() && issuers.iter().all(|issuer| issuer.aliases(&handle))
            };
            for trusted in keys.trusted.iter().filter(issued) {
                let judged = keys.uncompromised(trusted).and_then(|()| {
                    certifies(trusted, worker, name.userid(), signature, (at, reference))
                });
                match judged {
                    Ok(()) => return Ok(trusted.fingerprint()),
                    Err(refusal) => refused = refused.or(Some(refusal)),
                }
            }
        }
    }
    Err(refused.unwrap_or_else(|| Refusal::Uncertified {
        key: worker.fingerprint(),
        at,
    }))
}

fn certifies(
    trusted: &Held,
    worker: &Held,
    name: &UserID,
    signature: &Signature,
    (at, reference): (UnixTime, UnixTime),
) -> Result<(), Refusal> {
    let uncertified = || Refusal::Uncertified {
        key: worker.fingerprint(),
        at,
    };
    digest(signature.hash_algo())?;
    let created = signature
        .signature_creation_time()
        .map(from_system)
        .filter(|created| *created <= at)
        .ok_or_else(uncertified)?;
    let primary = trusted.cert.primary_key();
    signature
        .verify_userid_binding(primary.key(), worker.cert.primary_key().key(), name)
        .map_err(|_| uncertified())?;
    for at in [at, reference] {
        signature
            .signature_alive(to_system(at), None)
            .map_err(|_| Refusal::SignatureExpired { at })?;
    }
    // a local one is of whoever made it, for himself
    if signature.exportable_certification() == Some(false) {
        return Err(uncertified());
    }
    if signature
        .hashed_area()
        .iter()
        .any(|packet| packet.critical() && packet.tag() != CREATED && packet.tag() != EXPIRES)
    {
        return Err(Refusal::Critical {
            found: "one in a certification".to_owned(),
        });
    }
    strong(trusted.primary())?;
    trusted.unrevoked()?;
    let policy = StandardPolicy::at(to_system(created));
    let valid = trusted
        .cert
        .with_policy(&policy, to_system(created))
        .map_err(|error| Refusal::KeyInvalid {
            key: trusted.fingerprint(),
            at: created,
            reason: error.to_string(),
        })?;
    valid.alive().map_err(|_| Refusal::KeyNotAlive {
        key: trusted.fingerprint(),
        at: created,
    })
}

const CREATED: SubpacketTag = SubpacketTag::SignatureCreationTime;
const EXPIRES: SubpacketTag = SubpacketTag::SignatureExpirationTime;
