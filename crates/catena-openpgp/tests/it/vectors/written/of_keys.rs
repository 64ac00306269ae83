// SPDX-License-Identifier: MPL-2.0
//! Messages that are good or bad by who signed them, and when.

use catena_openpgp::snapshot::Family;

use super::keys::Made;
use super::{Row, mail};
use crate::forged::Forged;
use crate::gpg::hour;

impl Made {
    /// Which keys may sign (rule 3, §3.2).
    pub(super) fn of_keys(&self) -> Vec<Row> {
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
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    pub(super) fn of_times(&self) -> Vec<Row> {
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
                "good-key-retired-later",
                docker,
                [10, 10],
                ("leaving", 10),
                "verified",
            ),
            (
                "key-stolen-later",
                docker,
                [10, 10],
                ("stolen", 10),
                "pgp-key-revoked",
            ),
            (
                "key-stolen-before-and-clean-again",
                docker,
                [60, 60],
                ("stolen", 60),
                "pgp-key-revoked",
            ),
            (
                "key-revoked-later-without-a-reason",
                docker,
                [10, 10],
                ("unsaid", 10),
                "pgp-key-revoked",
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
    pub(super) fn of_certifications(&self) -> Vec<Row> {
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
                "certified-by-a-key-stolen-later",
                [10, 10],
                ("ward", 10),
                "pgp-key-revoked",
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
