// SPDX-License-Identifier: MPL-2.0
//! Findings: what was expected, what was found, where, who says so, what to do next (P26).

use serde::Serialize;

use super::{Difference, Pattern, Verdict};
use crate::model::ids::TaskId;

/// A check's declaration: one per id; the table of all is `checks::ALL`.
#[derive(Debug, Eq, PartialEq)]
pub struct Check {
    /// Stable kebab-case id.
    pub id: &'static str,
    /// The rules it enforces: V-, S-, P-, R-numbers.
    pub rules: &'static [&'static str],
    /// What holds when it passes, in one line.
    pub title: &'static str,
    /// The attack or accident that it stops, in a sentence or two.
    pub attack: &'static str,
    /// What to do when it fails.
    pub help: &'static str,
    /// How specific a finding of it is: the highest of a report makes the headline.
    pub rank: u8,
    /// Ids of findings that this one brings along (P9).
    pub implies: &'static [&'static str],
}

/// Who stands behind a statement.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asserter {
    /// A signed chain-of-trust document, named by its task.
    SignedCot(TaskId),
    /// The operator: configuration, policy, command line.
    Operator,
    /// The queue.
    Queue,
    /// The task under test itself.
    Task(TaskId),
    /// A VCS host.
    VcsHost,
}

/// Where to look.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct EvidencePointer {
    /// The request whose document shows it.
    pub request: String,
    /// RFC 6901 pointer into it; empty for the whole.
    pub pointer: String,
    /// SHA-256 of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// Something that speaks against the chain, or is missing.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Finding {
    /// Sorts the headline first.
    #[serde(skip)]
    pub(crate) order: u8,
    /// The check's id.
    pub id: &'static str,
    /// `rejected` or `undetermined`.
    pub verdict: Verdict,
    /// The task it is about.
    pub task: Option<TaskId>,
    /// The names under which the chain knows the task.
    pub roles: Vec<String>,
    /// The rules that are broken.
    pub rules: Vec<&'static str>,
    /// Sorts the findings of one check of one task, the most telling first.
    #[serde(skip)]
    pub(crate) nth: u8,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// Who stands behind the two.
    pub asserters: Vec<Asserter>,
    /// Where to look.
    pub evidence: Option<EvidencePointer>,
    /// What to do next.
    pub help: String,
    /// Where a difference from what a template renders to comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Box<Difference>>,
    /// The innocent cause that it looks like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Pattern>,
}

impl Finding {
    /// Returns every place that the finding points at.
    pub(crate) fn places_mut(&mut self) -> impl Iterator<Item = &mut EvidencePointer> {
        let flows = self
            .difference
            .iter_mut()
            .flat_map(|difference| &mut difference.flows);
        let sources = flows.map(|flow| &mut flow.source);
        self.evidence.iter_mut().chain(sources)
    }
}

impl Check {
    /// Starts a finding that rejects the chain.
    pub fn reject(
        &'static self,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> FindingBuilder {
        FindingBuilder::new(self, Verdict::Rejected, expected.into(), found.into())
    }

    /// Starts a finding that leaves the chain undetermined.
    pub fn undetermined(
        &'static self,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> FindingBuilder {
        FindingBuilder::new(self, Verdict::Undetermined, expected.into(), found.into())
    }
}

/// Fills in a finding.
#[derive(Clone, Debug)]
#[must_use]
pub struct FindingBuilder(Finding);

impl FindingBuilder {
    fn new(check: &'static Check, verdict: Verdict, expected: String, found: String) -> Self {
        Self(Finding {
            order: u8::MAX - check.rank,
            id: check.id,
            verdict,
            task: None,
            roles: Vec::new(),
            rules: check.rules.to_vec(),
            expected,
            found,
            asserters: Vec::new(),
            evidence: None,
            help: check.help.to_owned(),
            nth: 0,
            difference: None,
            pattern: None,
        })
    }

    /// Names the task.
    pub fn task(mut self, task: TaskId) -> Self {
        self.0.task = Some(task);
        self
    }

    /// Names who stands behind what was expected or found.
    pub fn says(mut self, asserter: Asserter) -> Self {
        self.0.asserters.push(asserter);
        self
    }

    /// Says where to look: a request and an RFC 6901 pointer into its document.
    pub fn at(mut self, request: &impl std::fmt::Display, pointer: impl Into<String>) -> Self {
        self.0.evidence = Some(EvidencePointer {
            request: request.to_string(),
            pointer: pointer.into(),
            sha256: None,
        });
        self
    }

    /// Replaces the check's general advice by a more precise one.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = help.into();
        self
    }

    /// Makes it the finding of another check, with that one's rules and advice.
    pub(crate) fn under(mut self, check: &'static Check) -> Self {
        self.0.order = u8::MAX - check.rank;
        self.0.id = check.id;
        self.0.rules = check.rules.to_vec();
        self.0.help = check.help.to_owned();
        self
    }

    /// Replaces the rules by the ones that are broken.
    pub fn rules(mut self, rules: &[&'static str]) -> Self {
        self.0.rules = rules.to_vec();
        self
    }

    /// Says where a difference comes from.
    pub fn differs(mut self, difference: Difference) -> Self {
        self.0.difference = Some(Box::new(difference));
        self
    }

    /// Names the innocent cause that it looks like, if there is one.
    pub fn pattern(mut self, pattern: Option<Pattern>) -> Self {
        self.0.pattern = pattern;
        self
    }

    /// Says how many findings of the same check tell more.
    pub(crate) const fn nth(mut self, nth: u8) -> Self {
        self.0.nth = nth;
        self
    }

    /// Ends the finding.
    #[must_use]
    pub fn build(self) -> Finding {
        self.0
    }
}
