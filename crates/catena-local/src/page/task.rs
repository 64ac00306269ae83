// SPDX-License-Identifier: MPL-2.0
//! One task: what verification said, its runs, its artifacts, its definition.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use catena_core::model::ids::{RunId, TaskId};
use catena_report::words;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::PageError;
use super::report::Verdict;
use super::show::{self, Time, encoded, show};
use super::{Frame, Page, groups, html};
use crate::queue::{Artifact, ArtifactContent, Run, Status, is_public, ordered};

/// How many artifacts of a run are shown.
const ARTIFACTS: usize = 1000;
/// How many dependencies, scopes and routes are shown above the definition.
const FEW: usize = 12;

#[derive(Template)]
#[template(path = "page/task.html")]
struct TaskPage {
    frame: Frame,
    task: TaskId,
    name: String,
    state: show::State,
    token: String,
    verdict: Verdict,
    facts: Vec<(&'static str, String)>,
    group: String,
    group_url: String,
    created: Option<Time>,
    deadline: Time,
    expires: Time,
    dependencies: Vec<Dependency>,
    more_dependencies: usize,
    runs: Vec<RunRow>,
    shown_run: Option<RunId>,
    artifacts: Vec<ArtifactRow>,
    more_artifacts: bool,
    definition: String,
}

/// A task that this one waits for.
struct Dependency {
    id: TaskId,
    name: String,
    /// `None` if there is no such task any more.
    state: Option<show::State>,
}

struct RunRow {
    id: RunId,
    state: show::State,
    reason: String,
    worker: String,
    started: Option<Time>,
    took: String,
    taken_until: Option<Time>,
    is_shown: bool,
}

struct ArtifactRow {
    name: String,
    /// The name as the value of a query.
    query: String,
    kind: &'static str,
    content_type: String,
    size: String,
    expires: Time,
    access: Access,
}

/// What can be done with an artifact.
enum Access {
    /// Its bytes are here.
    Open,
    /// Not shown without credentials.
    Private,
    /// Not uploaded to its end.
    Unfinished,
    /// There are no bytes; this is told instead.
    Note(String),
}

/// Which run's artifacts are wanted.
#[derive(Deserialize)]
pub(super) struct Choice {
    run: Option<u32>,
}

/// `GET /tasks/TASK?run=`
pub(super) async fn task(
    State(page): State<Page>,
    Path(task): Path<String>,
    Query(choice): Query<Choice>,
) -> Result<Response, PageError> {
    let task = read_id(&task)?;
    let now = page.now();
    let (status, definition) = (page.0.queue.status(task)?, page.0.queue.definition(task)?);
    let shown_run = shown_run(&status, choice.run)?;
    let (artifacts, more_artifacts) = match shown_run {
        Some(run) => artifacts(&page, task, run)?,
        None => (Vec::new(), false),
    };
    let (dependencies, more_dependencies) = dependencies(&page, &definition);
    let verdict = Verdict::of(&page, &status);
    let name = groups::name(&definition);
    let mut frame = page.frame(name.clone());
    frame.live = show::is_open(status.state) || verdict.is_under_way();
    html(&TaskPage {
        frame,
        task,
        name,
        state: status.state.into(),
        token: page.0.token.text().to_owned(),
        verdict,
        facts: facts(&status, &definition),
        group: show(&status.task_group_id),
        group_url: encoded(&status.task_group_id),
        created: groups::created(&definition).map(|time| Time::new(time, now)),
        deadline: Time::new(status.deadline, now),
        expires: Time::new(status.expires, now),
        dependencies,
        more_dependencies,
        runs: status
            .runs
            .iter()
            .rev()
            .map(|run| RunRow::new(run, shown_run, now))
            .collect(),
        shown_run,
        artifacts,
        more_artifacts,
        definition: show::document(&serde_json::to_string_pretty(&ordered(definition))?),
    })
}

/// Reads the id in a path; what is none is not found.
pub(super) fn read_id(text: &str) -> Result<TaskId, PageError> {
    text.parse().map_err(|_| {
        let found = show(text);
        PageError::NotFound(format!(
            "{found:?} is no task id: those have 22 characters of A-Z a-z 0-9 - _."
        ))
    })
}

/// The run that is asked for, or the latest.
fn shown_run(status: &Status, wanted: Option<u32>) -> Result<Option<RunId>, PageError> {
    let Some(wanted) = wanted.map(RunId) else {
        return Ok(status.runs.last().map(|run| run.run_id));
    };
    let found = status.runs.iter().find(|run| run.run_id == wanted);
    found
        .map(|run| Some(run.run_id))
        .ok_or_else(|| PageError::NotFound(format!("Task {} has no run {wanted}.", status.task_id)))
}

fn facts(status: &Status, definition: &Map<String, Value>) -> Vec<(&'static str, String)> {
    let text = |key: &str| {
        let metadata = definition
            .get("metadata")
            .and_then(|metadata| metadata.get(key));
        metadata
            .and_then(Value::as_str)
            .map(|text| show::within(text, 400))
    };
    let list = |key: &str| {
        let all = definition
            .get(key)
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let mut shown: Vec<String> = all
            .iter()
            .filter_map(Value::as_str)
            .take(FEW)
            .map(show)
            .collect();
        if all.len() > shown.len() {
            shown.push(format!(
                "and {} more",
                all.len().saturating_sub(shown.len())
            ));
        }
        shown.join("  ")
    };
    let requires = definition
        .get("requires")
        .and_then(Value::as_str)
        .unwrap_or_default();
    [
        ("Description", text("description").unwrap_or_default()),
        ("Kind", groups::kind(definition)),
        ("Worker pool", show(&status.task_queue_id)),
        ("Source", text("source").unwrap_or_default()),
        ("Owner", text("owner").unwrap_or_default()),
        ("Scopes", list("scopes")),
        ("Routes", list("routes")),
        (
            "Waits for",
            if requires == "all-resolved" {
                "all its dependencies to end".to_owned()
            } else {
                String::new()
            },
        ),
        ("Retries left", status.retries_left.to_string()),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .collect()
}

fn dependencies(page: &Page, definition: &Map<String, Value>) -> (Vec<Dependency>, usize) {
    let all = definition
        .get("dependencies")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let ids = all
        .iter()
        .filter_map(|id| id.as_str()?.parse::<TaskId>().ok());
    let shown: Vec<Dependency> = ids
        .take(FEW)
        .map(|id| Dependency {
            id,
            name: page
                .0
                .queue
                .definition(id)
                .map_or_else(|_| String::new(), |found| groups::name(&found)),
            state: page
                .0
                .queue
                .status(id)
                .ok()
                .map(|status| status.state.into()),
        })
        .collect();
    let more = all.len().saturating_sub(shown.len());
    (shown, more)
}

impl RunRow {
    fn new(run: &Run, shown: Option<RunId>, now: Timestamp) -> Self {
        let time = |time: Option<Timestamp>| time.map(|time| Time::new(time, now));
        let reason = match &run.reason_resolved {
            Some(reason) => format!("{}, then {}", show(&run.reason_created), show(reason)),
            None => show(&run.reason_created),
        };
        let worker = match (&run.worker_group, &run.worker_id) {
            (Some(group), Some(id)) => format!("{}/{}", show(group), show(id)),
            _ => String::new(),
        };
        Self {
            id: run.run_id,
            state: run.state.into(),
            reason,
            worker,
            started: time(run.started),
            took: run
                .started
                .map(|started| show::took(started, run.resolved.unwrap_or(now)))
                .unwrap_or_default(),
            taken_until: time(run.taken_until.filter(|_| run.resolved.is_none())),
            is_shown: shown == Some(run.run_id),
        }
    }
}

fn artifacts(page: &Page, task: TaskId, run: RunId) -> Result<(Vec<ArtifactRow>, bool), PageError> {
    let found = page.0.queue.artifacts(task, run, None, ARTIFACTS)?;
    let rows = found
        .items
        .iter()
        .map(|artifact| ArtifactRow::new(page, task, run, artifact));
    Ok((rows.collect(), found.continuation.is_some()))
}

impl ArtifactRow {
    fn new(page: &Page, task: TaskId, run: RunId, artifact: &Artifact) -> Self {
        let stored = || {
            std::fs::metadata(page.0.store.blob_path(task, run, &artifact.name))
                .map(|file| file.len())
        };
        let (kind, access) = match &artifact.content {
            _ if !is_public(&artifact.name) => (kind(&artifact.content), Access::Private),
            ArtifactContent::Object {
                finished: false, ..
            } => ("object", Access::Unfinished),
            ArtifactContent::Object { .. } => ("object", Access::Open),
            ArtifactContent::S3 => match stored() {
                Ok(_) => ("s3", Access::Open),
                Err(_) => ("s3", Access::Unfinished),
            },
            ArtifactContent::Link { .. } => ("link", Access::Open),
            ArtifactContent::Reference { url } => {
                ("reference", Access::Note(format!("is at {}", show(url))))
            }
            ArtifactContent::Error { reason, message } => (
                "error",
                Access::Note(format!("{}: {}", show(reason), show(message))),
            ),
        };
        let size = match access {
            Access::Open | Access::Private => {
                stored().ok().or(artifact.content_length).map(words::size)
            }
            _ => None,
        };
        Self {
            name: show(&artifact.name),
            query: encoded(&artifact.name),
            kind,
            content_type: artifact
                .content_type
                .as_deref()
                .map(show)
                .unwrap_or_default(),
            size: size.unwrap_or_default(),
            expires: Time::new(artifact.expires, page.now()),
            access,
        }
    }
}

const fn kind(content: &ArtifactContent) -> &'static str {
    match content {
        ArtifactContent::S3 => "s3",
        ArtifactContent::Object { .. } => "object",
        ArtifactContent::Reference { .. } => "reference",
        ArtifactContent::Link { .. } => "link",
        ArtifactContent::Error { .. } => "error",
    }
}
