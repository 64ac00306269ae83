// SPDX-License-Identifier: MPL-2.0
//! Refusals: codes, statuses and the body of an error (worker.md §12).

use axum::http::StatusCode;
use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::reply::Reply;
use crate::auth::AuthError;
use crate::queue::QueueError;
use crate::store::StoreError;

/// The codes of error bodies, each with its status.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Code {
    MalformedPayload,
    InvalidRequestArguments,
    InputValidationError,
    InputError,
    AuthenticationFailed,
    InsufficientScopes,
    ResourceNotFound,
    RequestConflict,
    ResourceExpired,
    InputTooLarge,
    InternalServerError,
}

impl Code {
    const fn status(self) -> StatusCode {
        match self {
            Self::MalformedPayload
            | Self::InvalidRequestArguments
            | Self::InputValidationError
            | Self::InputError => StatusCode::BAD_REQUEST,
            Self::AuthenticationFailed => StatusCode::UNAUTHORIZED,
            Self::InsufficientScopes => StatusCode::FORBIDDEN,
            Self::ResourceNotFound => StatusCode::NOT_FOUND,
            Self::RequestConflict => StatusCode::CONFLICT,
            Self::ResourceExpired => StatusCode::GONE,
            Self::InputTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::InternalServerError => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// A refusal: its code, and a message for people.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub(crate) code: Code,
    pub(crate) message: String,
}

/// What was asked, as error bodies repeat it.
#[derive(Debug)]
pub(crate) struct Info<'a> {
    pub(crate) method: &'a str,
    pub(crate) params: &'a IndexMap<&'static str, String>,
    /// Absent without a body, and for calls that carry secrets.
    pub(crate) payload: Option<&'a Value>,
    pub(crate) time: Timestamp,
}

impl ApiError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Code::ResourceNotFound, message)
    }

    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(Code::InputError, message)
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(Code::RequestConflict, message)
    }

    /// For what is our own fault: the reason goes to the log, not to the client.
    pub(crate) fn internal(why: impl std::fmt::Display) -> Self {
        tracing::error!(%why, "internal error");
        Self::new(Code::InternalServerError, "Internal Server Error")
    }

    /// The answer, with the body that clients know.
    pub(crate) fn reply(&self, info: &Info<'_>) -> Reply {
        let status = self.code.status();
        let code = format!("{:?}", self.code);
        let time = format!("{:.3}", info.time);
        let message = format!(
            "{}\n\n---\n\n* method:     {}\n* errorCode:  {code}\n* statusCode: {}\n* time:       {time}",
            self.message,
            info.method,
            status.as_u16(),
        );
        let mut about = IndexMap::from([
            ("method", json!(info.method)),
            ("params", json!(info.params)),
        ]);
        // the real service has an empty object where there is no body
        let payload = info.payload.cloned();
        about.insert("payload", payload.unwrap_or_else(|| json!({})));
        about.insert("time", json!(time));
        let body = IndexMap::from([
            ("code", Part::Text(&code)),
            ("message", Part::Text(&message)),
            ("requestInfo", Part::Info(&about)),
        ]);
        Reply::json(&body).with_status(status)
    }
}

/// A member of the error body.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum Part<'a> {
    Text(&'a str),
    Info(&'a IndexMap<&'static str, Value>),
}

impl From<QueueError> for ApiError {
    fn from(error: QueueError) -> Self {
        let code = match &error {
            QueueError::NotFound(_) => Code::ResourceNotFound,
            QueueError::Conflict(_) => Code::RequestConflict,
            QueueError::Input(_) => Code::InputError,
            QueueError::Expired(_) => Code::ResourceExpired,
            QueueError::Store(why) => return Self::internal(why),
        };
        Self::new(code, error.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::internal(error)
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        Self::new(Code::AuthenticationFailed, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::response::IntoResponse as _;

    use super::*;

    async fn request_info(payload: Option<&Value>) -> Value {
        let info = Info {
            method: "task",
            params: &IndexMap::from([("taskId", "x".to_owned())]),
            payload,
            time: Timestamp::UNIX_EPOCH,
        };
        let answer = ApiError::not_found("gone").reply(&info).into_response();
        let body = to_bytes(answer.into_body(), 10_000).await.unwrap();
        let mut body: Value = serde_json::from_slice(&body).unwrap();
        body["requestInfo"].take()
    }

    #[tokio::test]
    async fn an_error_says_what_was_asked_and_has_an_empty_payload_where_there_was_none() {
        let mut expected = json!({
            "method": "task",
            "params": {"taskId": "x"},
            "payload": {},
            "time": "1970-01-01T00:00:00.000Z",
        });
        assert_eq!(request_info(None).await, expected);
        expected["payload"] = json!([1]);
        assert_eq!(request_info(Some(&json!([1]))).await, expected);
    }
}
