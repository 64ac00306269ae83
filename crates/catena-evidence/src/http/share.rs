// SPDX-License-Identifier: MPL-2.0
//! What a source takes from evidence that is shared, and gives to it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use catena_core::request::Request;
use reqwest::Url;

use super::HttpSource;
use super::classify::Failure;
use crate::shared::{Key, Origin, SharedCache, SharedUse};
use crate::spool::{Form, Kept};

/// What one source had to do with it.
#[derive(Debug, Default)]
pub(super) struct Shares {
    bytes: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
    keys: Mutex<Vec<Key>>,
}

impl HttpSource {
    /// Returns what shared evidence was worth to this source.
    #[must_use]
    pub fn shared_use(&self) -> SharedUse {
        SharedUse {
            bytes: self.shares.bytes.load(Ordering::Relaxed),
            hits: self.shares.hits.load(Ordering::Relaxed),
            misses: self.shares.misses.load(Ordering::Relaxed),
        }
    }

    /// Removes all that this source took from shared evidence or gave to it. To be called when its verdict is no: the next
    /// verification then asks the hosts.
    pub async fn forget_shared(&self) {
        let keys = {
            let mut keys = self
                .shares
                .keys
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *keys)
        };
        if let Some(cache) = &self.client.options.shared {
            cache.forget(keys).await;
        }
    }

    /// Returns one body: shared, or after retries.
    pub(super) async fn shared(&self, request: &Request, url: &Url) -> Result<Kept, Failure> {
        let Some((cache, key)) = self.share(request, url) else {
            return self.get(request, url).await;
        };
        let (form, cap) = (Form::of(request), self.client.limits().of(request));
        let origin = url.as_str().into();
        let intake = || self.client.spool().intake(form, cap, &origin);
        let fetch = || self.get(request, url);
        let found = cache.through(&key, intake, fetch).await;
        let shares = &self.shares;
        match &found {
            Ok((kept, Origin::Shared)) => {
                shares.hits.fetch_add(1, Ordering::Relaxed);
                shares.bytes.fetch_add(kept.measure().0, Ordering::Relaxed);
            }
            Ok((_, Origin::Fetched)) | Err(_) => {
                shares.misses.fetch_add(1, Ordering::Relaxed);
            }
        }
        let mut keys = shares.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.push(key);
        drop(keys);
        found.map(|(kept, _)| kept)
    }

    /// Returns the name under which the answer to a request is shared, if it is. The name tells where the connection goes:
    /// what a mapped origin said is never taken for the canonical one's.
    fn share(&self, request: &Request, url: &Url) -> Option<(&Arc<SharedCache>, Key)> {
        let options = &self.client.options;
        let cache = options.shared.as_ref()?;
        if request.task().is_some() && request.task() == options.shared_without {
            return None;
        }
        let mapped = self.client.redirects.map(url);
        let target = mapped.as_ref().map_or(url, |(mapped, _)| mapped);
        Some((cache, Key::of(request, target.as_str())?))
    }
}
