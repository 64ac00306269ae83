// SPDX-License-Identifier: MPL-2.0
//! What verification said: in one line beside a task, and in full on a page of its own. The order is that of the report
//! on a terminal: verdict, what speaks against the chain and what to do next, what was relaxed, the chain, the rest.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use catena_core::checks;
use catena_core::model::ids::TaskId;
use catena_core::report::{Basis, Difference, Finding, Flow, Purpose, Report};
use catena_report::json::Versions;
use catena_report::words::{asserter, count, size};

use super::error::PageError;
use super::links::{LinkView, some};
use super::show::{self, Time, show, within};
use super::task::read_id;
use super::verify::{Progress, Verification};
use super::{Frame, Page, groups, html};
use crate::queue::Status;

/// How many characters of a value are shown: the JSON report has them all.
const VALUE: usize = 4000;
/// How many characters of a value are shown of a folded finding.
const FOLDED: usize = 90;
/// How many findings are unfolded.
const UNFOLDED: usize = 2;

/// What verification said of a task, in short.
#[derive(Debug)]
pub(super) struct Verdict {
    /// The class of its style: the verdict, `none`, `under-way` or `failed`.
    pub(super) class: &'static str,
    pub(super) mark: &'static str,
    pub(super) word: &'static str,
    /// Why, in a line.
    pub(super) why: String,
    /// Since when, or when it ended.
    pub(super) at: Option<Time>,
    /// The task has changed since.
    pub(super) is_stale: bool,
}

impl Verdict {
    /// What is known of a task.
    pub(super) fn of(page: &Page, status: &Status) -> Self {
        let Some(found) = page.0.verifications.of(status.task_id) else {
            return Self {
                class: "none",
                mark: "",
                word: "not verified",
                why: String::new(),
                at: None,
                is_stale: false,
            };
        };
        let (class, mark, word) = words(&found.progress);
        let why = match &found.progress {
            Progress::UnderWay => String::new(),
            Progress::Done(report) => within(&report.headline, 300),
            Progress::Failed(why) => within(why, 300),
        };
        Self {
            class,
            mark,
            word,
            why,
            at: Some(Time::new(found.at, page.now())),
            is_stale: found.is_stale(status),
        }
    }

    /// Whether it is being decided.
    pub(super) fn is_under_way(&self) -> bool {
        self.class == "under-way"
    }

    pub(super) fn is_over(&self) -> bool {
        !self.is_under_way() && self.class != "none"
    }
}

fn words(progress: &Progress) -> (&'static str, &'static str, &'static str) {
    use catena_core::report::Verdict as Said;
    match progress {
        Progress::UnderWay => ("under-way", "▸", "verifying"),
        Progress::Failed(_) => ("failed", "!", "no verdict"),
        Progress::Done(report) => match report.verdict {
            Said::Trusted if report.relaxations.is_empty() => ("trusted", "✓", "trusted"),
            Said::Trusted => ("relaxed", "✓", "trusted, relaxed"),
            Said::Rejected => ("rejected", "✗", "rejected"),
            Said::Undetermined => ("undetermined", "?", "undetermined"),
            Said::Unsigned => ("undetermined", "?", "unsigned"),
        },
    }
}

#[derive(Template)]
#[template(path = "page/report.html")]
struct ReportPage {
    frame: Frame,
    task: TaskId,
    name: String,
    token: String,
    /// The task has no run that ended: what a verification will say to that is no surprise.
    is_open: bool,
    state: show::State,
    verdict: Verdict,
    full: Option<Full>,
}

/// A report, ready to be shown.
struct Full {
    subject: String,
    cause: Option<(String, String)>,
    is_unsigned: bool,
    is_recorded: bool,
    count: String,
    findings: Vec<FindingView>,
    relaxations: Vec<(String, String)>,
    links: Vec<LinkView>,
    inferred: String,
    facts: Vec<(TaskId, String, String)>,
    notes: Vec<(&'static str, Option<TaskId>, String)>,
    documents: String,
    missing: Vec<(String, String, String)>,
}

struct FindingView {
    id: &'static str,
    class: &'static str,
    is_unfolded: bool,
    task: Option<TaskId>,
    roles: String,
    rules: String,
    title: &'static str,
    /// What was expected and found, for when it is folded.
    short: String,
    expected: String,
    found: String,
    says: String,
    known: String,
    next: String,
    place: String,
    flows: Vec<String>,
}

/// `GET /tasks/TASK/report`
pub(super) async fn page_of(
    State(page): State<Page>,
    Path(task): Path<String>,
) -> Result<Response, PageError> {
    let task = read_id(&task)?;
    let status = page.0.queue.status(task)?;
    let verdict = Verdict::of(&page, &status);
    let name = groups::name(&page.0.queue.definition(task)?);
    let mut frame = page.frame(format!("{}: {name}", verdict.word));
    frame.refresh = verdict.is_under_way();
    let full = match page.0.verifications.of(task) {
        Some(Verification {
            progress: Progress::Done(report),
            ..
        }) => Some(Full::new(&report)),
        _ => None,
    };
    html(&ReportPage {
        frame,
        task,
        name,
        token: page.0.token.text().to_owned(),
        is_open: show::is_open(status.state),
        state: status.state.into(),
        verdict,
        full,
    })
}

/// `GET /tasks/TASK/report.json`: `catena-report/1`.
pub(super) async fn json(
    State(page): State<Page>,
    Path(task): Path<String>,
) -> Result<Response, PageError> {
    let task = read_id(&task)?;
    page.0.queue.status(task)?;
    let Some(Verification {
        progress: Progress::Done(report),
        ..
    }) = page.0.verifications.of(task)
    else {
        return Err(PageError::NotFound(format!(
            "Task {task} has no report: verify it first."
        )));
    };
    let versions = Versions {
        catena: env!("CARGO_PKG_VERSION").to_owned(),
        config_sha256: None,
    };
    let text = catena_report::json::render(&report, &versions)?;
    Ok((
        [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        text,
    )
        .into_response())
}

impl Full {
    fn new(report: &Report) -> Self {
        let findings = report.findings.iter().enumerate();
        let numbers: BTreeMap<TaskId, usize> = report
            .links
            .iter()
            .zip(1..)
            .map(|(link, number)| (link.task, number))
            .collect();
        let missing = report
            .requests
            .iter()
            .filter(|request| request.outcome != "received");
        Self {
            subject: subject(report),
            cause: cause(report),
            is_unsigned: report.verdict == catena_core::report::Verdict::Unsigned,
            is_recorded: report.basis == Basis::Recorded,
            count: count(report.findings.len(), "finding"),
            findings: findings
                .map(|(at, finding)| FindingView::new(finding, at < UNFOLDED))
                .collect(),
            relaxations: report
                .relaxations
                .iter()
                .map(|relaxation| (show(relaxation.switch), within(&relaxation.reason, VALUE)))
                .collect(),
            links: report
                .links
                .iter()
                .zip(1..)
                .map(|(link, n)| LinkView::new(link, n, &numbers))
                .collect(),
            inferred: report.subject.inferred.join(" and "),
            facts: report
                .self_asserted
                .iter()
                .map(|fact| (fact.task, show(&fact.name), within(&fact.value, VALUE)))
                .collect(),
            notes: report
                .notes
                .iter()
                .map(|note| (note.id, note.task, within(&note.text, VALUE)))
                .collect(),
            documents: documents(report),
            missing: missing
                .map(|request| {
                    let origin = request.origin.as_deref().unwrap_or("-");
                    (
                        show(&request.outcome),
                        within(&request.request, VALUE),
                        within(origin, VALUE),
                    )
                })
                .collect(),
        }
    }
}

fn subject(report: &Report) -> String {
    let artifacts = report.links.iter().map(|link| link.artifacts.len()).sum();
    let signatures = report
        .links
        .iter()
        .filter(|link| link.key.is_some())
        .count();
    [
        show(&report.subject.task_type),
        format!("product {}", show(&report.subject.product)),
        format!("profile {}", report.profile),
        count(report.links.len(), "link"),
        count(artifacts, "artifact"),
        count(signatures, "signature"),
    ]
    .join(" · ")
}

/// The check of the first finding, and what it stops.
fn cause(report: &Report) -> Option<(String, String)> {
    if report.verdict == catena_core::report::Verdict::Trusted {
        return None;
    }
    let first = report.findings.first();
    let check = first.and_then(|finding| checks::ALL.iter().find(|check| check.id == finding.id));
    Some(match check {
        Some(check) => (check.id.to_owned(), check.attack.to_owned()),
        None => (String::new(), within(&report.headline, VALUE)),
    })
}

fn documents(report: &Report) -> String {
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for request in &report.requests {
        let n = outcomes.entry(&request.outcome).or_default();
        *n = n.saturating_add(1);
    }
    let parts: Vec<String> = outcomes
        .iter()
        .map(|(outcome, n)| format!("{n} {}", show(outcome)))
        .collect();
    let mut text = format!(
        "{} ({})",
        count(report.requests.len(), "document"),
        parts.join(", ")
    );
    if let Some(timing) = &report.timing {
        let (whole, milli) = (timing.wall_ms / 1000, timing.wall_ms % 1000);
        text.push_str(&format!(
            ", {} HTTP requests, {} in {whole}.{milli:03} s, {}",
            timing.http_requests,
            size(timing.bytes),
            show(&timing.finished)
        ));
    }
    text
}

impl FindingView {
    fn new(finding: &Finding, is_unfolded: bool) -> Self {
        let check = checks::ALL.iter().find(|check| check.id == finding.id);
        let place = finding.evidence.as_ref().map(|evidence| {
            let at = if evidence.pointer.is_empty() {
                ""
            } else {
                " at "
            };
            let digest = evidence
                .sha256
                .as_ref()
                .map(|sha256| format!(" (sha256 {})", show(sha256)));
            format!(
                "{}{at}{}{}",
                within(&evidence.request, VALUE),
                within(&evidence.pointer, VALUE),
                digest.unwrap_or_default()
            )
        });
        let says: Vec<String> = finding.asserters.iter().map(asserter).collect();
        let pattern = finding.pattern.as_ref();
        Self {
            id: finding.id,
            class: match finding.verdict {
                catena_core::report::Verdict::Rejected => "rejected",
                _ => "undetermined",
            },
            is_unfolded,
            task: finding.task,
            roles: some(&finding.roles),
            rules: finding.rules.join(" "),
            title: check.map_or("", |check| check.title),
            short: format!(
                "{} → {}",
                within(&finding.expected, FOLDED),
                within(&finding.found, FOLDED)
            ),
            expected: within(&finding.expected, VALUE),
            found: within(&finding.found, VALUE),
            says: says.join(", "),
            known: pattern
                .map_or_else(String::new, |known| format!("{}: {}", known.id, known.text)),
            next: within(&finding.help, VALUE),
            place: place.unwrap_or_default(),
            flows: finding.difference.as_deref().map(flows).unwrap_or_default(),
        }
    }
}

/// What went into a field, then what chose it.
fn flows(difference: &Difference) -> Vec<String> {
    let of = |purpose: Purpose| {
        difference
            .flows
            .iter()
            .filter(move |flow| flow.purpose == purpose)
    };
    let values = of(Purpose::Value).map(flow);
    values
        .chain(of(Purpose::Condition).map(|chose| format!("if {}", flow(chose))))
        .collect()
}

fn flow(flow: &Flow) -> String {
    format!(
        "{} = {}, says {} ({} {})",
        show(&flow.name),
        show(&flow.value),
        asserter(&flow.asserter),
        show(&flow.source.request),
        show(&flow.source.pointer),
    )
}
