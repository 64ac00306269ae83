// SPDX-License-Identifier: MPL-2.0
//! `verify_ed25519_signature [--pubkey FILE] file_path sig_path`. With `--pubkey` that key alone counts (S38).

use std::path::Path;

use catena_core::policy::Config;

use super::argparse::{Spec, value};
use super::{Status, Stop, log};
use crate::check_sig::{self, Candidate, MAX_MESSAGE, MAX_SIGNATURE};
use crate::{keys, output};

const SPEC: Spec = Spec {
    tool: "verify_ed25519_signature",
    about: "Verifies a detached ed25519 signature, with the given key or, without one, with the built-in keys.",
    options: &[value(
        "pubkey",
        "PUBKEY",
        "file of an ed25519 public key; no built-in key is tried beside it",
    )],
    positionals: &[
        ("file_path", "the signed file"),
        ("sig_path", "its signature, 64 raw bytes"),
    ],
};

pub(super) fn run(arguments: &[String]) -> Result<Status, Stop> {
    let given = SPEC.read(arguments)?;
    let candidates = match given.value("pubkey") {
        Some(path) => vec![Candidate {
            family: "cmdln".to_owned(),
            key: keys::read_public(Path::new(path))?,
        }],
        None => check_sig::from_keyring(&Config::builtin().keyring).collect(),
    };
    let message = check_sig::read(Path::new(given.positional(0)), MAX_MESSAGE)?;
    let signature = check_sig::read(Path::new(given.positional(1)), MAX_SIGNATURE)?;
    match check_sig::first(&candidates, &message, &signature) {
        Ok(Candidate { family, key }) => {
            log("INFO", &format!("Verified good with {family} seed {key} !"));
            Ok(Status::Done)
        }
        Err(reason) => {
            output::say(&format!("This is not a valid signature! ({reason})"));
            Ok(Status::Failed)
        }
    }
}
