// SPDX-License-Identifier: MPL-2.0
//! Keys of workers and of people, and the snapshot that has them.

use catena_openpgp::keys::KeySet;
use catena_openpgp::snapshot::Snapshot;
use catena_openpgp::tags::build;
use sequoia_openpgp::types::ReasonForRevocation;

use super::mail;
use crate::forged;
use crate::git::Git;
use crate::gpg::{Gpg, hour};

/// Keys of workers and of people, all of them made for this.
pub(super) struct Made {
    pub(super) gpg: Gpg,
}

pub(super) const DOCUMENT: &str =
    "{\n  \"chainOfTrustVersion\": 1,\n  \"numbers\": [\n-1\n  ]\n}\n";

impl Made {
    pub(super) fn new() -> Self {
        let gpg = Gpg::new();
        for name in [
            "releng",
            "trusted",
            "former",
            "fallen",
            "stranger",
            "docker",
            "second",
            "gone",
            "leaving",
            "relapsed",
            "stolen",
            "unsaid",
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
            "ward",
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
        gpg.certify(hour(1), "fallen@x.org", "ward@x.org", "SHA256");
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
    #[expect(clippy::too_many_lines, reason = "a table of keys")]
    pub(super) fn snapshot(&self) -> Snapshot {
        let gpg = &self.gpg;
        let public = |dir: &str, name: &str| {
            let path = format!("{dir}/{name}.pub");
            (
                path,
                gpg.public_with(hour(40), &mail(name), "export-local-sigs")
                    .bytes,
            )
        };
        let revoked_for = |dir: &str, name: &str, reason| {
            let path = format!("{dir}/{name}.pub");
            let file = forged::revoked_for(gpg, &mail(name), hour(20), reason);
            (path, file.bytes)
        };
        let revoked =
            |name: &str| revoked_for("docker-worker", name, ReasonForRevocation::KeyRetired);
        let stolen =
            |dir: &str, name: &str| revoked_for(dir, name, ReasonForRevocation::KeyCompromised);
        let docker = [
            "docker",
            "second",
            "gone",
            "leaving",
            "relapsed",
            "stolen",
            "unsaid",
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
            "ward",
        ];
        let named = forged::revocable(gpg, "named@x.org", "releng@x.org", hour(1)).bytes;
        let mut first: Vec<(String, Vec<u8>)> = vec![("docker-worker/named.pub".to_owned(), named)];
        first.extend(docker.map(|name| public("docker-worker", name)));
        first.extend(generic.map(|name| public("generic-worker/x", name)));
        first.extend(script.map(|name| public("scriptworker/valid", name)));
        first.extend(
            ["trusted", "former", "fallen", "short"]
                .map(|name| public("scriptworker/trusted", name)),
        );
        let gone = ("docker-worker/gone.pub".to_owned(), Vec::new());
        let second = vec![
            gone,
            revoked("leaving"),
            revoked("relapsed"),
            revoked("dead"),
            stolen("docker-worker", "stolen"),
            stolen("scriptworker/trusted", "fallen"),
            revoked_for("docker-worker", "unsaid", ReasonForRevocation::Unspecified),
            public("docker-worker", "coming"),
        ];
        let third = vec![
            public("docker-worker", "relapsed"),
            public("docker-worker", "stolen"),
        ];
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

    pub(super) fn sign(&self, name: &str, digest: &str, at: u64) -> String {
        self.gpg.clearsign(hour(at), &mail(name), digest, DOCUMENT)
    }
}
