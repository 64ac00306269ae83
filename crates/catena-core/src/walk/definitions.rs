// SPDX-License-Identifier: MPL-2.0
//! What definitions alone decide of a chain: the rules run as at the end of a walk, over documents of which only
//! the definitions have arrived. A rule that needs more is blocked, and so undecided.

use std::collections::BTreeSet;

use super::book::Book;
use super::chain::Chain;
use super::finish::{apply_rules, links, order, rebuild_parents, subject};
use super::{Inputs, fetched};
use crate::checks::Cx;
use crate::evidence::Evidence;
use crate::report::{Finding, Link, Outcome, Subject};

/// What was decided, and what was not.
pub(crate) struct Judged {
    pub(crate) subject: Subject,
    pub(crate) links: Vec<Link>,
    pub(crate) findings: Vec<Finding>,
    /// Checks that some object with a definition waits for.
    pub(crate) undecided: Vec<&'static str>,
}

/// Runs every rule, and the rebuild as far as it gets; `extra` are findings of the caller's own.
pub(crate) fn judge(
    inputs: &Inputs,
    evidence: &Evidence,
    chain: &Chain<'_>,
    extra: Vec<Finding>,
) -> Judged {
    let mut book = Book::default();
    for object in chain.objects.values() {
        fetched::definition(object, &mut book);
    }
    let cx = Cx {
        inputs,
        evidence,
        chain,
    };
    apply_rules(&cx, &mut book);
    rebuild_parents(&cx, &[], &mut book);
    for finding in extra {
        book.found(finding);
    }
    order(&mut book, chain);
    let mut links = links(inputs, chain, &book, &super::finish::Listed::new());
    let mut undecided = BTreeSet::new();
    for link in &mut links {
        let is_known = chain
            .get(link.task)
            .is_some_and(|object| object.known().is_some());
        link.checks.retain(|check| {
            let open = check.outcome == Outcome::Undetermined;
            if open && is_known {
                undecided.insert(check.id);
            }
            !open
        });
    }
    Judged {
        subject: subject(inputs),
        links,
        findings: book.findings,
        undecided: undecided.into_iter().collect(),
    }
}
