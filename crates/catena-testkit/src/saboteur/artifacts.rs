// SPDX-License-Identifier: MPL-2.0
//! Attacks on artifacts and on what the root lists (sections A and E).

use serde_json::{Value, json};

use super::{Compat, Saboteur, saboteur};
use crate::chain::Chain;
use crate::spec::Flow;

pub(super) const ALL: &[Saboteur] = &[saboteur(
    "artifact-flipped",
    "artifact-digest",
    &["V43"],
    "Somebody with access to the artifact storage changed one bit of a build.",
    Flow::FirefoxPush,
    |chain| chain.flip(&target(chain)),
)];

fn target(chain: &Chain) -> catena_core::request::Request {
    chain.artifact("build-0", "public/build/target-0.zip")
}
