// SPDX-License-Identifier: MPL-2.0
//! What the deployment's own integration of VCS hosts may do: create the tasks of an event that it learned of late.

use catena_core::model::ids::TaskId;
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::call::Call;
use super::error::ApiError;
use super::queue::create_late_task;
use super::services::Services;
use crate::auth::Caller;

impl Services {
    /// `createTask` with no more than what `role` may do, and with the same checks, but that `created` may be long ago: the event
    /// had its time from this deployment's own clock.
    pub(crate) async fn integrate(
        &self,
        role: &str,
        task: TaskId,
        definition: Map<String, Value>,
    ) -> Result<(), ApiError> {
        let call = Call {
            services: self.clone(),
            caller: Caller {
                client_id: "integration/github".to_owned(),
                scopes: self.registry().expand(&[format!("assume:{role}")]),
                expires: None,
            },
            params: IndexMap::from([("taskId", task.to_string())]),
            query: Vec::new(),
            payload: Some(Value::Object(definition)),
        };
        create_late_task(&call).await.map(drop)
    }
}
