// SPDX-License-Identifier: MPL-2.0
//! Removes what expired: first contents, then what the object service knows of them, then the records of the queue, so that a
//! process that ends half-way finds the rest again.

use tokio::task::spawn_blocking;

use super::object;
use super::services::Services;
use crate::queue::{Expired, QueueError};
use crate::store::{Change, Store, StoreError, Table};

impl Services {
    /// Removes tasks and artifacts that expired more than a day ago, with their contents. What has a file that cannot be removed is
    /// logged, and stays until the next time.
    ///
    /// # Errors
    /// The store takes no changes.
    pub async fn remove_expired(&self) -> Result<(), QueueError> {
        let expired = self.queue().expired();
        if expired.is_empty() {
            return Ok(());
        }
        let store = self.store().clone();
        let removed = spawn_blocking(move || contents(&store, expired)).await;
        let expired = removed.map_err(|why| StoreError::new("remove what expired", why))?;
        self.store()
            .commit(objects(self.store(), &expired)?)
            .await?;
        self.queue().remove(&expired).await
    }
}

/// Removes contents; returns what has none any more.
fn contents(store: &Store, mut expired: Expired) -> Expired {
    let gone = |removed: Result<(), StoreError>| {
        if let Err(why) = &removed {
            tracing::error!(%why, "a content that expired was not removed");
        }
        removed.is_ok()
    };
    expired
        .artifacts
        .retain(|(task, run, name)| gone(store.remove_blob(*task, *run, name)));
    expired.tasks.retain(|task| gone(store.remove_blobs(*task)));
    expired
}

/// The removal of the records of objects; of artifacts of other types there are none.
fn objects(store: &Store, expired: &Expired) -> Result<Vec<Change>, StoreError> {
    let named = expired.artifacts.iter();
    let mut keys: Vec<String> = named
        .map(|(task, run, name)| object::key(&format!("t/{task}/{run}/{name}")))
        .collect();
    for task in &expired.tasks {
        let found = store.scan(Table::Settings, &object::key(&format!("t/{task}/")))?;
        keys.extend(found.into_iter().map(|(key, _)| key));
    }
    let gone = |key| Change {
        table: Table::Settings,
        key,
        value: None,
    };
    Ok(keys.into_iter().map(gone).collect())
}
