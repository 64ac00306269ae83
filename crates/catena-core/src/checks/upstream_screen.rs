// SPDX-License-Identifier: MPL-2.0
//! `upstream-screen` (V2, S34): the root's upstream paths are relative, free of `..`, and globs are optional.
//!
//! Stops: A path that leaves its directory, or a mandatory glob that matches nothing and so enforces nothing.

use super::{Applied, Cx};
use crate::policy::Switch;
use crate::report::{Asserter, Check};
use crate::request::Request;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "upstream-screen",
    rules: &["V2", "S34"],
    title: "the root's upstream paths are relative, free of `..`, and globs are optional",
    attack: "A path that leaves its directory, or a mandatory glob that matches nothing and so enforces nothing.",
    help: "Correct payload.upstreamArtifacts of the task.",
    rank: 91,
    implies: &[],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    if !object.is_root || cx.inputs.relaxations.allows(Switch::NoUpstreamScreen) {
        return Applied::No;
    }
    let screen = || {
        for entry in definition.upstream_artifacts()? {
            for path in entry.paths()? {
                let problem = if path.starts_with('/') {
                    "an absolute path"
                } else if path.contains("..") {
                    "a path with `..`"
                } else if path.contains('*') && !entry.optional_truthy {
                    "a mandatory glob"
                } else {
                    continue;
                };
                let pointer = format!("/payload/upstreamArtifacts/{}/paths", entry.index);
                let finding = META
                    .reject(
                        "a relative path; a glob only where optional",
                        format!("{problem}: {path:.200?}"),
                    )
                    .task(object.id)
                    .says(Asserter::Task(object.id))
                    .at(&Request::Definition { task: object.id }, pointer);
                return Ok(Some(finding.build()));
            }
        }
        Ok(None)
    };
    cx.typed(object, screen())
}
