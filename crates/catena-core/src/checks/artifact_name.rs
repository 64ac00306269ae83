// SPDX-License-Identifier: MPL-2.0
//! `artifact-name` (S12, V32): an artifact's name is a plain relative path.
//!
//! Stops: Two names for one file, or a file outside its directory: dot segments, empty segments, percent signs.

use crate::model::ids::{InvalidId, TaskId};
use crate::report::{Asserter, Check, FindingBuilder};
use crate::request::Request;

/// The check's declaration.
pub const META: Check = Check {
    id: "artifact-name",
    rules: &["S12", "V32"],
    title: "an artifact's name is a plain relative path",
    attack: "Two names for one file, or a file outside its directory: dot segments, empty segments, percent signs.",
    help: "No real artifact is called that; find out who wrote the task's upstreamArtifacts.",
    rank: 92,
    implies: &["upstream-screen"],
};

/// Starts the finding for a name that the root lists.
pub(crate) fn finding(root: TaskId, error: &InvalidId) -> FindingBuilder {
    META.reject(error.expected, format!("{:?}", error.found))
        .task(root)
        .says(Asserter::Task(root))
        .at(
            &Request::Definition { task: root },
            "/payload/upstreamArtifacts",
        )
}
