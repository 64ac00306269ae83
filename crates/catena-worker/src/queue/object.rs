// SPDX-License-Identifier: MPL-2.0
//! Artifacts of type `object`: made in the queue, sent to the object service, finished in both (worker.md 12.4).
//!
//! The object service declares no coding, so content is sent as it is, never packed.

use std::sync::Arc;
use std::time::Duration;

use catena_core::model::ids::{RunId, TaskId};
use catena_core::policy::{Credentials, Secret};
use catena_evidence::Signer;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::{Value, json};

use super::artifact::{Body, Created};
use super::{Queue, QueueError, segment, sign_as};

/// An answer of createArtifact.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Slot {
    name: String,
    project_id: String,
    upload_id: String,
    expires: String,
    credentials: SlotCredentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SlotCredentials {
    client_id: String,
    access_token: String,
    certificate: Option<String>,
}

/// An answer of createUpload.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Upload {
    upload_method: UploadMethod,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UploadMethod {
    put_url: Option<PutUrl>,
}

#[derive(Deserialize)]
struct PutUrl {
    url: String,
    #[serde(default)]
    headers: serde_json::Map<String, Value>,
}

impl Queue {
    /// Creates an artifact of type `object`, sends its content and finishes it.
    ///
    /// # Errors
    /// [`QueueError`]
    pub async fn upload_object(
        &self,
        task: TaskId,
        run: RunId,
        name: &str,
        expires: &str,
        body: Body,
        timeout: Duration,
    ) -> Result<(), QueueError> {
        let request =
            json!({"storageType": "object", "contentType": body.mime, "expires": expires});
        let slot: Slot = typed(
            "createArtifact",
            self.create(task, run, name, &request).await?,
        )?;
        let signer = sign_as(&Credentials {
            client_id: slot.credentials.client_id.clone(),
            access_token: Secret::new(slot.credentials.access_token.as_str()),
            certificate: slot.credentials.certificate.as_deref().map(Secret::new),
        })?;
        let created = self.create_upload(&slot, &signer, &body).await?;
        self.put(&created, body, timeout).await?;
        let path = format!("/api/object/v1/finish-upload/{}", segment(&slot.name));
        let request =
            json!({"projectId": slot.project_id, "uploadId": slot.upload_id, "hashes": {}});
        self.call_as(
            "finishUpload",
            Some(signer),
            Method::POST,
            &path,
            Some(&request),
        )
        .await?;
        self.finish(task, run, name, &slot.upload_id).await
    }

    async fn create_upload(
        &self,
        slot: &Slot,
        signer: &Arc<Signer>,
        body: &Body,
    ) -> Result<Created, QueueError> {
        let call = "createUpload";
        let path = format!("/api/object/v1/upload/{}", segment(&slot.name));
        let method = json!({"contentType": body.mime, "contentLength": body.length});
        let request = json!({
            "uploadId": slot.upload_id, "projectId": slot.project_id, "expires": slot.expires,
            "proposedUploadMethods": {"putUrl": method},
        });
        let signer = Some(Arc::clone(signer));
        let answer = self
            .call_as(call, signer, Method::PUT, &path, Some(&request))
            .await?;
        let answer = serde_json::from_slice(&answer).unwrap_or_default();
        let upload: Upload = typed(call, answer)?;
        let put = upload.upload_method.put_url.ok_or(QueueError::Answer {
            call,
            detail: "no method that was proposed".to_owned(),
        })?;
        Ok(Created {
            headers: headers(&put.headers),
            url: Url::parse(&put.url).map_err(|_| QueueError::Answer {
                call,
                detail: "a URL that is none".to_owned(),
            })?,
        })
    }
}

/// The headers that the signed URL wants, as far as they are headers.
fn headers(members: &serde_json::Map<String, Value>) -> HeaderMap {
    let header = |(name, value): (&String, &Value)| {
        let name: HeaderName = name.parse().ok()?;
        Some((name, HeaderValue::from_str(value.as_str()?).ok()?))
    };
    members.iter().filter_map(header).collect()
}

fn typed<T: serde::de::DeserializeOwned>(
    call: &'static str,
    answer: Value,
) -> Result<T, QueueError> {
    serde_json::from_value(answer).map_err(|_| QueueError::Answer {
        call,
        detail: "members lack, or have other types".to_owned(),
    })
}
