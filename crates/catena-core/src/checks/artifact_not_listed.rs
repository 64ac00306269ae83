// SPDX-License-Identifier: MPL-2.0
//! `artifact-not-listed` (V43): the chain-of-trust document lists the artifact.
//!
//! Stops: An artifact that the worker never hashed: uploaded later, or by somebody else.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "artifact-not-listed",
    rules: &["V43"],
    title: "the chain-of-trust document lists the artifact",
    attack: "An artifact that the worker never hashed: uploaded later, or by somebody else.",
    help: "Look at the upstream task's chain-of-trust.json: does its payload declare the artifact, and did the file exist?",
    rank: 86,
    implies: &[],
};
