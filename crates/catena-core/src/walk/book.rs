// SPDX-License-Identifier: MPL-2.0
//! The log book of a verification: findings, and how each check ended for each object.

use std::collections::BTreeMap;

use crate::checks::Applied;
use crate::model::ids::TaskId;
use crate::report::{CheckResult, Finding, Note, Outcome, Verdict};

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) findings: Vec<Finding>,
    pub(super) notes: Vec<Note>,
    results: BTreeMap<TaskId, BTreeMap<&'static str, Outcome>>,
}

impl Book {
    /// Enters how a check ended for an object.
    pub(super) fn record(&mut self, task: TaskId, check: &'static str, applied: Applied) {
        match applied {
            Applied::No => {}
            Applied::Blocked => self.mark(task, check, Outcome::Undetermined),
            Applied::Ran(findings) => {
                self.mark(task, check, Outcome::Pass);
                for finding in findings {
                    let outcome = match finding.verdict {
                        Verdict::Undetermined => Outcome::Undetermined,
                        _ => Outcome::Fail,
                    };
                    self.mark(task, check, outcome);
                    self.mark(task, finding.id, outcome);
                    self.add(finding);
                }
            }
        }
    }

    /// Enters a finding that belongs to no check of one object.
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Enters a finding with the object that it is about.
    pub(super) fn found(&mut self, finding: Finding) {
        if let Some(task) = finding.task {
            self.mark(task, finding.id, Outcome::Fail);
        }
        self.add(finding);
    }

    /// Enters a remark.
    pub(super) fn note(&mut self, id: &'static str, task: TaskId, text: String) {
        self.notes.push(Note {
            id,
            task: Some(task),
            text,
        });
    }

    fn mark(&mut self, task: TaskId, check: &'static str, outcome: Outcome) {
        let known = self
            .results
            .entry(task)
            .or_default()
            .entry(check)
            .or_insert(outcome);
        *known = (*known).max(outcome);
    }

    /// Returns whether some check could not run.
    pub(super) fn is_blocked(&self) -> bool {
        self.results
            .values()
            .flat_map(BTreeMap::values)
            .any(|outcome| *outcome == Outcome::Undetermined)
    }

    /// Returns how the checks of an object ended.
    pub(super) fn results(&self, task: TaskId) -> Vec<CheckResult> {
        let results = self.results.get(&task).into_iter().flatten();
        results
            .map(|(id, outcome)| CheckResult {
                id,
                outcome: *outcome,
            })
            .collect()
    }
}
