// SPDX-License-Identifier: MPL-2.0
//! `json-strict` (P2, P23, S45): JSON has one reading.
//!
//! Stops: A document that two readers understand differently: duplicate keys, NaN, lone surrogates, numbers beyond 64 bits, deep nesting.

use crate::report::{Check, FindingBuilder};
use crate::request::Request;

/// The check's declaration.
pub const META: Check = Check {
    id: "json-strict",
    rules: &["P2", "P23", "S45"],
    title: "JSON has one reading",
    attack: "A document that two readers understand differently: duplicate keys, NaN, lone surrogates, numbers beyond 64 bits, deep nesting.",
    help: "Look at the document; its producer writes JSON that other tools read differently.",
    rank: 65,
    implies: &[],
};

/// Starts the finding for JSON that only a lenient reader takes; undetermined when a host's API gave it.
pub(crate) fn finding(request: &Request, found: &str, host: bool) -> FindingBuilder {
    let expected = "JSON that has one reading";
    let builder = if host {
        META.undetermined(expected, found)
    } else {
        META.reject(expected, found)
    };
    builder.says(super::asserter(request)).at(request, "")
}
