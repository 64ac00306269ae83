// SPDX-License-Identifier: MPL-2.0
//! Every saboteur is caught by its own check (P9), and strict trusts no more than compat (P4).

use std::collections::BTreeSet;

use catena_core::checks;
use catena_core::policy::Profile;
use catena_core::report::{Report, Verdict};
use catena_testkit::saboteur::{self, Compat, Saboteur};

use crate::verifier::Verifier;

const SEED: u64 = 31;

fn describe(report: &Report) -> String {
    let findings = report.findings.iter().map(|finding| {
        format!(
            "\n    {} {}: expected {}, found {} ({:?})",
            finding.verdict, finding.id, finding.expected, finding.found, finding.roles
        )
    });
    format!("{}{}", report.verdict, findings.collect::<String>())
}

/// What is wrong with a report under strict.
fn strict(saboteur: &Saboteur, report: &Report) -> Option<String> {
    let headline = report.findings.first().map(|finding| finding.id);
    let implies = checks::ALL
        .iter()
        .find(|check| check.id == saboteur.check)
        .map_or(&[][..], |check| check.implies);
    let odd: BTreeSet<_> = report
        .findings
        .iter()
        .map(|finding| finding.id)
        .filter(|id| *id != saboteur.check && !implies.contains(id))
        .collect();
    let fits = report.verdict == saboteur.verdict && headline == Some(saboteur.check);
    (!fits || !odd.is_empty()).then(|| {
        format!(
            "strict: {} expected as {}, companions {odd:?}; {}",
            saboteur.check,
            saboteur.verdict,
            describe(report)
        )
    })
}

/// What is wrong with a report under compat.
fn compat(saboteur: &Saboteur, report: &Report) -> Option<String> {
    let headline = report.findings.first().map(|finding| finding.id);
    let expected = match saboteur.compat {
        Compat::Check(id) => (saboteur.verdict, Some(id)),
        Compat::Same => (saboteur.verdict, Some(saboteur.check)),
        Compat::Trusted => (Verdict::Trusted, None),
    };
    ((report.verdict, headline) != expected)
        .then(|| format!("compat: {expected:?} expected; {}", describe(report)))
}

fn run(saboteurs: &[&Saboteur]) -> Vec<String> {
    let mut wrong = Vec::new();
    for saboteur in saboteurs {
        let verifier = Verifier::new(&saboteur.build(SEED));
        let reports = [Profile::Strict, Profile::Compat].map(|profile| verifier.verify(profile));
        let problems = [strict(saboteur, &reports[0]), compat(saboteur, &reports[1])];
        wrong.extend(
            problems
                .into_iter()
                .flatten()
                .map(|problem| format!("{}: {problem}", saboteur.name)),
        );
        // P4
        assert!(
            reports[0].verdict != Verdict::Trusted || reports[1].verdict == Verdict::Trusted,
            "{}",
            saboteur.name
        );
    }
    wrong
}

#[test]
fn every_saboteur_is_caught_by_its_own_check_p9() {
    let only = std::env::var("CATENA_SABOTEUR").ok();
    let mut all = saboteur::all();
    all.retain(|saboteur| {
        only.as_deref()
            .is_none_or(|only| saboteur.name.contains(only))
    });
    let wrong = run(&all);
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        all.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_check_has_a_saboteur_p9() {
    let tripped: BTreeSet<_> = saboteur::all()
        .iter()
        .map(|saboteur| saboteur.check)
        .collect();
    let checks: BTreeSet<_> = checks::ALL.iter().map(|check| check.id).collect();
    assert_eq!(
        checks.difference(&tripped).collect::<Vec<_>>(),
        Vec::<&&str>::new()
    );
    assert_eq!(
        tripped.difference(&checks).collect::<Vec<_>>(),
        Vec::<&&str>::new()
    );
}

#[test]
fn saboteurs_are_described() {
    let mut names = BTreeSet::new();
    for saboteur in saboteur::all() {
        let Saboteur {
            name, story, rules, ..
        } = *saboteur;
        assert!(names.insert(name), "{name} twice");
        let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(name.chars().all(kebab), "{name}");
        assert!(
            story.ends_with('.') && story.len() > 20 && !rules.is_empty(),
            "{name}: {story}"
        );
    }
}

#[test]
fn every_base_of_a_saboteur_is_trusted() {
    let mut seen = BTreeSet::new();
    for saboteur in saboteur::all() {
        let chain = saboteur.base(SEED);
        if !seen.insert(chain.documents.clone()) {
            continue;
        }
        for profile in [Profile::Compat, Profile::Strict] {
            let report = Verifier::new(&chain).verify(profile);
            assert_eq!(
                report.verdict,
                Verdict::Trusted,
                "{}: {}",
                saboteur.name,
                describe(&report)
            );
        }
    }
}
