// SPDX-License-Identifier: MPL-2.0
//! `cases.json`: messages, judged by one snapshot of keys.

use std::collections::{BTreeMap, BTreeSet};

use catena_openpgp::in_force::{InForceError, Keyring};
use catena_openpgp::snapshot::{Early, Family, Snapshot};
use catena_openpgp::time::{Moment, UnixTime};
use serde::{Deserialize, Serialize};

use super::{place, read};

pub(super) const SCHEMA: &str = "catena-gpg-era-cases/1";

/// `cases.json`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cases {
    pub(super) schema: String,
    /// The file with the keys, and its digest.
    pub(super) snapshot: String,
    pub(super) sha256: String,
    pub(super) cases: BTreeMap<String, Case>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// The signed text.
    pub(super) message: String,
    pub(super) family: Family,
    pub(super) started: UnixTime,
    pub(super) resolved: UnixTime,
    /// The code of the refusal, or `verified`.
    pub(super) expected: String,
}

#[test]
fn every_message_has_its_answer() {
    let cases: Cases = serde_json::from_slice(&read("cases.json")).unwrap();
    assert_eq!(cases.schema, SCHEMA);
    let snapshot = Snapshot::open(&read(&cases.snapshot), &cases.sha256).unwrap();
    let keyring = Keyring::new(&snapshot);
    let mut codes = BTreeSet::new();
    for (name, case) in &cases.cases {
        let moment = Moment::of_run(case.started, case.resolved);
        let text = read(&case.message);
        let answer = match keyring.verify(&text, case.family, &moment, Early::Refuse) {
            Ok(_) => "verified".to_owned(),
            Err(InForceError::Refused(refusal)) => refusal.code().to_owned(),
            Err(InForceError::Snapshot(error)) => error.code().to_owned(),
        };
        assert_eq!(answer, case.expected, "{name}");
        codes.insert(answer);
    }
    let held = std::fs::read_dir(place().join("cases")).unwrap().count();
    assert_eq!(held, cases.cases.len(), "files without a case");
    // whatever a text or its key can be refused for, but its size; `repositories.json` has a key file that is none
    let documented = include_str!("../../../../../docs/legacy.md");
    let words = documented
        .split('`')
        .filter(|word| word.starts_with("pgp-"));
    let missing: Vec<&str> = words.filter(|word| !codes.contains(*word)).collect();
    assert_eq!(missing, ["pgp-too-large", "pgp-key-file"]);
}
