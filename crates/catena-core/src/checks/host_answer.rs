// SPDX-License-Identifier: MPL-2.0
//! `host-answer` (P7): a host's answer can be read.
//!
//! Stops: A host that answers something else than its API promises: that must never read as trust.

use crate::report::{Check, FindingBuilder};
use crate::request::Request;

/// The check's declaration.
pub const META: Check = Check {
    id: "host-answer",
    rules: &["P7"],
    title: "a host's answer can be read",
    attack: "A host that answers something else than its API promises: that must never read as trust.",
    help: "The host may be in trouble, or its API has changed. Try again later.",
    rank: 12,
    implies: &[],
};

/// Starts the finding for an answer that cannot be read.
pub(crate) fn finding(request: &Request, found: &str) -> FindingBuilder {
    META.undetermined("an answer as the host's API documents it", found)
        .says(super::asserter(request))
        .at(request, "")
}
