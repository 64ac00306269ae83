// SPDX-License-Identifier: MPL-2.0
//! `catena verify --legacy`: puts evidence, keys and policy of the GPG era together.

use std::collections::BTreeMap;

use catena_core::document::Answer;
use catena_core::legacy::era::CotVersion;
use catena_core::legacy::policy::Policy;
use catena_core::legacy::report::Signed;
use catena_core::legacy::{self, Evidence, Inputs, Opened, Opener, Opening, Unopened};
use catena_core::model::task_type::WorkerImplementation;
use catena_core::request::Request;
use catena_evidence::{DirectorySource, Source as _};
use catena_openpgp::in_force::{InForceError, Keyring};
use catena_openpgp::snapshot::{Early, Family, Snapshot};
use catena_openpgp::time::{Moment, UnixTime};
use tokio::runtime::{self, Runtime};

use super::keys::{read, strictly};
use super::{Options, Refusal, text};
use crate::args::{self, Format, When};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{config, output};

/// Verifies a recorded chain and prints its report.
pub(crate) fn verify(options: &args::Verify, _: When) -> Result<Exit, Failure> {
    let flags = &options.legacy;
    let path = options
        .evidence
        .as_deref()
        .ok_or_else(|| need("--evidence"))?;
    let source = DirectorySource::open(path).map_err(|source| Failure::Evidence {
        path: path.to_owned(),
        source,
    })?;
    let subject = source.subject().map(|subject| subject.task);
    let root = options.task_id.or(subject).ok_or(Failure::NoTask)?;
    let as_of = flags
        .as_of
        .as_deref()
        .map(str::parse::<UnixTime>)
        .transpose();
    let as_of = as_of.map_err(|reason| Refusal::Value {
        flag: "--as-of",
        reason,
    })?;
    let snapshot = snapshot(flags)?;
    let opener = Keys {
        keyring: Keyring::new(&snapshot),
        as_of,
        early: match flags.early_keys {
            true => Early::UseFirst,
            false => Early::Refuse,
        },
    };
    let inputs = Inputs {
        root,
        version: flags.cot_version.and_then(CotVersion::from_number),
        policy: policy(flags)?,
        pairs: pairs(options)?,
        relaxations: relaxations(flags),
    };
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Failure::Runtime { source })?;
    let report = legacy::verify(&inputs, &mut Recorded { source, runtime }, &opener);
    let page = match options.show.format() {
        Format::Json => {
            serde_json::to_string_pretty(&report).map_err(|source| Failure::Render { source })?
                + "\n"
        }
        Format::Line => text::line(&report),
        Format::All | Format::Text => text::page(&report),
    };
    output::print(&page)?;
    Ok(report.verdict.into())
}

const fn need(flag: &'static str) -> Refusal {
    Refusal::Value {
        flag,
        reason: String::new(),
    }
}

fn snapshot(flags: &Options) -> Result<Snapshot, Refusal> {
    let path = flags
        .legacy_keys
        .as_deref()
        .ok_or_else(|| need("--legacy-keys"))?;
    let pin = flags
        .legacy_keys_sha256
        .as_deref()
        .ok_or_else(|| need("--legacy-keys-sha256"))?;
    let pin = pin.strip_prefix("sha256:").unwrap_or(pin);
    let bytes = read("--legacy-keys", path)?;
    strictly(&bytes, |bytes| Snapshot::open(bytes, pin)).map_err(|error| Refusal::File {
        flag: "--legacy-keys",
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

fn policy(flags: &Options) -> Result<Policy, Refusal> {
    let path = flags
        .legacy_policy
        .as_deref()
        .ok_or_else(|| need("--legacy-policy"))?;
    Policy::parse(&read("--legacy-policy", path)?).map_err(|error| Refusal::File {
        flag: "--legacy-policy",
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// ed25519 keys come from a configuration that was given, never from the built-in one: those are keys of today.
fn pairs(
    options: &args::Verify,
) -> Result<BTreeMap<WorkerImplementation, Vec<catena_crypto::ed25519::PublicKey>>, Failure> {
    let Some(file) = options.config.as_deref() else {
        return Ok(BTreeMap::new());
    };
    let keyring = config::load(Some(file), None)?.config.keyring;
    let families = keyring.families();
    Ok(families
        .map(|(name, keys)| (WorkerImplementation::from(name), keys.to_vec()))
        .collect())
}

fn relaxations(flags: &Options) -> Vec<String> {
    let as_of = flags
        .as_of
        .as_ref()
        .map(|time| format!("--as-of {time}: keys are judged at a time that you vouch for"));
    let early = flags
        .early_keys
        .then(|| "--early-keys: the first tag's keys count for runs before it".to_owned());
    as_of.into_iter().chain(early).collect()
}

/// Recorded documents.
struct Recorded {
    source: DirectorySource,
    runtime: Runtime,
}

impl Evidence for Recorded {
    fn fetch(&mut self, request: &Request) -> Answer {
        self.runtime.block_on(self.source.fetch(request))
    }
}

/// Keys of that time.
struct Keys<'a> {
    keyring: Keyring<'a>,
    as_of: Option<UnixTime>,
    early: Early,
}

impl Opener for Keys<'_> {
    fn open(&self, opening: &Opening<'_>) -> Result<Opened, Unopened> {
        let no_keys = |reason: String| Unopened::NoKeys { reason };
        let family: Family =
            opening
                .family
                .as_str()
                .parse()
                .map_err(|reason| Unopened::Refused {
                    code: "legacy-worker",
                    reason,
                })?;
        let time = |text: &str| text.parse::<UnixTime>().map_err(no_keys);
        let run = Moment::of_run(time(opening.started)?, time(opening.resolved)?);
        let moment = Moment {
            reference: self.as_of.unwrap_or(run.reference),
            ..run
        };
        let found = self
            .keyring
            .verify(opening.text, family, &moment, self.early);
        let under = found.map_err(|error| match error {
            InForceError::Refused(refusal) => Unopened::Refused {
                code: refusal.code(),
                reason: refusal.to_string(),
            },
            InForceError::Snapshot(error) => Unopened::NoKeys {
                reason: error.to_string(),
            },
        })?;
        let by = under.verified.by;
        Ok(Opened {
            payload: under.verified.payload,
            signed: Signed {
                key: by.signer,
                certifier: by.certifier,
                tag: under.used,
                time: by.signed.to_string(),
            },
        })
    }
}
