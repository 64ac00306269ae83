// SPDX-License-Identifier: MPL-2.0
//! A loopback listener for one task that signs requests with the task's credentials, as taskcluster-proxy does: the script
//! calls `$TASKCLUSTER_PROXY_URL/api/SERVICE/v1/…` without any.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{WorkerError, io};
use crate::client::Client;

/// A proxy; ends when it is dropped.
pub(super) struct Proxy {
    url: String,
    served: JoinHandle<()>,
}

impl Proxy {
    /// Starts one that signs as the newest client of `session` does.
    pub(super) async fn start(session: watch::Receiver<Client>) -> Result<Self, WorkerError> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .map_err(io("no address for the proxy"))?;
        let address = listener
            .local_addr()
            .map_err(io("no address for the proxy"))?;
        let host = address.to_string();
        let url = format!("http://{host}");
        let router = Router::new()
            .fallback(forward)
            .with_state(Proxied { session, host });
        let served = tokio::spawn(async move {
            // it has no end of its own
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url, served })
    }

    /// Where it listens.
    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.served.abort();
    }
}

#[derive(Clone)]
struct Proxied {
    session: watch::Receiver<Client>,
    host: String,
}

async fn forward(State(proxied): State<Proxied>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // a page that resolves its own name to this address gets nothing signed
    if text(&parts.headers, &header::HOST).is_none_or(|host| host != proxied.host) {
        return (
            StatusCode::FORBIDDEN,
            "expected the proxy's own address as Host",
        )
            .into_response();
    }
    let path = parts.uri.path_and_query();
    let path = path.map_or("/", |path| path.as_str()).to_owned();
    if !path.starts_with("/api/") {
        return (StatusCode::NOT_FOUND, "expected /api/SERVICE/v1/...").into_response();
    }
    let (method, kind) = (parts.method, text(&parts.headers, &header::CONTENT_TYPE));
    let Ok(body) = to_bytes(body, MOST_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let client = proxied.session.borrow().clone();
    match client.forward(method, &path, kind.as_deref(), body).await {
        Ok(answer) => {
            let mut response = Response::builder().status(answer.status());
            for name in [header::CONTENT_TYPE, header::LOCATION] {
                if let Some(value) = answer.headers().get(&name) {
                    response = response.header(name, value);
                }
            }
            let bytes = answer.bytes().await.unwrap_or_default();
            response
                .body(Body::from(bytes))
                .unwrap_or_else(|_| StatusCode::BAD_GATEWAY.into_response())
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// The most bytes of a request: more than any call of the queue takes.
const MOST_BYTES: usize = 16 << 20;
