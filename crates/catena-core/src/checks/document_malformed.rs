// SPDX-License-Identifier: MPL-2.0
//! `document-malformed` (P7, V53, V97): a complete document parses.
//!
//! Stops: Garbage where a document was due.

use crate::report::{Check, FindingBuilder};
use crate::request::Request;

/// The check's declaration.
pub const META: Check = Check {
    id: "document-malformed",
    rules: &["P7", "V53", "V97"],
    title: "a complete document parses",
    attack: "Garbage where a document was due.",
    help: "Look at the document; if it is truncated, its producer or its storage is broken.",
    rank: 66,
    implies: &[],
};

/// Starts the finding for a complete document that does not parse.
pub(crate) fn finding(request: &Request, expected: &str, found: &str) -> FindingBuilder {
    META.reject(expected, found)
        .says(super::asserter(request))
        .at(request, "")
}
