// SPDX-License-Identifier: MPL-2.0
//! A request that was read: who calls what, with which parameters.

use catena_core::model::ids::{ArtifactName, RunId, TaskId};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{ApiError, Code};
use super::route::{Params, bad};
use super::schema::Schema;
use super::services::Services;
use crate::auth::{Caller, Requirement};

/// A call of an API.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) services: Services,
    pub(super) caller: Caller,
    pub(super) params: Params,
    pub(super) query: Vec<(String, String)>,
    pub(super) payload: Option<Value>,
}

impl Call {
    /// A parameter as text; the routes give every parameter that a call asks for.
    pub(super) fn param(&self, key: &str) -> &str {
        self.params.get(key).map_or("", String::as_str)
    }

    pub(super) fn task(&self) -> Result<TaskId, ApiError> {
        let text = self.param("taskId");
        text.parse()
            .map_err(|_| bad("taskId", text, "a slug of 22 characters"))
    }

    pub(super) fn run(&self) -> Result<RunId, ApiError> {
        let text = self.param("runId");
        let number = Some(text).filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let number = number.and_then(|text| text.parse().ok());
        number
            .map(RunId)
            .ok_or_else(|| bad("runId", text, "a number"))
    }

    /// The name of an artifact: printable ASCII that could be a relative path (S12), although it never is one here.
    pub(super) fn artifact_name(&self) -> Result<&str, ApiError> {
        let text = self.param("name");
        check_name(text)?;
        Ok(text)
    }

    /// `provisionerId/workerType`.
    pub(super) fn task_queue(&self) -> Result<&str, ApiError> {
        let text = self.param("taskQueueId");
        let identifiers = text.split_once('/');
        if identifiers.is_some_and(|(left, right)| is_identifier(left) && is_identifier(right)) {
            Ok(text)
        } else {
            Err(bad("taskQueueId", text, "two identifiers and a slash"))
        }
    }

    /// Page size, at most 1000, and where to go on.
    pub(super) fn page(&self) -> Result<(usize, Option<&str>), ApiError> {
        let find = |key: &str| self.query.iter().find(|(k, _)| k == key);
        let limit = match find("limit") {
            None => 1000,
            Some((_, text)) => text
                .parse()
                .ok()
                .filter(|limit| (1..=1000).contains(limit))
                .ok_or_else(|| bad("limit", text, "a number from 1 to 1000"))?,
        };
        let token = find("continuationToken").map(|(_, token)| token.as_str());
        Ok((limit, token))
    }

    /// Refuses a caller who may not: 403 `InsufficientScopes`, in the real service's words.
    pub(super) fn require(&self, needed: impl Into<Requirement>) -> Result<(), ApiError> {
        let needed = needed.into();
        let Some(missing) = needed.missing(&self.caller.scopes) else {
            return Ok(());
        };
        let message = format!(
            "Client ID {} does not have sufficient scopes and is missing the following scopes:\n\n```\n{}\n```\n\n\
             This request requires the client to satisfy the following scope expression:\n\n```\n{}\n```\n",
            self.caller.client_id,
            missing.text(),
            needed.text()
        );
        Err(ApiError::new(Code::InsufficientScopes, message))
    }

    /// The body, checked against its schema.
    pub(super) fn checked(&self, schema: Schema) -> Result<&Value, ApiError> {
        let payload = self.payload.as_ref().ok_or_else(|| {
            let text = "Payload must be JSON with content-type: application/json";
            ApiError::new(Code::MalformedPayload, text)
        })?;
        schema.check(payload)?;
        Ok(payload)
    }

    /// The body as a type, after its schema was checked.
    pub(super) fn body<T: DeserializeOwned>(&self, schema: Schema) -> Result<T, ApiError> {
        let payload = self.checked(schema)?;
        T::deserialize(payload).map_err(|why| {
            ApiError::new(
                Code::InputValidationError,
                format!("Schema Validation Failed!\nErrors:\n  * {why}"),
            )
        })
    }

    pub(super) fn now(&self) -> Timestamp {
        self.services.now()
    }
}

/// Refuses a text that is no name of an artifact.
pub(super) fn check_name(text: &str) -> Result<(), ApiError> {
    let printable = text.bytes().all(|b| matches!(b, b' '..=b'~'));
    match text.parse::<ArtifactName>() {
        Ok(_) if printable => Ok(()),
        Ok(_) => Err(bad("name", text, "printable ASCII")),
        Err(why) => Err(bad("name", text, why.expected)),
    }
}

/// Identifiers of workers, schedulers and queues.
pub(super) fn is_identifier(text: &str) -> bool {
    (1..=38).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}
