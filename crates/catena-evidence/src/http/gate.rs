// SPDX-License-Identifier: MPL-2.0
//! How many requests are under way to one host (P20).
//!
//! A few at once are enough for a host that answers at once, and each further one may cost a
//! connection with its TLS handshake. So some permits are free, and the others are given to those
//! that waited a moment: a slow host gets its full concurrency, a quick one few connections.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One gate per host.
#[derive(Debug)]
pub(crate) struct Gates {
    per_host: usize,
    hosts: Mutex<HashMap<String, Arc<Gate>>>,
    downloads: Option<Arc<Semaphore>>,
}

#[derive(Debug)]
struct Gate {
    free: Arc<Semaphore>,
    patient: Arc<Semaphore>,
}

/// The right to have one request under way; dropped when its body is complete.
#[derive(Debug)]
pub(crate) struct Pass(
    #[expect(dead_code, reason = "held for its drop")] Option<OwnedSemaphorePermit>,
);

impl Gates {
    /// Returns gates for `per_host` requests each, and `downloads` artifacts over all hosts.
    pub(crate) fn new(per_host: usize, downloads: Option<usize>) -> Self {
        let downloads = downloads.map(|count| Arc::new(Semaphore::new(count.max(1))));
        Self {
            per_host: per_host.max(1),
            hosts: Mutex::default(),
            downloads,
        }
    }

    /// Waits until an artifact may be downloaded.
    pub(crate) async fn download(&self) -> Pass {
        match &self.downloads {
            // invariant: never closed
            Some(downloads) => Pass(Arc::clone(downloads).acquire_owned().await.ok()),
            None => Pass(None),
        }
    }

    /// Waits until a request may be sent to a host.
    pub(crate) async fn host(&self, authority: &str) -> Pass {
        let gate = {
            let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            if !hosts.contains_key(authority) {
                hosts.insert(authority.to_owned(), Arc::new(Gate::new(self.per_host)));
            }
            hosts.get(authority).map(Arc::clone)
        };
        match gate {
            Some(gate) => Pass(gate.pass().await),
            None => Pass(None),
        }
    }
}

impl Gate {
    fn new(permits: usize) -> Self {
        let free = permits.min(FREE);
        Self {
            free: Arc::new(Semaphore::new(free)),
            patient: Arc::new(Semaphore::new(permits - free)),
        }
    }

    async fn pass(&self) -> Option<OwnedSemaphorePermit> {
        let free = || Arc::clone(&self.free).acquire_owned();
        if let Ok(permit) = tokio::time::timeout(PATIENCE, free()).await {
            return permit.ok();
        }
        tokio::select! {
            biased;
            permit = free() => permit.ok(),
            permit = Arc::clone(&self.patient).acquire_owned() => permit.ok(),
        }
    }
}

/// Requests to one host that start at once.
const FREE: usize = 6;
/// How long the others wait for one of those to end.
const PATIENCE: Duration = Duration::from_millis(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn never_more_than_allowed_per_host_p20() {
        let gates = Gates::new(8, None);
        let mut passes = Vec::new();
        for _ in 0..8 {
            passes.push(gates.host("a").await);
        }
        let ninth = tokio::time::timeout(Duration::from_secs(60), gates.host("a")).await;
        assert!(ninth.is_err());
        gates.host("b").await; // another host has its own
        passes.pop();
        gates.host("a").await;
    }

    #[tokio::test(start_paused = true)]
    async fn max_concurrent_downloads_is_honoured_p20() {
        let gates = Gates::new(64, Some(1));
        let first = gates.download().await;
        let second = tokio::time::timeout(Duration::from_secs(60), gates.download()).await;
        assert!(second.is_err());
        drop(first);
        gates.download().await;
    }
}
