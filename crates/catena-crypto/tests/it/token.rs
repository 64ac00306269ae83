// SPDX-License-Identifier: MPL-2.0
//! `pkcs11:` with SoftHSM, which must be installed: `softhsm2-util` and the module, whose path CATENA_SOFTHSM may name.
//!
//! SoftHSM reads its configuration from the environment, so each test runs once more, as a process of its own.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use catena_crypto::signer::reference::{OpenError, SignerRef};
use catena_crypto::signer::{SignError, Signer};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;

const PIN: &str = "hunter2-1234";

/// RULINGS P43: the curve as a PrintableString, which SoftHSM 2.6 understands.
const EDWARDS25519: &[u8] = b"\x13\x0cedwards25519";

fn module() -> String {
    env::var("CATENA_SOFTHSM").unwrap_or_else(|_| "/usr/lib/softhsm/libsofthsm2.so".to_owned())
}

/// Runs a test of this file again with a SoftHSM of its own.
fn again(test: &str) {
    let dir = tempfile::tempdir().unwrap();
    let tokens = dir.path().join("tokens");
    fs::create_dir(&tokens).unwrap();
    let conf = dir.path().join("softhsm2.conf");
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\n",
        tokens.display()
    );
    fs::write(&conf, text).unwrap();
    for token in ["first", "second"] {
        let init = [
            "--init-token",
            "--free",
            "--label",
            token,
            "--pin",
            PIN,
            "--so-pin",
            "so-1234",
        ];
        let done = Command::new("softhsm2-util")
            .args(init)
            .env("SOFTHSM2_CONF", &conf)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }
    let done = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("token::{test}"),
            "--ignored",
            "--nocapture",
        ])
        .env("SOFTHSM2_CONF", &conf)
        .env("CATENA_TOKEN_DIR", dir.path())
        .env("CATENA_TOKEN_PIN", PIN)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// Makes a key in a token.
fn generate(token: &str, label: &str, id: u8) {
    let module = Pkcs11::new(module()).unwrap();
    let _ = module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    let slots = module.get_slots_with_initialized_token().unwrap();
    let slot = slots
        .into_iter()
        .find(|&slot| module.get_token_info(slot).unwrap().label() == token)
        .unwrap();
    let session = module.open_rw_session(slot).unwrap();
    session
        .login(UserType::User, Some(&AuthPin::from(PIN)))
        .unwrap();
    let common = [
        Attribute::Token(true),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::Id(vec![id]),
    ];
    let public = [
        &common[..],
        &[
            Attribute::EcParams(EDWARDS25519.to_vec()),
            Attribute::Verify(true),
        ],
    ]
    .concat();
    let private = [
        &common[..],
        &[
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Sign(true),
        ],
    ]
    .concat();
    session
        .generate_key_pair(&Mechanism::EccEdwardsKeyPairGen, &public, &private)
        .unwrap();
}

fn open(path: &str, query: &str) -> Result<Box<dyn Signer + Send + Sync>, OpenError> {
    let text = format!("pkcs11:{path}?module-path={}{query}", module());
    let signer: SignerRef = text.parse().unwrap();
    signer.open(&|name| env::var_os(name))
}

fn complaint(path: &str, query: &str) -> String {
    let error = open(path, query).err().unwrap().to_string();
    assert!(!error.contains(PIN), "{error}");
    error
}

fn pin_file(mode: u32) -> PathBuf {
    let path = Path::new(&env::var_os("CATENA_TOKEN_DIR").unwrap()).join(format!("pin-{mode:o}"));
    fs::write(&path, format!("{PIN}\n")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

const ENV: &str = "&pin-source=env:CATENA_TOKEN_PIN";

#[test]
fn a_key_in_a_token_signs() {
    again("key_in_token");
}

#[test]
#[ignore = "run by a_key_in_a_token_signs"]
fn key_in_token() {
    generate("first", "cot", 1);
    generate("first", "other", 2);
    generate("second", "cot", 1);
    let file = format!("&pin-source={}", pin_file(0o600).display());
    let signer = open("token=first;object=cot", &file).unwrap();
    for message in [&b"message"[..], b"{}", &[7; 100_000]] {
        let signature = signer.sign(message).unwrap();
        let proof = signer.public_key().verify(message, &signature.into());
        assert_eq!(proof.unwrap().key_id(), signer.public_key().id());
    }
    drop(signer);
    let keys = [
        "token=first;object=other",
        "token=first;id=%02",
        "token=second;object=cot",
    ]
    .map(|path| open(path, ENV).unwrap().public_key().to_base64());
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[0], keys[2]);
}

#[test]
fn a_token_must_be_chosen_and_opened() {
    again("choice_and_pin");
}

#[test]
#[ignore = "run by a_token_must_be_chosen_and_opened"]
fn choice_and_pin() {
    generate("first", "cot", 1);
    let token = complaint("object=cot", ENV);
    assert!(
        token.contains("expected one token that fits the URI, found 2"),
        "{token}"
    );
    let key = complaint("token=first;object=none", ENV);
    assert!(
        key.contains("private Edwards key that fits the URI, found 0"),
        "{key}"
    );
    let pin = complaint(
        "token=first;object=cot",
        "&pin-source=env:CATENA_NO_SUCH_PIN",
    );
    assert!(pin.contains("CATENA_NO_SUCH_PIN"), "{pin}");
    let open_file = format!("&pin-source={}", pin_file(0o644).display());
    assert!(complaint("token=first;object=cot", &open_file).contains("mode 0644"));
    // nobody is let in without a PIN
    assert!(matches!(
        open("token=second;object=cot", "").err().unwrap(),
        OpenError::Sign(SignError::Unavailable { .. })
    ));
}

#[test]
fn a_module_must_be_one() {
    for path in ["/nonexistent/module.so", "/etc/passwd"] {
        let text = format!("pkcs11:object=k?module-path={path}");
        let opened = text.parse::<SignerRef>().unwrap().open(&|_| None);
        assert!(opened.err().unwrap().to_string().contains("pkcs11: module"));
    }
}
