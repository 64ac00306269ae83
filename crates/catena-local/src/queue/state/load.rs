// SPDX-License-Identifier: MPL-2.0
//! From the store into memory, when the queue is opened.

use std::collections::HashMap;
use std::sync::Arc;

use catena_core::model::ids::TaskId;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::super::definition::Fields;
use super::super::{Artifact, QueueError};
use super::artifacts::parse_key;
use super::data::{Record, State, Task};
use super::groups::SEALED;
use crate::store::{Store, StoreError, Table};

/// Reads everything.
pub(super) fn load(store: &Store) -> Result<State, QueueError> {
    let mut state = State::default();
    for task in tasks(store)? {
        state.insert(task);
    }
    for (key, value) in store.scan(Table::Settings, SEALED)? {
        let sealed: Timestamp = decode(Table::Settings, &key, &value)?;
        let group = key.strip_prefix(SEALED).unwrap_or_default();
        if let Some(group) = state.groups.get_mut(group) {
            group.sealed = Some(sealed);
        }
    }
    for (key, value) in store.scan(Table::Artifacts, "")? {
        let place = parse_key(&key).ok_or_else(|| damaged(Table::Artifacts, &key, "a bad key"))?;
        let artifact: Artifact = decode(Table::Artifacts, &key, &value)?;
        let all = state.artifacts.entry(place).or_default();
        all.insert(artifact.name.clone(), artifact);
    }
    Ok(state)
}

/// All tasks, in the order of their creation.
fn tasks(store: &Store) -> Result<Vec<Task>, QueueError> {
    let mut records = HashMap::new();
    for (key, value) in store.scan(Table::Statuses, "")? {
        let record: Record = decode(Table::Statuses, &key, &value)?;
        records.insert(key, record);
    }
    let mut tasks = Vec::with_capacity(records.len());
    for (key, value) in store.scan(Table::Tasks, "")? {
        let id: TaskId = key
            .parse()
            .map_err(|error| damaged(Table::Tasks, &key, error))?;
        let definition: Map<String, Value> = decode(Table::Tasks, &key, &value)?;
        let fields =
            Fields::read(&definition).map_err(|error| damaged(Table::Tasks, &key, error))?;
        let record = records
            .remove(&key)
            .ok_or_else(|| damaged(Table::Statuses, &key, "it is missing"))?;
        tasks.push(Task {
            id,
            fields: Arc::new(fields),
            definition: Arc::new(definition),
            record,
        });
    }
    tasks.sort_by_key(|task| task.record.sequence);
    Ok(tasks)
}

fn decode<T: DeserializeOwned>(table: Table, key: &str, value: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(value).map_err(|error| damaged(table, key, error))
}

fn damaged(table: Table, key: &str, why: impl std::fmt::Display) -> StoreError {
    StoreError::new(format_args!("read the record {key:?} of {table}"), why)
}
