// SPDX-License-Identifier: MPL-2.0
//! The task group that a parent puts the tasks of its graph into: graphs leave it out (S6).

use std::collections::BTreeMap;

use catena_jsone::{Map, Value};

use crate::model::ids::TaskId;

/// Where an action says which group it works on.
const GROUP: &str = "/payload/env/ACTION_TASK_GROUP_ID";

/// Returns the group of the tasks that `parent` creates: its own id, but for an action what its
/// `ACTION_TASK_GROUP_ID` says, which may be its own or its decision's (S7). Of a parent that no file defines the id.
pub(super) fn of(parent: TaskId, definitions: &BTreeMap<TaskId, Map>) -> TaskId {
    let Some(definition) = definitions.get(&parent) else {
        return parent;
    };
    let definition = Value::Object(definition.clone());
    let id =
        |pointer: &str| -> Option<TaskId> { definition.pointer(pointer)?.as_str()?.parse().ok() };
    let own = id("/taskGroupId").unwrap_or(parent);
    match id(GROUP) {
        Some(group) if group == own => own,
        _ => parent,
    }
}

/// Returns who created a task, as `extra.parent` says.
pub(super) fn parent(definition: &Map) -> Option<TaskId> {
    let parent = definition.get("extra")?.get("parent")?;
    parent.as_str()?.parse().ok()
}
