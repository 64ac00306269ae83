// SPDX-License-Identifier: MPL-2.0
//! `docs/checks.md`: a section for each check.

use catena_core::checks::{ALL, examples};
use catena_core::patterns::ALL as ALL_CAUSES;
use catena_core::report::Check;

const HEAD: &str = "\
# Checks

Every finding carries the id of one of these checks; `catena explain ID` prints the same text. Rules are the clauses
that the code cites: V for the behaviour of the reference, S for its leniencies and what became of them, P for rulings,
R for requirements of the project's own. A check is one file of the same name under `crates/catena-core/src/checks/`.

";

const CAUSES: &str = "\
## Innocent causes

A finding that looks like one of these has its id as `pattern`; the text report says `known as`. It changes no verdict: an
attacker can make everything look innocent.

";

pub(crate) fn render() -> String {
    let mut all: Vec<&Check> = ALL.to_vec();
    all.sort_by_key(|check| check.id);
    let list: String = all
        .iter()
        .map(|check| format!("- [{0}](#{0}): {1}\n", check.id, check.title))
        .collect();
    let sections: Vec<String> = all.into_iter().map(section).collect();
    let causes: Vec<String> = ALL_CAUSES
        .iter()
        .map(|cause| format!("### {}\n\nIf it is this, {}.\n", cause.id, cause.text))
        .collect();
    let sections = sections.join("\n");
    format!("{HEAD}{list}\n{sections}\n{CAUSES}{}", causes.join("\n"))
}

fn section(check: &Check) -> String {
    let Check {
        id,
        title,
        attack,
        help,
        ..
    } = check;
    let mut text = format!(
        "## {id}\n\nWhat holds: {title}.\n\nRules: {}\n\nWhat it stops: {attack}\n",
        check.rules.join(", ")
    );
    if let Some(example) = examples::of(check) {
        let examples::Example {
            story,
            expected,
            found,
            verdict,
        } = example;
        text.push_str(&format!(
            "\nExample: {story} The chain is *{verdict}*.\n\n- expected: {}\n- found: {}\n",
            quote(expected),
            quote(found)
        ));
    }
    text.push_str(&format!("\nWhat to do: {help}\n"));
    if !check.implies.is_empty() {
        let implied: Vec<_> = check
            .implies
            .iter()
            .map(|id| format!("[{id}](#{id})"))
            .collect();
        text.push_str(&format!("\nBrings along: {}\n", implied.join(", ")));
    }
    text
}

/// Returns a message as Markdown code, which may itself have backticks.
fn quote(message: &str) -> String {
    let fence = if message.contains('`') { "`` " } else { "`" };
    let close: String = fence.chars().rev().collect();
    format!("{fence}{message}{close}")
}
