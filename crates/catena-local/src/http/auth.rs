// SPDX-License-Identifier: MPL-2.0
//! The auth service: who am I, roles, clients, and the check of other services' requests.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Call;
use super::error::{ApiError, Code};
use super::reply::Reply;
use super::route::{Endpoint, bad};
use super::schema::Schema;
use crate::auth::{
    ClientRecord, QUEUE, ROOT, RequestHead, Requirement, RoleRecord, authenticate, is_scope,
    satisfies,
};

pub(super) const TABLE: &[Endpoint] = &[
    ("GET", "scopes/current", "currentScopes"),
    ("GET", "scopes/expand", "expandScopes"),
    ("POST", "scopes/expand", "expandScopes"),
    ("POST", "authenticate-hawk", "authenticateHawk"),
    ("POST", "test-authenticate", "testAuthenticate"),
    ("GET", "test-authenticate-get", "testAuthenticateGet"),
    ("GET", "roles", "listRoles"),
    ("GET", "roles/<roleId*>", "role"),
    ("PUT", "roles/<roleId*>", "createRole"),
    ("POST", "roles/<roleId*>", "updateRole"),
    ("DELETE", "roles/<roleId*>", "deleteRole"),
    ("GET", "clients", "listClients"),
    ("GET", "clients/<clientId*>", "client"),
    ("PUT", "clients/<clientId*>", "createClient"),
    (
        "POST",
        "github/<appName>/<owner>/repo-token",
        "githubRepoToken",
    ),
];

pub(super) async fn call(name: &str, call: &Call) -> Result<Reply, ApiError> {
    match name {
        "currentScopes" => {
            call.require("auth:current-scopes".to_owned())?;
            Ok(Reply::json(&json!({ "scopes": call.caller.scopes })))
        }
        "expandScopes" => expand(call),
        "authenticateHawk" => check_hawk(call),
        "testAuthenticate" => test_authenticate(call),
        "testAuthenticateGet" => Ok(Reply::json(
            &json!({"clientId": call.caller.client_id, "scopes": call.caller.scopes}),
        )),
        "listRoles" => list_roles(call),
        "role" => role(call),
        "createRole" | "updateRole" => put_role(name, call).await,
        "deleteRole" => delete_role(call).await,
        "listClients" => list_clients(call),
        "client" => client(call),
        "createClient" => create_client(call).await,
        // no GitHub app is installed here; the repositories need none
        "githubRepoToken" => Err(ApiError::not_found("No such GitHub app")),
        _ => Err(ApiError::not_found("Route not found")),
    }
}

fn scopes_of(body: &Value, key: &str) -> Vec<String> {
    let list = body.get(key).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn expand(call: &Call) -> Result<Reply, ApiError> {
    let scopes = scopes_of(call.checked(Schema::Scopes)?, "scopes");
    call.require("auth:expand-scopes".to_owned())?;
    let expanded = call.services.registry().expand(&scopes);
    Ok(Reply::json(&json!({ "scopes": expanded })))
}

#[derive(Deserialize)]
struct HawkBody {
    method: String,
    resource: String,
    host: String,
    port: u16,
    authorization: Option<String>,
}

/// Says who sent a request to another service; the payload's hash is the other service's matter.
fn check_hawk(call: &Call) -> Result<Reply, ApiError> {
    let body: HawkBody = call.body(Schema::Hawk)?;
    call.require("auth:authenticate-hawk".to_owned())?;
    let head = RequestHead {
        method: &body.method.to_ascii_uppercase(),
        resource: &body.resource,
        host: &body.host,
        port: body.port,
        authorization: body.authorization.as_deref(),
        payload: None,
    };
    let answer = match authenticate(&head, call.services.registry(), call.now()) {
        Ok(caller) => json!({
            "status": "auth-success",
            "scopes": caller.scopes,
            "clientId": caller.client_id,
            "scheme": "hawk",
            "expires": format!("{:.3}", caller.expires.unwrap_or(Timestamp::MAX)),
        }),
        Err(why) => json!({"status": "auth-failed", "message": why.to_string()}),
    };
    Ok(Reply::json(&answer))
}

/// Lets clients test how they sign: what they say they have must cover what they say is required.
fn test_authenticate(call: &Call) -> Result<Reply, ApiError> {
    let body = call.checked(Schema::TestAuthenticate)?;
    let has = scopes_of(body, "clientScopes");
    let required = scopes_of(body, "requiredScopes");
    let mine = Requirement::all(has.clone());
    call.require(mine)?;
    if required.iter().all(|scope| satisfies(&has, scope)) {
        let answer = json!({"clientId": call.caller.client_id, "scopes": has});
        Ok(Reply::json(&answer))
    } else {
        let text = "The client's scopes do not cover the required ones";
        Err(ApiError::new(Code::InsufficientScopes, text))
    }
}

fn role_id(call: &Call) -> Result<&str, ApiError> {
    let id = call.param("roleId");
    if is_scope(id) && id.len() <= 1024 {
        Ok(id)
    } else {
        Err(bad("roleId", id, "printable ASCII"))
    }
}

fn role_json(call: &Call, id: &str, role: &RoleRecord) -> Value {
    json!({
        "roleId": id,
        "description": role.description,
        "scopes": role.scopes,
        "created": format!("{:.3}", role.created),
        "lastModified": format!("{:.3}", role.last_modified),
        "expandedScopes": call.services.registry().expand(&role.scopes),
    })
}

fn list_roles(call: &Call) -> Result<Reply, ApiError> {
    call.require("auth:list-roles".to_owned())?;
    let roles = call.services.registry().roles();
    let roles: Vec<Value> = roles
        .iter()
        .map(|(id, role)| role_json(call, id, role))
        .collect();
    Ok(Reply::json(&roles))
}

fn role(call: &Call) -> Result<Reply, ApiError> {
    let id = role_id(call)?;
    call.require(format!("auth:get-role:{id}"))?;
    let role = call.services.registry().role(id);
    let role = role.ok_or_else(|| ApiError::not_found("Role not found"))?;
    Ok(Reply::json(&role_json(call, id, &role)))
}

/// Nobody can give what they do not have.
async fn put_role(name: &str, call: &Call) -> Result<Reply, ApiError> {
    let id = role_id(call)?;
    let body = call.checked(Schema::Role)?;
    let scopes = scopes_of(body, "scopes");
    let (verb, before) = match name {
        "createRole" => ("create", None),
        _ => ("update", call.services.registry().role(id)),
    };
    let mut needed = vec![Requirement::Scope(format!("auth:{verb}-role:{id}"))];
    needed.extend(scopes.iter().cloned().map(Requirement::Scope));
    call.require(Requirement::AllOf(needed))?;
    let registry = call.services.registry();
    if verb == "update" && before.is_none() {
        return Err(ApiError::not_found("Role not found"));
    }
    let description = body.get("description").and_then(Value::as_str);
    let role = RoleRecord {
        description: description.unwrap_or_default().to_owned(),
        scopes,
        created: before.map_or(call.now(), |before| before.created),
        last_modified: call.now(),
    };
    if verb == "create"
        && let Some(there) = registry.role(id)
        && there.scopes != role.scopes
    {
        let text = "Role already exists with other scopes";
        return Err(ApiError::conflict(text));
    }
    registry.put_role(id, role.clone()).await?;
    Ok(Reply::json(&role_json(call, id, &role)))
}

async fn delete_role(call: &Call) -> Result<Reply, ApiError> {
    let id = role_id(call)?;
    call.require(format!("auth:delete-role:{id}"))?;
    call.services.registry().remove_role(id).await?;
    Ok(Reply::empty_object())
}

fn client_json(call: &Call, id: &str, client: &ClientRecord) -> Value {
    json!({
        "clientId": id,
        "description": client.description,
        "scopes": client.scopes,
        "created": format!("{:.3}", client.created),
        "expires": format!("{:.3}", client.expires),
        "disabled": client.disabled,
        "expandedScopes": call.services.registry().expand(&client.scopes),
    })
}

fn list_clients(call: &Call) -> Result<Reply, ApiError> {
    call.require("auth:list-clients".to_owned())?;
    let prefix = call.query.iter().find(|(key, _)| key == "prefix");
    let prefix = prefix.map_or("", |(_, prefix)| prefix.as_str());
    let clients = call.services.registry().clients(prefix);
    let clients: Vec<Value> = clients
        .iter()
        .map(|(id, client)| client_json(call, id, client))
        .collect();
    Ok(Reply::json(&json!({ "clients": clients })))
}

fn client(call: &Call) -> Result<Reply, ApiError> {
    let id = call.param("clientId");
    call.require(format!("auth:get-client:{id}"))?;
    let client = call.services.registry().client(id);
    let client = client.ok_or_else(|| ApiError::not_found("Client not found"))?;
    Ok(Reply::json(&client_json(call, id, &client)))
}

/// The only answer that shows an access token.
async fn create_client(call: &Call) -> Result<Reply, ApiError> {
    let id = call.param("clientId");
    let fits = (1..=255).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!@/:.+|_-".contains(&b));
    if !fits {
        return Err(bad("clientId", id, "letters, digits and !@/:.+|_-"));
    }
    let body = call.checked(Schema::Client)?;
    let scopes = scopes_of(body, "scopes");
    let mut needed = vec![Requirement::Scope(format!("auth:create-client:{id}"))];
    needed.extend(scopes.iter().cloned().map(Requirement::Scope));
    call.require(Requirement::AllOf(needed))?;
    let registry = call.services.registry();
    if [ROOT, QUEUE].contains(&id) || registry.client(id).is_some() {
        return Err(ApiError::conflict("Client already exists"));
    }
    let expires = body.get("expires").and_then(Value::as_str);
    let expires = expires.and_then(|text| text.parse().ok());
    let description = body.get("description").and_then(Value::as_str);
    let client = ClientRecord {
        access_token: crate::auth::random_token()?,
        description: description.unwrap_or_default().to_owned(),
        scopes,
        created: call.now(),
        expires: expires.ok_or_else(|| ApiError::input("expires is no time"))?,
        disabled: false,
    };
    registry.put_client(id, client.clone()).await?;
    let mut answer = client_json(call, id, &client);
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("accessToken".to_owned(), json!(client.access_token));
    }
    Ok(Reply::json(&answer))
}
