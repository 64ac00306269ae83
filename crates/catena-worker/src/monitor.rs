// SPDX-License-Identifier: MPL-2.0
//! Metrics and health over HTTP (`x_cot.monitor`), on loopback only: `GET /metrics` and `GET /health`.
//!
//! What they show is no secret, and nothing can be changed through them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::metrics::Metrics;

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

/// Answers for ever.
///
/// # Errors
/// The system refuses to go on.
pub async fn serve(listener: TcpListener, metrics: Arc<Metrics>) -> io::Result<()> {
    let router = Router::new()
        .route("/health", get(health))
        .route("/metrics", get(all))
        .with_state(metrics);
    axum::serve(listener, router).await
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

/// The text format of Prometheus.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
