// SPDX-License-Identifier: MPL-2.0
//! The calls of the queue, the index, secrets and roles, one method each (worker.md §12.1, §12.2).

use std::fmt;

use catena_core::model::ids::{RunId, TaskId};
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::{Client, ClientError, segment};
use crate::Credentials;
use crate::queue::{Exception, Resolution, Status, Worker};

/// A claimed run: what to do, until when, and as whom.
#[derive(Clone)]
#[expect(missing_docs, reason = "the names are those of worker.md §12.1")]
pub struct ClaimedTask {
    pub status: Status,
    pub run: RunId,
    pub taken_until: Timestamp,
    /// The definition; empty in the answer of `reclaim`.
    pub task: Map<String, Value>,
    /// Temporary: they end at `taken_until`.
    pub credentials: Credentials,
}

impl fmt::Debug for ClaimedTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimedTask")
            .field("task", &self.status.task_id)
            .field("run", &self.run)
            .field("taken_until", &self.taken_until)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawClaim {
    status: Status,
    run_id: RunId,
    taken_until: Timestamp,
    #[serde(default)]
    task: Map<String, Value>,
    credentials: RawCredentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawCredentials {
    client_id: String,
    access_token: String,
    certificate: String,
}

impl From<RawClaim> for ClaimedTask {
    fn from(raw: RawClaim) -> Self {
        Self {
            status: raw.status,
            run: raw.run_id,
            taken_until: raw.taken_until,
            task: raw.task,
            credentials: Credentials {
                client_id: raw.credentials.client_id,
                access_token: Zeroizing::new(raw.credentials.access_token),
                certificate: Some(raw.credentials.certificate),
            },
        }
    }
}

impl Client {
    /// `createTask`.
    ///
    /// # Errors
    /// As [`Client::call`], as for all methods here.
    pub async fn create_task(
        &self,
        task: TaskId,
        definition: &Value,
    ) -> Result<Status, ClientError> {
        let path = task_path(task, "");
        status(self.call(Method::PUT, &path, Some(definition)).await?)
    }

    /// `task`: the definition with its defaults.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn task(&self, task: TaskId) -> Result<Value, ClientError> {
        self.call(Method::GET, &task_path(task, ""), None).await
    }

    /// `status`.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn status(&self, task: TaskId) -> Result<Status, ClientError> {
        let path = task_path(task, "/status");
        status(self.call(Method::GET, &path, None).await?)
    }

    /// `claimWork`: 1 to 32 tasks; waits up to 20 s for the first.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn claim_work(
        &self,
        queue: &str,
        worker: &Worker,
        tasks: usize,
    ) -> Result<Vec<ClaimedTask>, ClientError> {
        let path = format!("/api/queue/v1/claim-work/{}", segment(queue));
        let body = json!({"workerGroup": worker.group, "workerId": worker.id, "tasks": tasks});
        let answer = self.call(Method::POST, &path, Some(&body)).await?;
        let claims: Vec<RawClaim> = member(answer, "tasks")?;
        Ok(claims.into_iter().map(ClaimedTask::from).collect())
    }

    /// `reclaimTask`, with the credentials of the claim: new credentials and a later `taken_until`.
    ///
    /// # Errors
    /// `Refused` with 409 if the run is no longer running.
    pub async fn reclaim(&self, task: TaskId, run: RunId) -> Result<ClaimedTask, ClientError> {
        let path = task_path(task, &format!("/runs/{run}/reclaim"));
        let answer = self.call(Method::POST, &path, None).await?;
        typed::<RawClaim>(answer).map(ClaimedTask::from)
    }

    /// `reportCompleted`, `reportFailed` or `reportException`.
    ///
    /// # Errors
    /// `Refused` with 409 if the run ended otherwise.
    pub async fn resolve(
        &self,
        task: TaskId,
        run: RunId,
        how: Resolution,
    ) -> Result<Status, ClientError> {
        let (end, body) = match how {
            Resolution::Completed => ("completed", None),
            Resolution::Failed => ("failed", None),
            Resolution::Exception(reason) => ("exception", Some(exception(reason))),
        };
        let path = task_path(task, &format!("/runs/{run}/{end}"));
        status(self.call(Method::POST, &path, body.as_ref()).await?)
    }

    /// `cancelTask`.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn cancel(&self, task: TaskId) -> Result<Status, ClientError> {
        let path = task_path(task, "/cancel");
        status(self.call(Method::POST, &path, None).await?)
    }

    /// `rerunTask`.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn rerun(&self, task: TaskId) -> Result<Status, ClientError> {
        let path = task_path(task, "/rerun");
        status(self.call(Method::POST, &path, None).await?)
    }

    /// `listTaskGroup`: all pages, each member `{task, status}`.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn task_group(&self, group: &str) -> Result<Vec<Value>, ClientError> {
        let base = format!("/api/queue/v1/task-group/{}/list", segment(group));
        let mut tasks = Vec::new();
        let mut path = base.clone();
        loop {
            let mut answer = self.call(Method::GET, &path, None).await?;
            let token = answer.get_mut("continuationToken").map(Value::take);
            tasks.append(&mut member::<Vec<Value>>(answer, "tasks")?);
            let Some(Value::String(token)) = token else {
                return Ok(tasks);
            };
            path = format!("{base}?continuationToken={}", segment(&token));
        }
    }

    /// Puts a task into the index under `namespace` (`insertTask`).
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn put_index(
        &self,
        namespace: &str,
        task: TaskId,
        rank: i64,
        expires: Timestamp,
    ) -> Result<Value, ClientError> {
        let path = format!("/api/index/v1/task/{}", segment(namespace));
        let body = json!({"taskId": task, "rank": rank, "data": {}, "expires": expires});
        self.call(Method::PUT, &path, Some(&body)).await
    }

    /// The task that the index has under `namespace` (`findTask`).
    ///
    /// # Errors
    /// `Refused` with 404 without one.
    pub async fn find_task(&self, namespace: &str) -> Result<TaskId, ClientError> {
        let path = format!("/api/index/v1/task/{}", segment(namespace));
        member(self.call(Method::GET, &path, None).await?, "taskId")
    }

    /// Sets a secret.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn put_secret(
        &self,
        name: &str,
        secret: &Value,
        expires: Timestamp,
    ) -> Result<(), ClientError> {
        let path = format!("/api/secrets/v1/secret/{}", segment(name));
        let body = json!({"secret": secret, "expires": expires});
        self.call(Method::PUT, &path, Some(&body)).await.map(drop)
    }

    /// Reads a secret.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn secret(&self, name: &str) -> Result<Value, ClientError> {
        let path = format!("/api/secrets/v1/secret/{}", segment(name));
        member(self.call(Method::GET, &path, None).await?, "secret")
    }

    /// Creates a role with these scopes.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn create_role(&self, role: &str, scopes: &[&str]) -> Result<Value, ClientError> {
        let path = format!("/api/auth/v1/roles/{}", segment(role));
        let body = json!({"description": "", "scopes": scopes});
        self.call(Method::PUT, &path, Some(&body)).await
    }

    /// Creates a client with these scopes.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn create_client(
        &self,
        client_id: &str,
        scopes: &[&str],
        expires: Timestamp,
    ) -> Result<Credentials, ClientError> {
        let path = format!("/api/auth/v1/clients/{}", segment(client_id));
        let body = json!({"description": "", "scopes": scopes, "expires": expires});
        let answer = self.call(Method::PUT, &path, Some(&body)).await?;
        Ok(Credentials {
            client_id: client_id.to_owned(),
            access_token: Zeroizing::new(member(answer, "accessToken")?),
            certificate: None,
        })
    }
}

/// The path of a task in the queue's API.
pub(super) fn task_path(task: TaskId, rest: &str) -> String {
    format!("/api/queue/v1/task/{task}{rest}")
}

fn exception(reason: Exception) -> Value {
    json!({ "reason": reason })
}

fn status(answer: Value) -> Result<Status, ClientError> {
    member(answer, "status")
}

/// Takes one member out of an answer.
pub(super) fn member<T: DeserializeOwned>(mut answer: Value, key: &str) -> Result<T, ClientError> {
    let value = answer.get_mut(key).map(Value::take).unwrap_or_default();
    serde_json::from_value(value).map_err(|why| ClientError::Answer(format!("{key}: {why}")))
}

fn typed<T: DeserializeOwned>(answer: Value) -> Result<T, ClientError> {
    serde_json::from_value(answer).map_err(|why| ClientError::Answer(why.to_string()))
}
