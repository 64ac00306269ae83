// SPDX-License-Identifier: MPL-2.0
//! `recorded-task` (R-04, P13): the definition that the worker recorded is the queue's.
//!
//! Stops: a definition that was changed after the worker ran it; and members that a generic-worker task
//! merged into its own document (generation.md 3.4).

use catena_jsone::Value;

use super::{Applied, Cx};
use crate::compare::{self, Exactness};
use crate::model::instant;
use crate::model::shape::{Fields, describe};
use crate::policy::Switch;
use crate::report::{Asserter, Check};
use crate::request::Request;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "recorded-task",
    rules: &["R-04", "P13"],
    title: "the definition that the worker recorded is the queue's",
    attack: "A definition that was changed after the worker ran it.",
    help: "Compare task in chain-of-trust.json with the queue's definition: the worker ran the former.",
    rank: 50,
    implies: &[],
};

/// Members that every recording has (generation.md 1.2).
const REQUIRED: [&str; 5] = [
    "dependencies",
    "payload",
    "scopes",
    "taskGroupId",
    "workerType",
];
/// Members that old recordings lack (generation.md 3.4).
const RECENT: [&str; 3] = ["expires", "projectId", "taskQueueId"];

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    if !object.is_link || cx.inputs.relaxations.allows(Switch::RecordedTask) {
        return Applied::No;
    }
    let Some(cot) = &object.cot else {
        return Applied::Blocked;
    };
    let request = Request::CotBody {
        task: object.id,
        run: cot.run(),
    };
    let recorded = match cot
        .document()
        .fields()
        .and_then(|fields| fields.object("task"))
    {
        Ok(recorded) => recorded,
        Err(shape) => {
            let finding =
                super::typed_model::finding(&shape, &request, Asserter::SignedCot(object.id));
            return Applied::found(Some(finding.task(object.id).build()));
        }
    };
    let Ok(queue) = definition.fields() else {
        return Applied::Blocked;
    };
    Applied::found(
        difference(&recorded, &queue).map(|(pointer, expected, found)| {
            META.reject(
                format!("{pointer} = {expected}, as in the queue"),
                format!("{found}, as the worker recorded"),
            )
            .task(object.id)
            .says(Asserter::Queue)
            .says(Asserter::SignedCot(object.id))
            .at(&request, format!("/task{pointer}"))
            .build()
        }),
    )
}

/// Returns the first difference: pointer, what the queue has, what was recorded.
pub(crate) fn difference(
    recorded: &Fields<'_>,
    queue: &Fields<'_>,
) -> Option<(String, String, String)> {
    for (key, value) in recorded.members().filter(|(key, _)| *key != "priority") {
        let Some(expected) = queue.get(key) else {
            return Some((queue.pointer(key), describe(None), describe(Some(value))));
        };
        if matches!(key, "created" | "deadline" | "expires") && same_instant(expected, value) {
            continue;
        }
        if let Some(difference) = compare::differences(expected, value, Exactness::Exact, 1).pop() {
            return Some((
                format!("{}{}", queue.pointer(key), difference.pointer),
                difference.left,
                difference.right,
            ));
        }
    }
    let lacks = |key: &&str| recorded.get(key).is_none();
    let tolerated = |key: &str| key == "priority" || RECENT.contains(&key);
    let missing = REQUIRED.into_iter().find(lacks).or_else(|| {
        queue
            .members()
            .map(|(key, _)| key)
            .find(|key| !tolerated(key) && lacks(key))
    });
    missing.map(|key| {
        let expected = match queue.get(key) {
            None => "a value".to_owned(),
            value => describe(value),
        };
        (queue.pointer(key), expected, describe(None))
    })
}

/// Returns whether two timestamps name the same instant (generic-worker writes them anew).
fn same_instant(left: &Value, right: &Value) -> bool {
    match (left.as_str(), right.as_str()) {
        (Some(left), Some(right)) => instant::same(left, right),
        _ => false,
    }
}
