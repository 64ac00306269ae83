// SPDX-License-Identifier: MPL-2.0
//! An example for each check: what somebody did, and what the report says to it.
//!
//! The table is written from real reports: `UPDATE_DOCS=1 cargo test -p catena-testkit --test it examples_of_checks`.
//! Nothing here takes part in a verdict.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::report::Check;

/// An attack, or an accident, that a check catches.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Example {
    /// What was done.
    pub story: String,
    /// What the finding says was expected.
    pub expected: String,
    /// What the finding says was found.
    pub found: String,
    /// `rejected` or `undetermined`.
    pub verdict: String,
}

/// Returns the example of a check.
#[must_use]
pub fn of(check: &Check) -> Option<&'static Example> {
    EXAMPLES.get(check.id)
}

static EXAMPLES: LazyLock<BTreeMap<String, Example>> =
    LazyLock::new(|| toml::from_str(include_str!("examples.toml")).unwrap_or_default());

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::ALL;

    #[test]
    fn every_check_has_an_example() {
        let without: Vec<_> = ALL.iter().filter(|check| of(check).is_none()).collect();
        assert!(without.is_empty(), "{without:?}");
        assert_eq!(EXAMPLES.len(), ALL.len());
    }
}
