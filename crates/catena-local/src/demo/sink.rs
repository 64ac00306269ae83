// SPDX-License-Identifier: MPL-2.0
//! From VCS hosts to the queue.

use async_trait::async_trait;
use catena_core::model::ids::TaskId;
use serde_json::{Map, Value};

use crate::http::{Code, Services};
use crate::vcs::{NotCreated, TaskSink};

/// Puts what hosts ask for into the queue, with what the roles of repositories may do: whoever can push gets no more. An event may
/// be told long after it happened, as long as its tasks' deadlines are to come.
#[derive(Debug)]
pub struct QueueSink(Services);

impl QueueSink {
    /// A sink into the queue of these services.
    #[must_use]
    pub const fn new(services: Services) -> Self {
        Self(services)
    }
}

#[async_trait]
impl TaskSink for QueueSink {
    async fn create(
        &self,
        role: &str,
        id: TaskId,
        definition: Map<String, Value>,
    ) -> Result<(), NotCreated> {
        let done = self.0.integrate(role, id, definition).await;
        done.map_err(|why| {
            let text = format!("{:?}: {}", why.code, why.message);
            match why.code {
                Code::InternalServerError => NotCreated::Failed(text),
                _ => NotCreated::Refused(text),
            }
        })
    }
}
