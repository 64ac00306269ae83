// SPDX-License-Identifier: MPL-2.0
//! The report for people: verdict first, then what speaks against the chain, then the chain itself.
//!
//! It is made to be read at night on one screen, so what repeats is folded with a count and
//! [`Detail::All`] unfolds it. Identifiers are never abbreviated, except commit hashes to 12 digits.

mod findings;
mod lint;
mod style;
mod tree;

pub use lint::{lint, lint_one_line};
pub use style::{Characters, Colour, Detail, Style};

use std::collections::BTreeMap;
use std::fmt::Write;

use catena_core::checks;
use catena_core::report::{Basis, Fact, GithubBudget, Note, Report, Verdict};

use crate::escape::{SHORT, clean};
use crate::words::{count, size};
use style::{Page, Tone};

/// How many notes and self-asserted facts a folded report shows.
const FOLDED_NOTES: usize = 4;

/// Renders a report.
#[must_use]
pub fn render(report: &Report, style: &Style) -> String {
    let mut page = Page::new(style);
    summary(&mut page, report);
    findings::render(&mut page, &report.findings);
    relaxations(&mut page, report);
    tree::render(&mut page, &report.links);
    facts(&mut page, report);
    notes(&mut page, &report.notes);
    cost(&mut page, report);
    page.finish()
}

/// Returns the verdict, its subject and its size on one line, with the headline if it is not `trusted`; without
/// colours.
#[must_use]
pub fn one_line(report: &Report) -> String {
    let line = subject(report);
    let verdict = report.verdict.to_string().to_uppercase();
    match report.verdict {
        Verdict::Trusted => format!("{verdict} {line}"),
        _ => format!(
            "{verdict} {line}: {}",
            clean(&report.headline, findings::FOLDED_VALUE)
        ),
    }
}

fn summary(page: &mut Page<'_>, report: &Report) {
    let tone = match report.verdict {
        Verdict::Trusted if report.relaxations.is_empty() => Tone::Good,
        Verdict::Rejected => Tone::Bad,
        _ => Tone::Warn,
    };
    let verdict = report.verdict.to_string().to_uppercase();
    page.tone(tone, &verdict);
    page.text.push(' ');
    page.wrapped_from(verdict.len() + 1, "  ", &subject(report));
    if report.verdict != Verdict::Trusted {
        page.wrapped("  ", "  ", &cause(page, report));
    }
    if report.verdict == Verdict::Unsigned {
        page.tone(
            Tone::Warn,
            "  signatures were not verified: this is no trust decision",
        );
        page.line("");
    }
}

/// Says in words what the first finding is about: the finding itself tells what was expected and found.
fn cause(page: &Page<'_>, report: &Report) -> String {
    let first = report.findings.first();
    let check = first.and_then(|finding| checks::ALL.iter().find(|check| check.id == finding.id));
    check.map_or_else(
        || {
            let most = page.style.width.saturating_sub(24).max(40);
            clean(&report.headline, most)
        },
        |check| format!("{}: {}", check.id, check.attack),
    )
}

fn subject(report: &Report) -> String {
    let subject = &report.subject;
    let artifacts: usize = report.links.iter().map(|link| link.artifacts.len()).sum();
    let signatures = report
        .links
        .iter()
        .filter(|link| link.key.is_some())
        .count();
    let mut line = format!(
        "{} {}, product {}, {}",
        clean(&subject.task_type, SHORT),
        subject.task,
        clean(&subject.product, SHORT),
        report.profile,
    );
    let mut add = |text: &str| {
        line.push_str(", ");
        line.push_str(text);
    };
    if report.basis == Basis::Recorded {
        add("basis: recorded");
    }
    if !report.relaxations.is_empty() {
        add(&format!(
            "{} RELAXED",
            count(report.relaxations.len(), "check")
        ));
    }
    add(&count(report.links.len(), "link"));
    add(&count(artifacts, "artifact"));
    add(&count(signatures, "signature"));
    line
}

fn relaxations(page: &mut Page<'_>, report: &Report) {
    if report.relaxations.is_empty() {
        return;
    }
    page.heading(
        Tone::Warn,
        &format!(
            "RELAXED: {} switched down",
            count(report.relaxations.len(), "check")
        ),
    );
    // a profile relaxes many for one reason
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for relaxation in &report.relaxations {
        match reasons
            .iter_mut()
            .find(|(reason, _)| *reason == relaxation.reason)
        {
            Some((_, switches)) => switches.push(relaxation.switch),
            None => reasons.push((&relaxation.reason, vec![relaxation.switch])),
        }
    }
    for (reason, switches) in reasons {
        page.wrapped(
            "  ",
            "      ",
            &format!("{}: {}", switches.join(", "), clean(reason, SHORT * 4)),
        );
    }
}

fn facts(page: &mut Page<'_>, report: &Report) {
    let facts: &[Fact] = &report.self_asserted;
    let inferred = &report.subject.inferred;
    if facts.is_empty() && inferred.is_empty() {
        return;
    }
    let mut title = String::from("Self-asserted: ");
    if !inferred.is_empty() {
        let _ = write!(
            title,
            "{} inferred from the task itself",
            inferred.join(" and ")
        );
    }
    if !facts.is_empty() {
        let separator = if inferred.is_empty() { "" } else { "; " };
        let verb = if facts.len() == 1 { "rests" } else { "rest" };
        let _ = write!(
            title,
            "{separator}{} {verb} on a task's own word",
            count(facts.len(), "fact")
        );
        if page.style.detail == Detail::Folded {
            title.push_str(" (--verbose lists them)");
        }
    }
    page.heading(Tone::Plain, &title);
    if page.style.detail == Detail::All {
        for fact in facts {
            let first = format!("  {}  ", fact.task);
            page.wrapped(
                &first,
                "      ",
                &format!(
                    "{} = {}",
                    clean(&fact.name, SHORT),
                    clean(&fact.value, SHORT * 4)
                ),
            );
        }
    }
}

fn notes(page: &mut Page<'_>, notes: &[Note]) {
    if notes.is_empty() {
        return;
    }
    page.heading(Tone::Plain, &count(notes.len(), "note"));
    let shown = match page.style.detail {
        Detail::All => notes.len(),
        Detail::Folded => FOLDED_NOTES,
    };
    for note in notes.iter().take(shown) {
        let about = note
            .task
            .map_or_else(String::new, |task| format!("{task}: "));
        page.wrapped(
            &format!("  {}  ", note.id),
            "      ",
            &format!("{about}{}", clean(&note.text, SHORT * 2)),
        );
    }
    page.more(notes.iter().skip(shown).map(|note| note.id));
}

/// What was asked, and what it cost.
fn cost(page: &mut Page<'_>, report: &Report) {
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for request in &report.requests {
        *outcomes.entry(&request.outcome).or_default() += 1;
    }
    let parts: Vec<String> = outcomes
        .iter()
        .map(|(outcome, n)| format!("{n} {}", clean(outcome, SHORT)))
        .collect();
    let mut line = count(report.requests.len(), "document");
    if !parts.is_empty() {
        let _ = write!(line, " ({})", parts.join(", "));
    }
    if let Some(timing) = &report.timing {
        if timing.http_requests > 0 {
            let requests = usize::try_from(timing.http_requests).unwrap_or(usize::MAX);
            let requests = count(requests, "HTTP request");
            let _ = write!(line, ", {requests}, {}", size(timing.bytes));
        }
        let (whole, milli) = (timing.wall_ms / 1000, timing.wall_ms % 1000);
        let finished = clean(&timing.finished, SHORT);
        let _ = write!(line, " in {whole}.{milli:03} s, {finished}");
    }
    let _ = write!(line, ", {}", clean(&report.subject.root_url, SHORT));
    page.line("");
    page.tone(Tone::Dim, &line);
    page.line("");
    if let Some(github) = report
        .timing
        .as_ref()
        .and_then(|timing| timing.github.as_ref())
        && (page.style.detail == Detail::All || is_low(github))
    {
        let tone = if is_low(github) {
            Tone::Warn
        } else {
            Tone::Dim
        };
        page.tone(tone, &budget(github));
        page.line("");
    }
    if page.style.detail == Detail::All {
        for request in report
            .requests
            .iter()
            .filter(|request| request.outcome != "received")
        {
            let origin = request.origin.as_deref().unwrap_or("-");
            page.wrapped(
                "  ",
                "      ",
                &format!(
                    "{}: {} ({})",
                    clean(&request.outcome, SHORT),
                    clean(&request.request, SHORT * 4),
                    clean(origin, SHORT * 4),
                ),
            );
        }
    }
}

/// Whether the next verifications may be refused an answer: less than a tenth is left.
fn is_low(github: &GithubBudget) -> bool {
    let (Some(remaining), Some(limit)) = (github.remaining, github.limit) else {
        return false;
    };
    remaining.saturating_mul(10) < limit
}

fn budget(github: &GithubBudget) -> String {
    let answers = count(
        usize::try_from(github.requests).unwrap_or(usize::MAX),
        "answer",
    );
    let mut line = format!("GitHub: {answers}, {} not modified", github.not_modified);
    if let (Some(remaining), Some(limit)) = (github.remaining, github.limit) {
        let _ = write!(line, ", {remaining} of {limit} requests left");
    }
    if let Some(reset) = &github.reset {
        let _ = write!(line, " until {}", clean(reset, SHORT));
    }
    line
}
