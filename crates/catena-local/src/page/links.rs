// SPDX-License-Identifier: MPL-2.0
//! The links of a chain, as a report's page lists them.

use std::collections::BTreeMap;

use catena_core::model::ids::TaskId;
use catena_core::report::{Artifact, CheckResult, Link, Outcome};

use super::show::show;
use catena_report::words;

/// How many names of a link, and roles of a finding, are shown.
const NAMES: usize = 3;

/// A line of the table, and what unfolds below it.
pub(super) struct LinkView {
    pub(super) number: usize,
    pub(super) names: String,
    pub(super) label: String,
    pub(super) task: TaskId,
    pub(super) run: String,
    pub(super) worker: String,
    pub(super) source: String,
    pub(super) failed: Vec<&'static str>,
    pub(super) undetermined: Vec<&'static str>,
    pub(super) passed: usize,
    pub(super) artifacts: String,
    /// Received, and not as signed.
    pub(super) unverified: usize,
    pub(super) unreceived: usize,
    pub(super) needs: String,
    pub(super) details: Vec<(&'static str, String)>,
    pub(super) files: Vec<(String, &'static str, String, String)>,
}

/// The first few, and how many more there are.
pub(super) fn some(names: &[String]) -> String {
    let mut shown: Vec<String> = names.iter().take(NAMES).map(|name| show(name)).collect();
    if names.len() > shown.len() {
        shown.push(format!(
            "and {} more",
            names.len().saturating_sub(shown.len())
        ));
    }
    shown.join(", ")
}

impl LinkView {
    pub(super) fn new(link: &Link, number: usize, numbers: &BTreeMap<TaskId, usize>) -> Self {
        let needs: Vec<String> = link
            .needs
            .iter()
            .filter_map(|task| numbers.get(task))
            .map(ToString::to_string)
            .collect();
        let (unreceived, unverified): (Vec<_>, Vec<_>) = link
            .artifacts
            .iter()
            .filter(|artifact| !artifact.verified)
            .partition(|artifact| artifact.sha256.is_none());
        Self {
            number,
            names: some(&link.names),
            label: text(link.label.as_deref()),
            task: link.task,
            run: link
                .run
                .map_or_else(|| "–".to_owned(), |run| run.to_string()),
            worker: link.worker.as_deref().map_or_else(|| "?".to_owned(), show),
            source: source(link),
            failed: ids(&link.checks, Outcome::Fail),
            undetermined: ids(&link.checks, Outcome::Undetermined),
            passed: ids(&link.checks, Outcome::Pass).len(),
            artifacts: words::count(link.artifacts.len(), "artifact"),
            unverified: unverified.len(),
            unreceived: unreceived.len(),
            needs: needs.join(", "),
            details: details(link),
            files: files(link),
        }
    }
}

fn text(value: Option<&str>) -> String {
    value.map(show).unwrap_or_default()
}

fn list(names: &[String]) -> String {
    names
        .iter()
        .map(|name| show(name))
        .collect::<Vec<_>>()
        .join("  ")
}

/// What is shown of a link when it is unfolded.
fn details(link: &Link) -> Vec<(&'static str, String)> {
    let id = |task: Option<TaskId>| task.map(|task| task.to_string()).unwrap_or_default();
    let details = [
        ("Names", list(&link.names)),
        ("Types", list(&link.types)),
        ("Pool", text(link.pool.as_deref())),
        ("Repository", text(link.repository.as_deref())),
        ("Revision", text(link.revision.as_deref())),
        ("Tree", text(link.tree.as_deref())),
        ("Parent", id(link.parent)),
        ("Decision", id(link.decision)),
        ("Key", text(link.key.as_deref())),
        ("Checks passed", ids(&link.checks, Outcome::Pass).join(", ")),
    ];
    details
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// The artifacts of a link: name, how they ended, size, digest.
fn files(link: &Link) -> Vec<(String, &'static str, String, String)> {
    let file = |artifact: &Artifact| {
        let state = match (artifact.verified, &artifact.sha256) {
            (true, _) => "verified",
            (false, Some(_)) => "NOT VERIFIED",
            (false, None) => "not received",
        };
        let size = artifact.size.map(words::size).unwrap_or_default();
        (
            show(artifact.name.as_str()),
            state,
            size,
            text(artifact.sha256.as_deref()),
        )
    };
    link.artifacts.iter().map(file).collect()
}

/// Repository without its scheme, and the beginning of the revision.
fn source(link: &Link) -> String {
    let Some(repository) = &link.repository else {
        return "no repository".to_owned();
    };
    let short = repository.strip_prefix("https://").unwrap_or(repository);
    let (short, in_url) = split_revision(short);
    match link.revision.as_deref().or(in_url) {
        Some(revision) => {
            let start = revision.get(..12).filter(|_| is_commit(revision));
            format!("{} @ {}", show(short), show(start.unwrap_or(revision)))
        }
        None => show(short),
    }
}

/// Splits `REPOSITORY/file/COMMIT/PATH`, which is what the source of a task that names no repository looks like.
fn split_revision(source: &str) -> (&str, Option<&str>) {
    let places = ["/file/", "/blob/", "/raw/", "/tree/", "/rev/"];
    let found = places.iter().find_map(|place| {
        let (repository, rest) = source.split_once(place)?;
        let revision = rest
            .split('/')
            .next()
            .filter(|revision| is_commit(revision))?;
        Some((repository, Some(revision)))
    });
    found.unwrap_or((source, None))
}

fn is_commit(text: &str) -> bool {
    text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn ids(checks: &[CheckResult], outcome: Outcome) -> Vec<&'static str> {
    let mut ids: Vec<&'static str> = checks
        .iter()
        .filter(|check| check.outcome == outcome)
        .map(|check| check.id)
        .collect();
    ids.dedup();
    ids
}
