// SPDX-License-Identifier: MPL-2.0
//! A queue that does what a test tells it: it gives out claims, records every call, and fails where it is told to.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What happens to a call instead of its answer.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// This status, with an error body.
    Status(u16),
    /// The connection breaks in the middle of the answer.
    Break,
    /// Nothing, until the test ends.
    Hang,
}

/// An artifact as it was created and sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Artifact {
    pub(crate) created: Value,
    pub(crate) body: Vec<u8>,
    pub(crate) content_type: String,
    pub(crate) encoding: Option<String>,
}

#[derive(Default)]
struct Inner {
    url: String,
    claims: VecDeque<Value>,
    faults: Vec<(String, usize, Fault)>,
    artifacts: BTreeMap<String, Artifact>,
    reclaims: u32,
    /// How long a claim and each reclaim hold, in seconds.
    hold: i64,
    unsigned: Vec<String>,
}

/// A running queue.
pub(crate) struct Fake {
    pub(crate) url: String,
    inner: Arc<Mutex<Inner>>,
    events: watch::Sender<Vec<String>>,
    served: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.served.abort();
    }
}

pub(crate) const TASK: &str = "oS9Kaq7zSSyZxl7bAS9HVQ";

impl Fake {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Mutex::new(Inner {
            url: url.clone(),
            hold: 1200,
            ..Inner::default()
        }));
        let events = watch::Sender::new(Vec::new());
        let state = (Arc::clone(&inner), events.clone());
        let router = Router::new().fallback(answer).with_state(state);
        let served = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            inner,
            events,
            served,
        }
    }

    /// Gives out a claim of this payload at the next call.
    pub(crate) fn give(&self, payload: Value) {
        self.give_task(task(payload));
    }

    /// As `give`, for a run with this number, whose credentials tell which it is.
    pub(crate) fn give_run(&self, run: u32, payload: Value) {
        let mut credentials = credentials(0);
        credentials["accessToken"] = json!(format!("token-of-run-{run}"));
        self.give_claim(run, task(payload), credentials);
    }

    /// As `give`, with the whole definition.
    pub(crate) fn give_task(&self, task: Value) {
        self.give_claim(0, task, credentials(0));
    }

    fn give_claim(&self, run: u32, task: Value, credentials: Value) {
        let mut inner = self.inner.lock().unwrap();
        let claim = json!({
            "status": {"taskId": TASK}, "runId": run, "workerGroup": "group", "workerId": "worker",
            "takenUntil": until(inner.hold), "task": task, "credentials": credentials,
        });
        inner.claims.push_back(claim);
        drop(inner);
        self.events.send_modify(|_| ());
    }

    /// Claims and reclaims hold so many seconds from now on.
    pub(crate) fn hold(&self, seconds: i64) {
        self.inner.lock().unwrap().hold = seconds;
    }

    /// The next `times` calls whose event begins like this fail.
    pub(crate) fn fail(&self, event: &str, times: usize, fault: Fault) {
        let mut inner = self.inner.lock().unwrap();
        inner.faults.push((event.to_owned(), times, fault));
    }

    pub(crate) fn events(&self) -> Vec<String> {
        self.events.borrow().clone()
    }

    pub(crate) fn count(&self, event: &str) -> usize {
        self.events()
            .iter()
            .filter(|found| found.starts_with(event))
            .count()
    }

    /// Waits until a call was made whose event begins like this; returns it.
    pub(crate) async fn until(&self, event: &str) -> String {
        self.until_count(event, 1).await
    }

    pub(crate) async fn until_count(&self, event: &str, count: usize) -> String {
        let mut events = self.events.subscribe();
        let nth = |events: &Vec<String>| {
            let found = events.iter().filter(|found| found.starts_with(event));
            found.skip(count - 1).map(String::to_owned).next()
        };
        let waited = events.wait_for(|events| nth(events).is_some());
        let waited = tokio::time::timeout(Duration::from_secs(60), waited).await;
        match waited {
            Ok(events) => nth(&events.unwrap()).unwrap(),
            Err(_) => panic!("no {event} among {:#?}", self.events()),
        }
    }

    pub(crate) fn artifact(&self, name: &str) -> Option<Artifact> {
        self.inner.lock().unwrap().artifacts.get(name).cloned()
    }

    /// The content of an artifact, unpacked.
    pub(crate) fn content(&self, name: &str) -> String {
        let artifact = self.artifact(name);
        let artifact = artifact.unwrap_or_else(|| panic!("no {name} in {:#?}", self.events()));
        String::from_utf8(artifact.plain()).unwrap()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.inner
            .lock()
            .unwrap()
            .artifacts
            .keys()
            .cloned()
            .collect()
    }

    /// Calls of the worker that came without a signature; what is public is asked anonymously.
    pub(crate) fn unsigned(&self) -> Vec<String> {
        self.inner.lock().unwrap().unsigned.clone()
    }
}

impl Artifact {
    pub(crate) fn plain(&self) -> Vec<u8> {
        use std::io::Read as _;
        let mut out = Vec::new();
        match self.encoding.as_deref() {
            Some("gzip") => {
                flate2::read::GzDecoder::new(&self.body[..])
                    .read_to_end(&mut out)
                    .unwrap();
            }
            _ => out.clone_from(&self.body),
        }
        out
    }
}

/// A definition with this payload.
pub(crate) fn task(payload: Value) -> Value {
    json!({
        "provisionerId": "prov", "workerType": "type", "taskQueueId": "prov/type", "taskGroupId": TASK,
        "dependencies": [], "scopes": [], "payload": payload, "expires": "2030-01-01T00:00:00.000Z",
        "deadline": "2029-01-01T00:00:00.000Z", "created": "2026-01-01T00:00:00.000Z", "priority": "low",
        "metadata": {"name": "n", "description": "d", "owner": "o@example.com", "source": "https://example.com"},
    })
}

fn until(seconds: i64) -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds)).to_string()
}

fn credentials(number: u32) -> Value {
    json!({
        "clientId": format!("task-client/{number}"), "accessToken": format!("token-{number}"),
        "certificate": format!(r#"{{"version": 1, "pad": "{}"}}"#, "x".repeat(usize::try_from(number % 7).unwrap() * 40)),
    })
}

type Shared = (Arc<Mutex<Inner>>, watch::Sender<Vec<String>>);

async fn answer(State((inner, events)): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 64 << 20)
        .await
        .unwrap_or_default();
    let path = parts.uri.path().replace("%2F", "/");
    let event = event(parts.method.as_str(), &path, &body);
    let open = event.starts_with("put ") || event.starts_with("GET ");
    if !open && parts.headers.get("authorization").is_none() {
        inner.lock().unwrap().unsigned.push(event.clone());
    }
    let fault = fault(&inner, &event);
    events.send_modify(|events| events.push(event.clone()));
    match fault {
        None => {}
        Some(Fault::Status(status)) => return refuse(status),
        Some(Fault::Hang) => return std::future::pending().await,
        Some(Fault::Break) => {
            let broken = futures::stream::iter([
                Ok(Bytes::from_static(b"{\"")),
                Err(std::io::Error::other("broken")),
            ]);
            return Body::from_stream(broken).into_response();
        }
    }
    let words: Vec<&str> = event.splitn(3, ' ').collect();
    match words.as_slice() {
        ["claim", ..] => claim(&inner, &events).await,
        ["reclaim", ..] => {
            let mut inner = inner.lock().unwrap();
            inner.reclaims += 1;
            let (hold, number) = (inner.hold, inner.reclaims);
            let page = json!({
                "status": {"taskId": TASK}, "runId": 0, "workerGroup": "group", "workerId": "worker",
                "takenUntil": until(hold), "credentials": credentials(number),
            });
            page.to_string().into_response()
        }
        ["create", _, name] => {
            let mut inner = inner.lock().unwrap();
            let created: Value = serde_json::from_slice(&body).unwrap();
            let kind = created["storageType"].clone();
            let url = format!("{}/bucket/{name}", inner.url);
            inner.artifacts.insert(
                (*name).to_owned(),
                Artifact {
                    created,
                    ..Artifact::default()
                },
            );
            json!({"storageType": kind, "putUrl": url})
                .to_string()
                .into_response()
        }
        ["put", name] => {
            let header = |name: &str| {
                let value = parts.headers.get(name)?;
                Some(value.to_str().unwrap().to_owned())
            };
            assert!(header("transfer-encoding").is_none(), "chunked");
            // a client that was stopped sends less
            if header("content-length") != Some(body.len().to_string()) {
                return refuse(400);
            }
            let mut inner = inner.lock().unwrap();
            let Some(artifact) = inner.artifacts.get_mut(*name) else {
                return refuse(404);
            };
            artifact.body = body.to_vec();
            artifact.content_type = header("content-type").unwrap_or_default();
            artifact.encoding = header("content-encoding");
            "".into_response()
        }
        _ => "{}".into_response(),
    }
}

/// A call in a few words.
fn event(method: &str, path: &str, body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    if let Some(name) = path.strip_prefix("/bucket/") {
        return format!("put {name}");
    }
    if path.contains("/claim-work/") {
        return "claim".to_owned();
    }
    if let Some((_, name)) = path.split_once("/artifacts/") {
        return format!("create {} {name}", text("storageType"));
    }
    match path.rsplit('/').next().unwrap_or_default() {
        "exception" => format!("exception {}", text("reason")),
        "reclaim" => "reclaim".to_owned(),
        "completed" => "completed".to_owned(),
        "failed" => "failed".to_owned(),
        _ => format!("{method} {path}"),
    }
}

fn fault(inner: &Mutex<Inner>, event: &str) -> Option<Fault> {
    let mut inner = inner.lock().unwrap();
    let found = inner
        .faults
        .iter_mut()
        .find(|(start, times, _)| event.starts_with(start.as_str()) && *times > 0)?;
    found.1 -= 1;
    Some(found.2.clone())
}

fn refuse(status: u16) -> Response {
    let page = json!({"code": "Refused", "message": "as the test said", "requestInfo": {}});
    let status = axum::http::StatusCode::from_u16(status).unwrap();
    (status, page.to_string()).into_response()
}

/// Waits a moment for a claim, as the queue does.
async fn claim(inner: &Mutex<Inner>, events: &watch::Sender<Vec<String>>) -> Response {
    let mut changes = events.subscribe();
    let waited = async {
        loop {
            if let Some(claim) = inner.lock().unwrap().claims.pop_front() {
                return claim;
            }
            changes.changed().await.unwrap();
        }
    };
    let claims = match tokio::time::timeout(Duration::from_millis(500), waited).await {
        Ok(claim) => vec![claim],
        Err(_) => Vec::new(),
    };
    json!({"tasks": claims}).to_string().into_response()
}
