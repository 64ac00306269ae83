// SPDX-License-Identifier: MPL-2.0
//! Who calls, and what they may do: Hawk headers and bewits, permanent clients, temporary credentials with certificates,
//! `authorizedScopes`, roles with `assume:` and trailing stars (worker.md §12).
//!
//! Denies by default: whatever cannot be read or checked is an [`AuthError`], and a request without credentials may do what
//! role `anonymous` has, which everybody else may, too. Two clients are always there: `root`, whose token is made when the
//! store is new, and `static/taskcluster/queue`, which issues the credentials of claims. Both have all scopes.

mod certificate;

mod issue;
mod registry;
mod request;
mod scopes;

use catena_core::model::ids::{RunId, TaskId};
use jiff::Timestamp;

pub use certificate::{Certificate, access_token};
pub use issue::{bewit, task_credentials, temporary};
pub(crate) use registry::random_token;
pub use registry::{ClientRecord, Registry, RoleRecord};
pub use request::{RequestHead, authenticate};
pub(crate) use scopes::covers;
pub use scopes::{Requirement, is_scope, satisfies};

/// Client with all scopes, for whoever started the server.
pub const ROOT: &str = "root";
/// Client that issues the credentials of claims, as in the real service.
pub const QUEUE: &str = "static/taskcluster/queue";
/// Role of everybody.
pub const ANONYMOUS: &str = "anonymous";

/// A caller whose credentials were checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller {
    /// Who; `anonymous` without credentials.
    pub client_id: String,
    /// What they may do, roles expanded.
    pub scopes: Vec<String>,
    /// When the credentials end.
    pub expires: Option<Timestamp>,
}

/// Why credentials were refused: 401 `AuthenticationFailed`. The text names no secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct AuthError(pub(crate) String);

impl AuthError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// The three scopes that a claim's credentials have beside those of the task (worker.md §12.1).
#[must_use]
pub fn claim_scopes(task: TaskId, run: RunId) -> Vec<String> {
    ["reclaim-task", "resolve-task", "create-artifact"]
        .map(|what| format!("queue:{what}:{task}/{run}"))
        .to_vec()
}
