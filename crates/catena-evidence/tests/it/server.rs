// SPDX-License-Identifier: MPL-2.0
//! A small HTTP server that can also answer badly: short bodies, silence, closed connections.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// How much of the body is sent before the connection is closed.
    cut: Option<usize>,
    /// Close the connection instead of answering.
    drop: bool,
    wait: Duration,
}

impl Reply {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            body: body.into(),
            ..Self::default()
        }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            body: b"{}".to_vec(),
            ..Self::default()
        }
    }

    pub(crate) fn coded(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn redirect(location: impl Into<String>) -> Self {
        Self::status(303).with("Location", location)
    }

    pub(crate) fn dropped() -> Self {
        Self {
            drop: true,
            ..Self::default()
        }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn cut(mut self, at: usize) -> Self {
        self.cut = Some(at);
        self
    }

    pub(crate) fn after(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
}

/// A running server; it ends with the test's runtime.
pub(crate) struct Server {
    pub(crate) port: u16,
    secure: bool,
    seen: Arc<Mutex<Vec<Got>>>,
}

type Handler = dyn Fn(&Got) -> Reply + Send + Sync;

impl Server {
    pub(crate) async fn start(handler: impl Fn(&Got) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(Arc::new(handler), None).await
    }

    /// Starts one that speaks TLS; returns its certificate in PEM as well.
    pub(crate) async fn start_tls(
        handler: impl Fn(&Got) -> Reply + Send + Sync + 'static,
    ) -> (Self, Vec<u8>) {
        Self::start_tls_as("localhost", handler).await
    }

    /// As `start_tls`, with a certificate for a name that is not ours.
    pub(crate) async fn start_tls_as(
        name: &str,
        handler: impl Fn(&Got) -> Reply + Send + Sync + 'static,
    ) -> (Self, Vec<u8>) {
        let names = vec![name.to_owned()];
        let own = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
        let chain = vec![CertificateDer::from(own.cert.der().to_vec())];
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = Self::listen(Arc::new(handler), Some(acceptor)).await;
        (server, own.cert.pem().into_bytes())
    }

    pub(crate) fn root(&self) -> String {
        let (scheme, host) = if self.secure {
            ("https", "localhost")
        } else {
            ("http", "127.0.0.1")
        };
        format!("{scheme}://{host}:{}", self.port)
    }

    pub(crate) fn seen(&self) -> Vec<Got> {
        self.seen.lock().unwrap().clone()
    }

    async fn listen(handler: Arc<Handler>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (secure, log) = (tls.is_some(), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (handler, log, tls) = (Arc::clone(&handler), Arc::clone(&log), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &*handler, &log).await;
                            }
                        }
                        None => serve(stream, &*handler, &log).await,
                    }
                });
            }
        });
        Self { port, secure, seen }
    }
}

/// Answers the requests of one connection.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    handler: &Handler,
    log: &Mutex<Vec<Got>>,
) {
    while let Some(got) = read(&mut stream).await {
        log.lock().unwrap().push(got.clone());
        let reply = handler(&got);
        tokio::time::sleep(reply.wait).await;
        if reply.drop {
            return;
        }
        let mut head = format!("HTTP/1.1 {} X\r\n", reply.status);
        for (name, value) in &reply.headers {
            head += &format!("{name}: {value}\r\n");
        }
        // this status never has a body, and what follows it would be taken for the next answer
        let body = if reply.status == 304 {
            &[]
        } else {
            &*reply.body
        };
        head += &format!("Content-Length: {}\r\n\r\n", body.len());
        let sent = &body[..reply.cut.unwrap_or(body.len())];
        if stream.write_all(head.as_bytes()).await.is_err()
            || stream.write_all(sent).await.is_err()
            || stream.flush().await.is_err()
            || reply.cut.is_some()
        {
            return;
        }
    }
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Got> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ').map(str::to_owned);
    let (method, target) = (first.next()?, first.next()?);
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length");
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some(Got {
        method,
        target,
        headers,
        body,
    })
}
