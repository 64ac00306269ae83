// SPDX-License-Identifier: MPL-2.0
//! An artifact as text, and its bytes to be saved. Never as what it claims to be: an HTML artifact is not shown as a page.

use std::fs::File;

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use catena_core::model::ids::{RunId, TaskId};
use catena_report::words;
use futures::stream;
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;

use super::error::PageError;
use super::lines::{Excerpt, Row};
use super::show::{encoded, show};
use super::task::read_id;
use super::{Frame, Page, groups, html};
use crate::queue::{ArtifactContent, is_public};

/// How many links are followed from one artifact to another.
const HOPS: usize = 8;
/// How many bytes are read at a time.
const CHUNK: usize = 64 << 10;

#[derive(Template)]
#[template(path = "page/text.html")]
struct TextPage {
    frame: Frame,
    task: TaskId,
    task_name: String,
    run: RunId,
    name: String,
    query: String,
    size: String,
    content: Content,
}

/// What there is to show.
enum Content {
    Empty,
    Binary,
    Lines {
        rows: Vec<Row>,
        cut: bool,
        unfinished: bool,
    },
}

/// Which artifact is wanted. Names stand in the query: as part of a path, browsers would resolve their dots.
#[derive(Deserialize)]
pub(super) struct Named {
    name: String,
}

/// `GET /tasks/TASK/runs/RUN/text?name=`
pub(super) async fn text(
    State(page): State<Page>,
    Path((task, run)): Path<(String, String)>,
    Query(Named { name }): Query<Named>,
) -> Result<Response, PageError> {
    let (task, run) = (read_id(&task)?, read_run(&run)?);
    let (file, length) = open(&page, task, run, &name)?;
    let excerpt = tokio::task::spawn_blocking(move || Excerpt::read(file)).await??;
    let content = if excerpt.is_binary {
        Content::Binary
    } else if length == 0 {
        Content::Empty
    } else {
        Content::Lines {
            cut: excerpt
                .rows
                .iter()
                .any(|row| matches!(row, Row::Gap { .. })),
            rows: excerpt.rows,
            unfinished: excerpt.is_cut_short,
        }
    };
    let task_name = groups::name(&page.0.queue.definition(task)?);
    html(&TextPage {
        frame: page.frame(show(&name)),
        task,
        task_name,
        run,
        name: show(&name),
        query: encoded(&name),
        size: words::size(length),
        content,
    })
}

/// `GET /tasks/TASK/runs/RUN/raw?name=`
pub(super) async fn raw(
    State(page): State<Page>,
    Path((task, run)): Path<(String, String)>,
    Query(Named { name }): Query<Named>,
) -> Result<Response, PageError> {
    let (file, length) = open(&page, read_id(&task)?, read_run(&run)?, &name)?;
    let chunks = stream::try_unfold(tokio::fs::File::from_std(file), async |mut file| {
        let mut chunk = vec![0; CHUNK];
        let read = file.read(&mut chunk).await?;
        chunk.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(chunk), file)))
    });
    let mut response = Body::from_stream(Box::pin(chunks)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    let last = name.rsplit('/').next().unwrap_or_default();
    let saved = format!("attachment; filename*=UTF-8''{}", encoded(last));
    if let Ok(saved) = HeaderValue::from_str(&saved) {
        headers.insert(CONTENT_DISPOSITION, saved);
    }
    Ok(response)
}

fn read_run(text: &str) -> Result<RunId, PageError> {
    let number = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let run = number.and_then(|text| text.parse().ok()).map(RunId);
    run.ok_or_else(|| PageError::NotFound(format!("{:?} is no number of a run.", show(text))))
}

/// Opens the file of an artifact's bytes.
fn open(page: &Page, task: TaskId, run: RunId, name: &str) -> Result<(File, u64), PageError> {
    let stored = find(page, task, run, name)?;
    match page.0.store.open_content(task, run, &stored) {
        Ok((_, length, file)) => Ok((file, length)),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Err(PageError::NotFound(
            format!("{} was announced, but not uploaded.", show(name)),
        )),
        Err(why) => Err(why.into()),
    }
}

/// Finds the artifact whose bytes everybody may read, through links to others of the run.
fn find(page: &Page, task: TaskId, run: RunId, name: &str) -> Result<String, PageError> {
    let mut name = name.to_owned();
    for _ in 0..HOPS {
        if !is_public(&name) {
            return Err(PageError::Forbidden(
                "Only artifacts below public/ are shown: others need the scope queue:get-artifact:NAME and a signed request.",
            ));
        }
        let artifact = page.0.queue.artifact(task, run, &name)?;
        name = match artifact.content {
            ArtifactContent::S3 | ArtifactContent::Object { .. } => {
                return Ok(name);
            }
            ArtifactContent::Link { artifact } => artifact,
            ArtifactContent::Reference { url } => {
                return Err(PageError::NotFound(format!(
                    "Its bytes are elsewhere: {}",
                    show(&url)
                )));
            }
            ArtifactContent::Error { reason, message } => {
                return Err(PageError::NotFound(format!(
                    "The worker could not make it: {}: {}",
                    show(&reason),
                    show(&message)
                )));
            }
        };
    }
    Err(PageError::NotFound(
        "The links lead from one artifact to the next without an end.".to_owned(),
    ))
}
