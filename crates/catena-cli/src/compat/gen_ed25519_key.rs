// SPDX-License-Identifier: MPL-2.0
//! `gen_ed25519_key [PREFIX]`: a key pair in base64 without newlines. It has no options but `--force`: the first other
//! argument is the prefix, even with a dash, and further ones do not count.

use catena_crypto::keyfile::{Existing, KeyFileError};
use catena_crypto::signer::form::KeyForm;

use super::{Status, Stop, log};
use crate::failure::Failure;
use crate::keys;

pub(super) fn run(arguments: &[String]) -> Result<Status, Stop> {
    let existing = match arguments.iter().any(|argument| argument == FORCE) {
        true => Existing::Replace,
        false => Existing::Keep,
    };
    let prefix = arguments.iter().find(|argument| *argument != FORCE);
    let [private, public] = keys::pair(prefix.map(String::as_str));
    match keys::new_pair(&private, &public, KeyForm::Scriptworker, existing) {
        Ok(_) => Ok(Status::Done),
        Err(Failure::Key(KeyFileError::Exists { path })) => {
            log(
                "CRITICAL",
                &format!(
                    "{} exists and is not replaced without {FORCE}",
                    path.display()
                ),
            );
            Ok(Status::Failed)
        }
        Err(failure) => Err(failure.into()),
    }
}

const FORCE: &str = "--force";
