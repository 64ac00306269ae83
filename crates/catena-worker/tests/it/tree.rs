// SPDX-License-Identifier: MPL-2.0
//! Which files are artifacts, and what is refused (generation.md 2.2, P36).

use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Mutex;

use catena_crypto::digest::{Algorithm, Digest};
use catena_worker::generate::{Found, Hashed, Progress, Tree, TreeError, find, hash};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::put;

fn names(tree: &Tree) -> Vec<&str> {
    tree.entries
        .iter()
        .map(|entry| entry.name.as_str())
        .collect()
}

fn refused(dir: &Path) -> TreeError {
    find(dir, Found::Refused).unwrap_err()
}

fn hashed(tree: &Tree, progress: &(dyn Progress + Sync)) -> Result<Vec<Hashed>, TreeError> {
    hash(tree, &[Algorithm::Sha256], progress)
}

#[test]
fn g22_files_at_any_depth_are_artifacts_in_the_order_of_their_names() {
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "public/b/c/d",
        "public/a",
        "public/b.txt",
        "private",
        "public/b/c-d",
        ".hidden",
    ] {
        put(dir.path(), name, name.as_bytes());
    }
    fs::create_dir(dir.path().join("empty")).unwrap();
    let tree = find(dir.path(), Found::Refused).unwrap();
    let expected = [
        ".hidden",
        "private",
        "public/a",
        "public/b.txt",
        "public/b/c-d",
        "public/b/c/d",
    ];
    assert_eq!(names(&tree), expected);
    for artifact in hashed(&tree, &()).unwrap() {
        assert_eq!(
            artifact.digests,
            [Digest::of(Algorithm::Sha256, artifact.name.as_bytes())]
        );
    }
}

#[test]
fn g22_links_within_the_directory_are_files_and_directories_behind_links_are_not_entered() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "public/real", b"abc");
    symlink("real", dir.path().join("public/relative")).unwrap();
    symlink(dir.path().join("public/real"), dir.path().join("absolute")).unwrap();
    symlink("absolute", dir.path().join("chain")).unwrap();
    symlink("public", dir.path().join("directory")).unwrap();
    symlink(".", dir.path().join("loop")).unwrap();
    let tree = find(dir.path(), Found::Refused).unwrap();
    assert_eq!(
        names(&tree),
        ["absolute", "chain", "public/real", "public/relative"]
    );
    assert_eq!(tree.skipped, ["directory", "loop"]);
    let expected = Digest::of(Algorithm::Sha256, b"abc");
    assert!(
        hashed(&tree, &())
            .unwrap()
            .iter()
            .all(|artifact| artifact.digests == [expected.clone()])
    );
}

#[test]
fn g22_links_that_leave_the_directory_are_refused() {
    let outside = tempfile::tempdir().unwrap();
    put(outside.path(), "secret", b"key");
    for target in [
        outside.path().join("secret"),
        outside.path().to_owned(),
        "/dev/null".into(),
        "/etc/passwd".into(),
        "../..".into(),
        "nowhere".into(),
        "itself".into(),
    ] {
        let dir = tempfile::tempdir().unwrap();
        symlink(&target, dir.path().join("itself")).unwrap();
        let error = refused(dir.path());
        assert!(
            matches!(error, TreeError::Link { ref name, .. } if name == "itself"),
            "{target:?}: {error}"
        );
    }
}

#[test]
fn a_directory_of_a_similar_name_is_outside() {
    let above = tempfile::tempdir().unwrap();
    put(above.path(), "artifacts-of-others/secret", b"key");
    fs::create_dir(above.path().join("artifacts")).unwrap();
    symlink(
        "../artifacts-of-others/secret",
        above.path().join("artifacts/a"),
    )
    .unwrap();
    assert!(matches!(
        refused(&above.path().join("artifacts")),
        TreeError::Link { .. }
    ));
}

#[test]
fn what_is_no_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    mknodat(CWD, dir.path().join("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    assert!(matches!(
        refused(dir.path()),
        TreeError::Kind {
            found: "a pipe",
            ..
        }
    ));
    let dir = tempfile::tempdir().unwrap();
    let _socket = UnixListener::bind(dir.path().join("socket")).unwrap();
    assert!(matches!(
        refused(dir.path()),
        TreeError::Kind {
            found: "a socket",
            ..
        }
    ));
}

#[test]
fn names_are_utf_8_without_control_characters() {
    for name in [
        &b"not-\xff-utf8"[..],
        b"new\nline",
        b"es\x1bcape",
        b"del\x7f",
    ] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
        let error = refused(dir.path());
        assert!(matches!(error, TreeError::Name { .. }), "{error}");
    }
}

#[test]
fn p36_the_names_of_documents_belong_to_the_worker() {
    let names_of_ours = [
        "public/chain-of-trust.json",
        "public/chain-of-trust.json.sig",
        "public/chainOfTrust.json.asc",
    ];
    for name in names_of_ours
        .into_iter()
        .chain(["public/chain-of-trust.json.gz"])
    {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), name, b"{}");
        put(dir.path(), "public/a", b"");
        assert!(
            matches!(refused(dir.path()), TreeError::Reserved { name: found } if found == name)
        );
        // only who knows that they are of an earlier generation may leave them out
        let found = find(dir.path(), Found::Ours);
        if names_of_ours.contains(&name) {
            assert_eq!(names(&found.unwrap()), ["public/a"]);
        } else {
            assert!(matches!(found.unwrap_err(), TreeError::Reserved { .. }));
        }
        // nobody's file, whatever it is
        for (target, kind) in [
            ("../a", "a file"),
            ("..", "a directory"),
            ("nowhere", "nothing"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            put(dir.path(), "a", b"{}");
            fs::create_dir(dir.path().join("public")).unwrap();
            symlink(target, dir.path().join(name)).unwrap();
            for found in [Found::Refused, Found::Ours] {
                let error = find(dir.path(), found).unwrap_err();
                assert!(
                    matches!(error, TreeError::Reserved { .. }),
                    "a link to {kind}: {error}"
                );
            }
        }
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(name)).unwrap();
        assert!(matches!(
            find(dir.path(), Found::Ours).unwrap_err(),
            TreeError::Reserved { .. }
        ));
    }
}

#[test]
fn a_link_to_a_document_is_refused_because_what_it_leads_to_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "public/chain-of-trust.json", b"{}");
    symlink("public/chain-of-trust.json", dir.path().join("a")).unwrap();
    let error = find(dir.path(), Found::Ours).unwrap_err();
    assert!(
        matches!(error, TreeError::Link { ref name, .. } if name == "a"),
        "{error}"
    );
}

#[test]
fn documents_need_a_directory_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "public", b"");
    assert!(matches!(refused(dir.path()), TreeError::Folder { .. }));
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("other")).unwrap();
    symlink("other", dir.path().join("public")).unwrap();
    assert!(matches!(
        refused(dir.path()),
        TreeError::Folder { found: "a link" }
    ));
}

#[test]
fn a_directory_that_is_not_there_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(
        refused(&dir.path().join("none")),
        TreeError::Io { .. }
    ));
    put(dir.path(), "file", b"");
    assert!(matches!(
        refused(&dir.path().join("file")),
        TreeError::Io { .. }
    ));
}

/// Does something once, while a file is hashed.
struct Once<F>(Mutex<Option<F>>);

impl<F: FnOnce() + Send> Progress for Once<F> {
    fn expect(&self, _: u64) {}

    fn advance(&self, _: u64) {
        if let Some(act) = self.0.lock().unwrap().take() {
            act();
        }
    }
}

fn while_hashing(act: impl FnOnce(&Path) + Send) -> Result<Vec<Hashed>, TreeError> {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "a", &vec![1; 300_000]);
    let tree = find(dir.path(), Found::Refused).unwrap();
    let path = dir.path().join("a");
    hashed(&tree, &Once(Mutex::new(Some(|| act(&path)))))
}

#[test]
fn g64_a_file_that_changes_while_it_is_hashed_is_refused() {
    assert!(while_hashing(|_| {}).is_ok());
    let append = |path: &Path| {
        fs::File::options()
            .append(true)
            .open(path)
            .unwrap()
            .write_all(b"more")
            .unwrap();
    };
    let overwrite = |path: &Path| {
        // the same size, at a place that was read already
        fs::File::options()
            .write(true)
            .open(path)
            .unwrap()
            .write_all(b"other")
            .unwrap();
    };
    let cut = |path: &Path| {
        fs::File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_len(10)
            .unwrap()
    };
    let changes: [&(dyn Fn(&Path) + Sync); 3] = [&append, &overwrite, &cut];
    for change in changes {
        let error = while_hashing(change).unwrap_err();
        assert!(
            matches!(error, TreeError::Changed { ref name } if name == "a"),
            "{error}"
        );
    }
}

#[test]
fn what_is_replaced_after_it_was_found_is_refused() {
    let outside = tempfile::tempdir().unwrap();
    put(outside.path(), "secret", b"abc");
    let secret = outside.path().join("secret");
    let by_link = |path: &Path| symlink(&secret, path).unwrap();
    let by_pipe = |path: &Path| mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap();
    let by_nothing = |_: &Path| {};
    let replacements: [&dyn Fn(&Path); 3] = [&by_link, &by_pipe, &by_nothing];
    for replace in replacements {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "a", b"abc");
        put(dir.path(), "b", b"abc");
        let tree = find(dir.path(), Found::Refused).unwrap();
        fs::remove_file(dir.path().join("a")).unwrap();
        replace(&dir.path().join("a"));
        let error = hashed(&tree, &()).unwrap_err();
        assert!(
            matches!(error, TreeError::Changed { .. } | TreeError::Io { .. }),
            "{error}"
        );
    }
}

/// Large files come last; nothing else changes by that.
#[test]
fn files_of_every_size_are_hashed_in_the_order_of_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let sizes = [
        0,
        1,
        5 << 20,
        131_071,
        131_072,
        131_073,
        262_144,
        4 << 20,
        (4 << 20) - 1,
        6 << 20,
    ];
    for (at, size) in sizes.into_iter().enumerate() {
        let content: Vec<u8> = (0..=250).cycle().take(size).collect();
        put(dir.path(), &format!("{at}"), &content);
    }
    let tree = find(dir.path(), Found::Refused).unwrap();
    let counts = Counts::default();
    let artifacts = hashed(&tree, &counts).unwrap();
    for (at, (size, artifact)) in sizes.into_iter().zip(&artifacts).enumerate() {
        assert_eq!(artifact.name, at.to_string());
        assert_eq!(artifact.size, u64::try_from(size).unwrap());
        let content = fs::read(dir.path().join(&artifact.name)).unwrap();
        assert_eq!(artifact.digests, [Digest::of(Algorithm::Sha256, &content)]);
    }
    let total = u64::try_from(sizes.iter().sum::<usize>()).unwrap();
    assert_eq!(artifacts.len(), sizes.len());
    let seen = [counts.expected, counts.advanced].map(|count| count.into_inner().unwrap());
    assert_eq!(seen, [total, total]);
}

/// Adds up what it is told.
#[derive(Default)]
struct Counts {
    expected: Mutex<u64>,
    advanced: Mutex<u64>,
}

impl Progress for Counts {
    fn expect(&self, bytes: u64) {
        *self.expected.lock().unwrap() += bytes;
    }

    fn advance(&self, bytes: u64) {
        *self.advanced.lock().unwrap() += bytes;
    }
}

#[test]
fn g64_an_artifact_that_changed_after_it_was_hashed_is_not_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "a", b"abc");
    let tree = find(dir.path(), Found::Refused).unwrap();
    let artifact = hashed(&tree, &()).unwrap().remove(0);
    let mut content = String::new();
    std::io::Read::read_to_string(&mut artifact.reopen(&tree).unwrap(), &mut content).unwrap();
    assert_eq!(content, "abc");
    // the same name, size and content, but another file
    put(dir.path(), "new", b"abc");
    fs::rename(dir.path().join("new"), dir.path().join("a")).unwrap();
    assert!(matches!(
        artifact.reopen(&tree).unwrap_err(),
        TreeError::Changed { .. }
    ));
}
