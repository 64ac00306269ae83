// SPDX-License-Identifier: MPL-2.0
//! What a build without the feature `openpgp` says.

use std::path::Path;

use super::{Command, Refusal};
use crate::args::{self, When};
use crate::exit::Exit;
use crate::failure::Failure;

pub(crate) fn run(_: &Command) -> Result<Exit, Failure> {
    Err(Refusal::Without {
        flag: "legacy-keys",
    }
    .into())
}

pub(crate) fn verify(_: &args::Verify, _: When) -> Result<Exit, Failure> {
    Err(Refusal::Without { flag: "--legacy" }.into())
}

/// Cannot exist.
pub(crate) enum Gpg {}

impl Gpg {
    pub(crate) fn read(_: &Path) -> Result<Self, Refusal> {
        Err(Refusal::Without { flag: "--gpg-key" })
    }

    pub(crate) fn sign(&self, _: &[u8]) -> Result<String, Refusal> {
        match *self {}
    }
}
