// SPDX-License-Identifier: MPL-2.0
//! `exact-types` (S42, V93): values are equal in type as well: true is not 1, and numbers are exact.
//!
//! Stops: A definition that differs where a lenient comparison does not look.

use crate::model::ids::TaskId;
use crate::report::{Asserter, Check, FindingBuilder};

/// The check's declaration.
pub const META: Check = Check {
    id: "exact-types",
    rules: &["S42", "V93"],
    title: "values are equal in type as well: true is not 1, and numbers are exact",
    attack: "A definition that differs where a lenient comparison does not look.",
    help: "Compare the two values; whoever created the task wrote another type than the graph or the template has.",
    rank: 73,
    implies: &["recorded-task"],
};

/// Starts the finding for two values that only a lenient comparison takes for equal.
pub(crate) fn finding(task: TaskId, expected: String, found: String) -> FindingBuilder {
    META.reject(
        expected,
        format!("{found}, of another type or not exactly equal"),
    )
    .task(task)
    .says(Asserter::Task(task))
}
