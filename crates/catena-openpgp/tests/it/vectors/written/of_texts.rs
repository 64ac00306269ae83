// SPDX-License-Identifier: MPL-2.0
//! Messages that are good or bad by themselves, whoever signed them.

use catena_openpgp::armour;
use catena_openpgp::snapshot::Family;
use sequoia_openpgp as openpgp;

use openpgp::packet::signature::subpacket::{NotationData, SubpacketValue};
use openpgp::types::{HashAlgorithm, SignatureType};

use super::keys::{DOCUMENT, Made};
use super::{Row, mail};
use crate::forged::{self, Forged, message, packets};
use crate::gpg::hour;

impl Made {
    /// What is around, in and outside the block (legacy.md §2.1 rules 1, 4 and 6).
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    pub(super) fn of_text(&self) -> Vec<Row> {
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
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    pub(super) fn of_signatures(&self) -> Vec<Row> {
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
            (
                "many-issuers",
                forge(&|it| {
                    let id = openpgp::KeyID::from(1);
                    it.unhashed.push((SubpacketValue::Issuer(id), false));
                }),
                "pgp-packets",
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
}

fn life(seconds: u32) -> (SubpacketValue, bool) {
    (
        SubpacketValue::SignatureExpirationTime(seconds.into()),
        false,
    )
}
