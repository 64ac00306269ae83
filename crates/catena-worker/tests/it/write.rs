// SPDX-License-Identifier: MPL-2.0
//! Documents appear whole, both files or neither.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use catena_crypto::signer::{Signer as _, SigningKey};
use catena_worker::generate::{BODY, Found, GenerateError, SIGNATURE, Signed, TreeError};

use super::key;

fn signed(body: &str) -> Signed {
    Signed::sign(body.as_bytes().to_vec(), Some(&key())).unwrap()
}

#[test]
fn the_signature_is_64_raw_bytes_over_the_very_file_g11() {
    let dir = tempfile::tempdir().unwrap();
    signed("{}").write(dir.path(), Found::Refused).unwrap();
    let signature: [u8; 64] = fs::read(dir.path().join(SIGNATURE))
        .unwrap()
        .try_into()
        .unwrap();
    assert!(key().public_key().verify(b"{}", &signature.into()).is_ok());
    for name in [BODY, SIGNATURE] {
        let mode = fs::metadata(dir.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o644, "as artifacts are");
    }
    assert_eq!(fs::read_dir(dir.path().join("public")).unwrap().count(), 2);
}

#[test]
fn what_a_task_put_there_is_not_replaced_and_nothing_is_added() {
    for name in [BODY, SIGNATURE] {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("public")).unwrap();
        fs::write(dir.path().join(name), "theirs").unwrap();
        let error = signed("{}").write(dir.path(), Found::Refused).unwrap_err();
        assert!(
            matches!(error, GenerateError::Tree(TreeError::Reserved { .. })),
            "{error}"
        );
        assert_eq!(fs::read(dir.path().join(name)).unwrap(), b"theirs");
        assert_eq!(fs::read_dir(dir.path().join("public")).unwrap().count(), 1);
    }
}

#[test]
fn an_earlier_document_goes_with_its_signature() {
    let dir = tempfile::tempdir().unwrap();
    signed("{}").write(dir.path(), Found::Ours).unwrap();
    let unsigned = Signed::sign(b"[]".to_vec(), None).unwrap();
    unsigned.write(dir.path(), Found::Ours).unwrap();
    assert_eq!(fs::read(dir.path().join(BODY)).unwrap(), b"[]");
    assert!(!dir.path().join(SIGNATURE).exists());
}

#[test]
fn a_link_in_place_of_the_directory_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), dir.path().join("public")).unwrap();
    let error = signed("{}").write(dir.path(), Found::Ours).unwrap_err();
    assert!(
        matches!(error, GenerateError::Tree(TreeError::Folder { .. })),
        "{error}"
    );
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

fn pair(dir: &Path) -> (Vec<u8>, Vec<u8>) {
    (
        fs::read(dir.join(BODY)).unwrap(),
        fs::read(dir.join(SIGNATURE)).unwrap(),
    )
}

#[test]
fn a_replacement_that_fails_leaves_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    signed("{}").write(dir.path(), Found::Ours).unwrap();
    let before = pair(dir.path());
    // a directory cannot be replaced by a file, whatever the system
    fs::rename(dir.path().join(BODY), dir.path().join("body")).unwrap();
    fs::create_dir(dir.path().join(BODY)).unwrap();
    let error = signed("[]").write(dir.path(), Found::Ours).unwrap_err();
    assert!(matches!(error, GenerateError::Write { .. }), "{error}");
    fs::remove_dir(dir.path().join(BODY)).unwrap();
    fs::rename(dir.path().join("body"), dir.path().join(BODY)).unwrap();
    assert_eq!(pair(dir.path()), before);
    assert_eq!(fs::read_dir(dir.path().join("public")).unwrap().count(), 2);
}

#[test]
fn two_at_once_leave_one_pair() {
    let dir = tempfile::tempdir().unwrap();
    let other = SigningKey::from_seed([9; 32]);
    let keys = [key(), other];
    std::thread::scope(|scope| {
        for key in &keys {
            let dir = dir.path();
            scope.spawn(move || {
                for round in 0..100 {
                    let body = format!("{round} {}", key.public_key().id());
                    let signed = Signed::sign(body.into_bytes(), Some(key)).unwrap();
                    signed.write(dir, Found::Ours).unwrap();
                }
            });
        }
    });
    let (body, signature) = pair(dir.path());
    let signature: [u8; 64] = signature.try_into().unwrap();
    assert!(
        keys.iter()
            .any(|key| key.public_key().verify(&body, &signature.into()).is_ok())
    );
}
