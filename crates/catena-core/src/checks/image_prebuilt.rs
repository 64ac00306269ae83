// SPDX-License-Identifier: MPL-2.0
//! `image-prebuilt` (V76, S49): an image that no link of the chain built is allowed for the task's type.
//!
//! Stops: A build in an image from a public registry, or from the index, that anybody could have pushed.

use catena_jsone::Value;

use super::image_link::runs_in_image;
use super::{Applied, Cx};
use crate::model::shape::describe;
use crate::report::{Asserter, Check};
use crate::request::Request;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "image-prebuilt",
    rules: &["V76", "S49"],
    title: "an image that no link of the chain built is allowed for the task's type",
    attack: "A build in an image from a public registry, or from the index, that anybody could have pushed.",
    help: "Use a docker-image task of the graph, or allow prebuilt images for the type in the product's policy.",
    rank: 84,
    implies: &["recorded-task", "graph-match"],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    if !runs_in_image(object) {
        return Applied::No;
    }
    let image = definition.value().pointer("/payload/image");
    let kind = image.and_then(|image| image.get("type"));
    let (what, never) = match image {
        Some(Value::Object(_)) => match kind.and_then(Value::as_str) {
            Some("task-image") => return Applied::No,
            Some("indexed-image") => ("an indexed image", cx.chain.is_restricted != Some(false)),
            _ => ("an image of unknown type", true),
        },
        Some(Value::String(_)) => ("a registry image", false),
        _ => ("no image", false),
    };
    let prebuilt = &cx.inputs.policy.prebuilt_docker_image_task_types;
    let allowed = !never
        && object
            .types
            .iter()
            .all(|kind| prebuilt.allows(kind.as_str()));
    let expected = if never {
        "an image of the chain"
    } else {
        "an image of the chain for this type of task"
    };
    Applied::found((!allowed).then(|| {
        META.reject(expected, format!("{what}: {}", describe(kind.or(image))))
            .task(object.id)
            .says(Asserter::Task(object.id))
            .at(&Request::Definition { task: object.id }, "/payload/image")
            .build()
    }))
}
