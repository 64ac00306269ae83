// SPDX-License-Identifier: MPL-2.0
//! The real document of 2017 (vectors/gpg-era), and every way to change it.

use catena_openpgp::armour;
use catena_openpgp::clear;
use catena_openpgp::keys::{KeyFile, KeySet};
use catena_openpgp::refusal::Refusal;
use catena_openpgp::time::{Moment, UnixTime};
use catena_openpgp::verify::verify;
use serde_json::Value;

use crate::gpg::{Gpg, hour};

const SIGNED: &[u8] = include_bytes!("../../../../vectors/gpg-era/chainOfTrust.json.asc");
const WORKER: &[u8] = include_bytes!("../../../../vectors/gpg-era/worker.pub");
const TRUSTED: &[u8] = include_bytes!("../../../../vectors/gpg-era/trusted.pub");

fn file(path: &str, bytes: &[u8]) -> KeyFile {
    KeyFile {
        path: path.to_owned(),
        bytes: bytes.to_vec(),
    }
}

fn keys() -> KeySet {
    KeySet::certified(
        &[file("worker.pub", WORKER)],
        &[file("trusted.pub", TRUSTED)],
    )
    .unwrap()
}

fn at(text: &str) -> Moment {
    Moment::as_of(text.parse::<UnixTime>().unwrap())
}

fn then() -> Moment {
    at("2017-06-02T22:00:00Z")
}

#[test]
fn it_verifies_at_its_own_time() {
    let verified = verify(SIGNED, &keys(), &then()).unwrap();
    let document: Value = serde_json::from_str(&verified.payload).unwrap();
    assert_eq!(document["chainOfTrustVersion"], 1);
    assert_eq!(document["workerId"], "signing-linux-3");
    let by = verified.by;
    assert_eq!(by.signer, "FAD6F73ED15A6620149115BBD79913CEFD45E8A9");
    assert!(by.certifier.unwrap().ends_with("4654904BB484B6B2"));
    assert_eq!(by.digest, clear::Digest::Sha512);
    assert_eq!(by.signed.to_string(), "2017-06-02T20:17:44Z");
}

#[test]
fn it_is_refused_at_a_later_time_for_its_key_has_expired() {
    for time in ["2018-09-20T00:00:00Z", "2026-01-01T00:00:00Z"] {
        let refused = verify(SIGNED, &keys(), &at(time)).unwrap_err();
        assert_eq!(refused.code(), "pgp-key-not-alive", "{time}: {refused}");
    }
}

#[test]
fn it_is_refused_outside_its_run() {
    let signed = verify(SIGNED, &keys(), &then()).unwrap().by.signed;
    let moment = |started: UnixTime, resolved: UnixTime| Moment::of_run(started, resolved);
    let run = |moment: Moment| verify(SIGNED, &keys(), &moment).map_err(|refusal| refusal.code());
    assert!(run(moment(signed.minus(60), signed)).is_ok());
    assert!(run(moment(signed.plus(600), signed.plus(900))).is_ok());
    assert!(run(moment(signed.minus(9000), signed.minus(3600))).is_ok());
    assert_eq!(
        run(moment(signed.plus(601), signed.plus(900))),
        Err("pgp-outside-run")
    );
    assert_eq!(
        run(moment(signed.minus(9000), signed.minus(3601))),
        Err("pgp-outside-run")
    );
}

#[test]
fn it_is_refused_without_its_certification() {
    let gpg = Gpg::new();
    gpg.must(hour(0), &["--import"], WORKER);
    let name = "cltsign@signing-linux-3";
    let stripped = gpg.must(
        hour(0),
        &[
            "--armor",
            "--export-options",
            "export-minimal",
            "--export",
            name,
        ],
        b"",
    );
    let keys = KeySet::certified(&[file("worker.pub", &stripped)], &[file("t", TRUSTED)]).unwrap();
    assert_eq!(
        verify(SIGNED, &keys, &then()).unwrap_err().code(),
        "pgp-uncertified"
    );
    let keys = KeySet::certified(&[file("worker.pub", WORKER)], &[]).unwrap();
    assert_eq!(
        verify(SIGNED, &keys, &then()).unwrap_err().code(),
        "pgp-uncertified"
    );
}

#[test]
fn it_is_refused_with_another_trusted_key() {
    let gpg = Gpg::new();
    gpg.key(hour(0), "trusted@example.org", "rsa2048", 0);
    let other = gpg.public(hour(0), "trusted@example.org");
    let keys = KeySet::certified(&[file("worker.pub", WORKER)], &[other]).unwrap();
    assert_eq!(
        verify(SIGNED, &keys, &then()).unwrap_err().code(),
        "pgp-uncertified"
    );
    let swapped = KeySet::certified(&[file("t", TRUSTED)], &[file("w", WORKER)]).unwrap();
    assert_eq!(
        verify(SIGNED, &swapped, &then()).unwrap_err().code(),
        "pgp-unknown-signer"
    );
}

/// Whether a byte belongs to the `Version` header of the signature's armour, which nothing covers.
fn in_version(offset: usize) -> bool {
    let text = str::from_utf8(SIGNED).unwrap();
    let start = text.find("Version: ").unwrap() + "Version: ".len();
    let end = start + text[start..].find('\n').unwrap();
    (start..end).contains(&offset)
}

#[test]
fn no_byte_of_it_can_be_changed_but_those_that_the_format_ignores() {
    let keys = keys();
    let original = clear::parse(SIGNED).unwrap();
    let mut ignored = 0;
    for offset in 0..SIGNED.len() {
        for mask in [0x01, 0x20, 0x80] {
            let mut changed = SIGNED.to_vec();
            changed[offset] ^= mask;
            if verify(&changed, &keys, &then()).is_ok() {
                // what verified is byte for byte what was signed
                assert_eq!(clear::parse(&changed).unwrap(), original);
                assert!(in_version(offset), "byte {offset} ^ {mask:#x}");
                ignored += 1;
            }
        }
    }
    assert!(
        ignored <= 3 * "GnuPG v2.0.14 (GNU/Linux)".len(),
        "{ignored}"
    );
}

#[test]
fn no_bit_of_its_signature_packet_can_be_changed() {
    let keys = keys();
    let text = str::from_utf8(SIGNED).unwrap();
    let start = text.find(armour::BEGIN).unwrap();
    let lines = text[start..]
        .lines()
        .skip(1)
        .take_while(|line| *line != armour::END);
    let packet = armour::decode(lines).unwrap();
    let with = |packet: &[u8]| format!("{}{}", &text[..start], armour::encode(packet));
    verify(with(&packet).as_bytes(), &keys, &then()).unwrap();
    for offset in 0..packet.len() {
        for bit in 0..8 {
            let mut changed = packet.clone();
            changed[offset] ^= 1 << bit;
            let result = verify(with(&changed).as_bytes(), &keys, &then());
            assert!(result.is_err(), "byte {offset}, bit {bit}");
        }
    }
    for length in 0..packet.len() {
        assert!(
            verify(with(&packet[..length]).as_bytes(), &keys, &then()).is_err(),
            "{length}"
        );
    }
}

#[test]
fn it_is_one_signature_however_often_it_is_repeated() {
    let text = str::from_utf8(SIGNED).unwrap();
    let start = text.find(armour::BEGIN).unwrap();
    let lines = text[start..]
        .lines()
        .skip(1)
        .take_while(|line| *line != armour::END);
    let packet = armour::decode(lines).unwrap();
    let twice = format!("{}{}", &text[..start], armour::encode(&packet.repeat(2)));
    let refused = verify(twice.as_bytes(), &keys(), &then()).unwrap_err();
    assert_eq!(refused, Refusal::SeveralSignatures { found: 2 });
    let many = format!("{}{}", &text[..start], armour::encode(&packet.repeat(9)));
    assert_eq!(
        verify(many.as_bytes(), &keys(), &then())
            .unwrap_err()
            .code(),
        "pgp-packets"
    );
}
