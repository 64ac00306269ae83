// SPDX-License-Identifier: MPL-2.0
//! What is refused although `gpg` made it, and what no tool makes: one reason each.

use catena_openpgp::armour;
use catena_openpgp::clear;
use catena_openpgp::keys::{KeyFile, KeySet};
use catena_openpgp::time::Moment;
use catena_openpgp::verify::verify;
use sequoia_openpgp as openpgp;

use openpgp::packet::signature::SignatureBuilder;
use openpgp::packet::signature::subpacket::{Subpacket, SubpacketValue};
use openpgp::parse::Parse as _;
use openpgp::serialize::MarshalInto as _;
use openpgp::types::{HashAlgorithm, SignatureType};
use openpgp::{Cert, KeyID, Packet};

use crate::gpg::{Gpg, hour};

const NAME: &str = "worker@example.org";

fn run() -> Moment {
    Moment::of_run(hour(2), hour(3))
}

fn code(text: &str, keys: &KeySet, moment: &Moment) -> &'static str {
    match verify(text.as_bytes(), keys, moment) {
        Ok(_) => "verified",
        Err(refusal) => refusal.code(),
    }
}

fn flat(gpg: &Gpg) -> KeySet {
    KeySet::flat(&[gpg.public(hour(1), NAME)]).unwrap()
}

#[test]
fn digests_that_do_not_resist_collisions() {
    let gpg = Gpg::new();
    gpg.key(hour(0), NAME, "rsa2048", 0);
    for digest in ["SHA1", "RIPEMD160", "SHA224"] {
        let signed = gpg.clearsign(hour(2), NAME, digest, "{}\n");
        assert_eq!(code(&signed, &flat(&gpg), &run()), "pgp-digest", "{digest}");
        // the header is not what decides
        let renamed = signed.replace(&format!("Hash: {digest}"), "Hash: SHA256");
        assert_eq!(
            code(&renamed, &flat(&gpg), &run()),
            "pgp-digest",
            "{digest}"
        );
    }
    let signed = gpg.clearsign(hour(2), NAME, "SHA512", "{}\n");
    let renamed = signed.replace("Hash: SHA512", "Hash: SHA256");
    assert_eq!(code(&renamed, &flat(&gpg), &run()), "pgp-digest-unnamed");
    let without = signed.replace("Hash: SHA512\n", "");
    assert_eq!(code(&without, &flat(&gpg), &run()), "pgp-no-hash");
}

#[test]
fn keys_other_than_rsa_and_short_ones() {
    let gpg = Gpg::new();
    for (algorithm, expected) in [
        ("rsa1024", "pgp-key-short"),
        ("dsa2048", "pgp-key-algorithm"),
        ("ed25519", "pgp-key-algorithm"),
        ("nistp256", "pgp-key-algorithm"),
    ] {
        let name = format!("{algorithm}@example.org");
        gpg.key(hour(0), &name, algorithm, 0);
        let signed = gpg.clearsign(hour(2), &name, "SHA512", "{}\n");
        let file = gpg.public(hour(1), &name);
        let flat = KeySet::flat(std::slice::from_ref(&file)).unwrap();
        assert_eq!(code(&signed, &flat, &run()), expected, "{algorithm}");
        let bare = KeySet::bare(&[file]).unwrap();
        assert_eq!(code(&signed, &bare, &run()), expected, "{algorithm}");
    }
}

#[test]
fn keys_that_have_expired_whenever_they_signed() {
    let gpg = Gpg::new();
    gpg.key(hour(0), NAME, "rsa2048", 1);
    let keys = flat(&gpg);
    let signed = gpg.clearsign(hour(2), NAME, "SHA512", "{}\n");
    assert_eq!(code(&signed, &keys, &run()), "verified");
    // dated inside the key's life, and judged after it: what a thief of an old key would do
    assert_eq!(
        code(&signed, &keys, &Moment::of_run(hour(2), hour(25))),
        "pgp-key-not-alive"
    );
    assert_eq!(
        code(&signed, &keys, &Moment::as_of(hour(9000))),
        "pgp-key-not-alive"
    );
    assert_eq!(
        code(&signed, &keys, &Moment::of_run(hour(25), hour(26))),
        "pgp-outside-run"
    );
}

/// Revokes the key; returns it as it is then.
fn revoked(gpg: &Gpg) -> KeyFile {
    let revocations = gpg.home().join("openpgp-revocs.d");
    let file = std::fs::read_dir(revocations)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let text = std::fs::read_to_string(file)
        .unwrap()
        .replace(":-----BEGIN", "-----BEGIN");
    gpg.must(hour(5), &["--import"], text.as_bytes());
    gpg.public(hour(5), NAME)
}

#[test]
fn keys_that_were_revoked() {
    let gpg = Gpg::new();
    gpg.key(hour(0), NAME, "rsa2048", 0);
    let signed = gpg.clearsign(hour(2), NAME, "SHA512", "{}\n");
    let before = gpg.public(hour(1), NAME);
    assert_eq!(
        code(&signed, &KeySet::flat(&[before]).unwrap(), &run()),
        "verified"
    );
    let after = revoked(&gpg);
    for keys in [
        KeySet::flat(std::slice::from_ref(&after)),
        KeySet::bare(std::slice::from_ref(&after)),
    ] {
        assert_eq!(code(&signed, &keys.unwrap(), &run()), "pgp-key-revoked");
    }
}

/// Two files of one key: what either says counts.
#[test]
fn keys_that_were_revoked_in_one_of_their_copies() {
    let gpg = Gpg::new();
    gpg.key(hour(0), NAME, "rsa2048", 0);
    let signed = gpg.clearsign(hour(2), NAME, "SHA512", "{}\n");
    let clean = gpg.public(hour(1), NAME);
    let revoked = revoked(&gpg);
    for files in [
        [clean.clone(), revoked.clone()],
        [revoked.clone(), clean.clone()],
    ] {
        for keys in [KeySet::flat(&files), KeySet::bare(&files)] {
            assert_eq!(code(&signed, &keys.unwrap(), &run()), "pgp-key-revoked");
        }
    }
}

#[test]
fn certifications_that_do_not_count() {
    let gpg = Gpg::new();
    let trusted = "trusted@example.org";
    gpg.key(hour(0), trusted, "rsa2048", 1);
    gpg.key(hour(0), NAME, "rsa2048", 0);
    gpg.key(hour(0), "short@example.org", "rsa1024", 0);
    let signed = gpg.clearsign(hour(2), NAME, "SHA512", "{}\n");
    let set = |worker: &KeyFile, by: &str| {
        KeySet::certified(std::slice::from_ref(worker), &[gpg.public(hour(1), by)]).unwrap()
    };
    let uncertified = gpg.public(hour(1), NAME);
    assert_eq!(
        code(&signed, &set(&uncertified, trusted), &run()),
        "pgp-uncertified"
    );
    // trusted keys certify; they sign no documents
    let by_trusted = gpg.clearsign(hour(2), trusted, "SHA512", "{}\n");
    assert_eq!(
        code(&by_trusted, &set(&uncertified, trusted), &run()),
        "pgp-unknown-signer"
    );

    let fresh = || {
        let other = Gpg::new();
        for name in [trusted, NAME, "short@example.org"] {
            other.must(hour(1), &["--import"], &gpg.private(hour(1), name));
        }
        other
    };
    let with = |by: &str, at: u64, digest: &str| {
        let other = fresh();
        other.certify(hour(at), by, NAME, digest);
        other.public(hour(at), NAME)
    };
    assert_eq!(
        code(&signed, &set(&with(trusted, 1, "SHA256"), trusted), &run()),
        "verified"
    );
    assert_eq!(
        code(&signed, &set(&with(trusted, 1, "SHA1"), trusted), &run()),
        "pgp-digest"
    );
    assert_eq!(
        code(&signed, &set(&with(trusted, 4, "SHA256"), trusted), &run()),
        "pgp-uncertified"
    );
    let by_short = with("short@example.org", 1, "SHA256");
    assert_eq!(
        code(&signed, &set(&by_short, "short@example.org"), &run()),
        "pgp-key-short"
    );
    assert_eq!(
        code(&signed, &set(&by_short, trusted), &run()),
        "pgp-uncertified"
    );
}

#[test]
fn a_certifier_that_had_expired_when_it_certified() {
    let gpg = Gpg::new();
    let trusted = "trusted@example.org";
    gpg.key(hour(0), trusted, "rsa2048", 0);
    gpg.key(hour(0), NAME, "rsa2048", 0);
    gpg.certify(hour(30), trusted, NAME, "SHA256");
    let worker = gpg.public(hour(30), NAME);
    let fingerprint = KeySet::flat(&[gpg.public(hour(1), trusted)])
        .unwrap()
        .fingerprints()
        .remove(0);
    let signed = gpg.clearsign(hour(40), NAME, "SHA512", "{}\n");
    let moment = Moment::of_run(hour(40), hour(41));
    let set = || {
        KeySet::certified(
            std::slice::from_ref(&worker),
            &[gpg.public(hour(1), trusted)],
        )
        .unwrap()
    };
    assert_eq!(code(&signed, &set(), &moment), "verified");
    // the same key, now known to have ended a day after it began
    gpg.must(hour(2), &["--quick-set-expire", &fingerprint, "1d"], b"");
    assert_eq!(code(&signed, &set(), &moment), "pgp-key-not-alive");
}

#[test]
fn a_docker_worker_key_needs_no_self_signature_that_holds() {
    let gpg = Gpg::new();
    let words = [
        "--cert-digest-algo",
        "SHA1",
        "--quick-generate-key",
        NAME,
        "rsa2048",
        "cert,sign",
        "0",
    ];
    gpg.must(hour(0), &words, b"");
    let file = gpg.public(hour(1), NAME);
    let later = 24 * 365 * 10;
    let signed = gpg.clearsign(hour(later), NAME, "SHA512", "{}\n");
    let moment = Moment::of_run(hour(later), hour(later));
    assert_eq!(
        code(
            &signed,
            &KeySet::bare(std::slice::from_ref(&file)).unwrap(),
            &moment
        ),
        "verified"
    );
    assert_eq!(
        code(&signed, &KeySet::flat(&[file]).unwrap(), &moment),
        "pgp-key-invalid"
    );
}

#[test]
fn a_signing_subkey_counts_with_its_binding_and_never_bare() {
    let gpg = Gpg::new();
    gpg.key(hour(0), NAME, "rsa2048", 0);
    let primary = flat(&gpg).fingerprints().remove(0);
    gpg.must(
        hour(1),
        &["--quick-add-key", &primary, "rsa2048", "sign", "0"],
        b"",
    );
    let signed = gpg.clearsign(hour(2), NAME, "SHA512", "{}\n");
    let file = gpg.public(hour(2), NAME);
    let by = verify(
        signed.as_bytes(),
        &KeySet::flat(std::slice::from_ref(&file)).unwrap(),
        &run(),
    )
    .unwrap()
    .by;
    assert_eq!(by.key, primary);
    assert_ne!(by.signer, primary);
    assert_eq!(
        code(&signed, &KeySet::bare(&[file]).unwrap(), &run()),
        "pgp-unknown-signer"
    );
}

#[test]
fn a_stranger_s_signature_is_set_aside_and_a_second_good_one_is_not() {
    let gpg = Gpg::new();
    gpg.key(hour(0), NAME, "rsa2048", 0);
    gpg.key(hour(0), "second@example.org", "rsa2048", 0);
    let words = [
        "--digest-algo",
        "SHA512",
        "--local-user",
        NAME,
        "--local-user",
        "second@example.org",
        "--clearsign",
    ];
    let both = String::from_utf8(gpg.must(hour(2), &words, b"{}\n")).unwrap();
    assert_eq!(code(&both, &flat(&gpg), &run()), "verified");
    let two = [
        gpg.public(hour(1), NAME),
        gpg.public(hour(1), "second@example.org"),
    ];
    assert_eq!(
        code(&both, &KeySet::flat(&two).unwrap(), &run()),
        "pgp-several-signatures"
    );
    let none = KeySet::flat(&[]).unwrap();
    assert_eq!(code(&both, &none, &run()), "pgp-unknown-signer");
}

#[test]
fn blocks_and_text_that_gpg_would_have_read_apart() {
    let gpg = Gpg::new();
    gpg.key(hour(0), NAME, "rsa2048", 0);
    let keys = flat(&gpg);
    let one = gpg.clearsign(hour(2), NAME, "SHA512", "{\n- -1\n}\n");
    let two = gpg.clearsign(hour(2), NAME, "SHA512", "{\"evil\": true}\n");
    assert_eq!(
        code(&format!("{one}{two}"), &keys, &run()),
        "pgp-several-blocks"
    );
    assert_eq!(
        code(&format!("{{\"evil\": true}}\n{one}"), &keys, &run()),
        "pgp-text-outside"
    );
    assert_eq!(
        code(&format!("{one}{{\"evil\": true}}"), &keys, &run()),
        "pgp-text-outside"
    );
    assert_eq!(code("{\"evil\": true}\n", &keys, &run()), "pgp-unsigned");
    assert_eq!(
        code(&one.replace("- - -1", "- -1"), &keys, &run()),
        "pgp-wrong-signature"
    );
    assert_eq!(
        code(&one.replace("- - -1", "-1"), &keys, &run()),
        "pgp-dash"
    );
    assert_eq!(
        code(
            &one.replace("Hash: SHA512\n", "Hash: SHA512\nEvil: true\n"),
            &keys,
            &run()
        ),
        "pgp-header"
    );
    let swapped = clear_part(&two) + &signature_part(&one);
    assert_eq!(code(&swapped, &keys, &run()), "pgp-wrong-signature");
}

fn clear_part(text: &str) -> String {
    text.split_once(armour::BEGIN).unwrap().0.to_owned()
}

fn signature_part(text: &str) -> String {
    format!(
        "{}{}",
        armour::BEGIN,
        text.split_once(armour::BEGIN).unwrap().1
    )
}

/// A signature that no tool makes: as the builder says, over `{}`.
fn forged(
    gpg: &Gpg,
    build: impl FnOnce(SignatureBuilder) -> SignatureBuilder,
    typ: SignatureType,
) -> String {
    let cert = Cert::from_bytes(&gpg.private(hour(1), NAME)).unwrap();
    let secret = cert
        .primary_key()
        .key()
        .clone()
        .parts_into_secret()
        .unwrap();
    let mut pair = secret.into_keypair().unwrap();
    let builder = SignatureBuilder::new(typ)
        .set_hash_algo(HashAlgorithm::SHA512)
        .set_signature_creation_time(
            std::time::UNIX_EPOCH + std::time::Duration::from_secs(hour(2).seconds()),
        )
        .unwrap();
    let signature = match typ {
        SignatureType::Text | SignatureType::Binary => {
            build(builder).sign_message(&mut pair, b"{}")
        }
        _ => build(builder).sign_standalone(&mut pair),
    };
    let packet = Packet::from(signature.unwrap()).to_vec().unwrap();
    let text = format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{{}}\n{}",
        armour::encode(&packet)
    );
    clear::parse(text.as_bytes()).unwrap();
    text
}

#[test]
fn signatures_that_no_worker_made() {
    let gpg = Gpg::new();
    gpg.key(hour(0), NAME, "rsa2048", 0);
    let keys = flat(&gpg);
    let check = |text: String| code(&text, &keys, &run());
    assert_eq!(
        check(forged(&gpg, |it| it, SignatureType::Text)),
        "verified"
    );
    assert_eq!(
        check(forged(&gpg, |it| it, SignatureType::Binary)),
        "verified"
    );
    assert_eq!(
        check(forged(&gpg, |it| it, SignatureType::Standalone)),
        "pgp-signature-type"
    );
    let critical =
        |it: SignatureBuilder| it.set_notation("x@example.org", b"x", None, true).unwrap();
    assert_eq!(
        check(forged(&gpg, critical, SignatureType::Text)),
        "pgp-critical"
    );
    let brief = |it: SignatureBuilder| {
        it.set_signature_validity_period(std::time::Duration::from_secs(60))
            .unwrap()
    };
    assert_eq!(
        check(forged(&gpg, brief, SignatureType::Text)),
        "pgp-signature-expired"
    );
    let beside = |it: SignatureBuilder| {
        it.modify_unhashed_area(|mut area| {
            area.add(Subpacket::new(
                SubpacketValue::SignersUserID(b"x".to_vec()),
                false,
            )?)?;
            Ok(area)
        })
        .unwrap()
    };
    assert_eq!(
        check(forged(&gpg, beside, SignatureType::Text)),
        "pgp-unhashed"
    );
    let other = |it: SignatureBuilder| {
        it.set_issuer("0123456789ABCDEF".parse::<KeyID>().unwrap())
            .unwrap()
    };
    assert_eq!(
        check(forged(&gpg, other, SignatureType::Text)),
        "pgp-unknown-signer"
    );
}

#[test]
fn packets_that_are_no_signatures() {
    let gpg = Gpg::new();
    gpg.key(hour(0), NAME, "rsa2048", 0);
    let keys = flat(&gpg);
    let with = |packets: &[u8]| {
        format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{{}}\n{}",
            armour::encode(packets)
        )
    };
    let inline = gpg.must(hour(2), &["--local-user", NAME, "--sign"], b"{}\n");
    assert_eq!(code(&with(&inline), &keys, &run()), "pgp-packets");
    let key = gpg.must(hour(2), &["--export", NAME], b"");
    assert_eq!(code(&with(&key), &keys, &run()), "pgp-packets");
    assert_eq!(code(&with(b"{}"), &keys, &run()), "pgp-packets");
    let armoured = gpg.must(
        hour(2),
        &["--armor", "--detach-sign", "--local-user", NAME],
        b"{}",
    );
    assert_eq!(code(&with(&armoured), &keys, &run()), "pgp-packets");
}

#[test]
fn key_files_that_are_not_one_public_key() {
    let gpg = Gpg::new();
    gpg.key(hour(0), NAME, "rsa2048", 0);
    gpg.key(hour(0), "second@example.org", "rsa2048", 0);
    let file = |bytes: Vec<u8>| KeyFile {
        path: "worker.pub".to_owned(),
        bytes,
    };
    let refused = |bytes: Vec<u8>| {
        KeySet::flat(&[file(bytes)])
            .err()
            .map(|refusal| refusal.code())
    };
    assert_eq!(
        refused(gpg.must(hour(1), &["--armor", "--export"], b"")),
        Some("pgp-key-file")
    );
    assert_eq!(refused(gpg.private(hour(1), NAME)), Some("pgp-key-file"));
    assert_eq!(refused(b"no key".to_vec()), Some("pgp-key-file"));
    assert_eq!(refused(Vec::new()), Some("pgp-key-file"));
    assert_eq!(refused(gpg.must(hour(1), &["--export", NAME], b"")), None);
}
