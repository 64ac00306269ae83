// SPDX-License-Identifier: MPL-2.0
//! What lint says, for people: findings first, then warnings, then the chain that will be made.

use catena_core::lint::{Later, Lint, Warning};
use catena_core::model::ids::TaskId;

use super::findings::FOLDED_VALUE;
use super::style::{Detail, Page, Style, Tone};
use super::{findings, tree};
use crate::escape::{SHORT, clean};
use crate::words::count;

/// How many warnings a folded page tells in full.
const FOLDED: usize = 5;

/// How many documents and tasks a folded page lists.
const FOLDED_LATER: usize = 6;

/// Renders what lint says about one task.
#[must_use]
pub fn lint(lint: &Lint, style: &Style) -> String {
    let mut page = Page::new(style);
    let tone = if lint.findings.is_empty() {
        Tone::Good
    } else {
        Tone::Bad
    };
    page.tone(tone, word(lint));
    page.line(&format!(" {}", summary(lint)));
    findings::render(&mut page, &lint.findings);
    warnings(&mut page, &lint.warnings);
    tree::render(&mut page, &lint.links);
    later(&mut page, &lint.later);
    page.finish()
}

/// Returns what lint says about one task on one line, without colours.
#[must_use]
pub fn lint_one_line(lint: &Lint) -> String {
    format!("{} {}", word(lint), summary(lint))
}

/// Never `trusted`: nothing was verified.
const fn word(lint: &Lint) -> &'static str {
    if lint.findings.is_empty() {
        "CLEAN"
    } else {
        "FINDINGS"
    }
}

fn summary(lint: &Lint) -> String {
    let subject = &lint.subject;
    let label = lint
        .label
        .as_ref()
        .map_or_else(String::new, |label| format!(" {}", clean(label, SHORT)));
    let inferred = match subject.inferred.as_slice() {
        [] => String::new(),
        inferred => format!(" ({} inferred from the task)", inferred.join(" and ")),
    };
    format!(
        "{} {}{label}, product {}{inferred}, {}, {}: {}, {}",
        clean(&subject.task_type, SHORT),
        subject.task,
        clean(&subject.product, SHORT),
        lint.profile,
        count(lint.links.len(), "link"),
        count(lint.findings.len(), "finding"),
        count(lint.warnings.len(), "warning"),
    )
}

fn warnings(page: &mut Page<'_>, warnings: &[Warning]) {
    if warnings.is_empty() {
        return;
    }
    page.heading(Tone::Warn, &count(warnings.len(), "warning"));
    let shown = most(page, warnings.len(), FOLDED);
    for warning in warnings.iter().take(shown) {
        page.text.push_str("  ");
        page.tone(Tone::Warn, warning.id);
        let role = warning
            .roles
            .first()
            .map_or_else(String::new, |role| format!("  {}", clean(role, SHORT)));
        page.line(&format!("  {}{role}", warning.task));
        let mut field =
            |name: &str, text: &str| page.wrapped(&format!("    {name:<9}"), "             ", text);
        field("expected", &clean(&warning.expected, FOLDED_VALUE));
        field("found", &clean(&warning.found, FOLDED_VALUE));
        field("where", &clean(&warning.pointer, FOLDED_VALUE));
        field("next", warning.help);
    }
    page.more(warnings.iter().skip(shown).map(|warning| warning.id));
}

/// What lies outside the files, and so is decided by a verification.
fn later(page: &mut Page<'_>, later: &Later) {
    page.heading(Tone::Plain, "Verified at run time");
    page.wrapped(
        "  ",
        "      ",
        "of every link: its run, its signature, its artifacts, the record of its definition",
    );
    let tasks: Vec<String> = later.tasks.iter().map(TaskId::to_string).collect();
    list(page, "tasks that no file defines", &tasks);
    let documents: Vec<String> = later
        .documents
        .iter()
        .map(|document| clean(document, SHORT * 4))
        .collect();
    list(page, "documents", &documents);
    if !later.checks.is_empty() {
        page.wrapped("  checks: ", "      ", &later.checks.join(", "));
    }
}

fn list(page: &mut Page<'_>, what: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    let shown = most(page, items.len(), FOLDED_LATER);
    page.line(&format!("  {what}:"));
    for item in items.iter().take(shown) {
        page.wrapped("    ", "      ", item);
    }
    if let more @ 1.. = items.len() - shown {
        page.line(&format!("    … and {more} more (--verbose shows all)"));
    }
}

fn most(page: &Page<'_>, all: usize, folded: usize) -> usize {
    match page.style.detail {
        Detail::All => all,
        Detail::Folded => all.min(folded),
    }
}
