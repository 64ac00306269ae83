// SPDX-License-Identifier: MPL-2.0
//! How many requests are under way to one host (P20).
//!
//! A few at once are enough for a host that answers at once, and each further one may cost a
//! connection with its TLS handshake. So each host starts with a small window, which doubles when
//! the host stalls and opens fully once it is known to be far away.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// One gate per host.
#[derive(Debug)]
pub(crate) struct Gates {
    per_host: usize,
    hosts: Mutex<HashMap<String, Arc<Gate>>>,
    downloads: Option<Arc<Semaphore>>,
}

/// The right to have one request under way to a host, until its body is complete.
#[derive(Debug)]
pub(crate) struct Pass {
    gate: Arc<Gate>,
    since: Instant,
    _permit: Option<OwnedSemaphorePermit>,
}

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
    pub(crate) async fn download(&self) -> Option<OwnedSemaphorePermit> {
        // invariant: the semaphore is never closed
        Arc::clone(self.downloads.as_ref()?)
            .acquire_owned()
            .await
            .ok()
    }

    /// Waits until a request may be sent to a host.
    pub(crate) async fn host(&self, authority: &str) -> Pass {
        let gate = {
            let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            let gate = hosts
                .entry(authority.to_owned())
                .or_insert_with(|| Arc::new(Gate::new(self.per_host)));
            Arc::clone(gate)
        };
        let permit = gate.permit().await;
        Pass {
            gate,
            since: Instant::now(),
            _permit: permit,
        }
    }
}

#[derive(Debug)]
struct Gate {
    permits: Arc<Semaphore>,
    most: usize,
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    size: usize,
    /// When a request last ended or the window last grew.
    moved: Instant,
    /// The shortest time that a request took.
    quickest: Option<Duration>,
}

impl Gate {
    fn new(most: usize) -> Self {
        let size = most.min(FIRST);
        let window = Window {
            size,
            moved: Instant::now(),
            quickest: None,
        };
        Self {
            permits: Arc::new(Semaphore::new(size)),
            most,
            window: Mutex::new(window),
        }
    }

    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            let acquired = Arc::clone(&self.permits).acquire_owned();
            if let Ok(permit) = tokio::time::timeout(self.patience(), acquired).await {
                return permit.ok();
            }
            self.grow();
        }
    }

    /// Returns how long to wait before the window may grow.
    fn patience(&self) -> Duration {
        let window = self.window();
        let far = window.quickest.is_some_and(|time| time >= FAR);
        match (window.size < self.most, far) {
            (true, true) => Duration::ZERO,
            (true, false) => STALL,
            (false, _) => Duration::MAX,
        }
    }

    fn grow(&self) {
        let mut window = self.window();
        let far = window.quickest.is_some_and(|time| time >= FAR);
        if far || window.moved.elapsed() >= STALL {
            let more = if far { self.most } else { window.size }.min(self.most - window.size);
            self.permits.add_permits(more);
            window.size += more;
            window.moved = Instant::now();
        }
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let took = self.since.elapsed();
        let mut window = self.gate.window();
        window.moved = Instant::now();
        window.quickest = Some(window.quickest.map_or(took, |quickest| quickest.min(took)));
    }
}

/// Requests to one host that start at once.
const FIRST: usize = 6;
/// No request ends for so long: the host is slow, or far.
const STALL: Duration = Duration::from_millis(5);
/// No request took less, its handshake included: the host is far, and its full concurrency costs
/// less than waiting.
const FAR: Duration = Duration::from_millis(40);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn never_more_than_allowed_per_host_p20() {
        let gates = Gates::new(20, None);
        let mut passes = Vec::new();
        for _ in 0..20 {
            passes.push(gates.host("a").await);
        }
        let one_more = tokio::time::timeout(Duration::from_secs(60), gates.host("a")).await;
        assert!(one_more.is_err());
        gates.host("b").await; // another host has its own
        passes.pop();
        gates.host("a").await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_far_host_gets_its_full_concurrency_at_once() {
        let gates = Gates::new(64, None);
        let first = gates.host("far").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(first);
        let start = Instant::now();
        let passes = futures::future::join_all((0..64).map(|_| gates.host("far"))).await;
        assert!(
            start.elapsed() <= Duration::from_millis(2),
            "{:?}",
            start.elapsed()
        );
        drop(passes);
    }

    #[tokio::test(start_paused = true)]
    async fn a_quick_host_is_asked_over_few_connections() {
        let gates = Gates::new(64, None);
        let at_once = Mutex::new((0, 0));
        let requests = (0..200).map(|_| async {
            let pass = gates.host("near").await;
            {
                let mut at_once = at_once.lock().unwrap();
                at_once.0 += 1;
                at_once.1 = at_once.1.max(at_once.0);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            at_once.lock().unwrap().0 -= 1;
            drop(pass);
        });
        futures::future::join_all(requests).await;
        assert_eq!(at_once.lock().unwrap().1, FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn max_concurrent_downloads_is_honoured_p20() {
        let gates = Gates::new(64, Some(1));
        let first = gates.download().await;
        let second = tokio::time::timeout(Duration::from_secs(60), gates.download()).await;
        assert!(second.is_err());
        drop(first);
        assert!(gates.download().await.is_some());
    }
}
