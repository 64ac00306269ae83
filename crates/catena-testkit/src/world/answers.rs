// SPDX-License-Identifier: MPL-2.0
//! What the hosts of a case answer, by URL.

use std::collections::{BTreeMap, HashMap};

use catena_core::model::ids::{RunId, TaskId};
use catena_core::request::Request;
use hyper::body::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::vectors::{Case, ROOT_URL};

/// The answers of all hosts. Names in URLs may be encoded or not, queue URLs may name the run or ask for the latest.
#[derive(Clone, Debug, Default)]
pub struct World {
    answers: HashMap<String, Answer>,
    last: HashMap<String, RunId>,
}

/// One answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: Bytes,
}

impl World {
    /// Returns the world of a case; documents whose bodies are not given do not exist.
    #[must_use]
    pub fn of(case: &Case, bodies: &BTreeMap<String, Vec<u8>>) -> Self {
        let mut out = Self::default();
        for held in &case.documents {
            if let Some(body) = bodies.get(&held.sha256) {
                out.last_run(&held.request, body);
                let answer = Answer {
                    status: 200,
                    content_type: held
                        .content_type
                        .clone()
                        .unwrap_or_else(|| "application/json".to_owned()),
                    body: body.clone().into(),
                };
                out.answers.insert(decoded(&held.url), answer);
            }
        }
        for failure in &case.failures {
            out.answers
                .insert(decoded(&failure.url), Answer::failed(failure.status));
        }
        out
    }

    /// Returns the answer to a request for `target` (path and query) at a host.
    pub(super) fn answer(&self, host: &str, target: &str) -> Option<&Answer> {
        let url = decoded(&format!("https://{host}{target}"));
        let pinned = self.pinned(&url);
        let url = pinned.as_deref().unwrap_or(&url);
        let plain = url.split('?').next().unwrap_or_default();
        self.answers.get(url).or_else(|| self.answers.get(plain))
    }

    /// Returns whether a task's last run is completed, so that the task itself is checked (P12).
    #[must_use]
    pub fn is_completed(&self, task: TaskId) -> bool {
        let status = self.answers.get(&format!("{}{task}/status", tasks()));
        let last = status.and_then(|answer| runs(&answer.body)?.pop());
        last.is_some_and(|run| run["state"] == "completed")
    }

    /// Names the latest run in the URL of an artifact, or of a list of artifacts, that leaves it open.
    fn pinned(&self, url: &str) -> Option<String> {
        let (task, rest) = url.strip_prefix(&tasks())?.split_once('/')?;
        let rest = rest.starts_with("artifacts").then_some(rest)?;
        Some(format!(
            "{}{task}/runs/{}/{rest}",
            tasks(),
            self.last.get(task)?
        ))
    }

    /// Notes the last run of a task: that of its status or, where that cannot be read, of its documents.
    fn last_run(&mut self, request: &Request, body: &[u8]) {
        let (task, run) = match request {
            Request::Status { task } => {
                let last = runs(body).and_then(|mut runs| runs.pop()?["runId"].as_u64());
                match last.and_then(|run| u32::try_from(run).ok()) {
                    Some(run) => (task, RunId(run)),
                    None => return,
                }
            }
            Request::Artifact { task, run, .. } | Request::CotBody { task, run } => {
                let known = self
                    .last
                    .get(task.as_str())
                    .is_some_and(|known| known >= run);
                if known { return } else { (task, *run) }
            }
            _ => return,
        };
        self.last.insert(task.to_string(), run);
    }
}

impl Answer {
    fn failed(status: u16) -> Self {
        // a page where data was due has status 200
        Self {
            status,
            content_type: "text/html; charset=utf-8".to_owned(),
            body: Bytes::from_static(b"<html><body>Sorry.</body></html>\n"),
        }
    }

    /// What the queue says of what it does not know; other hosts say the like.
    pub(super) fn absent() -> Self {
        let body =
            Bytes::from_static(b"{\"code\": \"ResourceNotFound\", \"message\": \"Not Found\"}\n");
        Self {
            status: 404,
            content_type: "application/json".to_owned(),
            body,
        }
    }
}

fn tasks() -> String {
    format!("{ROOT_URL}/api/queue/v1/task/")
}

fn runs(status: &[u8]) -> Option<Vec<Value>> {
    let status: Value = serde_json::from_slice(status).ok()?;
    status["status"]["runs"].as_array().cloned()
}

/// Returns a URL with its path decoded; the query stays.
fn decoded(url: &str) -> String {
    let (path, query) = url
        .split_once('?')
        .map_or((url, None), |(path, query)| (path, Some(query)));
    let path = percent_decode_str(path).decode_utf8_lossy();
    query.map_or_else(
        || path.clone().into_owned(),
        |query| format!("{path}?{query}"),
    )
}
