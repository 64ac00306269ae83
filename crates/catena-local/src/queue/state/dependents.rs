// SPDX-License-Identifier: MPL-2.0
//! `listDependentTasks`.

use std::collections::BTreeSet;
use std::ops::Bound;

use catena_core::model::ids::TaskId;

use super::super::{Page, QueueError, token};
use super::data::State;

/// Kind of the tokens of this list.
const TOKEN: &str = "dependents";

impl State {
    /// A page of the tasks that name a task as a dependency, by id.
    pub(super) fn dependent_page(
        &self,
        id: TaskId,
        continuation: Option<&str>,
        limit: usize,
    ) -> Result<Page<TaskId>, QueueError> {
        self.task(id)?;
        let from = match continuation {
            None => Bound::Unbounded,
            Some(given) => {
                let last = token::read(TOKEN, given)?;
                Bound::Excluded(last.parse::<TaskId>().map_err(|_| token::unknown())?)
            }
        };
        let none = BTreeSet::new();
        let all = self.named_by.get(&id).unwrap_or(&none);
        let mut rest = all.range((from, Bound::Unbounded));
        let items: Vec<TaskId> = rest.by_ref().take(limit.max(1)).copied().collect();
        let continuation = rest
            .next()
            .and(items.last())
            .map(|last| token::write(TOKEN, last.as_str()));
        Ok(Page {
            items,
            continuation,
        })
    }
}
