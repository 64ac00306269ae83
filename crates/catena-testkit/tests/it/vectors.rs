// SPDX-License-Identifier: MPL-2.0
//! The repository's vectors are what the testkit makes, and catena says to them what their files say.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

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
    let names = |corpus: &Corpus| corpus.cases.keys().cloned().collect::<BTreeSet<_>>();
    let apart: Vec<_> = names(&committed)
        .symmetric_difference(&names(&fresh))
        .cloned()
        .collect();
    assert_eq!(apart, [""; 0], "run the example write-vectors");
    let changed: Vec<_> = fresh
        .cases
        .iter()
        .filter(|(name, case)| committed.cases[*name] != **case)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(changed, [""; 0], "run the example write-vectors");
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
    let cases: Vec<_> = corpus.cases.values().collect();
    let workers = thread::available_parallelism().unwrap().get();
    thread::scope(|scope| {
        for share in cases.chunks(cases.len().div_ceil(workers)) {
            let documents = &corpus.documents;
            scope.spawn(move || {
                for case in share {
                    let (found, _) = vectors::judge(case, documents).unwrap();
                    assert_eq!(found, case.expected, "{}: {}", case.name, case.reason);
                }
            });
        }
    });
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
