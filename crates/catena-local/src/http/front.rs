// SPDX-License-Identifier: MPL-2.0
//! Reads requests and answers them: what all services share.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use axum::http::request::Parts;
use axum::http::{HeaderName, Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use futures::StreamExt as _;
use indexmap::IndexMap;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::call::Call;
use super::error::{ApiError, Code, Info};
use super::reply::Reply;
use super::route::{self, Endpoint, Params};
use super::services::Services;
use super::{auth, bucket, index, object, queue, secrets};
use crate::auth::{Caller, RequestHead, authenticate};

/// All services, under their paths of one origin.
pub fn router(services: Services) -> Router {
    Router::new()
        .route("/api/{service}/v1/{*call}", any(api))
        .route("/bucket/{*object}", any(bucket::serve))
        .with_state(services)
}

/// Which service a path means.
#[derive(Clone, Copy, Debug)]
enum Service {
    Auth,
    Index,
    Object,
    Queue,
    Secrets,
}

impl Service {
    fn find(path: &str) -> Option<(Self, &str)> {
        let (name, rest) = path.strip_prefix("/api/")?.split_once("/v1/")?;
        let service = match name {
            "auth" => Self::Auth,
            "index" => Self::Index,
            "object" => Self::Object,
            "queue" => Self::Queue,
            "secrets" => Self::Secrets,
            _ => return None,
        };
        Some((service, rest))
    }

    const fn table(self) -> &'static [Endpoint] {
        match self {
            Self::Auth => auth::TABLE,
            Self::Index => index::TABLE,
            Self::Object => object::TABLE,
            Self::Queue => queue::TABLE,
            Self::Secrets => secrets::TABLE,
        }
    }

    async fn call(self, name: &'static str, call: &Call) -> Result<Reply, ApiError> {
        match self {
            Self::Auth => auth::call(name, call).await,
            Self::Index => index::call(name, call).await,
            Self::Object => object::call(name, call).await,
            Self::Queue => queue::call(name, call).await,
            Self::Secrets => secrets::call(name, call).await,
        }
    }
}

/// Calls that everybody may make of every service.
const OPEN: &[Endpoint] = &[
    ("GET", "ping", "ping"),
    ("GET", "__heartbeat__", "heartbeat"),
    ("GET", "__lbheartbeat__", "lbheartbeat"),
    ("GET", "__version__", "version"),
];

/// What is known of a request when it fails.
struct Asked {
    name: &'static str,
    params: Params,
    payload: Option<Value>,
}

async fn api(State(services): State<Services>, request: Request) -> Response {
    let mut asked = Asked {
        name: "unknown",
        params: IndexMap::new(),
        payload: None,
    };
    match answer(&services, request, &mut asked).await {
        Ok(reply) => reply.into_response(),
        Err(error) => {
            let secret = matches!(asked.name, "set" | "createClient");
            let info = Info {
                method: asked.name,
                params: &asked.params,
                payload: asked.payload.as_ref().filter(|_| !secret),
                time: services.now(),
            };
            error.reply(&info).into_response()
        }
    }
}

async fn answer(
    services: &Services,
    request: Request,
    asked: &mut Asked,
) -> Result<Reply, ApiError> {
    let (parts, body) = request.into_parts();
    if parts.method == Method::OPTIONS {
        return Ok(Reply::empty_object());
    }
    let body = read_body(&parts, body, services.caps().body).await?;
    let missing = || ApiError::not_found("Route not found");
    let (service, path) = Service::find(parts.uri.path()).ok_or_else(missing)?;
    if let Some((name, _)) = route::find(OPEN, &parts.method, path)? {
        return Ok(open(name, services));
    }
    let (name, params) = route::find(service.table(), &parts.method, path)?.ok_or_else(missing)?;
    asked.name = name;
    asked.params = params.clone();
    let caller = caller(services, &parts, &body)?;
    let payload = payload(&parts, &body)?;
    asked.payload.clone_from(&payload);
    let call = Call {
        services: services.clone(),
        caller,
        params,
        query: query(&parts.uri),
        payload,
    };
    service.call(name, &call).await
}

fn open(name: &str, services: &Services) -> Reply {
    match name {
        "ping" => {
            let uptime = services.started().duration_until(services.now());
            Reply::json(&json!({"alive": true, "uptime": uptime.as_secs_f64()}))
        }
        "version" => Reply::json(&json!({"version": env!("CARGO_PKG_VERSION")})),
        _ => Reply::empty_object(),
    }
}

/// Checks who calls.
fn caller(services: &Services, parts: &Parts, body: &[u8]) -> Result<Caller, ApiError> {
    let bad = |text: &str| ApiError::new(Code::AuthenticationFailed, text);
    let text = |name: HeaderName, unfit: &'static str| {
        let mut values = parts.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => value.to_str().map(Some).map_err(|_| bad(unfit)),
            (Some(_), Some(_)) => Err(bad(unfit)),
        }
    };
    let authorization = text(AUTHORIZATION, "Bad Authorization header")?;
    let content_type = text(CONTENT_TYPE, "Bad Content-Type header")?.unwrap_or_default();
    let host = text(HOST, "Bad Host header")?.unwrap_or_default();
    let (host, port) = split_host(host).ok_or_else(|| bad("Bad Host header"))?;
    let resource = parts.uri.path_and_query();
    let head = RequestHead {
        method: parts.method.as_str(),
        resource: resource.map_or("/", |resource| resource.as_str()),
        host,
        port,
        authorization,
        payload: Some((content_type, body)),
    };
    Ok(authenticate(&head, services.registry(), services.now())?)
}

/// Host and port of a `Host` header; IPv6 addresses keep their brackets.
fn split_host(text: &str) -> Option<(&str, u16)> {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => Some((host, port.parse().ok()?)),
        _ => Some((text, 80)),
    }
}

/// Reads a body up to a limit; of one that is larger nothing is kept.
async fn read_body(parts: &Parts, body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let announced = parts.headers.get(CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let too_large = announced.is_some_and(|length| u64::try_from(limit).unwrap_or(0) < length);
    let mut kept = Vec::new();
    let mut seen: usize = 0;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| {
            ApiError::new(Code::MalformedPayload, "the body ended before its length")
        })?;
        seen = seen.saturating_add(chunk.len());
        if seen <= limit && !too_large {
            kept.extend_from_slice(&chunk);
        } else if seen > limit.saturating_mul(DRAIN) {
            break;
        }
    }
    if too_large || seen > limit {
        let text = format!("The body has more than {limit} bytes");
        return Err(ApiError::new(Code::InputTooLarge, text));
    }
    Ok(kept.into())
}

/// The body as JSON, if there is one.
fn payload(parts: &Parts, body: &[u8]) -> Result<Option<Value>, ApiError> {
    if body.is_empty() {
        return Ok(None);
    }
    let malformed = |text| ApiError::new(Code::MalformedPayload, text);
    let content_type = parts.headers.get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default();
    let plain = content_type.split(';').next().unwrap_or_default().trim();
    if !plain.eq_ignore_ascii_case("application/json") {
        let found: String = content_type.chars().take(100).collect();
        return Err(malformed(format!(
            "Payload must be JSON with content-type: application/json got: {found}"
        )));
    }
    serde_json::from_slice(body)
        .map(Some)
        .map_err(|why| malformed(format!("Failed to parse JSON: {why}")))
}

/// The query, decoded.
pub(super) fn query(uri: &Uri) -> Vec<(String, String)> {
    let text = uri.query().unwrap_or_default();
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}

/// How many times the limit is read and dropped, so that a client gets to read the answer.
const DRAIN: usize = 8;
