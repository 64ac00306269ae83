// SPDX-License-Identifier: MPL-2.0
//! `catena checks` and `catena explain`.

use std::fmt::Write as _;

use catena_core::checks;
use catena_core::checks::examples::{self, Example};
use catena_core::lint;
use catena_core::patterns;
use catena_core::report::Check;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

/// Lists all checks by id.
pub(crate) fn list() -> Result<Exit, Failure> {
    let mut all: Vec<&Check> = checks::ALL.to_vec();
    all.sort_by_key(|check| check.id);
    let width = all
        .iter()
        .map(|check| check.id.len())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for check in all {
        // writing to a string cannot fail
        let _ = writeln!(text, "{:<width$}  {}", check.id, check.title);
    }
    output::print(&text)?;
    Ok(Exit::Success)
}

/// Prints the page of one check, or of an innocent cause.
pub(crate) fn one(id: &str) -> Result<Exit, Failure> {
    if let Some(cause) = patterns::ALL.iter().find(|cause| cause.id == id) {
        output::print(&format!(
            "{}\n\nAn innocent cause that findings may have; it changes no verdict.\n\nIf it is this, {}.\n",
            cause.id, cause.text
        ))?;
        return Ok(Exit::Success);
    }
    let mut all = checks::ALL.iter().chain(lint::ALL);
    let Some(check) = all.find(|check| check.id == id) else {
        return Err(Failure::Check {
            id: id.to_owned(),
            nearest: nearest(id),
        });
    };
    let mut text = format!(
        "{}\n\n{}\n\nRules: {}\n\nWhat it stops: {}\n",
        check.id,
        check.title,
        check.rules.join(", "),
        check.attack,
    );
    if let Some(example) = examples::of(check) {
        let Example {
            story,
            expected,
            found,
            verdict,
        } = example;
        let _ = writeln!(
            text,
            "\nExample: {story} The chain is {verdict}:\n  expected  {expected}\n  found     {found}"
        );
    }
    let _ = writeln!(text, "\nWhat to do: {}", check.help);
    if !check.implies.is_empty() {
        let _ = writeln!(text, "\nBrings along: {}", check.implies.join(", "));
    }
    output::print(&text)?;
    Ok(Exit::Success)
}

/// Ids that share a word with `id`.
pub(crate) fn nearest(id: &str) -> Vec<&'static str> {
    let mut near: Vec<&str> = checks::ALL
        .iter()
        .chain(lint::ALL)
        .map(|check| check.id)
        .filter(|known| {
            id.split('-')
                .any(|word| word.len() > 2 && known.split('-').any(|part| part == word))
        })
        .collect();
    near.sort_unstable();
    near.truncate(5);
    near
}
