// SPDX-License-Identifier: MPL-2.0
//! `worker-implementation` (V13, V74): a task's worker implementation is unambiguous.
//!
//! Stops: A task that looks like one implementation to the key check and like another to the worker checks.

use super::{Applied, Cx};
use crate::model::task_type::WorkerImplementation;
use crate::report::{Asserter, Check};
use crate::request::Request;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "worker-implementation",
    rules: &["V13", "V74"],
    title: "a task's worker implementation is unambiguous",
    attack: "A task that looks like one implementation to the key check and like another to the worker checks.",
    help: "Compare image, mounts, osGroups, tags and scopes of the task: they claim different workers.",
    rank: 99,
    implies: &["cot-signature", "recorded-task"],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    if object.known().is_none() {
        return Applied::Blocked;
    }
    let claims = match &object.worker_claims {
        Ok(claims) if claims.len() == 1 && !claims.iter().any(is_unknown) => {
            return Applied::Ran(Vec::new());
        }
        Ok(claims) => claims,
        Err(shape) => return Applied::found(Some(cx.shape(object, shape))),
    };
    let found: Vec<_> = claims.iter().map(ToString::to_string).collect();
    let found = if found.is_empty() {
        "none".to_owned()
    } else {
        found.join(", ")
    };
    let finding = META
        .reject("exactly one known worker implementation", found)
        .task(object.id)
        .says(Asserter::Task(object.id))
        .at(&Request::Definition { task: object.id }, "/payload");
    Applied::found(Some(finding.build()))
}

const fn is_unknown(claim: &WorkerImplementation) -> bool {
    matches!(claim, WorkerImplementation::Unknown(_))
}
