// SPDX-License-Identifier: MPL-2.0
//! The web page of `catena local up`: task groups, tasks, runs, artifacts and logs, and for each task "verify" with the
//! report.
//!
//! ```text
//! guard     which requests are answered at all (loopback names, a token for what changes something), and the headers
//! groups    /                                  the task groups, newest first
//!           /groups/GROUP                      one of them: its tasks
//! task      /tasks/TASK                        one task: definition, runs, artifacts, what verification said
//! artifact  /tasks/TASK/runs/RUN/text?name=    an artifact as text, with line numbers
//!           /tasks/TASK/runs/RUN/raw?name=     its bytes, to be saved
//! report    /tasks/TASK/report[.json]          what verification said, in full
//! verify    POST /tasks/TASK/verify            starts a verification; the only request that does anything
//! ```
//!
//! Pages are made here from data, escape everything, load nothing from elsewhere and need no script. What a task, a
//! worker or a host wrote is shown as text with control characters visible, never as markup. The page reads the queue in
//! process and asks nobody for credentials, so it must be served on loopback, on a port of its own: artifacts that
//! are served elsewhere are then of another origin. It shows what everybody may read: contents of artifacts
//! only below `public/`.

mod artifact;
mod error;
mod groups;
mod guard;
mod lines;
mod links;
mod report;
mod show;
mod task;
mod verify;

use std::fmt;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::middleware;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;

pub use verify::Verify;

use crate::clock::Clock;
use crate::queue::Queue;
use crate::store::Store;
use error::PageError;
use guard::Token;
use verify::Verifications;

/// What the page works with. A clone is the same page.
#[derive(Clone)]
pub struct Page(Arc<Inner>);

struct Inner {
    queue: Queue,
    store: Store,
    clock: Clock,
    root_url: String,
    token: Token,
    verifications: Verifications,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("root_url", &self.0.root_url)
            .finish_non_exhaustive()
    }
}

impl Page {
    /// Puts it together: what to show, how to verify, and the root URL of the services, which is shown. Draws the token
    /// that its own forms carry.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn new(
        queue: Queue,
        store: Store,
        clock: Clock,
        root_url: String,
        verify: Arc<dyn Verify>,
    ) -> Result<Self, getrandom::Error> {
        Ok(Self(Arc::new(Inner {
            verifications: Verifications::new(verify, clock.clone()),
            token: Token::draw()?,
            queue,
            store,
            clock,
            root_url,
        })))
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// What every page has around its content.
    fn frame(&self, title: impl Into<String>) -> Frame {
        Frame {
            title: title.into(),
            root_url: self.0.root_url.clone(),
            as_of: show::absolute(self.now()),
            refresh: false,
            live: false,
        }
    }
}

/// The page as a service, to be served on a loopback address.
pub fn router(page: Page) -> Router {
    Router::new()
        .route("/", get(groups::index))
        .route("/find", get(groups::find))
        .route("/groups/{group}", get(groups::group))
        .route("/tasks/{task}", get(task::task))
        .route("/tasks/{task}/verify", post(verify::start))
        .route("/tasks/{task}/report", get(report::page_of))
        .route("/tasks/{task}/report.json", get(report::json))
        .route("/tasks/{task}/runs/{run}/text", get(artifact::text))
        .route("/tasks/{task}/runs/{run}/raw", get(artifact::raw))
        .route(
            "/page.css",
            get(async || asset("text/css; charset=utf-8", CSS)),
        )
        .route(
            "/page.js",
            get(async || asset("text/javascript; charset=utf-8", SCRIPT)),
        )
        .route("/icon.svg", get(async || asset("image/svg+xml", ICON)))
        .fallback(error::no_such_page)
        .layer(middleware::from_fn(guard::guard))
        .with_state(page)
}

const CSS: &str = include_str!("../../templates/page/page.css");
const SCRIPT: &str = include_str!("../../templates/page/page.js");
const ICON: &str = include_str!("../../templates/page/icon.svg");

fn asset(content_type: &'static str, text: &'static str) -> Response {
    (
        [(CONTENT_TYPE, HeaderValue::from_static(content_type))],
        text,
    )
        .into_response()
}

/// What surrounds every page.
#[derive(Debug)]
struct Frame {
    title: String,
    root_url: String,
    as_of: String,
    /// Loads itself again every second, without a script: for what ends soon.
    refresh: bool,
    /// Something on it is still changing: the script loads it again while nobody works with it.
    live: bool,
}

/// Fills a template in.
fn html(template: &impl Template) -> Result<Response, PageError> {
    Ok(Html(template.render()?).into_response())
}
