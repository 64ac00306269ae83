// SPDX-License-Identifier: MPL-2.0
//! What speaks against the chain, or is missing.

use catena_core::report::{Difference, Finding, Flow, Purpose, Verdict};

use super::style::{Detail, Page, Tone};
use crate::escape::{SHORT, clean};
use crate::words::{asserter, count};

/// How many findings a folded report tells in full.
const FOLDED: usize = 3;

/// How many characters of a value a folded report shows.
pub(super) const FOLDED_VALUE: usize = 320;

/// How many values that went into a field a folded report shows, and how many names that chose it.
const FOLDED_FLOWS: usize = 3;
const SHORT_LIST: usize = 4;

/// How many characters of a value are ever shown: the JSON report has them all.
const FULL_VALUE: usize = 4000;

pub(super) fn render(page: &mut Page<'_>, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    let rejected = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Rejected)
        .count();
    let parts: Vec<String> = [
        (rejected, "against the chain"),
        (findings.len() - rejected, "undetermined"),
    ]
    .iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, what)| format!("{n} {what}"))
    .collect();
    page.heading(
        Tone::Strong,
        &format!("{}: {}", count(findings.len(), "finding"), parts.join(", ")),
    );
    let shown = match page.style.detail {
        Detail::All => findings.len(),
        Detail::Folded => FOLDED,
    };
    for finding in findings.iter().take(shown) {
        one(page, finding);
    }
    page.more(findings.iter().skip(shown).map(|finding| finding.id));
}

fn one(page: &mut Page<'_>, finding: &Finding) {
    let limit = match page.style.detail {
        Detail::All => FULL_VALUE,
        Detail::Folded => FOLDED_VALUE,
    };
    let tone = if finding.verdict == Verdict::Rejected {
        Tone::Bad
    } else {
        Tone::Warn
    };
    page.text.push_str("  ");
    page.tone(tone, finding.id);
    let mut about = String::new();
    if let Some(task) = finding.task {
        about.push_str(&format!("  {task}"));
    }
    let roles: Vec<String> = finding
        .roles
        .iter()
        .take(2)
        .map(|role| clean(role, SHORT))
        .collect();
    if !roles.is_empty() {
        let more = finding.roles.len() - roles.len();
        let more = if more > 0 {
            format!(" and {more} more names")
        } else {
            String::new()
        };
        about.push_str(&format!("  {}{more}", roles.join(", ")));
    }
    if !finding.rules.is_empty() {
        about.push_str(&format!("  [{}]", finding.rules.join(" ")));
    }
    page.wrapped_from(2 + finding.id.len(), "    ", &about);
    let detail = page.style.detail;
    let in_full = page.style.detail == Detail::All;
    let mut field =
        |name: &str, text: &str| page.wrapped(&format!("    {name:<9}"), "             ", text);
    field("expected", &clean(&finding.expected, limit));
    field("found", &clean(&finding.found, limit));
    if !finding.asserters.is_empty() {
        let says: Vec<String> = finding.asserters.iter().map(asserter).collect();
        field("says who", &says.join(", "));
    }
    // what to do comes before where to look: the first screen must have it
    if let Some(pattern) = &finding.pattern {
        let text = format!("{}: {}", pattern.id, pattern.text);
        field("known as", &clean(&text, FULL_VALUE));
    }
    field("next", &clean(&finding.help, FULL_VALUE));
    if let Some(evidence) = &finding.evidence {
        let mut place = clean(&evidence.request, FOLDED_VALUE);
        if !evidence.pointer.is_empty() {
            place.push_str(&format!(" at {}", clean(&evidence.pointer, FOLDED_VALUE)));
        }
        // of use to whoever has the document; on the first screen it is in the way
        if let Some(sha256) = evidence.sha256.as_ref().filter(|_| in_full) {
            place.push_str(&format!(" (sha256 {})", clean(sha256, SHORT)));
        }
        field("where", &place);
    }
    if let Some(difference) = &finding.difference {
        for line in flows(difference, detail) {
            field("from", &line);
        }
    }
}

/// Returns a line for each value that went into a field, and one for those that chose it.
fn flows(difference: &Difference, detail: Detail) -> Vec<String> {
    let of = |purpose: Purpose| {
        let flows = difference.flows.iter();
        flows.filter(move |flow| flow.purpose == purpose)
    };
    let shown = match detail {
        Detail::All => usize::MAX,
        Detail::Folded => FOLDED_FLOWS,
    };
    let mut lines: Vec<String> = of(Purpose::Value).take(shown).map(flow).collect();
    let more = of(Purpose::Value).count() - lines.len();
    if more > 0 {
        lines.push(format!(
            "{} (--verbose shows all)",
            count(more, "more value")
        ));
    }
    match detail {
        Detail::All => lines.extend(of(Purpose::Condition).map(|f| format!("if {}", flow(f)))),
        Detail::Folded => {
            let names: Vec<_> = of(Purpose::Condition)
                .take(SHORT_LIST)
                .map(|flow| clean(&flow.name, SHORT))
                .collect();
            if !names.is_empty() && lines.is_empty() {
                lines.push(format!("the template; chosen by {}", names.join(", ")));
            }
        }
    }
    lines
}

fn flow(flow: &Flow) -> String {
    let pointer = match flow.source.pointer.as_str() {
        "" => String::new(),
        pointer => format!(" at {}", clean(pointer, SHORT)),
    };
    format!(
        "{} = {}, says {} ({}{pointer})",
        clean(&flow.name, SHORT),
        clean(&flow.value, SHORT),
        asserter(&flow.asserter),
        clean(&flow.source.request, FOLDED_VALUE),
    )
}
