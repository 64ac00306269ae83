// SPDX-License-Identifier: MPL-2.0
//! Metrics and health over HTTP (`x_cot.monitor`), on loopback only: `GET /metrics` and `GET /health`.
//!
//! What they show is no secret, and nothing can be changed through them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::metrics::Metrics;

/// How much of the worker the callers may take.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Connections at once.
    pub at_once: usize,
    /// The longest time of a connection.
    pub longest: Duration,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            at_once: 64,
            longest: Duration::from_secs(2),
        }
    }
}

/// Opens the address.
///
/// # Errors
/// It is not on loopback, or the system refuses.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    if !address.ip().is_loopback() {
        return Err(io::Error::other("expected an address on loopback"));
    }
    TcpListener::bind(address).await
}

/// Answers for ever: so many at once, and each in a short time, so that nobody keeps descriptors from the tasks.
pub async fn serve(listener: TcpListener, metrics: Arc<Metrics>, room: Room) {
    let router = Router::new()
        .route("/health", get(health))
        .route("/metrics", get(all))
        .with_state(metrics);
    let places = Arc::new(Semaphore::new(room.at_once));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Ok((connection, _)) = listener.accept().await else {
            // too many descriptors, most often
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let answered = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(room.longest)
            .keep_alive(false)
            .serve_connection(
                TokioIo::new(connection),
                TowerToHyperService::new(router.clone()),
            );
        tokio::spawn(async move {
            // whatever went wrong is the caller's
            let _ = tokio::time::timeout(room.longest, answered).await;
            drop(place);
        });
    }
}

async fn health(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    let health = metrics.health();
    let status = match health.well {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (status, kind, health.to_json())
}

async fn all(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, FORMAT)], metrics.render())
}

const PAUSE: Duration = Duration::from_millis(100);
/// The text format of Prometheus.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
