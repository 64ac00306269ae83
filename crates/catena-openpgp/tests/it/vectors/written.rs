// SPDX-License-Identifier: MPL-2.0
//! Makes the vectors of messages and of repositories.

use std::collections::BTreeMap;

use catena_openpgp::snapshot::{Family, sha256};

use self::keys::Made;
use super::{empty, messages, repositories, write, write_json};
use crate::gpg::hour;

mod keys;
mod of_keys;
mod of_texts;
mod tags;

#[test]
#[ignore = "writes into vectors/"]
fn write_vectors() {
    let made = Made::new();
    let snapshot = made.snapshot().render().unwrap();
    write("keys.json", &snapshot);
    empty("cases");
    let cases = messages::Cases {
        schema: messages::SCHEMA.to_owned(),
        snapshot: "keys.json".to_owned(),
        sha256: sha256(snapshot.as_bytes()),
        cases: made.cases(),
    };
    write_json("cases.json", &cases);
    write_json(
        "repositories.json",
        &repositories::Repositories {
            schema: repositories::SCHEMA.to_owned(),
            bundle: "repositories.bundle".to_owned(),
            cases: tags::written(),
        },
    );
}

/// Name, family, hours in which the run began and ended, message, answer.
type Row = (&'static str, Family, [u64; 2], Vec<u8>, &'static str);

fn mail(name: &str) -> String {
    format!("{name}@x.org")
}

impl Made {
    /// A case for each way to be refused, and for some that are not.
    fn cases(&self) -> BTreeMap<String, messages::Case> {
        let all = [
            self.of_text(),
            self.of_signatures(),
            self.of_keys(),
            self.of_times(),
            self.of_certifications(),
        ];
        let all = all.into_iter().flatten();
        all.map(|(name, family, [started, resolved], text, expected)| {
            let case = messages::Case {
                message: format!("cases/{name}.asc"),
                family,
                started: hour(started),
                resolved: hour(resolved).plus(600),
                expected: expected.to_owned(),
            };
            write(&case.message, text);
            (name.to_owned(), case)
        })
        .collect()
    }
}
