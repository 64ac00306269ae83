// SPDX-License-Identifier: MPL-2.0
//! Serves one world on a port of its own.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::answers::{Answer, World};
use super::authority::Authority;

/// A world that is being served until this is dropped.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    accepting: JoinHandle<()>,
}

/// What clients have asked a world for.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Seen {
    /// How many requests came.
    pub requests: usize,
    /// URLs that the case does not name.
    pub unknown: BTreeSet<String>,
}

impl Served {
    /// Starts to serve a world on loopback.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn start(world: World, authority: &Authority) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Mutex::default());
        let shared = Shared {
            world: Arc::new(world),
            seen: Arc::clone(&seen),
            acceptor: authority.acceptor.clone(),
        };
        let accepting = tokio::spawn(accept(listener, shared));
        Ok(Self {
            address,
            seen,
            accepting,
        })
    }

    /// Returns the port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns what was asked for so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[derive(Clone)]
struct Shared {
    world: Arc<World>,
    seen: Arc<Mutex<Seen>>,
    acceptor: TlsAcceptor,
}

/// Accepts connections; dropping the set of them, with this task, ends them all.
async fn accept(listener: TcpListener, shared: Shared) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(converse(stream, shared.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, shared: Shared) {
    let acceptor = shared.acceptor.clone();
    // whoever does not trust the authority ends here
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let service = service_fn(move |request: Request<Incoming>| {
        let response = shared.answer(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    let served =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // a client may hang up whenever it likes
    let _ = served.await;
}

impl Shared {
    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let host = request
            .headers()
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default();
        let target = request
            .uri()
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let found = self.world.answer(host, target);
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.requests += 1;
            if found.is_none() {
                seen.unknown.insert(format!("https://{host}{target}"));
            }
        }
        response(found.cloned().unwrap_or_else(Answer::absent))
    }
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let mut out = Response::new(Full::new(answer.body));
    *out.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(value) = answer.content_type.parse() {
        out.headers_mut().insert(CONTENT_TYPE, value);
    }
    out
}
