// SPDX-License-Identifier: MPL-2.0
//! What the calls work with.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use tokio::sync::watch;

use super::error::ApiError;
use super::signed::UrlKey;
use crate::auth::Registry;
use crate::clock::Clock;
use crate::locks::{Held, Locks};
use crate::queue::Queue;
use crate::store::{Change, Store, StoreError, Table};

/// Sizes and times that can be set.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Largest content of an artifact, in bytes.
    pub artifact: u64,
    /// Largest JSON body, in bytes.
    pub body: usize,
    /// How long `claimWork` waits for a first task.
    pub poll: Duration,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            artifact: 2 << 30,
            body: 10 << 20,
            poll: Duration::from_secs(20),
        }
    }
}

/// All services. A clone is the same.
#[derive(Clone)]
pub struct Services(Arc<Inner>);

/// What the services are made of.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The store, the same as the queue's.
    pub store: Store,
    /// The queue.
    pub queue: Queue,
    /// Clients and roles.
    pub registry: Registry,
    /// The time.
    pub clock: Clock,
    /// Sizes and times.
    pub caps: Caps,
    /// The root URL, without a slash at its end.
    pub root_url: String,
    /// Turns `true` when the server ends: long polls end with it.
    pub closed: watch::Receiver<bool>,
}

struct Inner {
    parts: Parts,
    urls: UrlKey,
    locks: Locks,
    started: Timestamp,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services")
            .field("root_url", &self.0.parts.root_url)
            .finish_non_exhaustive()
    }
}

impl Services {
    /// Puts them together. Makes the key that signs URLs, if the store has none.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn new(parts: Parts) -> Result<Self, StoreError> {
        let secret = url_secret(&parts.store).await?;
        let urls = UrlKey::new(&secret)
            .map_err(|why| StoreError::new("use the key that signs URLs", why.message))?;
        let started = parts.clock.now();
        Ok(Self(Arc::new(Inner {
            parts,
            urls,
            locks: Locks::default(),
            started,
        })))
    }

    /// The queue.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.0.parts.queue
    }

    /// Clients and roles.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.0.parts.registry
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.parts.store
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.parts.clock
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.parts.clock.now()
    }

    /// The root URL, without a slash at its end.
    #[must_use]
    pub fn root_url(&self) -> &str {
        &self.0.parts.root_url
    }

    pub(super) fn caps(&self) -> Caps {
        self.0.parts.caps
    }

    /// Returns when the server ends.
    pub(super) async fn closed(&self) {
        let mut closed = self.0.parts.closed.clone();
        // an error says that the server is gone
        let _ = closed.wait_for(|closed| *closed).await;
    }

    /// Locks of objects and of names in the index.
    pub(super) fn locks(&self) -> &Locks {
        &self.0.locks
    }

    /// Commits what was decided under a lock, even if the caller goes away; the lock is held until then.
    pub(super) async fn commit(&self, change: Change, held: Held) -> Result<(), ApiError> {
        let receipt = self.store().submit(vec![change]);
        let done = tokio::spawn(async move {
            let done = receipt.wait().await;
            drop(held);
            done
        });
        Ok(done.await.map_err(ApiError::internal)??)
    }

    pub(super) fn urls(&self) -> &UrlKey {
        &self.0.urls
    }

    pub(super) fn started(&self) -> Timestamp {
        self.0.started
    }

    /// The time so much later.
    pub(super) fn later(&self, by: Duration) -> Result<Timestamp, ApiError> {
        self.now().checked_add(by).map_err(ApiError::internal)
    }
}

async fn url_secret(store: &Store) -> Result<Vec<u8>, StoreError> {
    if let Some(text) = store.get(Table::Settings, URL_KEY)? {
        return BASE64_STANDARD
            .decode(text)
            .map_err(|why| StoreError::new("read the key that signs URLs", why));
    }
    let mut secret = vec![0; 32];
    getrandom::fill(&mut secret).map_err(|why| StoreError::new("draw a random key", why))?;
    let change = Change {
        table: Table::Settings,
        key: URL_KEY.to_owned(),
        value: Some(BASE64_STANDARD.encode(&secret).into_bytes()),
    };
    store.commit(vec![change]).await?;
    Ok(secret)
}

const URL_KEY: &str = "url-key";
