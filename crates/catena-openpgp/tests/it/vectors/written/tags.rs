// SPDX-License-Identifier: MPL-2.0
//! Key repositories, with tags for every reason to refuse one.

use std::collections::BTreeMap;

use catena_openpgp::keys::KeyFile;

use super::super::{empty, place, repositories, write};
use super::mail;
use crate::forged;
use crate::git::Git;
use crate::gpg::{Gpg, hour};

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

/// Writes keys and the bundle, returns the cases.
pub(super) fn written() -> BTreeMap<String, repositories::Case> {
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
    cases
}

const DAYS: [&str; 3] = [
    "production-20170602000000",
    "production-20170603000000",
    "production-20170604000000",
];
const FOURTH: &str = "production-20170605000000";

#[expect(clippy::too_many_lines, reason = "a table of cases")]
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
