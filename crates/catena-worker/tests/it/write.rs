// SPDX-License-Identifier: MPL-2.0
//! Documents appear whole, both files or neither.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use catena_crypto::signer::Signer;
use catena_worker::generate::{BODY, Found, GenerateError, SIGNATURE, Signed};

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
        assert!(matches!(error, GenerateError::Write { .. }), "{error}");
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
    assert!(matches!(error, GenerateError::Write { .. }), "{error}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}
