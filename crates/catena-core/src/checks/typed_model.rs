// SPDX-License-Identifier: MPL-2.0
//! `typed-model` (P2, V101): a field has the type that the rules read.
//!
//! Stops: A value of another type, which one reader takes for absent and another for present.

use crate::model::shape::Shape;
use crate::report::{Asserter, Check, FindingBuilder};
use crate::request::Request;

/// The check's declaration.
pub const META: Check = Check {
    id: "typed-model",
    rules: &["P2", "V101"],
    title: "a field has the type that the rules read",
    attack: "A value of another type, which one reader takes for absent and another for present.",
    help: "Look at the field; whoever wrote the document does not follow its format.",
    rank: 55,
    implies: &["recorded-task"],
};

/// Starts the finding for a mistyped field.
pub(crate) fn finding(shape: &Shape, request: &Request, asserter: Asserter) -> FindingBuilder {
    META.reject(
        format!("{} at {}", shape.expected, shape.pointer),
        shape.found.clone(),
    )
    .says(asserter)
    .at(request, shape.pointer.clone())
}
