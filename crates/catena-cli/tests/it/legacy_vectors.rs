// SPDX-License-Identifier: MPL-2.0
//! `vectors/gpg-era/chains.json`: recorded chains of the GPG era and their answers, read by the command.
//!
//! `cargo test -p catena-cli --features openpgp write_chains -- --ignored` makes them anew, with fresh keys.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::legacy_chains::{CONFIG, Named, chains};
use crate::legacy_world::{Chain, Era, ROOT};
use crate::run::Run;

const SCHEMA: &str = "catena-gpg-era-chains/1";

/// `chains.json`. Files are named from where it is.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Chains {
    schema: String,
    root: String,
    /// The snapshot of keys, and its digest.
    keys: String,
    sha256: String,
    policy: String,
    /// The documents of all chains, each named by its SHA-256.
    documents: String,
    cases: BTreeMap<String, Case>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// `index.json` of the recorded evidence.
    index: String,
    /// A configuration with ed25519 keys, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<String>,
    verdict: String,
    findings: BTreeSet<Finding>,
}

#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
struct Finding {
    id: String,
    task: String,
}

fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/gpg-era")
}

fn findings(report: &Value) -> BTreeSet<Finding> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap().iter();
    let finding = |found: &Value| Finding {
        id: text(&found["id"]),
        task: text(&found["task"]),
    };
    findings.map(finding).collect()
}

#[test]
fn every_chain_has_its_answer() {
    let path = |name: &str| place().join(name).to_str().unwrap().to_owned();
    let list: Chains =
        serde_json::from_slice(&std::fs::read(path("chains.json")).unwrap()).unwrap();
    assert_eq!(list.schema, SCHEMA);
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(path(&list.documents), dir.path().join("documents")).unwrap();
    let evidence = dir.path().to_str().unwrap().to_owned();
    for (name, case) in &list.cases {
        std::fs::copy(path(&case.index), dir.path().join("index.json")).unwrap();
        let (keys, policy) = (path(&list.keys), path(&list.policy));
        let mut words = vec![
            "verify",
            &list.root,
            "--legacy",
            "--json",
            "--evidence",
            &evidence,
        ];
        words.extend(["--legacy-keys", &keys, "--legacy-keys-sha256", &list.sha256]);
        words.extend(["--legacy-policy", &policy]);
        let config = case.config.as_deref().map(path);
        words.extend(config.iter().flat_map(|config| ["--config", config]));
        let run = Run::of(&words);
        let report: Value = serde_json::from_str(&run.stdout)
            .map_err(|_| run.stderr)
            .unwrap();
        assert_eq!(
            report["verdict"],
            Value::from(case.verdict.as_str()),
            "{name}"
        );
        assert_eq!(findings(&report), case.findings, "{name}");
        let status = match case.verdict.as_str() {
            "trusted" => 0,
            "rejected" => 1,
            _ => 4,
        };
        assert_eq!(run.status, status, "{name}");
    }
    let written: Vec<&str> = chains().map(|one| one.name).collect();
    let written: BTreeSet<&str> = written.into_iter().collect();
    assert_eq!(
        list.cases
            .keys()
            .map(String::as_str)
            .collect::<BTreeSet<_>>(),
        written
    );
}

/// What a chain of the table should come to.
fn expected(one: &Named) -> BTreeSet<Finding> {
    let task = |initial: &str| {
        let named = crate::legacy_world::TASKS
            .into_iter()
            .find(|task| task.starts_with(initial));
        named.unwrap().to_owned()
    };
    let finding = |words: &&str| {
        let (id, initial) = words.split_once(' ').unwrap();
        Finding {
            id: id.to_owned(),
            task: task(initial),
        }
    };
    one.findings.iter().map(finding).collect()
}

/// Signed anew, and every word of the answer looked at: each fault is found for what it is, and nothing else is.
#[test]
fn every_fault_is_named_and_none_is_trusted() {
    let era = Era::new();
    let config = era.dir.path().join("scriptworker.yaml");
    std::fs::write(&config, CONFIG).unwrap();
    for one in chains() {
        let mut chain = Chain::new();
        (one.change)(&mut chain);
        let options = ["--config", config.to_str().unwrap()];
        let (status, report) = era.report(&chain, if one.pairs { &options } else { &[] });
        assert_eq!(status, one.status, "{}: {report:#}", one.name);
        assert_eq!(findings(&report), expected(one), "{}: {report:#}", one.name);
        let of_id = |found: &&Value| {
            one.findings
                .first()
                .is_some_and(|words| found["id"] == words.split(' ').next().unwrap())
        };
        let said = report["findings"].as_array().unwrap().iter().filter(of_id);
        let mut said: Vec<String> = said
            .map(|found| {
                format!(
                    "expected {}, found {}",
                    found["expected"].as_str().unwrap(),
                    found["found"].as_str().unwrap()
                )
            })
            .collect();
        if one.findings.is_empty() {
            said.push(report["relaxations"].to_string());
        }
        assert!(
            said.iter().any(|said| said.contains(one.says)),
            "{}: {said:?}",
            one.name
        );
    }
}

#[test]
#[ignore = "writes into vectors/"]
fn write_chains() {
    let era = Era::new();
    let out = place().join("chains");
    let _ = std::fs::remove_dir_all(&out);
    std::fs::create_dir_all(out.join("documents")).unwrap();
    for name in ["keys.json", "policy.json"] {
        std::fs::copy(era.dir.path().join(name), out.join(name)).unwrap();
    }
    std::fs::write(out.join("scriptworker.yaml"), CONFIG).unwrap();
    let mut cases = BTreeMap::new();
    for one in chains() {
        let mut chain = Chain::new();
        (one.change)(&mut chain);
        let recorded = tempfile::tempdir().unwrap();
        let recorded = recorded.path().join("e");
        chain.record(&era.gpg, &recorded);
        for document in std::fs::read_dir(recorded.join("documents")).unwrap() {
            let document = document.unwrap();
            std::fs::copy(
                document.path(),
                out.join("documents").join(document.file_name()),
            )
            .unwrap();
        }
        let index = format!("chains/{}.json", one.name);
        std::fs::copy(recorded.join("index.json"), place().join(&index)).unwrap();
        let verdict = match one.status {
            0 => "trusted",
            1 => "rejected",
            _ => "undetermined",
        };
        let case = Case {
            index,
            config: one.pairs.then(|| "chains/scriptworker.yaml".to_owned()),
            verdict: verdict.to_owned(),
            findings: expected(one),
        };
        cases.insert(one.name.to_owned(), case);
    }
    let list = Chains {
        schema: SCHEMA.to_owned(),
        root: ROOT.to_owned(),
        keys: "chains/keys.json".to_owned(),
        sha256: era.pin.clone(),
        policy: "chains/policy.json".to_owned(),
        documents: "chains/documents".to_owned(),
        cases,
    };
    let text = serde_json::to_string_pretty(&list).unwrap() + "\n";
    std::fs::write(place().join("chains.json"), text).unwrap();
}
