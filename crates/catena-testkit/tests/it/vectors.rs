// SPDX-License-Identifier: MPL-2.0
//! The repository's vectors are what the testkit makes, and catena says to them what their files say.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use catena_core::policy::Profile;
use catena_crypto::digest::{Algorithm, Digest};
use catena_testkit::vectors::{self, Corpus};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

#[test]
fn vectors_are_up_to_date() {
    let committed = Corpus::read(&directory()).unwrap();
    let mut fresh = vectors::all().unwrap();
    fresh.keep_recorded(&committed);
    let names = |corpus: &Corpus| corpus.cases.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&committed),
        names(&fresh),
        "run the example write-vectors"
    );
    for (name, case) in &fresh.cases {
        assert!(
            committed.cases[name] == *case,
            "{name}: run the example write-vectors, then conformance/reference.py vectors --record"
        );
    }
    assert!(
        committed.documents == fresh.documents,
        "run the example write-vectors"
    );
}

/// As anybody else would run them: from the files alone.
#[test]
fn catena_says_what_the_files_say() {
    let corpus = Corpus::read(&directory()).unwrap();
    assert!(corpus.cases.len() >= 300, "{} cases", corpus.cases.len());
    for (name, case) in &corpus.cases {
        for (profile, expected) in [
            (Profile::Strict, &case.expected.strict),
            (Profile::Compat, &case.expected.compat),
        ] {
            let (found, _) = vectors::judge(case, &corpus.documents, profile).unwrap();
            assert_eq!(found, *expected, "{name}, {profile:?}: {}", case.reason);
        }
    }
}

#[test]
fn documents_are_named_by_their_digest_and_belong_to_a_case() {
    let corpus = Corpus::read(&directory()).unwrap();
    let used: BTreeSet<_> = corpus
        .cases
        .values()
        .flat_map(|case| case.documents.iter().map(|held| &held.sha256))
        .collect();
    let held: BTreeSet<_> = corpus.documents.keys().collect();
    assert_eq!(held, used);
    for (name, body) in &corpus.documents {
        assert_eq!(*name, Digest::of(Algorithm::Sha256, body).hex());
    }
}

#[test]
fn cases_are_as_their_schema_says() {
    let schema = fs::read(directory().join("case.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_slice(&schema).unwrap()).unwrap();
    for entry in fs::read_dir(directory().join("cases")).unwrap() {
        let path = entry.unwrap().path();
        let case: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let errors: Vec<_> = schema
            .iter_errors(&case)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        let mut wrong = case.clone();
        wrong["expected"]["strict"]["verdict"] = "perhaps".into();
        assert!(!schema.is_valid(&wrong));
    }
}
