// SPDX-License-Identifier: MPL-2.0
//! The repository's examples are what the testkit makes, and get the verdicts that their names promise.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use catena_core::policy::Profile;
use catena_core::report::Verdict;

use crate::evidence;
use crate::verifier::Verifier;

/// Files by their path below a directory.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            out.extend(
                files(&path)
                    .into_iter()
                    .map(|(below, bytes)| (format!("{name}/{below}"), bytes)),
            );
        } else {
            out.insert(name, fs::read(&path).unwrap());
        }
    }
    out
}

#[test]
fn examples_are_up_to_date() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let fresh = std::env::temp_dir().join(format!("catena-testkit-{}", std::process::id()));
    for (name, chain) in evidence::examples() {
        evidence::write(&chain, &fresh.join(name)).unwrap();
        let (expected, found) = (files(&fresh.join(name)), files(&committed.join(name)));
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(
            names(&found),
            names(&expected),
            "run the example write-examples"
        );
        assert!(found == expected, "{name}: run the example write-examples");
        let size: usize = found.values().map(Vec::len).sum();
        assert!(
            found.len() <= 25 && size < 150_000,
            "{name}: {} files, {size} bytes",
            found.len()
        );
    }
    fs::remove_dir_all(fresh).unwrap();
}

#[test]
fn the_signed_digest_catches_the_tampered_example() {
    let [(_, good), (_, tampered)] = evidence::examples();
    assert_eq!(
        Verifier::new(&good).verify(Profile::Strict).verdict,
        Verdict::Trusted
    );
    let report = Verifier::new(&tampered).verify(Profile::Strict);
    assert_eq!(report.verdict, Verdict::Rejected);
    let ids: Vec<_> = report.findings.iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["artifact-digest"]);
}
