// SPDX-License-Identifier: MPL-2.0
//! Budgets of the walk (S17). Running out is undetermined, with a finding of its own, never trusted.

/// What a chain may cost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Tasks in a chain. The largest release graphs name some 2,000 upstream tasks.
    pub links: usize,
    /// Artifacts of the root that are fetched. A release signing task lists a few hundred.
    pub artifacts: usize,
    /// Bytes of a document that is parsed: `actions.json` and `parameters.yml` stay below 2 MiB.
    pub parsed_bytes: u64,
    /// Differences that a finding lists.
    pub differences: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            links: 10_000,
            artifacts: 20_000,
            parsed_bytes: 32 << 20,
            differences: 8,
        }
    }
}
