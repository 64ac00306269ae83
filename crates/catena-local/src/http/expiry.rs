// SPDX-License-Identifier: MPL-2.0
//! Removes what expired: first contents, then what the object service knows of them, then the records of the queue, so that a
//! process that ends half-way finds the rest again.

use tokio::task::spawn_blocking;

use super::object;
use super::services::Services;
use crate::queue::{Expired, QueueError};
use crate::store::{Change, Store, StoreError, Table};

impl Services {
    /// Removes tasks and artifacts that expired more than a day ago, with their contents.
    ///
    /// # Errors
    /// A file cannot be removed, or the store takes no changes.
    pub async fn remove_expired(&self) -> Result<(), QueueError> {
        let expired = self.queue().expired();
        if expired.is_empty() {
            return Ok(());
        }
        let (store, list) = (self.store().clone(), expired.clone());
        let removed = spawn_blocking(move || contents(&store, &list)).await;
        removed.map_err(|why| StoreError::new("remove what expired", why))??;
        self.store()
            .commit(objects(self.store(), &expired)?)
            .await?;
        self.queue().remove(&expired).await
    }
}

fn contents(store: &Store, expired: &Expired) -> Result<(), StoreError> {
    for (task, run, name) in &expired.artifacts {
        store.remove_blob(*task, *run, name)?;
    }
    expired
        .tasks
        .iter()
        .try_for_each(|task| store.remove_blobs(*task))
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
