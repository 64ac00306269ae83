// SPDX-License-Identifier: MPL-2.0
//! The vectors of vectors/gpg-era: one refusal each, as files that any implementation can read.
//!
//! `cargo test -p catena-openpgp --features openpgp write_vectors -- --ignored` makes them anew, with fresh keys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use catena_openpgp::in_force::{InForceError, verify_in_force};
use catena_openpgp::snapshot::{Early, Family, Snapshot, sha256};
use catena_openpgp::tags::build;
use catena_openpgp::time::{Moment, UnixTime};
use serde::{Deserialize, Serialize};

use crate::git::Git;
use crate::gpg::{Gpg, hour};

/// `cases.json`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    schema: String,
    /// The file with the keys, and its digest.
    snapshot: String,
    sha256: String,
    cases: BTreeMap<String, Case>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The signed text.
    message: String,
    family: Family,
    started: UnixTime,
    resolved: UnixTime,
    /// The code of the refusal, or `verified`.
    expected: String,
}

fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/gpg-era")
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(place().join(name)).unwrap()
}

#[test]
fn every_vector_has_its_answer() {
    let cases: Cases = serde_json::from_slice(&read("cases.json")).unwrap();
    assert_eq!(cases.schema, "catena-gpg-era-cases/1");
    let snapshot = Snapshot::open(&read(&cases.snapshot), &cases.sha256).unwrap();
    let mut codes = std::collections::BTreeSet::new();
    for (name, case) in &cases.cases {
        let moment = Moment::of_run(case.started, case.resolved);
        let text = read(&case.message);
        let answer = match verify_in_force(&text, case.family, &snapshot, &moment, Early::Refuse) {
            Ok(_) => "verified".to_owned(),
            Err(InForceError::Refused(refusal)) => refusal.code().to_owned(),
            Err(InForceError::Snapshot(error)) => error.to_string(),
        };
        assert_eq!(answer, case.expected, "{name}");
        codes.insert(answer);
    }
    assert!(codes.len() >= 16, "{codes:?}");
    let held = std::fs::read_dir(place().join("cases")).unwrap().count();
    assert_eq!(held, cases.cases.len(), "files without a case");
}

/// A snapshot with a tag for each of two days: the first has all keys, the second lacks one of docker-worker.
fn keys(gpg: &Gpg) -> Snapshot {
    for name in [
        "releng", "trusted", "docker", "gone", "generic", "script", "plain",
    ] {
        gpg.key(hour(0), &format!("{name}@x.org"), "rsa2048", 0);
    }
    gpg.key(hour(0), "brief@x.org", "rsa2048", 2);
    gpg.key(hour(0), "short@x.org", "rsa1024", 0);
    gpg.key(hour(0), "curve@x.org", "ed25519", 0);
    gpg.certify(hour(1), "trusted@x.org", "script@x.org", "SHA256");
    let git = Git::new(gpg);
    let public = |name: &str| gpg.public(hour(2), &format!("{name}@x.org")).bytes;
    let docker = ["docker", "gone", "short", "curve"]
        .map(|name| (format!("docker-worker/{name}.pub"), public(name)));
    let generic =
        ["generic", "brief"].map(|name| (format!("generic-worker/x/{name}.pub"), public(name)));
    let script =
        ["script", "plain"].map(|name| (format!("scriptworker/valid/{name}.pub"), public(name)));
    let trusted = (
        "scriptworker/trusted/trusted.pub".to_owned(),
        public("trusted"),
    );
    let files: Vec<(String, Vec<u8>)> = docker
        .into_iter()
        .chain(generic)
        .chain(script)
        .chain([trusted])
        .collect();
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
        .collect();
    let first = git.commit(hour(3), &files);
    git.tag(hour(3), "production-20170601030000", "releng@x.org", &first);
    for day in [24, 48] {
        let gone: &[(&str, &[u8])] = if day == 24 {
            &[("docker-worker/gone.pub", b"")]
        } else {
            &[]
        };
        let commit = git.commit(hour(day), gone);
        git.tag(
            hour(day),
            &format!("production-day-{day}"),
            "releng@x.org",
            &commit,
        );
    }
    let signers =
        catena_openpgp::keys::KeySet::flat(&[gpg.public(hour(2), "releng@x.org")]).unwrap();
    build(git.path(), &signers).unwrap()
}

#[test]
#[ignore = "writes into vectors/"]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn write_vectors() {
    let gpg = Gpg::new();
    let snapshot = keys(&gpg).render().unwrap();
    std::fs::write(place().join("keys.json"), &snapshot).unwrap();
    let _ = std::fs::remove_dir_all(place().join("cases"));
    std::fs::create_dir_all(place().join("cases")).unwrap();
    let document = "{\n  \"chainOfTrustVersion\": 1,\n  \"numbers\": [\n-1\n  ]\n}\n";
    let sign = |name: &str, digest: &str, at: u64| {
        gpg.clearsign(hour(at), &format!("{name}@x.org"), digest, document)
    };
    let good = sign("docker", "SHA256", 10);
    let mut cases = BTreeMap::new();
    let mut add = |name: &str, family: Family, run: u64, text: &str, expected: &str| {
        let message = format!("cases/{name}.asc");
        std::fs::write(place().join(&message), text).unwrap();
        let (started, resolved) = (hour(run), hour(run).plus(600));
        let case = Case {
            message,
            family,
            started,
            resolved,
            expected: expected.to_owned(),
        };
        cases.insert(name.to_owned(), case);
    };
    let (docker, generic, script) = (
        Family::DockerWorker,
        Family::GenericWorker,
        Family::Scriptworker,
    );
    add("good-docker-worker", docker, 10, &good, "verified");
    add(
        "good-generic-worker",
        generic,
        10,
        &sign("generic", "SHA384", 10),
        "verified",
    );
    add(
        "good-scriptworker",
        script,
        10,
        &sign("script", "SHA512", 10),
        "verified",
    );
    add(
        "good-crlf",
        docker,
        10,
        &good.replace('\n', "\r\n"),
        "verified",
    );
    add("unsigned", docker, 10, document, "pgp-unsigned");
    add(
        "two-blocks",
        docker,
        10,
        &good.repeat(2),
        "pgp-several-blocks",
    );
    add(
        "text-before",
        docker,
        10,
        &format!("{{}}\n{good}"),
        "pgp-text-outside",
    );
    add(
        "text-behind",
        docker,
        10,
        &format!("{good}{{}}\n"),
        "pgp-text-outside",
    );
    add(
        "changed",
        docker,
        10,
        &good.replace("Version\": 1", "Version\": 2"),
        "pgp-wrong-signature",
    );
    add(
        "dash-not-escaped",
        docker,
        10,
        &good.replace("- -1", "-1"),
        "pgp-dash",
    );
    add(
        "dash-escaped-twice",
        docker,
        10,
        &good.replace("- -1", "- - -1"),
        "pgp-wrong-signature",
    );
    add(
        "header",
        docker,
        10,
        &good.replace("Hash: SHA256\n", "Hash: SHA256\nComment: x\n"),
        "pgp-header",
    );
    add(
        "md5-by-default",
        docker,
        10,
        &good.replace("Hash: SHA256\n", ""),
        "pgp-no-hash",
    );
    add(
        "digest-of-another-name",
        docker,
        10,
        &good.replace("Hash: SHA256", "Hash: SHA512"),
        "pgp-digest-unnamed",
    );
    add(
        "sha1",
        docker,
        10,
        &sign("docker", "SHA1", 10),
        "pgp-digest",
    );
    add(
        "sha1-called-sha256",
        docker,
        10,
        &sign("docker", "SHA1", 10).replace("SHA1", "SHA256"),
        "pgp-digest",
    );
    add(
        "ripemd160",
        docker,
        10,
        &sign("docker", "RIPEMD160", 10),
        "pgp-digest",
    );
    add(
        "cut",
        docker,
        10,
        good.split("-----END").next().unwrap(),
        "pgp-truncated",
    );
    add(
        "checksum",
        docker,
        10,
        &good.replace("\n=", "\n=A"),
        "pgp-armour",
    );
    add("wrong-family", generic, 10, &good, "pgp-family");
    add(
        "stranger",
        docker,
        10,
        &sign("releng", "SHA256", 10),
        "pgp-unknown-signer",
    );
    add(
        "key-removed-before-the-run",
        docker,
        60,
        &sign("gone", "SHA256", 60),
        "pgp-not-in-force",
    );
    add(
        "before-the-run",
        docker,
        10,
        &sign("docker", "SHA256", 9),
        "pgp-outside-run",
    );
    add(
        "after-the-run",
        docker,
        10,
        &sign("docker", "SHA256", 12),
        "pgp-outside-run",
    );
    let dead = sign("brief", "SHA256", 47);
    add(
        "uncertified",
        script,
        10,
        &sign("plain", "SHA256", 10),
        "pgp-uncertified",
    );
    add(
        "trusted-key-as-worker",
        script,
        10,
        &sign("trusted", "SHA256", 10),
        "pgp-unknown-signer",
    );
    add(
        "rsa1024",
        docker,
        10,
        &sign("short", "SHA256", 10),
        "pgp-key-short",
    );
    add(
        "ed25519",
        docker,
        10,
        &sign("curve", "SHA512", 10),
        "pgp-key-algorithm",
    );
    let (started, resolved) = (hour(47), hour(49));
    let expired = Case {
        message: "cases/expired.asc".to_owned(),
        family: generic,
        started,
        resolved,
        expected: "pgp-key-not-alive".to_owned(),
    };
    std::fs::write(place().join(&expired.message), dead).unwrap();
    cases.insert("expired".to_owned(), expired);
    let cases = Cases {
        schema: "catena-gpg-era-cases/1".to_owned(),
        snapshot: "keys.json".to_owned(),
        sha256: sha256(snapshot.as_bytes()),
        cases,
    };
    let text = serde_json::to_string_pretty(&cases).unwrap() + "\n";
    std::fs::write(place().join("cases.json"), text).unwrap();
}
