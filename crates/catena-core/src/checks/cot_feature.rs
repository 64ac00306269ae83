// SPDX-License-Identifier: MPL-2.0
//! `cot-feature` (R-08, V30): a link ran with the chain-of-trust feature.
//!
//! Stops: The same as `cot-missing`, with the cause named: docker-worker and generic-worker write the document only
//! for tasks that ask for it.

use catena_jsone::Value;

use crate::model::definition::Definition;
use crate::model::shape::describe;
use crate::model::task_type::WorkerImplementation;
use crate::report::{Asserter, Check, FindingBuilder};
use crate::request::Request;

/// The check's declaration.
pub const META: Check = Check {
    id: "cot-feature",
    rules: &["R-08", "V30"],
    title: "a link ran with the chain-of-trust feature",
    attack: "A task that ran without the chain-of-trust feature, so that its worker signed nothing.",
    help: "Set payload.features.chainOfTrust to true where the task is defined, and run the graph again: a task that has run cannot be repaired.",
    rank: 85,
    implies: &["cot-missing"],
};

/// Returns what is wrong with a definition that does not ask its worker for a chain-of-trust document; `None` for
/// one that does, and for a scriptworker's, which always makes one.
pub(crate) fn inspect(
    definition: &Definition,
    worker: &WorkerImplementation,
) -> Option<FindingBuilder> {
    if !matches!(
        worker,
        WorkerImplementation::DockerWorker | WorkerImplementation::GenericWorker
    ) {
        return None;
    }
    let flag = definition.value().pointer(POINTER);
    if flag.is_some_and(Value::is_truthy) {
        return None;
    }
    let task = definition.id();
    let expected =
        format!("payload.features.chainOfTrust: true in the definition of a {worker} task");
    let finding = META.reject(expected, describe(flag)).task(task);
    Some(
        finding
            .says(Asserter::Task(task))
            .at(&Request::Definition { task }, POINTER),
    )
}

const POINTER: &str = "/payload/features/chainOfTrust";
