// SPDX-License-Identifier: MPL-2.0
//! The chain as a tree from the root: each task once, where it is reached first; later mentions by number.

use std::collections::{HashMap, HashSet, VecDeque};

use catena_core::model::ids::TaskId;
use catena_core::report::{CheckResult, Image, Link, Outcome};

use super::style::{Detail, Page, Tone};
use crate::escape::{SHORT, clean};
use crate::words::{count, size};

/// How many links are shown before siblings that are alike are folded.
const FOLDED_LINKS: usize = 24;

/// How many of the siblings that are alike are shown then.
const FOLDED_SIBLINGS: usize = 3;

pub(super) fn render(page: &mut Page<'_>, links: &[Link]) {
    if links.is_empty() {
        return;
    }
    page.heading(Tone::Strong, "Chain");
    let tree = Tree::new(links, page.style.detail);
    let rows: Vec<Row<'_>> = tree.rows();
    let numbers: HashMap<TaskId, usize> = rows
        .iter()
        .filter_map(Row::task)
        .enumerate()
        .map(|(at, task)| (task, at + 1))
        .collect();
    let widths = Widths::of(&rows);
    for row in &rows {
        write(page, row, &numbers, &widths);
    }
}

/// A line of the tree.
enum Row<'a> {
    /// Siblings that were folded away.
    Folded { indent: String, fold: Fold },
    Link {
        indent: String,
        link: &'a Link,
        name: String,
        source: String,
        elsewhere: Vec<TaskId>,
    },
}

impl Row<'_> {
    fn task(&self) -> Option<TaskId> {
        match self {
            Row::Folded { .. } => None,
            Row::Link { link, .. } => Some(link.task),
        }
    }
}

/// Siblings in one line: how they ended, and how many there are.
#[derive(Clone, Copy)]
struct Fold {
    passed: bool,
    links: usize,
    artifacts: usize,
}

/// Which link hangs under which: the first that names it, breadth first.
struct Tree<'a> {
    links: &'a [Link],
    by_task: HashMap<TaskId, &'a Link>,
    children: HashMap<TaskId, Vec<&'a Link>>,
    tops: Vec<&'a Link>,
    folded: HashSet<TaskId>,
}

impl<'a> Tree<'a> {
    fn new(links: &'a [Link], detail: Detail) -> Self {
        let by_task = links.iter().map(|link| (link.task, link)).collect();
        let mut tree = Self {
            links,
            by_task,
            children: HashMap::new(),
            tops: Vec::new(),
            folded: HashSet::new(),
        };
        let mut reached = HashSet::new();
        for top in links {
            // the root comes first; what it does not reach hangs beside it
            if !reached.insert(top.task) {
                continue;
            }
            tree.tops.push(top);
            let mut queue = VecDeque::from([top]);
            while let Some(link) = queue.pop_front() {
                for task in edges(link) {
                    let Some(&child) = tree.by_task.get(&task) else {
                        continue;
                    };
                    if reached.insert(task) {
                        tree.children.entry(link.task).or_default().push(child);
                        queue.push_back(child);
                    }
                }
            }
        }
        if detail == Detail::Folded && links.len() > FOLDED_LINKS {
            tree.fold();
        }
        tree
    }

    /// Folds leaves that ended alike and that no link but the one above names: an outage or a forger may make as
    /// many as a chain may have.
    fn fold(&mut self) {
        let mut mentions: HashMap<TaskId, usize> = HashMap::new();
        for task in self.links.iter().flat_map(edges) {
            *mentions.entry(task).or_default() += 1;
        }
        for children in self.children.values() {
            let alone = children.iter().filter(|link| {
                !self.children.contains_key(&link.task) && mentions.get(&link.task) == Some(&1)
            });
            let mut alike: HashMap<Vec<&CheckResult>, usize> = HashMap::new();
            for link in alone {
                let seen = alike.entry(trouble(link)).or_default();
                *seen += 1;
                if *seen > FOLDED_SIBLINGS {
                    self.folded.insert(link.task);
                }
            }
        }
    }

    fn rows(&self) -> Vec<Row<'a>> {
        let mut rows = Vec::new();
        // a stack, not recursion: how deep a chain is, is not ours to say
        let mut stack: Vec<Step<'a>> = self.tops.iter().rev().map(|top| Step::top(top)).collect();
        while let Some(step) = stack.pop() {
            let (link, above) = match step.what {
                What::Folded(fold) => {
                    let indent = step.indent;
                    rows.push(Row::Folded { indent, fold });
                    continue;
                }
                What::Link { link, above } => (link, above),
            };
            let children = self.children.get(&link.task).map_or(&[][..], Vec::as_slice);
            let here: HashSet<TaskId> = children.iter().map(|child| child.task).collect();
            let elsewhere = edges(link)
                .into_iter()
                .filter(|task| {
                    !here.contains(task) && above.is_none_or(|above| above.task != *task)
                })
                .collect();
            rows.push(Row::Link {
                indent: step.indent,
                link,
                name: name(link, above),
                source: source(link, above),
                elsewhere,
            });
            let (folded, shown): (Vec<&Link>, Vec<&Link>) = children
                .iter()
                .copied()
                .partition(|child| self.folded.contains(&child.task));
            let mut below: Vec<What<'a>> = shown
                .into_iter()
                .map(|child| What::Link {
                    link: child,
                    above: Some(link),
                })
                .collect();
            for passed in [false, true] {
                let alike = folded
                    .iter()
                    .filter(|link| trouble(link).is_empty() == passed);
                let links = alike.clone().count();
                if links > 0 {
                    let artifacts = alike.map(|link| link.artifacts.len()).sum();
                    below.push(What::Folded(Fold {
                        passed,
                        links,
                        artifacts,
                    }));
                }
            }
            for (at, what) in below.into_iter().rev().enumerate() {
                let (branch, under) = if at == 0 {
                    ("└─ ", "   ")
                } else {
                    ("├─ ", "│  ")
                };
                let (indent, below) = (
                    format!("{}{branch}", step.below),
                    format!("{}{under}", step.below),
                );
                stack.push(Step {
                    what,
                    indent,
                    below,
                });
            }
        }
        rows
    }
}

/// A line to come: what, behind which ornament, and the ornament of what hangs under it.
struct Step<'a> {
    what: What<'a>,
    indent: String,
    below: String,
}

enum What<'a> {
    Folded(Fold),
    Link {
        link: &'a Link,
        above: Option<&'a Link>,
    },
}

impl<'a> Step<'a> {
    fn top(link: &'a Link) -> Self {
        Self {
            what: What::Link { link, above: None },
            indent: String::new(),
            below: String::new(),
        }
    }
}

/// The tasks that a link names, its parent first, each once.
fn edges(link: &Link) -> Vec<TaskId> {
    let mut seen = HashSet::from([link.task]);
    link.parent
        .into_iter()
        .chain(link.needs.iter().copied())
        .filter(|task| seen.insert(*task))
        .collect()
}

/// The checks of a link that did not pass.
fn trouble(link: &Link) -> Vec<&CheckResult> {
    let checks = link.checks.iter();
    checks
        .filter(|check| check.outcome != Outcome::Pass)
        .collect()
}

/// What a link is to the link above it: the names of a chain repeat the way to it.
fn name(link: &Link, above: Option<&Link>) -> String {
    let short = above.and_then(|above| {
        let ways = above
            .names
            .iter()
            .flat_map(|way| link.names.iter().map(move |name| (way, name)));
        ways.filter_map(|(way, name)| name.strip_prefix(way.as_str())?.strip_prefix(':'))
            .next()
    });
    let name = short
        .or_else(|| link.names.first().map(String::as_str))
        .unwrap_or("?");
    clean(name, 48)
}

fn source(link: &Link, above: Option<&Link>) -> String {
    let Some((repository, revision)) = origin(link) else {
        return "no repository".to_owned();
    };
    if above.and_then(origin) == Some((repository, revision)) {
        return "same source".to_owned();
    }
    let repository = clean(
        repository.strip_prefix("https://").unwrap_or(repository),
        SHORT,
    );
    match revision {
        Some(revision) if is_commit(revision) => {
            format!("{repository}@{}", revision.get(..12).unwrap_or(revision))
        }
        Some(revision) => format!("{repository}@{}", clean(revision, SHORT)),
        None => repository,
    }
}

/// Where a link comes from: repository and revision.
fn origin(link: &Link) -> Option<(&str, Option<&str>)> {
    let (repository, in_url) = split_revision(link.repository.as_deref()?);
    Some((repository, link.revision.as_deref().or(in_url)))
}

/// Splits `REPOSITORY/file/COMMIT/PATH`, which is what the source of a task that names no repository looks like.
fn split_revision(source: &str) -> (&str, Option<&str>) {
    let split = ["/file/", "/blob/", "/raw/", "/tree/", "/rev/"]
        .iter()
        .find_map(|place| {
            let (repository, rest) = source.split_once(place)?;
            let revision = rest
                .split('/')
                .next()
                .filter(|revision| is_commit(revision))?;
            Some((repository, Some(revision)))
        });
    split.unwrap_or((source, None))
}

fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Column widths, in characters.
#[derive(Default)]
struct Widths {
    name: usize,
    source: usize,
    worker: usize,
}

impl Widths {
    fn of(rows: &[Row<'_>]) -> Self {
        let mut widths = Self::default();
        for row in rows {
            if let Row::Link {
                indent,
                link,
                name,
                source,
                ..
            } = row
            {
                widths.name = widths
                    .name
                    .max(indent.chars().count() + name.chars().count());
                widths.source = widths.source.max(source.chars().count());
                widths.worker = widths.worker.max(worker(link).chars().count());
            }
        }
        widths
    }
}

fn worker(link: &Link) -> String {
    clean(link.worker.as_deref().unwrap_or("?"), 20)
}

fn write(page: &mut Page<'_>, row: &Row<'_>, numbers: &HashMap<TaskId, usize>, widths: &Widths) {
    let (indent, link, name, source, elsewhere) = match row {
        Row::Folded { indent, fold } => {
            let what = format!(
                "     {indent}… and {} more that {}, {} (--verbose shows all)",
                count(fold.links, "link"),
                if fold.passed {
                    "passed"
                } else {
                    "did not pass, as those above"
                },
                count(fold.artifacts, "artifact")
            );
            return page.line(&what);
        }
        Row::Link {
            indent,
            link,
            name,
            source,
            elsewhere,
        } => (indent, link, name, source, elsewhere),
    };
    let number = numbers.get(&link.task).copied().unwrap_or_default();
    let run = link
        .run
        .map_or_else(|| "-".to_owned(), |run| run.to_string());
    let label = format!("{indent}{name}");
    page.text.push_str(&format!(
        "{number:>4} {label:<name_width$}  {}  run {run}  {:<worker_width$}  {source:<source_width$}  ",
        link.task,
        worker(link),
        name_width = widths.name,
        worker_width = widths.worker,
        source_width = widths.source,
    ));
    checks(page, link);
    let mut rest = format!(", {}", count(link.artifacts.len(), "artifact"));
    let (unread, unverified): (Vec<_>, Vec<_>) = link
        .artifacts
        .iter()
        .filter(|artifact| !artifact.verified)
        .partition(|artifact| artifact.sha256.is_none());
    for (artifacts, what) in [(unverified, "NOT VERIFIED"), (unread, "not received")] {
        if !artifacts.is_empty() {
            rest.push_str(&format!(" ({} {what})", artifacts.len()));
        }
    }
    let mut known: Vec<usize> = elsewhere
        .iter()
        .filter_map(|task| numbers.get(task).copied())
        .collect();
    known.sort_unstable();
    if !known.is_empty() {
        let known: Vec<String> = known.iter().map(ToString::to_string).collect();
        rest.push_str(&format!("  → {}", known.join(", ")));
    }
    page.line(&rest);
    if page.style.detail == Detail::All {
        details(page, link);
    }
}

/// Counts what passed and names what did not.
fn checks(page: &mut Page<'_>, link: &Link) {
    let ids = |outcome| {
        link.checks
            .iter()
            .filter(move |check| check.outcome == outcome)
            .map(|check| check.id)
    };
    for (outcome, tone, mark) in [
        (Outcome::Fail, Tone::Bad, "✗"),
        (Outcome::Undetermined, Tone::Warn, "?"),
    ] {
        let mut bad: Vec<&str> = ids(outcome).collect();
        bad.dedup();
        if bad.is_empty() {
            continue;
        }
        let more = bad.len().saturating_sub(3);
        bad.truncate(3);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        page.tone(tone, &format!("{mark} {}{more}", bad.join(", ")));
        page.text.push_str(", ");
    }
    page.text
        .push_str(&format!("{} passed", ids(Outcome::Pass).count()));
}

fn details(page: &mut Page<'_>, link: &Link) {
    let mut field = |name: &str, text: &str| {
        page.wrapped(&format!("         {name:<9} "), "                   ", text)
    };
    if let Some(label) = &link.label {
        field("label", &clean(label, SHORT * 2));
    }
    field(
        "names",
        &link
            .names
            .iter()
            .map(|name| clean(name, SHORT * 4))
            .collect::<Vec<_>>()
            .join(" "),
    );
    for (name, value) in [
        ("pool", &link.pool),
        ("tree", &link.tree),
        ("revision", &link.revision),
        ("key", &link.key),
    ] {
        if let Some(value) = value {
            field(name, &clean(value, SHORT));
        }
    }
    if let Some(image) = &link.image {
        field("image", &shown(image));
    }
    for artifact in &link.artifacts {
        let state = match (artifact.verified, &artifact.sha256) {
            (true, _) => "verified",
            (false, Some(_)) => "NOT VERIFIED",
            (false, None) => "not received",
        };
        let bytes = artifact
            .size
            .map_or_else(|| "size unknown".to_owned(), size);
        let digest = artifact.sha256.as_deref().unwrap_or("none");
        let name = clean(artifact.name.as_str(), SHORT * 4);
        field(
            "artifact",
            &format!("{name} {state} {bytes} sha256 {}", clean(digest, SHORT)),
        );
    }
}

/// An image in words: what it is, and who built it.
fn shown(image: &Image) -> String {
    let mut text = image.kind.to_owned();
    for part in [&image.name, &image.id].into_iter().flatten() {
        text.push(' ');
        text.push_str(&clean(part, SHORT * 2));
    }
    if let Some(builder) = &image.builder {
        let url = clean(&builder.url, SHORT * 8);
        text.push_str(&format!(
            ", built by {} run {}: {url}",
            builder.task, builder.run
        ));
    }
    text
}
