// SPDX-License-Identifier: MPL-2.0
//! Puts the services on loopback addresses.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use zeroize::Zeroizing;

use crate::auth::{ROOT, Registry};
use crate::clock::Clock;
use crate::hosts;
use crate::http::{Caps, Parts, Services, router};
use crate::queue::{Queue, QueueError, QueueSettings};
use crate::store::Store;

/// How to start.
#[derive(Clone, Debug, Default)]
pub struct LocalOptions {
    /// Where everything is kept; `None`: in memory and temporary files.
    pub dir: Option<PathBuf>,
    /// Port of the Taskcluster services, 0 for any.
    pub port: u16,
    /// How long a claim holds; `None`: 1200 s.
    pub claim_timeout: Option<Duration>,
    /// Sizes, and how long `claimWork` waits.
    pub caps: Caps,
    /// What time it is; `None`: the system's clock.
    pub clock: Option<Clock>,
    /// Host names beside loopback's under which it answers, such as that of a deployment which it stands in for.
    pub hosts: Vec<String>,
}

/// A client id and its access token.
#[derive(Clone)]
pub struct Credentials {
    /// Who.
    pub client_id: String,
    /// The secret; has no `Debug`.
    pub access_token: Zeroizing<String>,
    /// The certificate of temporary credentials, as JSON text.
    pub certificate: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Why it did not start.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The store could not be opened.
    #[error("the store could not be opened")]
    Store(#[from] crate::store::StoreError),
    /// What the store holds could not be read.
    #[error("the queue could not be read")]
    Queue(#[from] QueueError),
    /// No address could be had, or a file could not be written.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        why: std::io::Error,
    },
}

impl LocalError {
    /// Whether it is about what was asked for: a directory or a port that something else has.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Store(why) => why.is_usage(),
            Self::Queue(_) => false,
            Self::Io { why, .. } => why.kind() == std::io::ErrorKind::AddrInUse,
        }
    }
}

/// A running Taskcluster; ends when it is dropped.
#[derive(Debug)]
pub struct Local {
    services: Services,
    credentials: Credentials,
    address: SocketAddr,
    closing: watch::Sender<bool>,
    served: Option<JoinHandle<()>>,
    sweeps: JoinHandle<()>,
    removals: JoinHandle<()>,
}

impl Local {
    /// Starts everything on loopback.
    ///
    /// # Errors
    /// The store is in use, or no address can be had.
    pub async fn start(options: LocalOptions) -> Result<Self, LocalError> {
        Self::start_with(options, |_| Router::new()).await
    }

    /// As [`Local::start`], with more under the same origin, such as pages for people.
    ///
    /// # Errors
    /// As [`Local::start`].
    pub async fn start_with(
        options: LocalOptions,
        more: impl FnOnce(&Services) -> Router,
    ) -> Result<Self, LocalError> {
        let store = match &options.dir {
            Some(dir) => Store::open(dir)?,
            None => Store::ephemeral()?,
        };
        let clock = options.clock.clone().unwrap_or_else(Clock::system);
        let mut settings = QueueSettings::default();
        if let Some(timeout) = options.claim_timeout {
            settings.claim_timeout = timeout;
        }
        let queue = Queue::open(store.clone(), clock.clone(), settings)?;
        let registry = Registry::open(store.clone(), clock.now()).await?;
        let credentials = root(&registry);
        let (listener, address) = listen(options.port).await?;
        let (closing, closed) = watch::channel(false);
        let parts = Parts {
            store,
            queue,
            registry,
            clock,
            caps: options.caps,
            root_url: format!("http://{address}"),
            closed: closed.clone(),
        };
        let services = Services::new(parts).await?;
        let router = router(services.clone()).merge(more(&services));
        let router = hosts::only(router, options.hosts);
        Ok(Self {
            served: Some(tokio::spawn(serve(listener, router, closed))),
            sweeps: tokio::spawn(sweep(services.queue().clone())),
            removals: tokio::spawn(remove(services.clone())),
            services,
            credentials,
            address,
            closing,
        })
    }

    /// `http://127.0.0.1:PORT`, the root URL for clients.
    #[must_use]
    pub fn root_url(&self) -> &str {
        self.services.root_url()
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The services, for whoever is in the same process.
    #[must_use]
    pub const fn services(&self) -> &Services {
        &self.services
    }

    /// Credentials with all scopes: client `root`.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        self.credentials.clone()
    }

    /// Ends it: no new requests, long polls answer at once, what is being answered is finished (for up to five seconds).
    pub async fn stop(mut self) {
        self.closing.send_replace(true);
        if let Some(served) = self.served.take()
            && timeout(PATIENCE, served).await.is_err()
        {
            tracing::warn!("requests were still running when the server ended");
        }
        for task in [&mut self.sweeps, &mut self.removals] {
            task.abort();
            // it was told to end, so that is no news; the store is free when it has
            let _ = task.await;
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.closing.send_replace(true);
        self.sweeps.abort();
        self.removals.abort();
    }
}

/// The token that was made when the store was new; the store's directory is its owner's alone.
fn root(registry: &Registry) -> Credentials {
    let token = registry.client(ROOT).map(|client| client.access_token);
    Credentials {
        client_id: ROOT.to_owned(),
        access_token: Zeroizing::new(token.unwrap_or_default()),
        certificate: None,
    }
}

async fn listen(port: u16) -> Result<(TcpListener, SocketAddr), LocalError> {
    let failed = |why| LocalError::Io {
        what: format!("cannot listen on 127.0.0.1:{port}; choose another port, or 0 for any"),
        why,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

async fn serve(listener: TcpListener, router: Router, mut closed: watch::Receiver<bool>) {
    let end = async move {
        // an error says that the server was dropped, which ends it, too
        let _ = closed.wait_for(|closed| *closed).await;
    };
    // an answer in two pieces is not held back until the first is acknowledged
    let listener = listener.tap_io(|connection| _ = connection.set_nodelay(true));
    let served = axum::serve(listener, router).with_graceful_shutdown(end);
    if let Err(why) = served.await {
        tracing::error!(%why, "the server ended");
    }
}

/// Expires claims and deadlines, twice a second.
async fn sweep(queue: Queue) {
    let mut ticks = interval(SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(why) = queue.sweep().await {
            tracing::error!(%why, "claims could not be expired");
        }
    }
}

/// Removes what expired long ago, once an hour.
async fn remove(services: Services) {
    let mut ticks = interval(REMOVAL);
    loop {
        ticks.tick().await;
        if let Err(why) = services.remove_expired().await {
            tracing::error!(%why, "what expired was not removed");
        }
    }
}

const SWEEP: Duration = Duration::from_millis(500);
const REMOVAL: Duration = Duration::from_secs(3600);
const PATIENCE: Duration = Duration::from_secs(5);
