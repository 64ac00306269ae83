// SPDX-License-Identifier: MPL-2.0
//! The vectors of vectors/gpg-era: one refusal each, as files that any implementation can read. Chains are tested where the
//! command is, and commands where the rules of version 1 are.
//!
//! `cargo test -p catena-openpgp --features openpgp write_vectors -- --ignored` makes them anew, with fresh keys.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

mod messages;
mod repositories;
mod written;

/// Where the vectors are.
fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/gpg-era")
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(place().join(name)).unwrap()
}

fn write(name: &str, bytes: impl AsRef<[u8]>) {
    std::fs::write(place().join(name), bytes).unwrap();
}

fn write_json(name: &str, value: &impl serde::Serialize) {
    write(name, serde_json::to_string_pretty(value).unwrap() + "\n");
}

fn empty(name: &str) {
    let _ = std::fs::remove_dir_all(place().join(name));
    std::fs::create_dir_all(place().join(name)).unwrap();
}

/// README.md says which rule each case is of.
#[test]
fn every_case_of_every_list_is_in_the_table_of_rules_and_no_other() {
    let mut cases = BTreeSet::new();
    for list in [
        "cases.json",
        "chains.json",
        "commands.json",
        "repositories.json",
    ] {
        let list: Value = serde_json::from_slice(&read(list)).unwrap();
        for name in list["cases"].as_object().unwrap().keys() {
            assert!(cases.insert(name.clone()), "{name} is in two lists");
        }
    }
    let text = String::from_utf8(read("README.md")).unwrap();
    let (_, table) = text.split_once("## Rules and their cases").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let named = rows.flat_map(|row| {
        row.rsplit('|')
            .nth(1)
            .unwrap()
            .split('`')
            .skip(1)
            .step_by(2)
    });
    let named: BTreeSet<String> = named.map(str::to_owned).collect();
    assert_eq!(
        named.symmetric_difference(&cases).collect::<Vec<_>>(),
        [""; 0]
    );
}
