// SPDX-License-Identifier: MPL-2.0
//! `docker-image-pool` (V50): a docker-image task ran on a pool for images.
//!
//! Stops: An image built where anybody may build anything.

use super::{Applied, Cx};
use crate::model::task_type::TaskType;
use crate::report::Check;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "docker-image-pool",
    rules: &["V50"],
    title: "a docker-image task ran on a pool for images",
    attack: "An image built where anybody may build anything.",
    help: "Compare the worker pool with valid_docker_image_worker_pools of the product.",
    rank: 72,
    implies: &["worker-pool", "recorded-task"],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    if !object.types.contains(&TaskType::DockerImage) {
        return Applied::No;
    }
    let valid = &cx.inputs.policy.valid_docker_image_worker_pools;
    cx.pool(&META, object, definition, valid)
}
