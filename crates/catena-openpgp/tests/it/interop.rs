// SPDX-License-Identifier: MPL-2.0
//! The real `gpg` signs what we verify, and verifies what we sign.

use catena_openpgp::keys::KeySet;
use catena_openpgp::sign::{SignError, SigningKey, clearsign};
use catena_openpgp::time::Moment;
use catena_openpgp::verify::verify;

use crate::forged::revoked_private;
use crate::gpg::{Gpg, hour};

/// Blanks at line ends, dashes at line starts, an empty line, more than ASCII.
const TEXT: &str = "{  \n  \"a\": [\n-1,\n- 2,\t\n-----BEGIN PGP SIGNATURE-----\n\n  \"é\"\n]}\n";
const SEEN: &str = "{\n  \"a\": [\n-1,\n- 2,\n-----BEGIN PGP SIGNATURE-----\n\n  \"é\"\n]}";

#[test]
fn what_gpg_signs_with_rsa_and_sha2_verifies() {
    let gpg = Gpg::new();
    for bits in ["rsa2048", "rsa3072", "rsa4096"] {
        let name = format!("worker-{bits}@example.org");
        gpg.key(hour(0), &name, bits, 180);
        let keys = KeySet::flat(&[gpg.public(hour(1), &name)]).unwrap();
        for digest in ["SHA256", "SHA384", "SHA512"] {
            let signed = gpg.clearsign(hour(2), &name, digest, TEXT);
            let moment = Moment::of_run(hour(1), hour(2));
            let verified = verify(signed.as_bytes(), &keys, &moment).unwrap();
            assert_eq!(verified.payload, SEEN, "{bits} {digest}");
            assert_eq!(verified.by.digest.name(), digest);
            assert_eq!(verified.by.signed, hour(2));
            assert_eq!(verified.by.certifier, None);
            let crlf = signed.replace('\n', "\r\n");
            assert_eq!(verify(crlf.as_bytes(), &keys, &moment).unwrap(), verified);
        }
    }
}

#[test]
fn a_worker_key_that_gpg_certified_verifies() {
    let gpg = Gpg::new();
    gpg.key(hour(0), "trusted@example.org", "rsa4096", 30);
    gpg.key(hour(0), "worker@example.org", "rsa2048", 0);
    gpg.certify(
        hour(1),
        "trusted@example.org",
        "worker@example.org",
        "SHA512",
    );
    let worker = gpg.public(hour(1), "worker@example.org");
    let trusted = gpg.public(hour(1), "trusted@example.org");
    let keys = KeySet::certified(&[worker], std::slice::from_ref(&trusted)).unwrap();
    let signed = gpg.clearsign(hour(3), "worker@example.org", "SHA256", TEXT);
    let moment = Moment::of_run(hour(2), hour(3));
    let by = verify(signed.as_bytes(), &keys, &moment).unwrap().by;
    assert_eq!(
        by.certifier,
        Some(KeySet::flat(&[trusted]).unwrap().fingerprints().remove(0))
    );
    // the certifier has expired since: its certification is as old as it was
    let later = gpg.clearsign(hour(24 * 60), "worker@example.org", "SHA256", TEXT);
    let moment = Moment::of_run(hour(24 * 60), hour(24 * 60));
    assert!(verify(later.as_bytes(), &keys, &moment).is_ok());
}

#[test]
fn what_we_sign_gpg_verifies_and_reads_back() {
    let gpg = Gpg::new();
    for bits in ["rsa2048", "rsa3072", "rsa4096"] {
        let name = format!("worker-{bits}@example.org");
        gpg.key(hour(0), &name, bits, 0);
        let key = SigningKey::read(&gpg.private(hour(1), &name)).unwrap();
        let signed = clearsign(TEXT, &key, hour(2)).unwrap();
        let ran = gpg.run(
            hour(3),
            &["--status-fd", "2", "--verify"],
            signed.as_bytes(),
        );
        assert!(
            ran.ok && ran.err.contains("[GNUPG:] VALIDSIG"),
            "{}",
            ran.err
        );
        assert!(ran.err.contains(&key.fingerprint()), "{}", ran.err);
        let read = gpg.must(hour(3), &["--decrypt"], signed.as_bytes());
        assert_eq!(
            String::from_utf8(read).unwrap().trim_end_matches('\n'),
            SEEN
        );
        let keys = KeySet::flat(&[gpg.public(hour(1), &name)]).unwrap();
        let verified = verify(signed.as_bytes(), &keys, &Moment::of_run(hour(2), hour(2))).unwrap();
        assert_eq!(verified.payload, SEEN);
        let changed = signed.replace("\"é\"", "\"e\"");
        assert!(!gpg.run(hour(3), &["--verify"], changed.as_bytes()).ok);
    }
}

#[test]
fn what_we_sign_carries_no_notation_for_gpg_to_repeat() {
    let gpg = Gpg::new();
    gpg.key(hour(0), "worker@example.org", "rsa2048", 0);
    let key = SigningKey::read(&gpg.private(hour(1), "worker@example.org")).unwrap();
    let signed = clearsign(TEXT, &key, hour(2)).unwrap();
    let ran = gpg.run(
        hour(3),
        &["--status-fd", "2", "--verify"],
        signed.as_bytes(),
    );
    assert!(ran.ok && !ran.err.contains("NOTATION"), "{}", ran.err);
    assert_eq!(
        signed,
        clearsign(TEXT, &key, hour(2)).unwrap(),
        "nothing in it is random"
    );
}

#[test]
fn we_do_not_sign_what_would_be_refused() {
    let gpg = Gpg::new();
    gpg.key(hour(0), "short@example.org", "rsa1024", 0);
    gpg.key(hour(0), "curve@example.org", "ed25519", 0);
    gpg.key(hour(0), "brief@example.org", "rsa2048", 1);
    let private = |name: &str| SigningKey::read(&gpg.private(hour(1), name)).unwrap();
    for name in ["short@example.org", "curve@example.org"] {
        let refused = clearsign("{}", &private(name), hour(1)).unwrap_err();
        let expected = matches!(refused, SignError::Weak(_) | SignError::Key { .. });
        assert!(expected, "{name}: {refused}");
    }
    // a part that could sign, of a whole that nobody takes
    for (name, algorithm) in [
        ("given-up@example.org", "rsa2048"),
        ("mixed@example.org", "ed25519"),
    ] {
        let words = ["--quick-generate-key", name, algorithm, "cert", "0"];
        gpg.must(hour(0), &words, b"");
        let primary = gpg.fingerprint(hour(0), name);
        let words = ["--quick-add-key", &primary, "rsa2048", "sign", "0"];
        gpg.must(hour(0), &words, b"");
        let read = |bytes: &[u8]| SigningKey::read(bytes).unwrap();
        let key = match algorithm {
            "ed25519" => private(name),
            _ => {
                clearsign("{}", &private(name), hour(1)).unwrap();
                read(&revoked_private(&gpg, name, hour(1)))
            }
        };
        let refused = clearsign("{}", &key, hour(2)).unwrap_err();
        assert!(matches!(refused, SignError::Weak(_)), "{name}: {refused}");
    }
    let brief = private("brief@example.org");
    clearsign("{}", &brief, hour(23)).unwrap();
    for at in [hour(25), hour(0).minus(1)] {
        assert!(
            matches!(clearsign("{}", &brief, at), Err(SignError::Key { .. })),
            "{at}"
        );
    }
    let long = "x".repeat(20_000);
    assert!(matches!(
        clearsign(&long, &brief, hour(1)),
        Err(SignError::LongLine { line: 1, .. })
    ));
    let public = gpg.public(hour(1), "brief@example.org").bytes;
    assert!(matches!(
        SigningKey::read(&public),
        Err(SignError::Key { .. })
    ));
    assert!(matches!(
        SigningKey::read(b"no key"),
        Err(SignError::Key { .. })
    ));
}
