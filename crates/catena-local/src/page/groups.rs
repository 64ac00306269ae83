// SPDX-License-Identifier: MPL-2.0
//! Task groups, and one of them.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use catena_core::model::ids::TaskId;
use catena_report::words;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::PageError;
use super::report::Verdict;
use super::show::{self, Time, encoded, show};
use super::{Frame, Page, html};
use crate::queue::{Status, TaskState};

/// How many groups are shown.
const GROUPS: usize = 50;
/// How many tasks of a group are counted.
const COUNTED: usize = 1000;
/// How many tasks of a group are on one page.
const TASKS: usize = 200;

#[derive(Template)]
#[template(path = "page/index.html")]
struct Index {
    frame: Frame,
    groups: Vec<Group>,
    more: bool,
}

/// A line of the list of groups.
struct Group {
    id: String,
    url: String,
    name: String,
    created: Option<Time>,
    tasks: String,
    counts: Vec<(show::State, usize)>,
}

/// `GET /`
pub(super) async fn index(State(page): State<Page>) -> Result<Response, PageError> {
    let mut ids = page.0.queue.task_groups(GROUPS.saturating_add(1));
    let more = ids.len() > GROUPS;
    ids.truncate(GROUPS);
    let groups = ids
        .iter()
        .map(|id| Group::read(&page, id))
        .collect::<Result<Vec<_>, _>>()?;
    let mut frame = page.frame("Task groups");
    frame.live = groups
        .iter()
        .flat_map(|group| &group.counts)
        .any(|(state, _)| is_live(*state));
    html(&Index {
        frame,
        groups,
        more,
    })
}

impl Group {
    fn read(page: &Page, id: &str) -> Result<Self, PageError> {
        let queue = &page.0.queue;
        let tasks = queue.task_group(id, None, COUNTED)?;
        let mut counts: Vec<(show::State, usize)> = Vec::new();
        for task in &tasks.items {
            let state = queue.status(*task)?.state.into();
            match counts.iter_mut().find(|(counted, _)| *counted == state) {
                Some((_, n)) => *n = n.saturating_add(1),
                None => counts.push((state, 1)),
            }
        }
        counts.sort_unstable_by_key(|(state, _)| state.name);
        // the task that gave the group its name, usually the decision; else the oldest
        let first = tasks
            .items
            .iter()
            .find(|task| task.as_str() == id)
            .or(tasks.items.first());
        let definition = first
            .map(|task| queue.definition(*task))
            .transpose()?
            .unwrap_or_default();
        let more = if tasks.continuation.is_some() {
            "more than "
        } else {
            ""
        };
        Ok(Self {
            id: show(id),
            url: encoded(id),
            name: name(&definition),
            created: created(&definition).map(|time| Time::new(time, page.now())),
            tasks: format!("{more}{}", words::count(tasks.items.len(), "task")),
            counts,
        })
    }
}

/// Where a list goes on.
#[derive(Deserialize)]
pub(super) struct Place {
    from: Option<String>,
}

#[derive(Template)]
#[template(path = "page/group.html")]
struct GroupPage {
    frame: Frame,
    id: String,
    url: String,
    name: String,
    tasks: Vec<Row>,
    is_first: bool,
    next: Option<String>,
}

/// A line of the list of tasks.
struct Row {
    id: TaskId,
    name: String,
    kind: String,
    pool: String,
    state: show::State,
    runs: usize,
    time: String,
    verdict: Verdict,
}

/// `GET /groups/GROUP?from=`
pub(super) async fn group(
    State(page): State<Page>,
    Path(id): Path<String>,
    Query(place): Query<Place>,
) -> Result<Response, PageError> {
    let queue = &page.0.queue;
    let found = queue.task_group(&id, place.from.as_deref(), TASKS)?;
    let tasks = found
        .items
        .iter()
        .map(|task| Row::read(&page, *task))
        .collect::<Result<Vec<_>, _>>()?;
    let head: Option<TaskId> = id.parse().ok();
    let name = head
        .and_then(|task| queue.definition(task).ok())
        .map(|definition| name(&definition));
    let mut frame = page.frame(format!("Group {}", show(&id)));
    frame.live = tasks
        .iter()
        .any(|task| is_live(task.state) || task.verdict.is_under_way());
    html(&GroupPage {
        frame,
        id: show(&id),
        url: encoded(&id),
        name: name.unwrap_or_else(|| "Task group".to_owned()),
        tasks,
        is_first: place.from.is_none(),
        next: found.continuation.as_deref().map(encoded),
    })
}

impl Row {
    fn read(page: &Page, task: TaskId) -> Result<Self, PageError> {
        let status = page.0.queue.status(task)?;
        let definition = page.0.queue.definition(task)?;
        Ok(Self {
            id: task,
            name: name(&definition),
            kind: kind(&definition),
            pool: show(&status.task_queue_id),
            state: status.state.into(),
            runs: status.runs.len(),
            time: duration(&status, page.now()),
            verdict: Verdict::of(page, &status),
        })
    }
}

/// How long the latest run took or has taken.
fn duration(status: &Status, now: Timestamp) -> String {
    status
        .runs
        .last()
        .and_then(|run| Some(show::took(run.started?, run.resolved.unwrap_or(now))))
        .unwrap_or_default()
}

/// Whether a task in this state still moves: one that waits for others does so only if those move.
fn is_live(state: show::State) -> bool {
    [TaskState::Pending, TaskState::Running]
        .map(show::State::from)
        .contains(&state)
}

/// `metadata.name` of a definition.
pub(super) fn name(definition: &Map<String, Value>) -> String {
    let name = definition
        .get("metadata")
        .and_then(|metadata| metadata.get("name"));
    match name.and_then(Value::as_str) {
        Some(name) if !name.trim().is_empty() => show(name),
        _ => "(no name)".to_owned(),
    }
}

/// `tags.kind` of a definition.
pub(super) fn kind(definition: &Map<String, Value>) -> String {
    let kind = definition.get("tags").and_then(|tags| tags.get("kind"));
    kind.and_then(Value::as_str).map(show).unwrap_or_default()
}

pub(super) fn created(definition: &Map<String, Value>) -> Option<Timestamp> {
    definition.get("created")?.as_str()?.parse().ok()
}

/// What was typed into the field for ids.
#[derive(Deserialize)]
pub(super) struct Wanted {
    id: String,
}

/// `GET /find?id=`: to a task, else to a group.
pub(super) async fn find(
    State(page): State<Page>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let id = wanted.id.trim();
    let task = id
        .parse::<TaskId>()
        .ok()
        .filter(|task| page.0.queue.status(*task).is_ok());
    if let Some(task) = task {
        return Ok(Redirect::to(&format!("/tasks/{task}")).into_response());
    }
    if page.0.queue.task_group(id, None, 1).is_ok() {
        return Ok(Redirect::to(&format!("/groups/{}", encoded(id))).into_response());
    }
    Err(PageError::NotFound(format!(
        "Neither a task nor a task group has the id {:?}.",
        show(id)
    )))
}
