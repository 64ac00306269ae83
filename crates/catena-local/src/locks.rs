// SPDX-License-Identifier: MPL-2.0
//! Locks by name, for what has to be looked at and changed in one step: an object, a name in the index, a repository.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Any number of locks. A clone has the same ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Locks(Arc<Mutex<HashMap<String, Weak<AsyncMutex<()>>>>>);

/// A lock that is held; dropping it lets the next one in. What goes on after its caller went away takes it along.
pub(crate) type Held = OwnedMutexGuard<()>;

impl Locks {
    /// Waits for the lock of a name. Those of names that nobody uses are forgotten.
    pub(crate) async fn hold(&self, name: &str) -> Held {
        self.of(name).lock_owned().await
    }

    fn of(&self, name: &str) -> Arc<AsyncMutex<()>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = all.get(name).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::default();
        all.insert(name.to_owned(), Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn one_at_a_time_has_a_name_and_unused_names_are_forgotten() {
        let locks = Locks::default();
        let first = locks.hold("a").await;
        assert!(locks.clone().hold("a").now_or_never().is_none());
        assert!(locks.hold("b").now_or_never().is_some());
        drop(first);
        assert!(locks.hold("a").now_or_never().is_some());
        locks.of("c");
        assert_eq!(locks.0.lock().unwrap().len(), 1, "only the last");
    }
}
