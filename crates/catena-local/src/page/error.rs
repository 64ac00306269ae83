// SPDX-License-Identifier: MPL-2.0
//! What could not be shown, as a page that says why and where to go.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};

use super::show::{self, show};
use super::{Frame, Page};
use crate::queue::QueueError;

/// Why a page is not to be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// There is no such thing; the text is for people.
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Forbidden(&'static str),
    #[error("{0}")]
    Busy(&'static str),
    /// Our own fault: the reason goes to the log.
    #[error("a template failed")]
    Template(#[from] askama::Error),
    #[error("a file could not be read")]
    Io(#[from] std::io::Error),
    #[error("a report could not be written")]
    Json(#[from] serde_json::Error),
    #[error("a task of our own ended early")]
    Join(#[from] tokio::task::JoinError),
}

#[derive(Template)]
#[template(path = "page/error.html")]
struct ErrorPage {
    frame: Frame,
    status: u16,
    text: String,
    next: &'static str,
}

impl PageError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) | Self::Queue(QueueError::NotFound(_)) => StatusCode::NOT_FOUND,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Queue(QueueError::Expired(_)) => StatusCode::GONE,
            Self::Queue(QueueError::Input(_) | QueueError::Conflict(_)) => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let status = self.status();
        let (title, next) = match status {
            StatusCode::NOT_FOUND => (
                "Not found",
                "Ids are case-sensitive. A task that was made elsewhere is not here: this is the local queue.",
            ),
            StatusCode::FORBIDDEN => (
                "Refused",
                "Open the page by the address that was printed at the start, and use its own buttons.",
            ),
            StatusCode::GONE => ("Expired", "Run the task again if it is still needed."),
            StatusCode::SERVICE_UNAVAILABLE => ("Busy", "Go back and try again in a moment."),
            StatusCode::BAD_REQUEST => ("Not understood", "Go back and follow a link."),
            _ => ("Failed", "The log of the server says more."),
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(error = %self, cause = ?std::error::Error::source(&self), "the page failed");
        }
        let page = ErrorPage {
            frame: Frame {
                title: title.to_owned(),
                root_url: String::new(),
                as_of: String::new(),
                refresh: false,
                live: false,
            },
            status: status.as_u16(),
            text: show::within(&self.to_string(), 400),
            next,
        };
        let body = page.render().unwrap_or_else(|_| title.to_owned());
        (status, Html(body)).into_response()
    }
}

/// For paths that mean nothing.
pub(super) async fn no_such_page(State(_): State<Page>, uri: Uri) -> PageError {
    PageError::NotFound(format!("There is no page {}.", show(uri.path())))
}
