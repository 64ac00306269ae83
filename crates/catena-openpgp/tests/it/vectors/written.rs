// SPDX-License-Identifier: MPL-2.0
//! Makes the vectors of messages and of repositories.

use std::collections::BTreeMap;

use catena_openpgp::armour;
use catena_openpgp::keys::{KeyFile, KeySet};
use catena_openpgp::snapshot::{Family, Snapshot, sha256};
use catena_openpgp::tags::build;
use sequoia_openpgp as openpgp;

use openpgp::packet::signature::subpacket::{NotationData, SubpacketValue};
use openpgp::types::{HashAlgorithm, SignatureType};

use super::{empty, messages, place, repositories, write, write_json};
use crate::forged::{self, Forged, message, packets};
use crate::git::Git;
use crate::gpg::{Gpg, hour};

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
    write_json("repositories.json", &written_repositories());
}

/// Keys of workers and of people, all of them made for this.
struct Made {
    gpg: Gpg,
}

const DOCUMENT: &str = "{\n  \"chainOfTrustVersion\": 1,\n  \"numbers\": [\n-1\n  ]\n}\n";

fn mail(name: &str) -> String {
    format!("{name}@x.org")
}

impl Made {
    fn new() -> Self {
        let gpg = Gpg::new();
        for name in [
            "releng",
            "trusted",
            "former",
            "stranger",
            "docker",
            "second",
            "gone",
            "leaving",
            "relapsed",
            "coming",
            "dead",
            "named",
            "bits",
            "generic",
            "parts",
            "script",
            "plain",
            "sha1-certified",
            "short-certified",
            "locally",
            "briefly",
            "lately",
            "heir",
        ] {
            gpg.key(hour(0), &mail(name), "rsa2048", 0);
        }
        gpg.key(hour(0), "brief@x.org", "rsa2048", 2);
        for (name, algorithm) in [
            ("short", "rsa1024"),
            ("dsa", "dsa2048"),
            ("curve", "ed25519"),
            ("mixed", "ed25519"),
        ] {
            gpg.key(hour(0), &mail(name), algorithm, 0);
        }
        gpg.must(
            hour(0),
            &["--quick-generate-key", "mute@x.org", "rsa2048", "cert", "0"],
            b"",
        );
        for name in ["docker-old@x.org", "generic-old@x.org"] {
            let words = [
                "--cert-digest-algo",
                "SHA1",
                "--quick-generate-key",
                name,
                "rsa2048",
                "cert,sign",
                "0",
            ];
            gpg.must(hour(0), &words, b"");
        }
        for name in ["bits@x.org", "mixed@x.org", "parts@x.org"] {
            let primary = gpg.fingerprint(hour(1), name);
            gpg.must(
                hour(1),
                &["--quick-add-key", &primary, "rsa2048", "sign", "0"],
                b"",
            );
        }
        let made = Self { gpg };
        made.certify();
        made
    }

    fn certify(&self) {
        let gpg = &self.gpg;
        gpg.certify(hour(1), "trusted@x.org", "script@x.org", "SHA256");
        gpg.certify(hour(1), "trusted@x.org", "sha1-certified@x.org", "SHA1");
        gpg.certify(hour(1), "short@x.org", "short-certified@x.org", "SHA256");
        gpg.certify_locally(hour(1), "trusted@x.org", "locally@x.org");
        gpg.certify(hour(20), "trusted@x.org", "lately@x.org", "SHA256");
        let brief = [
            "--cert-digest-algo",
            "SHA256",
            "--default-cert-expire",
            "2d",
        ];
        gpg.certify_so(
            hour(1),
            "trusted@x.org",
            "briefly@x.org",
            &brief,
            "--quick-sign-key",
        );
        gpg.certify(hour(30), "former@x.org", "heir@x.org", "SHA256");
        let former = gpg.fingerprint(hour(2), "former@x.org");
        gpg.must(hour(2), &["--quick-set-expire", &former, "1d"], b"");
    }

    /// Three tags, on as many days. Of docker-worker's keys some come, go, are revoked, and are so no longer.
    fn snapshot(&self) -> Snapshot {
        let gpg = &self.gpg;
        let public = |dir: &str, name: &str| {
            let path = format!("{dir}/{name}.pub");
            (
                path,
                gpg.public_with(hour(40), &mail(name), "export-local-sigs")
                    .bytes,
            )
        };
        let revoked = |name: &str| {
            let path = format!("docker-worker/{name}.pub");
            (path, forged::revoked(gpg, &mail(name), hour(20)).bytes)
        };
        let docker = [
            "docker",
            "second",
            "gone",
            "leaving",
            "relapsed",
            "bits",
            "short",
            "dsa",
            "curve",
            "docker-old",
        ];
        let generic = ["generic", "brief", "mixed", "mute", "parts", "generic-old"];
        let script = [
            "script",
            "plain",
            "sha1-certified",
            "short-certified",
            "locally",
            "briefly",
            "lately",
            "heir",
        ];
        let named = forged::revocable(gpg, "named@x.org", "releng@x.org", hour(1)).bytes;
        let mut first: Vec<(String, Vec<u8>)> = vec![("docker-worker/named.pub".to_owned(), named)];
        first.extend(docker.map(|name| public("docker-worker", name)));
        first.extend(generic.map(|name| public("generic-worker/x", name)));
        first.extend(script.map(|name| public("scriptworker/valid", name)));
        first.extend(
            ["trusted", "former", "short"].map(|name| public("scriptworker/trusted", name)),
        );
        let gone = ("docker-worker/gone.pub".to_owned(), Vec::new());
        let second = vec![
            gone,
            revoked("leaving"),
            revoked("relapsed"),
            revoked("dead"),
            public("docker-worker", "coming"),
        ];
        let third = vec![public("docker-worker", "relapsed")];
        let git = Git::new(gpg);
        for (at, files) in [(3, first), (24, second), (48, third)] {
            let files: Vec<(&str, &[u8])> = files
                .iter()
                .map(|(path, bytes)| (path.as_str(), &bytes[..]))
                .collect();
            let commit = git.commit(hour(at), &files);
            git.tag(
                hour(at),
                &format!("production-hour-{at}"),
                "releng@x.org",
                &commit,
            );
        }
        let signers = KeySet::people(&[gpg.public(hour(2), "releng@x.org")]).unwrap();
        build(git.path(), &signers).unwrap()
    }

    fn sign(&self, name: &str, digest: &str, at: u64) -> String {
        self.gpg.clearsign(hour(at), &mail(name), digest, DOCUMENT)
    }

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

    /// What is around, in and outside the block (legacy.md §2.1 rules 1, 4 and 6).
    fn of_text(&self) -> Vec<Row> {
        let good = self.sign("docker", "SHA256", 10);
        let (clear, signature) = good.split_once(armour::BEGIN).unwrap();
        let signature = format!("{}{signature}", armour::BEGIN);
        let other = self
            .gpg
            .clearsign(hour(10), "docker@x.org", "SHA256", "{}\n");
        let other = other.split_once(armour::BEGIN).unwrap().0;
        let blanks = self
            .gpg
            .clearsign(hour(10), "docker@x.org", "SHA256", "{ \t\n} \n");
        let dashes = self
            .gpg
            .clearsign(hour(10), "docker@x.org", "SHA256", &good);
        let header = |text: &str| good.replace("Hash: SHA256\n", text);
        let inside = good.replacen("{\n", "{\n-----BEGIN PGP SIGNED MESSAGE-----\n", 1);
        let mut no_text = good.clone().into_bytes();
        let end = no_text.len() - 1;
        no_text[end] = 0xff;
        let rows: Vec<(&str, Vec<u8>, &str)> = vec![
            ("good-docker-worker", good.clone().into(), "verified"),
            ("good-crlf", good.replace('\n', "\r\n").into(), "verified"),
            (
                "good-blanks-outside",
                format!(" \n\t\r\n{good}\n \n").into(),
                "verified",
            ),
            ("good-blanks-at-line-ends", blanks.into(), "verified"),
            ("good-dashes", dashes.into(), "verified"),
            ("unsigned", DOCUMENT.into(), "pgp-unsigned"),
            (
                "cut",
                good.split("-----END").next().unwrap().into(),
                "pgp-truncated",
            ),
            ("no-text", no_text, "pgp-not-text"),
            ("two-blocks", good.repeat(2).into(), "pgp-several-blocks"),
            (
                "two-signature-blocks",
                format!("{good}{signature}").into(),
                "pgp-several-blocks",
            ),
            ("block-inside", inside.into(), "pgp-several-blocks"),
            (
                "text-before",
                format!("{{}}\n{good}").into(),
                "pgp-text-outside",
            ),
            (
                "text-behind",
                format!("{good}{{}}\n").into(),
                "pgp-text-outside",
            ),
            (
                "changed",
                good.replace("Version\": 1", "Version\": 2").into(),
                "pgp-wrong-signature",
            ),
            (
                "signature-of-another-text",
                format!("{other}{signature}").into(),
                "pgp-wrong-signature",
            ),
            (
                "dash-not-escaped",
                good.replace("- -1", "-1").into(),
                "pgp-dash",
            ),
            (
                "dash-escaped-twice",
                good.replace("- -1", "- - -1").into(),
                "pgp-wrong-signature",
            ),
            (
                "header",
                header("Hash: SHA256\nComment: x\n").into(),
                "pgp-header",
            ),
            (
                "header-not-dash-escaped",
                header("Hash: SHA256\nNotDashEscaped: x\n").into(),
                "pgp-header",
            ),
            ("md5-by-default", header("").into(), "pgp-no-hash"),
            (
                "digest-of-another-name",
                header("Hash: SHA512\n").into(),
                "pgp-digest-unnamed",
            ),
            (
                "checksum",
                format!("{clear}{}", signature.replace("\n=", "\n=A")).into(),
                "pgp-armour",
            ),
        ];
        let row = |(name, text, expected)| (name, Family::DockerWorker, [10, 10], text, expected);
        rows.into_iter().map(row).collect()
    }

    /// What a signature may be (rules 2 and 3).
    fn of_signatures(&self) -> Vec<Row> {
        let gpg = &self.gpg;
        let forge = |change: &dyn Fn(&mut Forged)| {
            let mut forged = Forged::at(hour(10));
            change(&mut forged);
            forged.message(gpg, "docker@x.org", "{}")
        };
        let notation = || SubpacketValue::NotationData(NotationData::new("x@x.org", b"x", None));
        let md5 = forge(&|it| it.digest = HashAlgorithm::MD5);
        let sha1 = self.sign("docker", "SHA1", 10);
        let by = |name: &str, digest: HashAlgorithm| {
            let mut forged = Forged::at(hour(10));
            forged.digest = digest;
            forged.packet(gpg, &mail(name), "{}")
        };
        let beside = |name: &str, digest: HashAlgorithm| {
            let both = [by("docker", HashAlgorithm::SHA512), by(name, digest)].concat();
            message("SHA512", "{}", &both)
        };
        let inline = gpg.must(
            hour(10),
            &["--local-user", "docker@x.org", "--sign"],
            b"{}\n",
        );
        let old = forged::version_3(gpg, "docker@x.org", hour(10));
        let again = packets(&forge(&|_| {})).repeat(2);
        let rows: Vec<(&str, String, &str)> = vec![
            (
                "good-binary-signature",
                forge(&|it| it.typ = SignatureType::Binary),
                "verified",
            ),
            (
                "good-notation",
                forge(&|it| it.hashed.push((notation(), false))),
                "verified",
            ),
            (
                "good-beside-a-stranger",
                beside("stranger", HashAlgorithm::SHA512),
                "verified",
            ),
            (
                "stranger-beside-with-sha1",
                beside("stranger", HashAlgorithm::SHA1),
                "pgp-digest",
            ),
            (
                "two-good-signatures",
                beside("second", HashAlgorithm::SHA512),
                "pgp-several-signatures",
            ),
            (
                "one-signature-twice",
                message("SHA512", "{}", &again),
                "pgp-several-signatures",
            ),
            (
                "stranger",
                self.sign("stranger", "SHA256", 10),
                "pgp-unknown-signer",
            ),
            ("md5", md5.clone(), "pgp-digest"),
            (
                "md5-called-sha256",
                md5.replace("Hash: MD5", "Hash: SHA256"),
                "pgp-digest",
            ),
            ("sha1", sha1.clone(), "pgp-digest"),
            (
                "sha1-called-sha256",
                sha1.replace("SHA1", "SHA256"),
                "pgp-digest",
            ),
            ("sha224", self.sign("docker", "SHA224", 10), "pgp-digest"),
            (
                "ripemd160",
                self.sign("docker", "RIPEMD160", 10),
                "pgp-digest",
            ),
            (
                "critical",
                forge(&|it| it.hashed.push((notation(), true))),
                "pgp-critical",
            ),
            (
                "unhashed",
                forge(&|it| it.unhashed.push((notation(), false))),
                "pgp-unhashed",
            ),
            ("no-issuer", forge(&|it| it.issuer = false), "pgp-no-issuer"),
            ("no-time", forge(&|it| it.created = None), "pgp-packets"),
            (
                "signature-type",
                forge(&|it| it.typ = SignatureType::Standalone),
                "pgp-signature-type",
            ),
            (
                "signature-version",
                message("SHA256", "{}", &old),
                "pgp-signature-version",
            ),
            (
                "another-packet",
                message("SHA512", "{}", &inline),
                "pgp-packets",
            ),
            (
                "signature-expired",
                forge(&|it| it.hashed.push(life(60))),
                "pgp-signature-expired",
            ),
        ];
        let row = |(name, text, expected): (_, String, _)| {
            (
                name,
                Family::DockerWorker,
                [10, 10],
                text.into_bytes(),
                expected,
            )
        };
        rows.into_iter().map(row).collect()
    }

    /// Which keys may sign (rule 3, §3.2).
    fn of_keys(&self) -> Vec<Row> {
        let (docker, generic) = (Family::DockerWorker, Family::GenericWorker);
        // gpg signs with the subkey when there is one, and not with a key that may only certify
        let primary = |name: &str| Forged::at(hour(10)).message(&self.gpg, &mail(name), "{}");
        let by = |name: &str| self.sign(name, "SHA384", 10);
        let rows = vec![
            ("good-generic-worker", generic, by("generic"), "verified"),
            ("good-subkey", generic, by("parts"), "verified"),
            (
                "good-sha1-self-signature-docker-worker",
                docker,
                by("docker-old"),
                "verified",
            ),
            (
                "good-sha1-self-signature-generic-worker",
                generic,
                by("generic-old"),
                "verified",
            ),
            ("rsa1024", docker, by("short"), "pgp-key-short"),
            (
                "dsa",
                docker,
                self.sign("dsa", "SHA256", 10),
                "pgp-key-algorithm",
            ),
            (
                "ed25519",
                docker,
                self.sign("curve", "SHA512", 10),
                "pgp-key-algorithm",
            ),
            (
                "rsa-below-ed25519",
                generic,
                by("mixed"),
                "pgp-key-algorithm",
            ),
            (
                "subkey-of-a-bare-key",
                docker,
                by("bits"),
                "pgp-unknown-signer",
            ),
            (
                "not-for-signing",
                generic,
                primary("mute"),
                "pgp-key-invalid",
            ),
            ("names-a-revoker", docker, by("named"), "pgp-key-revoked"),
            ("wrong-family", generic, by("docker"), "pgp-family"),
        ];
        let row = |(name, family, text, expected): (_, _, String, _)| {
            (name, family, [10, 10], text.into_bytes(), expected)
        };
        rows.into_iter().map(row).collect()
    }

    /// When they may (§3.3). Tags are of the hours 3, 24 and 48.
    fn of_times(&self) -> Vec<Row> {
        let (docker, generic) = (Family::DockerWorker, Family::GenericWorker);
        let rows = vec![
            (
                "before-the-first-tag",
                docker,
                [2, 2],
                ("docker", 2),
                "keys-too-early",
            ),
            (
                "before-the-run",
                docker,
                [10, 10],
                ("docker", 9),
                "pgp-outside-run",
            ),
            (
                "after-the-run",
                docker,
                [10, 10],
                ("docker", 12),
                "pgp-outside-run",
            ),
            (
                "back-dated",
                generic,
                [60, 60],
                ("brief", 10),
                "pgp-outside-run",
            ),
            (
                "expired",
                generic,
                [47, 49],
                ("brief", 47),
                "pgp-key-not-alive",
            ),
            (
                "good-key-removed-later",
                docker,
                [10, 10],
                ("gone", 10),
                "verified",
            ),
            (
                "key-removed-before-the-run",
                docker,
                [60, 60],
                ("gone", 60),
                "pgp-not-in-force",
            ),
            (
                "good-key-of-the-next-tag",
                docker,
                [10, 10],
                ("coming", 10),
                "verified",
            ),
            (
                "good-key-revoked-later",
                docker,
                [10, 10],
                ("leaving", 10),
                "verified",
            ),
            (
                "key-revoked",
                docker,
                [30, 30],
                ("leaving", 30),
                "pgp-key-revoked",
            ),
            (
                "key-revoked-in-the-next-tag",
                docker,
                [10, 10],
                ("dead", 10),
                "pgp-key-revoked",
            ),
            (
                "key-revoked-but-not-in-the-next-tag",
                docker,
                [30, 30],
                ("relapsed", 30),
                "pgp-key-revoked",
            ),
        ];
        let row = |(name, family, run, (by, at), expected)| {
            (
                name,
                family,
                run,
                self.sign(by, "SHA256", at).into_bytes(),
                expected,
            )
        };
        rows.into_iter().map(row).collect()
    }

    /// Whose word counts for keys of scriptworker (§3.2, §3.3).
    fn of_certifications(&self) -> Vec<Row> {
        let rows = vec![
            ("good-scriptworker", [10, 10], ("script", 10), "verified"),
            ("uncertified", [10, 10], ("plain", 10), "pgp-uncertified"),
            (
                "trusted-key-as-worker",
                [10, 10],
                ("trusted", 10),
                "pgp-unknown-signer",
            ),
            (
                "certified-with-sha1",
                [10, 10],
                ("sha1-certified", 10),
                "pgp-digest",
            ),
            (
                "certified-by-a-short-key",
                [10, 10],
                ("short-certified", 10),
                "pgp-key-short",
            ),
            (
                "certified-locally",
                [10, 10],
                ("locally", 10),
                "pgp-uncertified",
            ),
            (
                "certified-after-it-signed",
                [10, 10],
                ("lately", 10),
                "pgp-uncertified",
            ),
            (
                "certified-for-two-days",
                [48, 50],
                ("briefly", 48),
                "pgp-signature-expired",
            ),
            (
                "certified-by-an-expired-key",
                [40, 40],
                ("heir", 40),
                "pgp-key-not-alive",
            ),
        ];
        let row = |(name, run, (by, at), expected)| {
            (
                name,
                Family::Scriptworker,
                run,
                self.sign(by, "SHA512", at).into_bytes(),
                expected,
            )
        };
        rows.into_iter().map(row).collect()
    }
}

/// Name, family, hours in which the run began and ended, message, answer.
type Row = (&'static str, Family, [u64; 2], Vec<u8>, &'static str);

fn life(seconds: u32) -> (SubpacketValue, bool) {
    (
        SubpacketValue::SignatureExpirationTime(seconds.into()),
        false,
    )
}

/// Objects of a key repository: what a case needs is named by its tags.
struct Objects<'a> {
    git: Git<'a>,
    count: usize,
}

impl Objects<'_> {
    /// Makes a tag for the bundle, and returns its object. The reference goes: another case has it on another object.
    fn tag(&mut self, at: u64, name: &str, by: &str, commit: &str) -> String {
        self.git.tag(hour(at), name, by, commit);
        self.keep(name)
    }

    fn keep(&mut self, name: &str) -> String {
        let id = self
            .git
            .run(hour(0), &["rev-parse", &format!("refs/tags/{name}")]);
        self.git
            .run(hour(0), &["update-ref", "-d", &format!("refs/tags/{name}")]);
        self.hold(&id);
        id
    }

    fn hold(&mut self, id: &str) {
        let name = format!("refs/vectors/{}", self.count);
        self.git.run(hour(0), &["update-ref", &name, id]);
        self.count += 1;
    }
}

fn written_repositories() -> repositories::Repositories {
    let gpg = Gpg::new();
    for name in ["releng", "stranger", "docker", "generic", "expired"] {
        gpg.key(hour(0), &mail(name), "rsa2048", 0);
    }
    gpg.key(hour(0), "short@x.org", "rsa1024", 0);
    empty("git-keys");
    let keep = |name: &str, file: KeyFile| write(&format!("git-keys/{name}.pub"), file.bytes);
    for name in ["releng", "short"] {
        keep(name, gpg.public(hour(1), &mail(name)));
    }
    keep(
        "releng-revoked",
        forged::revoked(&gpg, "releng@x.org", hour(500)),
    );
    let primary = gpg.fingerprint(hour(1), "releng@x.org");
    for _ in 0..2 {
        gpg.must(
            hour(1),
            &["--quick-add-key", &primary, "rsa2048", "sign", "0"],
            b"",
        );
    }
    let subkeys = gpg.subkeys(hour(1), "releng@x.org");
    keep("releng-parts", gpg.public(hour(1), "releng@x.org"));
    keep(
        "releng-other-part-revoked",
        forged::subkey_revoked(&gpg, "releng@x.org", &subkeys[0], hour(500)),
    );
    keep(
        "releng-part-revoked",
        forged::subkey_revoked(&gpg, "releng@x.org", &subkeys[1], hour(500)),
    );
    let by = [format!("{primary}!"), format!("{}!", subkeys[1])];
    let mut objects = Objects {
        git: Git::new(&gpg),
        count: 0,
    };
    let cases = repository_cases(&gpg, &mut objects, &by);
    let expired = gpg.fingerprint(hour(2), "expired@x.org");
    gpg.must(hour(2), &["--quick-set-expire", &expired, "1d"], b"");
    keep("expired", gpg.public(hour(2), "expired@x.org"));
    let bundle = place().join("repositories.bundle");
    let words = [
        "bundle",
        "create",
        "--quiet",
        bundle.to_str().unwrap(),
        "--glob=refs/vectors/*",
    ];
    objects.git.run(hour(0), &words);
    repositories::Repositories {
        schema: repositories::SCHEMA.to_owned(),
        bundle: "repositories.bundle".to_owned(),
        cases,
    }
}

const DAYS: [&str; 3] = [
    "production-20170602000000",
    "production-20170603000000",
    "production-20170604000000",
];
const FOURTH: &str = "production-20170605000000";

fn repository_cases(
    gpg: &Gpg,
    objects: &mut Objects<'_>,
    [by, part]: &[String; 2],
) -> BTreeMap<String, repositories::Case> {
    let key = |name: &str| gpg.public(hour(1), &mail(name)).bytes;
    let path = "docker-worker/a.pub";
    let first = objects.git.commit(
        hour(24),
        &[
            (path, &key("docker")),
            ("generic-worker/b.pub", &key("generic")),
        ],
    );
    let second = objects.git.commit(hour(48), &[(path, b"")]);
    let third = objects.git.commit(hour(72), &[("README.md", b"keys")]);
    let fourth = objects.git.commit(hour(96), &[("README.md", b"more")]);
    let tree = format!("{first}^{{tree}}");
    let sibling = objects
        .git
        .run(hour(96), &["commit-tree", "-m", "x", "-p", &first, &tree]);
    let orphan = objects
        .git
        .run(hour(96), &["commit-tree", "-m", "x", &tree]);
    let no_key = objects
        .git
        .commit(hour(96), &[("generic-worker/c", b"no key")]);
    let two = [key("docker"), key("generic")].concat();
    let two = objects.git.commit(hour(96), &[("generic-worker/c", &two)]);
    objects.hold(&fourth);
    let base: BTreeMap<String, String> = [(24, &first), (48, &second), (72, &third)]
        .into_iter()
        .zip(DAYS)
        .map(|((at, commit), name)| (name.to_owned(), objects.tag(at, name, by, commit)))
        .collect();
    let with = |name: &str, object: String| {
        let mut tags = base.clone();
        tags.insert(name.to_owned(), object);
        tags
    };
    let without = |name: &str| {
        let mut tags = base.clone();
        tags.remove(name);
        tags
    };
    objects.git.run(
        hour(96),
        &["tag", "--annotate", "--message", "x", FOURTH, &fourth],
    );
    let unsigned = objects.keep(FOURTH);
    let mut tag = |by: &str, commit: &str| with(FOURTH, objects.tag(96, FOURTH, by, commit));
    let mut rows = vec![
        ("repository", base.clone(), None, "releng", "built"),
        (
            "repository-of-another-branch",
            tag(by, &sibling),
            None,
            "releng",
            "keys-rolled-back",
        ),
        (
            "repository-without-history",
            tag(by, &orphan),
            None,
            "releng",
            "keys-rolled-back",
        ),
        (
            "repository-rolled-back",
            tag(by, &first),
            None,
            "releng",
            "keys-rolled-back",
        ),
        (
            "repository-signed-by-a-stranger",
            tag("stranger@x.org", &fourth),
            None,
            "releng",
            "pgp-unknown-signer",
        ),
        (
            "repository-signed-by-a-part",
            tag(part, &fourth),
            None,
            "releng-parts",
            "built",
        ),
        (
            "repository-signed-by-a-part-that-is-revoked",
            tag(part, &fourth),
            None,
            "releng-part-revoked",
            "pgp-key-revoked",
        ),
        (
            "repository-whose-signer-gave-up-another-part",
            tag(part, &fourth),
            None,
            "releng-other-part-revoked",
            "built",
        ),
        (
            "repository-whose-signer-is-revoked",
            base.clone(),
            None,
            "releng-revoked",
            "pgp-key-revoked",
        ),
        (
            "repository-with-a-file-that-is-no-key",
            tag(by, &no_key),
            None,
            "releng",
            "pgp-key-file",
        ),
        (
            "repository-with-two-keys-in-a-file",
            tag(by, &two),
            None,
            "releng",
            "pgp-key-file",
        ),
        (
            "repository-with-an-unsigned-tag",
            with(FOURTH, unsigned),
            None,
            "releng",
            "keys-unsigned",
        ),
        (
            "repository-with-a-lightweight-tag",
            with(FOURTH, fourth.clone()),
            None,
            "releng",
            "keys-unsigned",
        ),
        (
            "repository-with-a-renamed-tag",
            with(FOURTH, base[DAYS[0]].clone()),
            None,
            "releng",
            "keys-renamed",
        ),
        (
            "repository-without-tags",
            BTreeMap::new(),
            None,
            "releng",
            "keys-no-tags",
        ),
        (
            "repository-that-grew",
            base.clone(),
            Some(without(DAYS[2])),
            "releng",
            "built",
        ),
        (
            "repository-that-lost-a-tag",
            without(DAYS[2]),
            Some(base.clone()),
            "releng",
            "keys-rolled-back",
        ),
        (
            "repository-with-a-tag-put-between",
            base.clone(),
            Some(without(DAYS[1])),
            "releng",
            "keys-rolled-back",
        ),
    ];
    let moved = objects.tag(73, DAYS[2], by, &third);
    rows.push((
        "repository-whose-tag-moved",
        with(DAYS[2], moved),
        Some(base.clone()),
        "releng",
        "keys-rolled-back",
    ));
    let misdated = objects.tag(200, FOURTH, by, &fourth);
    rows.push((
        "repository-with-a-misdated-tag",
        with(FOURTH, misdated),
        None,
        "releng",
        "keys-misdated",
    ));
    let mut alone =
        |by: &str| BTreeMap::from([(FOURTH.to_owned(), objects.tag(96, FOURTH, by, &fourth))]);
    rows.push((
        "repository-signed-by-an-expired-key",
        alone("expired@x.org"),
        None,
        "expired",
        "pgp-key-not-alive",
    ));
    rows.push((
        "repository-signed-by-a-short-key",
        alone("short@x.org"),
        None,
        "short",
        "pgp-key-short",
    ));
    std::fs::write(gpg.home().join("gpg.conf"), "digest-algo SHA1\n").unwrap();
    let sha1 = objects.tag(96, FOURTH, by, &fourth);
    rows.push((
        "repository-signed-with-sha1",
        with(FOURTH, sha1),
        None,
        "releng",
        "pgp-digest",
    ));
    rows.into_iter()
        .map(|(name, tags, previous, git_key, expected)| {
            let case = repositories::Case {
                tags,
                previous,
                git_key: format!("git-keys/{git_key}.pub"),
                expected: expected.to_owned(),
            };
            (name.to_owned(), case)
        })
        .collect()
}
