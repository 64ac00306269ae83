// SPDX-License-Identifier: MPL-2.0
//! The report for people.

use catena_core::report::Report;
use catena_report::text::{Characters, Colour, Detail, Style, one_line, render};

use crate::reports;

fn folded(report: &Report) -> String {
    render(report, &Style::default())
}

fn all(report: &Report) -> String {
    render(
        report,
        &Style {
            detail: Detail::All,
            ..Style::default()
        },
    )
}

#[test]
fn trusted() {
    insta::assert_snapshot!(folded(&reports::trusted()));
}

#[test]
fn lint_r07() {
    let lint = reports::lint();
    let style = Style {
        characters: Characters::Ascii,
        ..Style::default()
    };
    insta::assert_snapshot!(catena_report::text::lint(&lint, &style));
    let line = catena_report::text::lint_one_line(&lint);
    assert!(
        line.starts_with("FINDINGS signing ") && !line.contains('\u{1b}'),
        "{line}"
    );
}

#[test]
fn trusted_verbose() {
    insta::assert_snapshot!(all(&reports::trusted()));
}

#[test]
fn rejected() {
    insta::assert_snapshot!(folded(&reports::rejected()));
}

#[test]
fn explained_s36() {
    insta::assert_snapshot!(all(&reports::explained()));
}

#[test]
fn one_difference_fits_on_a_small_screen() {
    let style = Style {
        width: 80,
        ..Style::default()
    };
    let text = render(&reports::explained(), &style);
    let first: Vec<_> = text.lines().take(24).collect();
    assert!(
        first
            .iter()
            .any(|line| line.trim_start().starts_with("next ")),
        "{text}"
    );
    insta::assert_snapshot!(first.join("\n"));
}

#[test]
fn rejected_in_colour() {
    insta::assert_snapshot!(
        render(
            &reports::rejected(),
            &Style {
                colour: Colour::Ansi,
                ..Style::default()
            }
        )
        .escape_debug()
    );
}

#[test]
fn undetermined() {
    insta::assert_snapshot!(folded(&reports::undetermined()));
}

#[test]
fn unsigned_p19() {
    insta::assert_snapshot!(folded(&reports::unsigned()));
}

#[test]
fn one_line_names_verdict_and_cause() {
    insta::assert_snapshot!(
        [
            reports::trusted(),
            reports::rejected(),
            reports::undetermined()
        ]
        .map(|r| one_line(&r))
        .join("\n")
    );
}

#[test]
fn ordinary_chains_fit_on_a_screen() {
    for report in [
        reports::trusted(),
        reports::rejected(),
        reports::undetermined(),
        reports::unsigned(),
        wide(),
    ] {
        let text = folded(&report);
        assert!(
            text.lines().count() <= 42,
            "{} lines:\n{text}",
            text.lines().count()
        );
    }
}

/// A signing task of 100 builds, one of which is bad.
fn wide() -> Report {
    let mut report = reports::rejected();
    if let Some(root) = report.links.first_mut() {
        root.needs = (1..=2).chain(10..110).map(reports::id).collect();
    }
    report
        .links
        .extend((10..110).map(|number| reports::link(number, &["signing:build"], &[1])));
    if let Some(check) = report
        .links
        .iter_mut()
        .find(|l| l.task == reports::id(77))
        .and_then(|l| l.checks.first_mut())
    {
        check.outcome = catena_core::report::Outcome::Fail;
    }
    report
}

#[test]
fn siblings_that_ended_alike_are_folded() {
    let text = folded(&wide());
    assert!(
        text.contains("└─ … and 96 links more that passed, 96 artifacts"),
        "{text}"
    );
    assert!(
        text.contains(reports::id(77).as_str()) && text.contains(reports::id(2).as_str()),
        "{text}"
    );
    let text = all(&wide());
    for number in (0..5).chain(10..110) {
        let id = reports::id(number);
        assert!(
            text.lines()
                .filter(|line| line.contains(&format!("{id}  run")))
                .count()
                == 1,
            "{id}"
        );
    }
}

#[test]
fn an_outage_of_many_links_fits_on_a_screen() {
    let mut report = wide();
    for link in &mut report.links {
        for check in &mut link.checks {
            check.outcome = catena_core::report::Outcome::Undetermined;
        }
    }
    let text = folded(&report);
    assert!(text.lines().count() < 50, "{text}");
    assert!(
        text.contains("more that did not pass, as those above"),
        "{text}"
    );
}

#[test]
fn a_chain_that_bites_its_tail_is_drawn_once() {
    let mut report = reports::trusted();
    for link in &mut report.links {
        link.needs = (0..5).map(reports::id).collect();
        link.parent = Some(link.task);
    }
    report.links.push(reports::link(9, &["lost"], &[0]));
    insta::assert_snapshot!(folded(&report));
}

#[test]
fn hostile_text_reaches_no_terminal() {
    for text in [
        folded(&reports::hostile()),
        all(&reports::hostile()),
        one_line(&reports::hostile()),
    ] {
        assert!(
            !text
                .chars()
                .any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'),
            "{text}"
        );
        assert!(
            !text.lines().any(|line| line.starts_with("TRUSTED")),
            "{text}"
        );
        assert!(text.len() < 80_000, "{}", text.len());
    }
}

#[test]
fn ascii_terminals_get_ascii() {
    let text = render(
        &reports::rejected(),
        &Style {
            characters: Characters::Ascii,
            ..Style::default()
        },
    );
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_low_budget_is_told_unasked() {
    let mut report = reports::trusted();
    let line = |report: &Report| {
        folded(report)
            .lines()
            .find(|line| line.contains("GitHub:"))
            .map(str::to_owned)
    };
    assert_eq!(line(&report), None);
    let github = |report: &mut Report, remaining| {
        let github = report.timing.as_mut().unwrap().github.as_mut().unwrap();
        github.remaining = remaining;
    };
    github(&mut report, Some(499));
    assert_eq!(
        line(&report).as_deref(),
        Some(
            "GitHub: 12 answers, 8 not modified, 499 of 5000 requests left until 2026-01-01T00:20:00Z"
        )
    );
    github(&mut report, Some(500));
    assert_eq!(line(&report), None);
    github(&mut report, None);
    assert_eq!(line(&report), None);
}
