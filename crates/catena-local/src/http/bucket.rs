// SPDX-License-Identifier: MPL-2.0
//! Contents of artifacts (worker.md §12.3): PUT by signed URL, GET by signed URL or, below `public/`, by anybody.
//!
//! A content is a file of its own: one line of JSON with the headers that readers get, then the bytes. It is written
//! beside its place and moved there when it is complete, so it is whole or not there.

use std::io::SeekFrom;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use catena_core::model::ids::{RunId, TaskId};
use catena_crypto::digest::{Algorithm, Hasher};
use futures::StreamExt as _;
use futures::stream::try_unfold;
use serde::{Deserialize, Serialize};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, Take};
use tokio::task::spawn_blocking;

use super::call::check_name;
use super::error::{ApiError, Code, Info};
use super::front::query;
use super::object;
use super::range::{self, Part};
use super::reply::common;
use super::route::{self, Params, bad};
use super::services::Services;
use crate::locks::Held;
use crate::queue::{ArtifactContent, QueueError, is_public};
use crate::store::BlobWriter;

/// First line of a content.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head {
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
}

/// Serves `/bucket/<taskId>/<runId>/<name>`.
pub(super) async fn serve(State(services): State<Services>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut params = Params::new();
    match answer(&services, &parts, body, &mut params).await {
        Ok(response) => response,
        Err(error) => {
            let info = Info {
                method: "bucket",
                params: &params,
                payload: None,
                time: services.now(),
            };
            error.reply(&info).into_response()
        }
    }
}

async fn answer(
    services: &Services,
    parts: &Parts,
    body: Body,
    params: &mut Params,
) -> Result<Response, ApiError> {
    let path = parts.uri.path().strip_prefix("/bucket/").unwrap_or("");
    let missing = || ApiError::not_found("no such object");
    let table = [
        ("GET", "<taskId>/<runId>/<name*>", "get"),
        ("PUT", "<taskId>/<runId>/<name*>", "put"),
    ];
    let (call, found) = route::find(&table, &parts.method, path)?.ok_or_else(missing)?;
    *params = found;
    let text = |key: &str| params.get(key).map_or("", String::as_str);
    let task: TaskId = text("taskId").parse().map_err(|_| missing())?;
    let run = RunId(text("runId").parse().map_err(|_| missing())?);
    let name = text("name");
    check_name(name)?;
    let at = (task, run, name);
    let query = query(&parts.uri);
    let signed =
        services
            .urls()
            .is_signed(call.to_uppercase().as_str(), at, &query, services.now());
    if !signed && (call == "put" || !is_public(name)) {
        let text = "The URL is not signed, or its time is over: ask the queue for a new one";
        return Err(ApiError::new(Code::InsufficientScopes, text));
    }
    match call {
        "put" => put(services, parts, body, at).await,
        _ => get(services, parts, at).await,
    }
}

async fn put(
    services: &Services,
    parts: &Parts,
    body: Body,
    at: (TaskId, RunId, &str),
) -> Result<Response, ApiError> {
    let header = |name: HeaderName| -> Result<Option<String>, ApiError> {
        let value = parts.headers.get(&name);
        let value = value.map(|value| value.to_str().map(str::to_owned));
        value
            .transpose()
            .map_err(|_| bad(name.as_str(), "bytes", "ASCII"))
    };
    let head = Head {
        content_type: header(CONTENT_TYPE)?,
        content_encoding: header(CONTENT_ENCODING)?,
    };
    unfinished(services, at)?;
    let content = receive(services, &head, body).await?;
    let held = object::hold(services, at).await;
    // it may have been finished while this body was on its way
    unfinished(services, at)?;
    let (etag, _held) = content.keep(services, at, held).await?;
    let mut response = Response::new(Body::empty());
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{etag}\"")) {
        response.headers_mut().insert(ETAG, etag);
    }
    Ok(response)
}

/// Unlike an s3 artifact, a finished object never changes, even while a URL lives (worker.md §12.4).
fn unfinished(services: &Services, at: (TaskId, RunId, &str)) -> Result<(), ApiError> {
    if object::is_finished(services, at)? {
        return Err(ApiError::conflict("The object is finished"));
    }
    Ok(())
}

/// A content that was written, and is not in its place yet.
pub(super) struct Content {
    writer: BlobWriter,
    sha256: String,
}

impl Content {
    /// Puts it in its place while the artifact's lock is held; returns its SHA-256, and the lock. It goes there whole even if
    /// the caller goes away, and the lock is held until then.
    pub(super) async fn keep(
        self,
        services: &Services,
        at: (TaskId, RunId, &str),
        held: Held,
    ) -> Result<(String, Held), ApiError> {
        let path = services.store().blob_path(at.0, at.1, at.2);
        let held = blocking(move || self.writer.finish(&path).map(|()| held)).await?;
        Ok((self.sha256, held))
    }
}

/// Writes a content aside.
pub(super) async fn receive(
    services: &Services,
    head: &Head,
    body: Body,
) -> Result<Content, ApiError> {
    let limit = services.caps().artifact;
    let store = services.store().clone();
    let first = serde_json::to_vec(head).map_err(ApiError::internal)?;
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut writer = blocking(move || {
        let mut writer = store.blob_writer()?;
        writer.write(&first)?;
        writer.write(b"\n")?;
        Ok(writer)
    })
    .await?;
    let start = writer.written();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let short = |_| ApiError::new(Code::InputError, "the body ended before its length");
        let chunk = chunk.map_err(short)?;
        hasher.update(&chunk);
        writer = write(writer, chunk).await?;
        if writer.written().saturating_sub(start) > limit {
            let text = format!("The content may have {limit} bytes");
            return Err(ApiError::new(Code::InputTooLarge, text));
        }
    }
    Ok(Content {
        writer,
        sha256: hasher.finish().hex(),
    })
}

async fn write(mut writer: BlobWriter, chunk: Bytes) -> Result<BlobWriter, ApiError> {
    blocking(move || {
        writer.write(&chunk)?;
        Ok(writer)
    })
    .await
}

/// Runs what waits for the disk beside the server's own threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, crate::store::StoreError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = spawn_blocking(work).await.map_err(ApiError::internal)?;
    Ok(done?)
}

async fn get(
    services: &Services,
    parts: &Parts,
    at: (TaskId, RunId, &str),
) -> Result<Response, ApiError> {
    // what the queue does not have (any more) is not served
    let artifact = services
        .queue()
        .artifact(at.0, at.1, at.2)
        .map_err(|why| match why {
            QueueError::NotFound(_) => ApiError::not_found("no such object"),
            why => why.into(),
        })?;
    let stored = match artifact.content {
        ArtifactContent::S3 => true,
        ArtifactContent::Object { .. } => object::is_finished(services, at)?,
        _ => false,
    };
    if !stored {
        return Err(ApiError::not_found("no such object"));
    }
    let (mut head, length, file) = open(services, at).await?;
    head.content_type = head.content_type.or(artifact.content_type);
    reply(parts, head, length, file).await
}

/// The content, or the part of it that is asked for.
async fn reply(
    parts: &Parts,
    head: Head,
    length: u64,
    mut file: File,
) -> Result<Response, ApiError> {
    let is_head = parts.method == Method::HEAD;
    let asked = if is_head {
        Part::Whole
    } else {
        range::part(&parts.headers, length)
    };
    let (status, range, sent) = match asked {
        Part::Whole => (StatusCode::OK, None, length),
        Part::Span { start, last } => {
            let skip = i64::try_from(start).map_err(ApiError::internal)?;
            let skipped = file.seek(SeekFrom::Current(skip)).await;
            skipped.map_err(ApiError::internal)?;
            let range = format!("bytes {start}-{last}/{length}");
            let sent = last.saturating_sub(start).saturating_add(1);
            (StatusCode::PARTIAL_CONTENT, Some(range), sent)
        }
        Part::Beyond => {
            let range = format!("bytes */{length}");
            (StatusCode::RANGE_NOT_SATISFIABLE, Some(range), 0)
        }
    };
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (ACCEPT_RANGES, Some("bytes".to_owned())),
        (CONTENT_TYPE, head.content_type),
        (CONTENT_ENCODING, head.content_encoding),
        (CONTENT_LENGTH, Some(sent.to_string())),
        (CONTENT_RANGE, range),
    ] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    }
    common(&mut headers);
    let body = if is_head {
        Body::empty()
    } else {
        stream(file.take(sent))
    };
    Ok((status, headers, body).into_response())
}

/// Opens a content: its head, the length of what follows, and the file at that place.
pub(super) async fn open(
    services: &Services,
    at: (TaskId, RunId, &str),
) -> Result<(Head, u64, File), ApiError> {
    let (store, name) = (services.store().clone(), at.2.to_owned());
    let opened = spawn_blocking(move || store.open_content(at.0, at.1, &name)).await;
    match opened.map_err(ApiError::internal)? {
        Ok((head, length, file)) => {
            let head = serde_json::from_slice(&head).map_err(ApiError::internal)?;
            Ok((head, length, File::from_std(file)))
        }
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
            Err(ApiError::not_found("nothing was uploaded"))
        }
        Err(why) => Err(ApiError::internal(why)),
    }
}

/// The rest of a file, piece by piece.
fn stream(file: Take<File>) -> Body {
    Body::from_stream(try_unfold(file, |mut file| async move {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(piece), file)))
    }))
}

const PIECE: usize = 64 * 1024;
