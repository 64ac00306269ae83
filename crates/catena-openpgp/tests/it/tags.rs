// SPDX-License-Identifier: MPL-2.0
//! Snapshots of real repositories with real signed tags, and documents judged by them.

use catena_openpgp::in_force::{InForceError, Keyring};
use catena_openpgp::keys::KeySet;
use catena_openpgp::snapshot::{Early, Family, Snapshot, SnapshotError};
use catena_openpgp::tags::{TagsError, build};
use catena_openpgp::time::Moment;

use sequoia_openpgp::types::ReasonForRevocation;

use crate::forged::{self, subkey_revoked};
use crate::git::{Git, text};
use crate::gpg::{Gpg, hour};

const SIGNER: &str = "releng@example.org";
const TRUSTED: &str = "trusted@example.org";
const DOCKER: &str = "docker@example.org";
const GENERIC: &str = "generic@example.org";
const SCRIPT: &str = "script@example.org";

fn gpg() -> Gpg {
    let gpg = Gpg::new();
    for name in [SIGNER, TRUSTED, DOCKER, GENERIC, SCRIPT] {
        gpg.key(hour(0), name, "rsa2048", 0);
    }
    gpg.certify(hour(1), TRUSTED, SCRIPT, "SHA256");
    gpg
}

fn git_keys(gpg: &Gpg) -> KeySet {
    KeySet::people(&[gpg.public(hour(1), SIGNER)]).unwrap()
}

/// The tag whose keys docker-worker's text of that hour counts by, or the id of what is wrong.
fn used(made: &Snapshot, gpg: &Gpg, name: &str, at: u64) -> String {
    let signed = gpg.clearsign(hour(at), name, "SHA512", "{}\n");
    let moment = Moment::of_run(hour(at), hour(at));
    let (keyring, family) = (Keyring::new(made), Family::DockerWorker);
    match keyring.verify(signed.as_bytes(), family, &moment, Early::Refuse) {
        Ok(under) => under.used,
        Err(InForceError::Refused(refusal)) => refusal.code().to_owned(),
        Err(InForceError::Snapshot(error)) => error.code().to_owned(),
    }
}

/// A repository with one tag of each stage: all keys, then docker-worker's key gone.
fn repository(gpg: &Gpg) -> Git<'_> {
    let git = Git::new(gpg);
    let [docker, generic, script, trusted] =
        [DOCKER, GENERIC, SCRIPT, TRUSTED].map(|name| gpg.public(hour(2), name));
    let first = git.commit(
        hour(10),
        &[
            ("README.md", b"keys"),
            ("docker-worker/2017-08-24", text(&docker)),
            ("docker-worker/README.md", b"no key"),
            ("docker-worker/x/amis.json", b"{}"),
            ("generic-worker/a_b_pool/key.pub", text(&generic)),
            ("generic-worker/new.sh", b"no key"),
            ("generic-worker/new.in", b"no key"),
            ("scriptworker/valid/script@example.org.pub", text(&script)),
            (
                "scriptworker/trusted/trusted@example.org.pub",
                text(&trusted),
            ),
            ("scriptworker/README.md", b"no key"),
        ],
    );
    git.tag(hour(11), "production-20170601110000", SIGNER, &first);
    git.run(hour(11), &["tag", "other-tag", &first]);
    let second = git.commit(hour(100), &[("docker-worker/2017-08-24", b"")]);
    git.tag(hour(101), "production-20170605050000", SIGNER, &second);
    let third = git.commit(hour(200), &[("README.md", b"no more keys")]);
    git.tag(hour(201), "production-20170609090000", SIGNER, &third);
    git
}

fn snapshot(gpg: &Gpg) -> Snapshot {
    build(repository(gpg).path(), &git_keys(gpg)).unwrap()
}

#[test]
fn a_snapshot_holds_the_keys_of_every_signed_tag() {
    let gpg = gpg();
    let made = snapshot(&gpg);
    let names: Vec<&str> = made.tags.iter().map(|tag| tag.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "production-20170601110000",
            "production-20170605050000",
            "production-20170609090000"
        ]
    );
    assert_eq!(made.tags[0].date, hour(11));
    assert_eq!(made.git_keys, git_keys(&gpg).fingerprints());
    assert_eq!(made.tags[0].signer, made.git_keys[0]);
    let paths = |tag: usize, family: Family| -> Vec<&String> {
        made.tags[tag]
            .families
            .get(&family)
            .into_iter()
            .flat_map(|keys| keys.keys())
            .collect()
    };
    assert_eq!(paths(0, Family::DockerWorker), ["docker-worker/2017-08-24"]);
    assert_eq!(paths(1, Family::DockerWorker), [""; 0]);
    assert_eq!(
        paths(2, Family::GenericWorker),
        ["generic-worker/a_b_pool/key.pub"]
    );
    assert_eq!(
        paths(0, Family::Scriptworker),
        [
            "scriptworker/trusted/trusted@example.org.pub",
            "scriptworker/valid/script@example.org.pub"
        ]
    );
    assert_eq!(made.keys.len(), 4);
    let text = made.render().unwrap();
    assert_eq!(Snapshot::parse(text.as_bytes()).unwrap(), made);
}

#[test]
fn the_same_repository_gives_the_same_bytes() {
    let gpg = gpg();
    let git = repository(&gpg);
    let render = || {
        build(git.path(), &git_keys(&gpg))
            .unwrap()
            .render()
            .unwrap()
    };
    assert_eq!(render(), render());
    git.run(hour(300), &["gc", "--quiet"]);
    assert_eq!(build(git.path(), &git_keys(&gpg)).unwrap().tags.len(), 3);
}

#[test]
fn documents_of_every_family_verify_under_the_tag_in_force() {
    let gpg = gpg();
    let made = snapshot(&gpg);
    let judge = |name: &str, family: Family, at: u64, early: Early| {
        let signed = gpg.clearsign(hour(at), name, "SHA512", "{}\n");
        let moment = Moment::of_run(hour(at), hour(at));
        match Keyring::new(&made).verify(signed.as_bytes(), family, &moment, early) {
            Ok(under) => format!("{} by {}", under.tag, under.used),
            Err(InForceError::Refused(refusal)) => refusal.code().to_owned(),
            Err(InForceError::Snapshot(SnapshotError::TooEarly { .. })) => "too early".to_owned(),
            Err(other) => panic!("{other}"),
        }
    };
    let [first, second, third] = ["20170601110000", "20170605050000", "20170609090000"]
        .map(|date| format!("production-{date}"));
    for (name, family) in [
        (DOCKER, Family::DockerWorker),
        (GENERIC, Family::GenericWorker),
        (SCRIPT, Family::Scriptworker),
    ] {
        assert_eq!(
            judge(name, family, 50, Early::Refuse),
            format!("{first} by {first}")
        );
        assert_eq!(judge(name, family, 10, Early::Refuse), "too early");
        assert_eq!(
            judge(name, family, 10, Early::UseFirst),
            format!("{first} by {first}")
        );
    }
    assert_eq!(
        judge(SCRIPT, Family::Scriptworker, 5000, Early::Refuse),
        format!("{third} by {third}")
    );
    assert_eq!(
        judge(GENERIC, Family::GenericWorker, 150, Early::Refuse),
        format!("{second} by {second}")
    );
    // its file was deleted before the run
    assert_eq!(
        judge(DOCKER, Family::DockerWorker, 150, Early::Refuse),
        "pgp-not-in-force"
    );
    assert_eq!(
        judge(DOCKER, Family::GenericWorker, 50, Early::Refuse),
        "pgp-family"
    );
    assert_eq!(
        judge(GENERIC, Family::Scriptworker, 50, Early::Refuse),
        "pgp-family"
    );
    assert_eq!(
        judge(TRUSTED, Family::Scriptworker, 50, Early::Refuse),
        "pgp-unknown-signer"
    );
    assert_eq!(
        judge(SIGNER, Family::Scriptworker, 50, Early::Refuse),
        "pgp-unknown-signer"
    );
}

#[test]
fn a_key_of_the_next_tag_counts_for_it_may_have_been_rolled_out_before() {
    let gpg = gpg();
    let git = Git::new(&gpg);
    let [docker, generic] = [DOCKER, GENERIC].map(|name| gpg.public(hour(2), name));
    for (count, files) in [
        (0, vec![("docker-worker/a.pub", text(&docker))]),
        (1, vec![("docker-worker/b.pub", text(&docker))]),
        (2, vec![("docker-worker/c.pub", text(&generic))]),
    ] {
        let commit = git.commit(hour(10 + count * 10), &files);
        git.tag(
            hour(10 + count * 10),
            &format!("production-{count}"),
            SIGNER,
            &commit,
        );
    }
    let made = build(git.path(), &git_keys(&gpg)).unwrap();
    let judge = |at: u64| {
        let signed = gpg.clearsign(hour(at), GENERIC, "SHA512", "{}\n");
        let moment = Moment::of_run(hour(at), hour(at));
        let keyring = Keyring::new(&made);
        let family = Family::DockerWorker;
        let under = keyring.verify(signed.as_bytes(), family, &moment, Early::Refuse);
        under
            .map(|under| under.used)
            .map_err(|error| error.to_string())
    };
    assert_eq!(judge(35).unwrap(), "production-2");
    assert_eq!(judge(25).unwrap(), "production-2");
    assert!(judge(15).is_err());
}

/// A key counts by its worst copy of the tag in force; that the next tag has it out of use is for later runs.
#[test]
fn a_key_that_the_next_tag_retires_or_removes_counts_until_then_and_no_longer() {
    let gpg = gpg();
    let git = Git::new(&gpg);
    let clean = gpg.public(hour(2), DOCKER);
    let dead = forged::revoked(&gpg, DOCKER, hour(15));
    let never = forged::revoked(&gpg, GENERIC, hour(15));
    let path = "docker-worker/a.pub";
    for (at, files) in [
        (10, vec![(path, text(&clean))]),
        (
            20,
            vec![(path, text(&dead)), ("docker-worker/b.pub", text(&never))],
        ),
        (30, vec![(path, text(&clean))]),
        (40, vec![(path, &b""[..])]),
    ] {
        let commit = git.commit(hour(at), &files);
        git.tag(hour(at), &format!("production-{at}"), SIGNER, &commit);
    }
    let made = build(git.path(), &git_keys(&gpg)).unwrap();
    let judge = |name: &str, at: u64| used(&made, &gpg, name, at);
    assert_eq!(judge(DOCKER, 15), "production-10");
    // a clean copy in the next tag makes it no better
    assert_eq!(judge(DOCKER, 25), "pgp-key-revoked");
    assert_eq!(judge(DOCKER, 35), "production-30");
    assert_eq!(judge(DOCKER, 45), "pgp-not-in-force");
    // one that comes revoked is no key to be rolled out early
    assert_eq!(judge(GENERIC, 15), "pgp-key-revoked");
}

/// Somebody had the key, and may have had it before: no time of a run makes it good (P27).
#[test]
fn a_key_that_any_later_tag_revokes_for_compromise_or_without_a_reason_never_counts() {
    let gpg = gpg();
    let run = |name: &str, family: Family, revoked: &[(&str, ReasonForRevocation)]| {
        let git = repository(&gpg);
        // the last but one has it, the last no longer
        let files: Vec<(&str, Vec<u8>)> = revoked
            .iter()
            .map(|(path, reason)| {
                (
                    *path,
                    forged::revoked_for(&gpg, name, hour(300), *reason).bytes,
                )
            })
            .collect();
        let files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(path, file)| (*path, &file[..]))
            .collect();
        let gone: Vec<(&str, &[u8])> = files.iter().map(|(path, _)| (*path, &b""[..])).collect();
        for (at, tag, files) in [
            (300, "production-300", files),
            (400, "production-400", gone),
        ] {
            let commit = git.commit(hour(at), &files);
            git.tag(hour(at), tag, SIGNER, &commit);
        }
        let made = build(git.path(), &git_keys(&gpg)).unwrap();
        let by = if name == TRUSTED { SCRIPT } else { name };
        let signed = gpg.clearsign(hour(50), by, "SHA512", "{}\n");
        let moment = Moment::of_run(hour(50), hour(50));
        match Keyring::new(&made).verify(signed.as_bytes(), family, &moment, Early::Refuse) {
            Ok(_) => "verified",
            Err(InForceError::Refused(refusal)) => refusal.code(),
            Err(other) => panic!("{other}"),
        }
    };
    let (docker, script) = (Family::DockerWorker, Family::Scriptworker);
    let of_docker = "docker-worker/late.pub";
    let of_trusted = "scriptworker/trusted/trusted@example.org.pub";
    for (reason, answer) in [
        (ReasonForRevocation::KeyCompromised, "pgp-key-revoked"),
        (ReasonForRevocation::Unspecified, "pgp-key-revoked"),
        (ReasonForRevocation::Unknown(77), "pgp-key-revoked"),
        (ReasonForRevocation::KeyRetired, "verified"),
        (ReasonForRevocation::KeySuperseded, "verified"),
    ] {
        assert_eq!(
            run(DOCKER, docker, &[(of_docker, reason)]),
            answer,
            "{reason}"
        );
        // whichever family's files say so
        assert_eq!(
            run(DOCKER, docker, &[("generic-worker/x", reason)]),
            answer,
            "{reason}"
        );
        // and whoever it is: the worker, or who certified it
        assert_eq!(
            run(TRUSTED, script, &[(of_trusted, reason)]),
            answer,
            "{reason}"
        );
    }
    assert_eq!(run(DOCKER, docker, &[]), "verified");
}

/// gpg gives no reason when a name is revoked, and none is needed: the key is as good as before.
#[test]
fn a_name_that_is_given_up_later_takes_nothing_back() {
    let gpg = gpg();
    let clean = gpg.public(hour(2), DOCKER);
    gpg.must(
        hour(3),
        &["--quick-add-uid", DOCKER, "other@example.org"],
        b"",
    );
    gpg.must(
        hour(4),
        &["--quick-revoke-uid", DOCKER, "other@example.org"],
        b"",
    );
    let given_up = gpg.public(hour(5), DOCKER);
    let git = Git::new(&gpg);
    for (at, file) in [(10, &clean), (20, &given_up)] {
        let commit = git.commit(hour(at), &[("docker-worker/a.pub", text(file))]);
        git.tag(hour(at), &format!("production-{at}"), SIGNER, &commit);
    }
    let made = build(git.path(), &git_keys(&gpg)).unwrap();
    let judge = |at: u64| used(&made, &gpg, DOCKER, at);
    assert_eq!(judge(15), "production-10");
    // the tools of that time took no key with any revocation on it
    assert_eq!(judge(25), "pgp-key-revoked");
}

/// Somebody gave up one signing subkey, and signs with another.
#[test]
fn a_signer_s_other_subkey_may_be_revoked() {
    let gpg = gpg();
    let git = repository(&gpg);
    let primary = gpg.fingerprint(hour(2), SIGNER);
    for _ in 0..2 {
        let words = ["--quick-add-key", &primary, "rsa2048", "sign", "0"];
        gpg.must(hour(2), &words, b"");
    }
    let subkeys = gpg.subkeys(hour(2), SIGNER);
    let current = format!("{}!", subkeys[1]);
    git.tag(hour(300), "production-20170613120000", &current, "HEAD");
    let given_up =
        |subkey: &str| KeySet::people(&[subkey_revoked(&gpg, SIGNER, subkey, hour(400))]);
    let made = build(git.path(), &given_up(&subkeys[0]).unwrap()).unwrap();
    assert_eq!(made.tags.len(), 4);
    let error = build(git.path(), &given_up(&subkeys[1]).unwrap()).unwrap_err();
    assert!(
        matches!(&error, TagsError::Signature { tag, refusal }
        if tag == "production-20170613120000" && refusal.code() == "pgp-key-revoked"),
        "{error}"
    );
}

/// What cannot be a key, a tag or a tree is not read.
#[test]
fn objects_that_are_too_large_are_refused_by_their_header() {
    let gpg = gpg();
    let git = repository(&gpg);
    let large = vec![b'x'; (1 << 20) + 1];
    let commit = git.commit(hour(300), &[("docker-worker/large", &large)]);
    git.tag(hour(300), "production-20170613120000", SIGNER, &commit);
    let error = refused(&git, &gpg);
    assert!(
        matches!(&error, TagsError::Object { reason, .. } if reason.contains("1048577 bytes")),
        "{error}"
    );
}

/// A tree that stands a hundred times in one that stands a hundred times in another is small, and long to walk.
#[test]
fn directories_without_end_are_refused() {
    let gpg = gpg();
    let git = repository(&gpg);
    let mut tree = git.run(hour(300), &["mktree", "--missing"]);
    for _ in 0..4 {
        let lines = (0..100).map(|at| format!("040000 tree {tree}\td{at:02}\n"));
        tree = git.input(hour(300), &["mktree"], &lines.collect::<String>());
    }
    let root = format!("040000 tree {tree}\tdocker-worker\n");
    let root = git.input(hour(300), &["mktree"], &root);
    let commit = ["commit-tree", "-m", "x", "-p", "HEAD", &root];
    let commit = git.run(hour(300), &commit);
    git.tag(hour(300), "production-20170613120000", SIGNER, &commit);
    let error = refused(&git, &gpg);
    assert!(
        matches!(&error, TagsError::Object { reason, .. } if reason.contains("directories")),
        "{error}"
    );
}

/// A key file that git keeps as a difference to something large: unpacking it unpacks both.
#[test]
fn a_small_object_on_a_large_one_is_not_unpacked() {
    let gpg = gpg();
    let git = repository(&gpg);
    // as text in which differences are found, and more than is unpacked
    let line = |at: u64| format!("{:016x}\n", at.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let large: String = (0..1_100_000).map(line).collect();
    let small = &large[..1_000_000];
    let files = [
        ("other", large.as_bytes()),
        ("docker-worker/large", small.as_bytes()),
    ];
    let commit = git.commit(hour(300), &files);
    git.tag(hour(300), "production-20170613120000", SIGNER, &commit);
    git.run(hour(300), &["repack", "-a", "-d", "-f", "--quiet"]);
    git.run(hour(300), &["prune-packed"]);
    let id = git.run(hour(300), &["rev-parse", "HEAD:docker-worker/large"]);
    let base = git.input(hour(300), &["cat-file", "--batch-check=%(deltabase)"], &id);
    assert_eq!(base, git.run(hour(300), &["rev-parse", "HEAD:other"]));
    let error = refused(&git, &gpg);
    assert!(
        matches!(&error, TagsError::Object { id: found, .. } if *found == id),
        "{error}"
    );
}

fn refused(git: &Git<'_>, gpg: &Gpg) -> TagsError {
    build(git.path(), &git_keys(gpg)).unwrap_err()
}

#[test]
fn tags_that_nobody_vouches_for_stop_the_build() {
    let gpg = gpg();
    let git = repository(&gpg);
    git.run(hour(300), &["tag", "production-lightweight"]);
    assert!(matches!(refused(&git, &gpg), TagsError::Unsigned { .. }));
    git.run(hour(300), &["tag", "--delete", "production-lightweight"]);
    git.run(
        hour(300),
        &["tag", "--annotate", "--message", "x", "production-unsigned"],
    );
    assert!(matches!(refused(&git, &gpg), TagsError::Unsigned { .. }));
    git.run(hour(300), &["tag", "--delete", "production-unsigned"]);
    git.tag(hour(300), "production-stranger", TRUSTED, "HEAD");
    let error = refused(&git, &gpg);
    assert!(
        matches!(&error, TagsError::Signature { tag, refusal }
        if tag == "production-stranger" && refusal.code() == "pgp-unknown-signer"),
        "{error}"
    );
    git.run(hour(300), &["tag", "--delete", "production-stranger"]);
    assert_eq!(build(git.path(), &git_keys(&gpg)).unwrap().tags.len(), 3);
}

#[test]
fn an_old_tag_under_a_new_name_and_a_tag_that_goes_back_are_refused() {
    let gpg = gpg();
    let git = repository(&gpg);
    git.run(
        hour(300),
        &[
            "update-ref",
            "refs/tags/production-20170701000000",
            "refs/tags/production-20170601110000",
        ],
    );
    assert!(matches!(refused(&git, &gpg), TagsError::Renamed { .. }));
    git.run(hour(300), &["tag", "--delete", "production-20170701000000"]);
    git.tag(
        hour(300),
        "production-20170613120000",
        SIGNER,
        "production-20170601110000^{commit}",
    );
    let error = refused(&git, &gpg);
    assert!(
        matches!(&error, TagsError::RolledBack { tag, .. } if tag == "production-20170613120000"),
        "{error}"
    );
}

/// The tree of the first tag, in which docker-worker's key still is, on another commit.
#[test]
fn a_tag_on_another_branch_or_without_history_is_rolled_back() {
    let gpg = gpg();
    let git = repository(&gpg);
    let old = "production-20170601110000";
    let parent = format!("{old}^{{commit}}");
    let tree = format!("{old}^{{tree}}");
    let sibling = ["commit-tree", "-m", "x", "-p", &parent, &tree];
    let orphan = ["commit-tree", "-m", "x", &tree];
    for words in [&sibling[..], &orphan[..]] {
        let commit = git.run(hour(300), words);
        git.tag(hour(300), "production-20170613120000", SIGNER, &commit);
        let error = refused(&git, &gpg);
        assert!(matches!(error, TagsError::RolledBack { .. }), "{error}");
        git.run(hour(300), &["tag", "--delete", "production-20170613120000"]);
    }
    assert_eq!(build(git.path(), &git_keys(&gpg)).unwrap().tags.len(), 3);
}

#[test]
fn a_tag_whose_name_is_of_another_time_is_refused() {
    let gpg = gpg();
    let git = repository(&gpg);
    git.tag(hour(300), "production-20170601120000", SIGNER, "HEAD");
    let error = refused(&git, &gpg);
    assert!(matches!(error, TagsError::Misdated { .. }), "{error}");
}

#[test]
fn a_tag_signed_with_sha1_or_by_a_short_key_is_refused() {
    let gpg = gpg();
    gpg.key(hour(0), "short@example.org", "rsa1024", 0);
    let git = repository(&gpg);
    git.tag(hour(300), "production-short", "short@example.org", "HEAD");
    let keys = KeySet::people(&[
        gpg.public(hour(1), SIGNER),
        gpg.public(hour(1), "short@example.org"),
    ])
    .unwrap();
    let error = build(git.path(), &keys).unwrap_err();
    assert!(
        matches!(&error, TagsError::Signature { refusal, .. } if refusal.code() == "pgp-key-short"),
        "{error}"
    );
    git.run(hour(300), &["tag", "--delete", "production-short"]);
    std::fs::write(gpg.home().join("gpg.conf"), "digest-algo SHA1\n").unwrap();
    git.tag(hour(300), "production-sha1", SIGNER, "HEAD");
    let error = build(git.path(), &keys).unwrap_err();
    assert!(
        matches!(&error, TagsError::Signature { refusal, .. } if refusal.code() == "pgp-digest"),
        "{error}"
    );
}

#[test]
fn a_changed_object_is_noticed() {
    let gpg = gpg();
    let git = repository(&gpg);
    let id = git.run(
        hour(300),
        &[
            "rev-parse",
            "production-20170601110000:docker-worker/2017-08-24",
        ],
    );
    let other = git.run(
        hour(300),
        &[
            "rev-parse",
            "production-20170601110000:generic-worker/a_b_pool/key.pub",
        ],
    );
    let place = |id: &str| {
        git.path()
            .join(".git/objects")
            .join(&id[..2])
            .join(&id[2..])
    };
    std::fs::remove_file(place(&id)).unwrap();
    assert!(matches!(refused(&git, &gpg), TagsError::Object { .. }));
    std::fs::copy(place(&other), place(&id)).unwrap();
    let error = refused(&git, &gpg);
    assert!(
        matches!(&error, TagsError::Object { id: found, .. } if *found == id),
        "{error}"
    );
}

#[test]
fn files_that_are_no_keys_and_empty_clones_are_refused() {
    let gpg = gpg();
    let git = Git::new(&gpg);
    git.commit(hour(9), &[("README.md", b"x")]);
    assert!(matches!(refused(&git, &gpg), TagsError::NoTags));
    let commit = git.commit(hour(10), &[("docker-worker/key.txt", b"no key")]);
    git.tag(hour(10), "production-1", SIGNER, &commit);
    let error = refused(&git, &gpg);
    assert!(
        matches!(&error, TagsError::Key { refusal, .. } if refusal.code() == "pgp-key-file"),
        "{error}"
    );
    let nowhere = build(&git.path().join("nowhere"), &git_keys(&gpg)).unwrap_err();
    assert!(matches!(nowhere, TagsError::Clone { .. }));
}
