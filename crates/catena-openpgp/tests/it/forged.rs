// SPDX-License-Identifier: MPL-2.0
//! Signatures and keys that `gpg` does not make, with the private keys that it did make.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use catena_openpgp::armour;
use catena_openpgp::clear;
use catena_openpgp::keys::KeyFile;
use catena_openpgp::time::UnixTime;
use sequoia_openpgp as openpgp;

use openpgp::cert::{CertRevocationBuilder, SubkeyRevocationBuilder};
use openpgp::crypto::hash::Hash as _;
use openpgp::crypto::{KeyPair, Signer as _, mpi};
use openpgp::packet::Signature;
use openpgp::packet::signature::subpacket::{Subpacket, SubpacketArea, SubpacketValue};
use openpgp::packet::signature::{Signature4, SignatureBuilder};
use openpgp::parse::Parse as _;
use openpgp::serialize::MarshalInto as _;
use openpgp::types::{
    HashAlgorithm, PublicKeyAlgorithm, ReasonForRevocation, RevocationKey, SignatureType,
};
use openpgp::{Cert, Packet};

use crate::gpg::{Gpg, hour};

/// What a signature says, each with whether it is critical. A worker's says when it was made, and by whom.
pub(crate) struct Forged {
    pub(crate) typ: SignatureType,
    pub(crate) digest: HashAlgorithm,
    pub(crate) hashed: Vec<(SubpacketValue, bool)>,
    pub(crate) unhashed: Vec<(SubpacketValue, bool)>,
    /// Who made it, unless the signature is not to say so.
    pub(crate) issuer: bool,
    pub(crate) created: Option<UnixTime>,
}

impl Forged {
    /// As a worker makes one.
    pub(crate) fn at(time: UnixTime) -> Self {
        Self {
            typ: SignatureType::Text,
            digest: HashAlgorithm::SHA512,
            hashed: Vec::new(),
            unhashed: Vec::new(),
            issuer: true,
            created: Some(time),
        }
    }

    /// Signs a text, which has no blanks at line ends and `\n` between lines; returns the packet.
    pub(crate) fn packet(self, gpg: &Gpg, name: &str, text: &str) -> Vec<u8> {
        let mut pair = pair(gpg, name);
        let (mut hashed, mut unhashed) = (self.hashed, self.unhashed);
        if let Some(created) = self.created {
            let created =
                SubpacketValue::SignatureCreationTime(system(created).try_into().unwrap());
            hashed.push((created, false));
        }
        if self.issuer {
            let fingerprint = SubpacketValue::IssuerFingerprint(pair.public().fingerprint());
            hashed.push((fingerprint, false));
            unhashed.push((SubpacketValue::Issuer(pair.public().keyid()), false));
        }
        let (hashed, unhashed) = (area(hashed), area(unhashed));
        let algorithm = pair.public().pk_algo();
        let with = |prefix: [u8; 2], mpis: mpi::Signature| {
            let (hashed, unhashed) = (hashed.clone(), unhashed.clone());
            Signature4::new(
                self.typ,
                algorithm,
                self.digest,
                hashed,
                unhashed,
                prefix,
                mpis,
            )
        };
        let s = mpi::MPI::new(&[]);
        let fields = Signature::from(with([0; 2], mpi::Signature::RSA { s }));
        let mut hash = self.digest.context().unwrap().for_signature(4);
        hash.update(text.replace('\n', "\r\n").as_bytes());
        fields.hash(&mut hash).unwrap();
        let digest = hash.into_digest().unwrap();
        let mpis = pair.sign(self.digest, &digest).unwrap();
        let signature = Signature::from(with([digest[0], digest[1]], mpis));
        Packet::from(signature).to_vec().unwrap()
    }

    /// Signs a text, returns the whole message.
    pub(crate) fn message(self, gpg: &Gpg, name: &str, text: &str) -> String {
        let header = self.digest.to_string();
        message(&header, text, &self.packet(gpg, name, text))
    }
}

/// A message of a text and packets, whatever they are.
pub(crate) fn message(digest: &str, text: &str, packets: &[u8]) -> String {
    let armoured = armour::encode(packets);
    format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: {digest}\n\n{text}\n{armoured}")
}

/// The packets of a message's signature.
pub(crate) fn packets(text: &str) -> Vec<u8> {
    clear::parse(text.as_bytes()).unwrap();
    let (_, armoured) = text.split_once(armour::BEGIN).unwrap();
    let lines = armoured.lines().skip(1);
    armour::decode(lines.take_while(|line| *line != armour::END)).unwrap()
}

/// A version 3 signature of the key, which nobody needs to verify.
pub(crate) fn version_3(gpg: &Gpg, name: &str, at: UnixTime) -> Vec<u8> {
    let key = pair(gpg, name).public().keyid();
    let seconds = u32::try_from(at.seconds()).unwrap();
    let mut body = vec![3, 5, 1];
    body.extend(seconds.to_be_bytes());
    body.extend(key.as_bytes());
    // RSA, SHA256, two bytes of the digest, a number
    body.extend([1, 8, 0, 0, 0, 8, 0xff]);
    let mut packet = vec![0xc2, u8::try_from(body.len()).unwrap()];
    packet.extend(body);
    packet
}

/// A key's file with the key revoked, because it is out of use.
pub(crate) fn revoked(gpg: &Gpg, name: &str, at: UnixTime) -> KeyFile {
    revoked_for(gpg, name, at, ReasonForRevocation::KeyRetired)
}

/// A key's file with the key revoked for a reason.
pub(crate) fn revoked_for(
    gpg: &Gpg,
    name: &str,
    at: UnixTime,
    reason: ReasonForRevocation,
) -> KeyFile {
    let cert = private(gpg, name);
    let mut pair = pair(gpg, name);
    let builder = CertRevocationBuilder::new();
    let builder = builder.set_signature_creation_time(system(at)).unwrap();
    let builder = builder.set_reason_for_revocation(reason, b"").unwrap();
    let revocation = builder.build(&mut pair, &cert, None).unwrap();
    with(cert, revocation, name)
}

/// A key's file with one of its subkeys revoked.
pub(crate) fn subkey_revoked(gpg: &Gpg, name: &str, subkey: &str, at: UnixTime) -> KeyFile {
    let cert = private(gpg, name);
    let mut pair = pair(gpg, name);
    let mut subkeys = cert.keys().subkeys();
    let subkey = subkeys.find(|key| key.key().fingerprint().to_hex() == subkey);
    let subkey = subkey.unwrap().key().clone().parts_into_public();
    let builder = SubkeyRevocationBuilder::new();
    let builder = builder.set_signature_creation_time(system(at)).unwrap();
    let builder = builder
        .set_reason_for_revocation(ReasonForRevocation::KeyRetired, b"")
        .unwrap();
    let revocation = builder.build(&mut pair, &cert, &subkey, None).unwrap();
    with(cert, revocation, name)
}

/// A key's file in which the key names another that may revoke it.
pub(crate) fn revocable(gpg: &Gpg, name: &str, by: &str, at: UnixTime) -> KeyFile {
    let revoker = private(gpg, by);
    let revoker = RevocationKey::new(
        PublicKeyAlgorithm::RSAEncryptSign,
        revoker.fingerprint(),
        false,
    );
    let builder = SignatureBuilder::new(SignatureType::DirectKey);
    let builder = builder.set_signature_creation_time(system(at)).unwrap();
    let builder = builder.set_revocation_key(revoker).unwrap();
    let naming = builder.sign_direct_key(&mut pair(gpg, name), None).unwrap();
    with(private(gpg, name), naming, name)
}

/// A private key's file with the key revoked.
pub(crate) fn revoked_private(gpg: &Gpg, name: &str, at: UnixTime) -> Vec<u8> {
    let public = Cert::from_bytes(&revoked(gpg, name, at).bytes).unwrap();
    let cert = private(gpg, name).merge_public(public).unwrap();
    cert.as_tsk().armored().to_vec().unwrap()
}

fn with(cert: Cert, revocation: Signature, name: &str) -> KeyFile {
    let (cert, _) = cert.insert_packets(revocation).unwrap();
    KeyFile {
        path: format!("{name}.pub"),
        bytes: cert.strip_secret_key_material().armored().to_vec().unwrap(),
    }
}

fn private(gpg: &Gpg, name: &str) -> Cert {
    Cert::from_bytes(&gpg.private(hour(1), name)).unwrap()
}

fn pair(gpg: &Gpg, name: &str) -> KeyPair {
    let cert = private(gpg, name);
    let key = cert.primary_key().key().clone();
    key.parts_into_secret().unwrap().into_keypair().unwrap()
}

fn area(values: Vec<(SubpacketValue, bool)>) -> SubpacketArea {
    let packet = |(value, critical)| Subpacket::new(value, critical).unwrap();
    SubpacketArea::new(values.into_iter().map(packet).collect()).unwrap()
}

fn system(time: UnixTime) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(time.seconds())
}
