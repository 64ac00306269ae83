// SPDX-License-Identifier: MPL-2.0
//! `worker-pool` (S42, V10): taskQueueId is provisionerId/workerType.
//!
//! Stops: A task that ran on another pool than the one its checks look at.

use super::{Applied, Cx};
use crate::report::{Asserter, Check};
use crate::request::Request;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "worker-pool",
    rules: &["S42", "V10"],
    title: "taskQueueId is provisionerId/workerType",
    attack: "A task that ran on another pool than the one its checks look at.",
    help: "The queue keeps the three in agreement; treat the definition as altered.",
    rank: 59,
    implies: &["recorded-task"],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    let compare = || {
        let fields = definition.fields()?;
        let pool = definition.worker_pool()?;
        let Some(queue) = fields.optional_text("taskQueueId")? else {
            return Ok(None);
        };
        Ok((queue != pool).then(|| {
            META.reject(
                format!("taskQueueId {pool:?}, from provisionerId and workerType"),
                format!("{queue:.200?}"),
            )
            .task(object.id)
            .says(Asserter::Queue)
            .at(&Request::Definition { task: object.id }, "/taskQueueId")
            .build()
        }))
    };
    cx.typed(object, compare())
}
