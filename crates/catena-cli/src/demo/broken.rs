// SPDX-License-Identifier: MPL-2.0
//! `catena demo --break`, `--list` and `--all`: chains that are broken on purpose.

use std::fmt::Write as _;

use catena_local::demo::saboteurs::{self, Outcome, Saboteur};
use catena_report::json::{self, Versions};
use catena_report::text::{self, Detail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::args::{Demo, When};
use crate::exit::Exit;
use crate::explain;
use crate::failure::Failure;
use crate::output;

/// The name of the JSON of all three.
const SCHEMA: &str = "catena-demo/1";

/// Breaks one chain and shows what is said to it. Succeeds if that is what must be said.
pub(crate) fn one(check: &str, options: &Demo, color: When) -> Result<Exit, Failure> {
    let saboteur = choose(check, options.saboteur.as_deref())?;
    let broken = saboteurs::break_with(saboteur);
    let outcome = &broken.outcome;
    if options.json {
        let versions = Versions {
            catena: env!("CARGO_PKG_VERSION").to_owned(),
            config_sha256: None,
        };
        print_json(&One {
            schema: SCHEMA,
            before: broken.before.verdict.to_string(),
            outcome,
            report: json::document(&broken.after, &versions),
        })?;
        return Ok(exit(outcome.caught));
    }
    let detail = match options.verbose {
        true => Detail::All,
        false => Detail::Folded,
    };
    let style = output::style(color, detail);
    let mut page = format!(
        "A valid chain:\n  {}\n\nSaboteur {}: {}\n\nThe same chain afterwards:\n\n{}\n",
        text::one_line(&broken.before),
        saboteur.name,
        saboteur.story,
        text::render(&broken.after, &style),
    );
    // writing to a string cannot fail, here and below
    let _ = match outcome.caught {
        true => writeln!(
            page,
            "Caught: {} was due as {}, and is the headline.",
            outcome.check, outcome.expected
        ),
        false => writeln!(page, "NOT CAUGHT: {}", difference(outcome)),
    };
    let others: Vec<&str> = saboteurs::of_check(saboteur.check)
        .iter()
        .map(|other| other.name)
        .filter(|name| *name != saboteur.name)
        .collect();
    if !others.is_empty() {
        let _ = writeln!(
            page,
            "Others try the same (--saboteur NAME): {}",
            others.join(", ")
        );
    }
    let _ = writeln!(
        page,
        "What the check is for: catena explain {}",
        outcome.check
    );
    output::print(&page)?;
    Ok(exit(outcome.caught))
}

/// Returns the saboteur that is meant.
fn choose(check: &str, name: Option<&str>) -> Result<&'static Saboteur, Failure> {
    let all = saboteurs::of_check(check);
    let Some(first) = all.first() else {
        return Err(Failure::Check {
            id: check.to_owned(),
            nearest: explain::nearest(check),
        });
    };
    let Some(name) = name else { return Ok(first) };
    let named = all.iter().find(|saboteur| saboteur.name == name);
    named.copied().ok_or_else(|| Failure::Saboteur {
        check: first.check,
        name: name.to_owned(),
        candidates: all.iter().map(|saboteur| saboteur.name).collect(),
    })
}

/// Lists the saboteurs of every check.
pub(crate) fn list(options: &Demo) -> Result<Exit, Failure> {
    let by_check = saboteurs::by_check();
    if options.json {
        let saboteurs = by_check.iter().flat_map(|(_, saboteurs)| saboteurs);
        let saboteurs: Vec<_> = saboteurs
            .map(|saboteur| Listed {
                check: saboteur.check,
                saboteur: saboteur.name,
                rules: saboteur.rules,
                story: saboteur.story,
                expected: saboteur.verdict.to_string(),
            })
            .collect();
        print_json(&List {
            schema: SCHEMA,
            saboteurs,
        })?;
        return Ok(Exit::Success);
    }
    let mut page = String::new();
    for (check, saboteurs) in by_check {
        let _ = writeln!(page, "{}: {}", check.id, check.title);
        for saboteur in saboteurs {
            let _ = writeln!(page, "  {:<32}  {}", saboteur.name, saboteur.story);
        }
    }
    output::print(&page)?;
    Ok(Exit::Success)
}

/// Runs every saboteur and prints the table. Succeeds only if all were caught.
pub(crate) fn all(options: &Demo) -> Result<Exit, Failure> {
    let all: Vec<_> = saboteurs::by_check()
        .into_iter()
        .flat_map(|(_, saboteurs)| saboteurs)
        .collect();
    let bar = bar(all.len());
    let outcomes = saboteurs::run(&all, |done| {
        bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
    });
    bar.finish_and_clear();
    let caught = outcomes.iter().filter(|outcome| outcome.caught).count();
    let is_complete = caught == outcomes.len() && caught > 0;
    if options.json {
        print_json(&All {
            schema: SCHEMA,
            caught,
            of: outcomes.len(),
            saboteurs: &outcomes,
        })?;
    } else {
        output::print(&table(&outcomes, caught))?;
    }
    Ok(exit(is_complete))
}

fn table(outcomes: &[Outcome], caught: usize) -> String {
    let width = |of: fn(&Outcome) -> &str| {
        outcomes
            .iter()
            .map(|o| of(o).len())
            .max()
            .unwrap_or_default()
    };
    let (first, second) = (width(|o| o.check), width(|o| o.saboteur));
    let mut page = format!("{:<first$}  {:<second$}  result\n", "check", "saboteur");
    let mut checks = 0_usize;
    let mut last = "";
    for outcome in outcomes {
        let said = match outcome.caught {
            true => format!("caught, {}", outcome.verdict),
            false => format!("NOT CAUGHT: {}", difference(outcome)),
        };
        let _ = writeln!(
            page,
            "{:<first$}  {:<second$}  {said}",
            outcome.check, outcome.saboteur
        );
        checks = checks.saturating_add(usize::from(outcome.check != last));
        last = outcome.check;
    }
    let _ = writeln!(
        page,
        "\n{caught} of {} saboteurs of {checks} checks were caught, each with its own check as the headline.",
        outcomes.len()
    );
    page
}

/// What was due, and what came.
fn difference(outcome: &Outcome) -> String {
    format!(
        "expected {} {}, found {} {}",
        outcome.expected,
        outcome.check,
        outcome.verdict,
        outcome.headline.unwrap_or("without a finding")
    )
}

const fn exit(is_caught: bool) -> Exit {
    match is_caught {
        true => Exit::Success,
        false => Exit::Rejected,
    }
}

/// A bar on stderr; indicatif hides it where there is no terminal.
fn bar(length: usize) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(10);
    let bar = ProgressBar::with_draw_target(u64::try_from(length).ok(), target);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} saboteurs") {
        bar.set_style(style);
    }
    bar
}

fn print_json(document: &impl Serialize) -> Result<(), Failure> {
    let text = json::write(document).map_err(|source| Failure::Render { source })?;
    output::print(&text)
}

#[derive(Serialize)]
struct One<'a, R> {
    schema: &'static str,
    /// What is said to the chain before.
    before: String,
    outcome: &'a Outcome,
    /// What is said to it afterwards.
    report: R,
}

#[derive(Serialize)]
struct List {
    schema: &'static str,
    saboteurs: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    check: &'static str,
    saboteur: &'static str,
    rules: &'static [&'static str],
    story: &'static str,
    expected: String,
}

#[derive(Serialize)]
struct All<'a> {
    schema: &'static str,
    caught: usize,
    of: usize,
    saboteurs: &'a [Outcome],
}
