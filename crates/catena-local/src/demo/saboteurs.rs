// SPDX-License-Identifier: MPL-2.0
//! Breaks valid chains on purpose and looks whether the check that is there for it says so (P9): `catena demo --break`,
//! `--list` and `--all`. Chains and saboteurs are those of `catena-testkit`, and nothing here leaves memory.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use catena_core::checks;
use catena_core::policy::Profile;
use catena_core::report::{Check, Report, Verdict};
pub use catena_testkit::saboteur::Saboteur;
use catena_testkit::{saboteur, verify};
use serde::Serialize;

/// What a saboteur did, and what was said to it under `strict`. Equal for equal saboteurs.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The saboteur's name.
    pub saboteur: &'static str,
    /// The check that must be the headline.
    pub check: &'static str,
    /// The rules that were put to the test.
    pub rules: &'static [&'static str],
    /// What the attacker, or the accident, did.
    pub story: &'static str,
    /// What must be said: rejected, or undetermined for what is merely missing (P7).
    pub expected: Verdict,
    /// What was said.
    pub verdict: Verdict,
    /// The first finding's check; none when the chain is trusted.
    pub headline: Option<&'static str>,
    /// Whether verdict and headline are the expected ones, and no check spoke that has nothing to do with it (P9).
    pub caught: bool,
}

impl Outcome {
    fn of(saboteur: &Saboteur, report: &Report) -> Self {
        let headline = report.findings.first().map(|finding| finding.id);
        let own = check(saboteur.check);
        let implied = own.map_or(&[][..], |check| check.implies);
        let fits = |id: &&str| *id == saboteur.check || implied.contains(id);
        let caught = report.verdict == saboteur.verdict
            && headline == Some(saboteur.check)
            && report.findings.iter().all(|finding| fits(&finding.id));
        Self {
            saboteur: saboteur.name,
            check: saboteur.check,
            rules: saboteur.rules,
            story: saboteur.story,
            expected: saboteur.verdict,
            verdict: report.verdict,
            headline,
            caught,
        }
    }
}

/// One saboteur at work, in full.
#[derive(Clone, Debug)]
pub struct Broken {
    /// What is said to the chain before.
    pub before: Report,
    /// What is said to it afterwards.
    pub after: Report,
    /// Whether that is what must be said.
    pub outcome: Outcome,
}

/// Builds a saboteur's chain, verifies it, breaks it, and verifies it again.
#[must_use]
pub fn break_with(saboteur: &Saboteur) -> Broken {
    let before = verify(&saboteur.base(SEED), Profile::Strict);
    let after = verify(&saboteur.build(SEED), Profile::Strict);
    let outcome = Outcome::of(saboteur, &after);
    Broken {
        before,
        after,
        outcome,
    }
}

/// Returns the checks in the order of their ids, each with its saboteurs.
#[must_use]
pub fn by_check() -> Vec<(&'static Check, Vec<&'static Saboteur>)> {
    let mut all: Vec<&Check> = checks::ALL.to_vec();
    all.sort_by_key(|check| check.id);
    all.into_iter()
        .map(|check| (check, of_check(check.id)))
        .collect()
}

/// Returns the saboteurs of a check; none for an id that no check has.
#[must_use]
pub fn of_check(id: &str) -> Vec<&'static Saboteur> {
    let mut all = saboteur::all();
    all.retain(|saboteur| saboteur.check == id);
    all
}

/// Lets saboteurs work on all processors; `progress` is told after each how many have. Outcomes are in the order of
/// `saboteurs`.
pub fn run(saboteurs: &[&'static Saboteur], progress: impl Fn(usize) + Sync) -> Vec<Outcome> {
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let outcomes = Mutex::new(Vec::with_capacity(saboteurs.len()));
    let work = || {
        while let Some(saboteur) = saboteurs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let report = verify(&saboteur.build(SEED), Profile::Strict);
            let outcome = Outcome::of(saboteur, &report);
            let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
            outcomes.push(outcome);
            drop(outcomes);
            progress(done.fetch_add(1, Ordering::Relaxed).saturating_add(1));
        }
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, |threads| threads.get());
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut outcomes = outcomes
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let place = |name| saboteurs.iter().position(|saboteur| saboteur.name == name);
    outcomes.sort_by_key(|outcome| place(outcome.saboteur));
    outcomes
}

fn check(id: &str) -> Option<&'static Check> {
    checks::ALL.iter().find(|check| check.id == id).copied()
}

/// Every chain here is built from it, so all of this is the same on every machine.
const SEED: u64 = 31;
