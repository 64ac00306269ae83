// SPDX-License-Identifier: MPL-2.0
//! Timestamps as Taskcluster writes them.

use jiff::Timestamp;

/// Returns whether two ISO 8601 texts name the same instant; texts that are no timestamps never do.
#[must_use]
pub fn same(left: &str, right: &str) -> bool {
    match (left.parse::<Timestamp>(), right.parse::<Timestamp>()) {
        (Ok(left), Ok(right)) => left == right,
        _ => false,
    }
}
