// SPDX-License-Identifier: MPL-2.0
//! What is refused although `gpg` made it, and what no tool makes: one reason each.

use catena_openpgp::armour;
use catena_openpgp::keys::{KeyFile, KeySet};
use catena_openpgp::time::Moment;
use catena_openpgp::verify::verify;
use sequoia_openpgp as openpgp;

use openpgp::KeyID;
use openpgp::packet::signature::subpacket::{NotationData, SubpacketValue};
use openpgp::types::SignatureType;

use crate::forged::{self, Forged, message, subkey_revoked, version_3};
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
    let after = forged::revoked(&gpg, NAME, hour(5));
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
    let revoked = forged::revoked(&gpg, NAME, hour(5));
    for files in [
        [clean.clone(), revoked.clone()],
        [revoked.clone(), clean.clone()],
    ] {
        for keys in [KeySet::flat(&files), KeySet::bare(&files)] {
            assert_eq!(code(&signed, &keys.unwrap(), &run()), "pgp-key-revoked");
        }
    }
}

/// An RSA subkey that signs, below a primary key that is none.
#[test]
fn a_primary_key_other_than_rsa_does_not_hide_behind_its_subkey() {
    let gpg = Gpg::new();
    gpg.key(hour(0), NAME, "ed25519", 0);
    let primary = flat(&gpg).fingerprints().remove(0);
    let words = ["--quick-add-key", &primary, "rsa2048", "sign", "0"];
    gpg.must(hour(1), &words, b"");
    let signed = gpg.clearsign(hour(2), NAME, "SHA512", "{}\n");
    let file = gpg.public(hour(2), NAME);
    for keys in [
        KeySet::flat(std::slice::from_ref(&file)),
        KeySet::people(std::slice::from_ref(&file)),
    ] {
        assert_eq!(code(&signed, &keys.unwrap(), &run()), "pgp-key-algorithm");
    }
}

/// Of a worker's key any revocation counts; a person may have given up a part that did not sign.
#[test]
fn people_may_give_up_parts_of_their_keys_and_workers_may_not() {
    let gpg = Gpg::new();
    gpg.key(hour(0), NAME, "rsa2048", 0);
    let primary = flat(&gpg).fingerprints().remove(0);
    let by_primary = gpg.clearsign(hour(2), NAME, "SHA512", "{}\n");
    let words = ["--quick-add-key", &primary, "rsa2048", "sign", "0"];
    gpg.must(hour(1), &words, b"");
    let by_subkey = gpg.clearsign(hour(2), NAME, "SHA512", "{}\n");
    let subkey = gpg.subkeys(hour(2), NAME).remove(0);
    let file = subkey_revoked(&gpg, NAME, &subkey, hour(9));
    let people = KeySet::people(std::slice::from_ref(&file)).unwrap();
    assert_eq!(code(&by_primary, &people, &run()), "verified");
    assert_eq!(code(&by_subkey, &people, &run()), "pgp-key-revoked");
    let workers = KeySet::flat(&[file]).unwrap();
    assert_eq!(code(&by_primary, &workers, &run()), "pgp-key-revoked");
    let whole = KeySet::people(&[forged::revoked(&gpg, NAME, hour(9))]).unwrap();
    for signed in [&by_primary, &by_subkey] {
        assert_eq!(code(signed, &whole, &run()), "pgp-key-revoked");
    }
}

/// A local certification is of whoever made it, for himself.
#[test]
fn a_certification_that_is_not_to_be_exported_does_not_count() {
    let gpg = Gpg::new();
    let trusted = "trusted@example.org";
    gpg.key(hour(0), trusted, "rsa2048", 0);
    gpg.key(hour(0), NAME, "rsa2048", 0);
    gpg.certify_locally(hour(1), trusted, NAME);
    let signed = gpg.clearsign(hour(2), NAME, "SHA512", "{}\n");
    let set =
        |worker: KeyFile| KeySet::certified(&[worker], &[gpg.public(hour(1), trusted)]).unwrap();
    let local = set(gpg.public_with(hour(1), NAME, "export-local-sigs"));
    assert_eq!(code(&signed, &local, &run()), "pgp-uncertified");
    gpg.certify(hour(1), trusted, NAME, "SHA256");
    let both = set(gpg.public_with(hour(1), NAME, "export-local-sigs"));
    assert_eq!(code(&signed, &both, &run()), "verified");
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

#[test]
fn signatures_that_no_worker_made() {
    let gpg = Gpg::new();
    gpg.key(hour(0), NAME, "rsa2048", 0);
    let keys = flat(&gpg);
    let check = |change: fn(&mut Forged)| {
        let mut forged = Forged::at(hour(2));
        change(&mut forged);
        code(&forged.message(&gpg, NAME, "{}"), &keys, &run())
    };
    assert_eq!(check(|_| {}), "verified");
    assert_eq!(check(|it| it.typ = SignatureType::Binary), "verified");
    assert_eq!(
        check(|it| it.typ = SignatureType::Standalone),
        "pgp-signature-type"
    );
    assert_eq!(check(|it| it.hashed.push(unknown(true))), "pgp-critical");
    assert_eq!(check(|it| it.hashed.push(unknown(false))), "verified");
    assert_eq!(check(|it| it.unhashed.push(unknown(false))), "pgp-unhashed");
    assert_eq!(
        check(|it| it.hashed.push(life(60))),
        "pgp-signature-expired"
    );
    assert_eq!(check(|it| it.hashed.push(life(3601))), "verified");
    assert_eq!(check(|it| it.issuer = false), "pgp-no-issuer");
    assert_eq!(check(|it| it.created = None), "pgp-packets");
    let other = |it: &mut Forged| {
        it.issuer = false;
        let other = "0123456789ABCDEF".parse::<KeyID>().unwrap();
        it.hashed.push((SubpacketValue::Issuer(other), false));
    };
    assert_eq!(check(other), "pgp-unknown-signer");
    let issuers = |count: usize| {
        let mut forged = Forged::at(hour(2));
        let other = || SubpacketValue::Issuer(KeyID::from(1));
        forged.hashed.extend((2..count).map(|_| (other(), false)));
        code(&forged.message(&gpg, NAME, "{}"), &keys, &run())
    };
    assert_eq!(issuers(2), "verified");
    assert_eq!(issuers(3), "pgp-packets");
    assert_eq!(issuers(5000), "pgp-packets");
    let old = version_3(&gpg, NAME, hour(2));
    assert_eq!(
        code(&message("SHA256", "{}", &old), &keys, &run()),
        "pgp-signature-version"
    );
}

/// A notation, which means nothing to anybody here.
fn unknown(critical: bool) -> (SubpacketValue, bool) {
    let notation = NotationData::new("x@example.org", b"x", None);
    (SubpacketValue::NotationData(notation), critical)
}

fn life(seconds: u32) -> (SubpacketValue, bool) {
    let life = SubpacketValue::SignatureExpirationTime(seconds.into());
    (life, false)
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
    let key = gpg.must(hour(1), &["--export", NAME], b"");
    assert_eq!(refused(key.clone()), None);
    // of an unknown kind; and a revocation of an unknown version
    for packet in [&[0xfc, 1, 0][..], &[0xc2, 4, 99, 0x20, 1, 8]] {
        assert_eq!(refused([&key, packet].concat()), Some("pgp-key-file"));
    }
}
