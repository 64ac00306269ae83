// SPDX-License-Identifier: MPL-2.0
//! Secrets: JSON objects by name, for whoever has the scope.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::Call;
use super::error::{ApiError, Code};
use super::reply::Reply;
use super::route::{Endpoint, bad};
use super::schema::Schema;
use crate::store::{Change, Table};

pub(super) const TABLE: &[Endpoint] = &[
    ("PUT", "secret/<name*>", "set"),
    ("GET", "secret/<name*>", "get"),
    ("DELETE", "secret/<name*>", "remove"),
    ("GET", "secrets", "list"),
];

#[derive(Deserialize, Serialize)]
struct Secret {
    secret: Value,
    #[serde(with = "crate::queue::time")]
    expires: Timestamp,
}

pub(super) async fn call(what: &str, call: &Call) -> Result<Reply, ApiError> {
    if what == "list" {
        return list(call);
    }
    let name = call.param("name");
    let fits = (1..=255).contains(&name.len()) && name.bytes().all(|b| matches!(b, b' '..=b'~'));
    if !fits {
        return Err(bad("name", name, "up to 255 printable ASCII characters"));
    }
    match what {
        "set" => {
            let secret: Secret = call.body(Schema::Secret)?;
            call.require(format!("secrets:set:{name}"))?;
            let value = serde_json::to_vec(&secret).map_err(ApiError::internal)?;
            write(call, name, Some(value)).await
        }
        "remove" => {
            call.require(format!("secrets:set:{name}"))?;
            write(call, name, None).await
        }
        _ => get(call, name),
    }
}

async fn write(call: &Call, name: &str, value: Option<Vec<u8>>) -> Result<Reply, ApiError> {
    let change = Change {
        table: Table::Secrets,
        key: name.to_owned(),
        value,
    };
    call.services.store().commit(vec![change]).await?;
    Ok(Reply::empty_object())
}

fn get(call: &Call, name: &str) -> Result<Reply, ApiError> {
    call.require(format!("secrets:get:{name}"))?;
    let bytes = call.services.store().get(Table::Secrets, name)?;
    let bytes = bytes.ok_or_else(|| ApiError::not_found("Secret not found"))?;
    let secret: Secret = serde_json::from_slice(&bytes).map_err(ApiError::internal)?;
    if secret.expires <= call.now() {
        let text = "The requested resource has expired.";
        return Err(ApiError::new(Code::ResourceExpired, text));
    }
    Ok(Reply::json(&secret))
}

fn list(call: &Call) -> Result<Reply, ApiError> {
    call.require("secrets:list-secrets".to_owned())?;
    let (limit, token) = call.page()?;
    let after = token.unwrap_or_default();
    let all = call.services.store().scan(Table::Secrets, "")?;
    let mut rest = all.into_iter().map(|(name, _)| name);
    let mut rest = rest.by_ref().filter(|name| name.as_str() > after);
    let names: Vec<String> = rest.by_ref().take(limit).collect();
    let mut answer = json!({ "secrets": names });
    if rest.next().is_some()
        && let (Some(answer), Some(last)) = (answer.as_object_mut(), names.last())
    {
        answer.insert("continuationToken".to_owned(), json!(last));
    }
    Ok(Reply::json(&answer))
}
