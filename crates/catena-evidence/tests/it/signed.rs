// SPDX-License-Identifier: MPL-2.0
//! Requests with credentials: repository tokens (V95, S55) and private artifacts (V31), checked on the
//! other side with the library that Taskcluster's own client uses.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use catena_core::document::ErrorKind;
use catena_core::model::ids::RunId;
use catena_core::policy::{Credentials, Secret};
use catena_core::request::Request;
use catena_evidence::{HttpOptions, HttpSource, Source};
use hawk::{Header, Key, PayloadHasher, RequestBuilder, SHA256};
use serde_json::{Value, json};

use crate::github::{counted, repository, text};
use crate::http::options;
use crate::server::{Got, Reply, Server};

const CLIENT: &str = "project/releng/verifier";
const ACCESS_TOKEN: &str = "an-access-token-of-44-characters-or-so";
const CERTIFICATE: &str = r#"{"version": 1, "scopes": ["*"], "seed": "s", "signature": "x"}"#;

fn credentials(certificate: Option<&str>) -> Credentials {
    Credentials {
        client_id: CLIENT.to_owned(),
        access_token: Secret::new(ACCESS_TOKEN),
        certificate: certificate.map(Secret::new),
    }
}

fn key() -> Key {
    Key::new(ACCESS_TOKEN, SHA256).unwrap()
}

/// Host and port as the request names them.
fn place(got: &Got) -> (String, u16) {
    let host = got.header("host").unwrap();
    let (host, port) = host.split_once(':').unwrap_or((host, "443"));
    (host.to_owned(), port.parse().unwrap())
}

/// Returns the `ext` of a signed POST, if its signature is good.
fn signed(got: &Got, access_token: &str) -> Option<Option<String>> {
    let header: Header = got
        .header("authorization")?
        .strip_prefix("Hawk ")?
        .parse()
        .ok()?;
    let (host, port) = place(got);
    let hash = PayloadHasher::hash("application/json", SHA256, &got.body).unwrap();
    let request = RequestBuilder::new(&got.method, &host, port, &got.target)
        .hash(&hash[..])
        .request();
    let key = Key::new(access_token, SHA256).unwrap();
    let good = header.id.as_deref() == Some(CLIENT)
        && header.hash.is_some()
        && got.header("content-type") == Some("application/json")
        && request.validate_header(&header, &key, Duration::from_secs(60));
    good.then_some(header.ext)
}

/// An auth service that gives tokens named after the repository and counted.
fn auth(got: &Got, count: u32) -> Reply {
    if signed(got, ACCESS_TOKEN).is_none() {
        return Reply::status(401);
    }
    let Some(owner) = got
        .target
        .strip_prefix("/api/auth/v1/github/read/")
        .and_then(|rest| rest.strip_suffix("/repo-token"))
    else {
        return Reply::status(404);
    };
    let asked: Value = serde_json::from_slice(&got.body).unwrap();
    let name = asked["repositories"][0].as_str().unwrap();
    let due = json!({
        "repositories": [name],
        "permissions": {"contents": "read", "metadata": "read", "pull_requests": "read"},
    });
    assert_eq!(asked, due);
    let token = format!("ghs_{owner}_{name}_{count}");
    Reply::ok(json!({"token": token, "expires": "2999-01-01T00:00:00.000Z"}).to_string())
}

/// GitHub's API under its own name, and the options to reach it.
async fn github(
    root: &str,
    handler: impl Fn(&Got) -> Reply + Send + Sync + 'static,
) -> (Server, HttpOptions) {
    let (server, certificate) = Server::start_tls_as("api.github.com", handler).await;
    let mut options = options(root);
    options.ca_bundle = Some(certificate);
    let address = SocketAddr::from(([127, 0, 0, 1], server.port));
    options.resolve.insert("api.github.com".to_owned(), address);
    (server, options)
}

fn token(got: &Got) -> &str {
    got.header("authorization").unwrap_or("none")
}

#[tokio::test]
async fn each_repository_has_its_token_v95_s55() {
    let count = AtomicU32::new(0);
    let deployment =
        Server::start(move |got| auth(got, count.fetch_add(1, Ordering::Relaxed))).await;
    let (api, mut options) = github(&deployment.root(), |_| Reply::ok("{}")).await;
    options.credentials = Some(credentials(Some(CERTIFICATE)));
    options.github_token = Some(Secret::new("fixed"));
    let source = HttpSource::new(&options).unwrap();
    let branches = |name| Request::Branches {
        repo: crate::github::repo(name),
    };
    let (a, b, c) = (repository("a"), branches("a"), repository("b"));
    let (a, b, c) = tokio::join!(source.fetch(&a), source.fetch(&b), source.fetch(&c));
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    let sent: std::collections::BTreeSet<_> = api
        .seen()
        .iter()
        .map(|got| token(got).rsplit_once('_').unwrap().0.to_owned())
        .collect();
    let due = ["Bearer ghs_octo_a", "Bearer ghs_octo_b"].map(str::to_owned);
    assert_eq!(sent, due.into());
    // asked once for each, with the certificate, and never told the access token
    let seen = deployment.seen();
    assert_eq!(seen.len(), 2);
    for got in &seen {
        let ext = signed(got, ACCESS_TOKEN).unwrap().unwrap();
        let ext: Value = serde_json::from_slice(&BASE64_STANDARD.decode(ext).unwrap()).unwrap();
        let due: Value = serde_json::from_str(CERTIFICATE).unwrap();
        assert_eq!(ext, json!({"certificate": due}));
        assert!(signed(got, "another").is_none());
        assert!(!format!("{got:?}").contains(ACCESS_TOKEN));
    }
    assert_eq!(source.stats().requests, 5);
}

#[tokio::test]
async fn a_token_at_its_end_is_replaced_v95() {
    let count = AtomicU32::new(0);
    let deployment = Server::start(move |got| {
        assert!(signed(got, ACCESS_TOKEN).is_some());
        let count = count.fetch_add(1, Ordering::Relaxed);
        let end = jiff::Timestamp::now() + Duration::from_secs(60);
        Reply::ok(json!({"token": format!("t{count}"), "expires": end.to_string()}).to_string())
    })
    .await;
    let (api, mut options) = github(&deployment.root(), |_| Reply::ok("[]")).await;
    options.credentials = Some(credentials(None));
    let source = HttpSource::new(&options).unwrap();
    source.fetch(&repository("a")).await.unwrap();
    let repo = crate::github::repo("a");
    source.fetch(&Request::Branches { repo }).await.unwrap();
    let seen = api.seen();
    assert_eq!(
        seen.iter().map(token).collect::<Vec<_>>(),
        ["Bearer t0", "Bearer t1"]
    );
}

#[tokio::test]
async fn without_the_deployments_token_the_configured_one_counts_v95() {
    let html = || Reply::ok("<html>");
    for (reply, fixed, due, asked) in [
        (Reply::status(403), Some("fixed"), "Bearer fixed", 1),
        (Reply::status(404), None, "none", 1),
        (Reply::status(500), Some("fixed"), "Bearer fixed", 5),
        (
            Reply::redirect("/elsewhere"),
            Some("fixed"),
            "Bearer fixed",
            5,
        ),
        (html(), None, "none", 1),
        (Reply::ok(r#"{"token": "a\nb"}"#), None, "none", 1),
        (Reply::ok(vec![b' '; 1 << 20]), None, "none", 1),
    ] {
        let shown = format!("{:.200}", format!("{reply:?}"));
        let deployment = Server::start(move |_| reply.clone()).await;
        let (api, mut options) = github(&deployment.root(), |_| Reply::status(404)).await;
        options.credentials = Some(credentials(None));
        options.github_token = fixed.map(Secret::new);
        let source = HttpSource::new(&options).unwrap();
        let error = source.fetch(&repository("a")).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Absent, "{shown}");
        assert!(error.detail.contains("gave no token"), "{error}");
        assert_eq!(token(&api.seen()[0]), due, "{shown}");
        let seen = deployment.seen();
        assert_eq!(seen.len(), asked, "{shown}");
        assert!(seen.iter().all(|got| got.method == "POST"));
    }
}

#[tokio::test]
async fn without_credentials_the_deployment_is_not_asked_v95() {
    let deployment = Server::start(|_| Reply::status(500)).await;
    for fixed in [None, Some("fixed")] {
        let (api, mut options) = github(&deployment.root(), |_| Reply::ok("{}")).await;
        options.github_token = fixed.map(Secret::new);
        let source = HttpSource::new(&options).unwrap();
        source.fetch(&repository("a")).await.unwrap();
        let due = fixed.map_or_else(|| "none".to_owned(), |token| format!("Bearer {token}"));
        assert_eq!(token(&api.seen()[0]), due);
    }
    assert!(deployment.seen().is_empty());
}

/// Over TLS to the API itself the token is sent, and again after a rename there; elsewhere it is not.
#[tokio::test]
async fn the_token_follows_no_redirect_elsewhere_s55() {
    let elsewhere = Server::start(|_| Reply::ok("{}")).await;
    let (api, mut options) = github("http://127.0.0.1:1", |got| match got.target.as_str() {
        "/repos/octo/moved" => Reply::redirect("/repositories/1"),
        "/repos/octo/away" => Reply::redirect("https://away.example.org/x"),
        _ => Reply::ok("{}"),
    })
    .await;
    options
        .endpoints
        .insert("https://away.example.org".to_owned(), elsewhere.root());
    // which leads to a local address here
    options.artifact_hosts.insert("api.github.com".to_owned());
    options.github_token = Some(Secret::new("fixed"));
    options.relax_redirects = true;
    let source = HttpSource::new(&options).unwrap();
    for name in ["moved", "away"] {
        source.fetch(&repository(name)).await.unwrap();
    }
    let seen = api.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|got| token(got) == "Bearer fixed"));
    assert_eq!(
        elsewhere.seen().iter().map(token).collect::<Vec<_>>(),
        ["none"]
    );
    // and what the other host says of its budget is not GitHub's
    assert_eq!(source.stats().github.unwrap().requests, 3);
}

/// No token is sent to a loopback origin, so none is asked for (P24).
#[tokio::test]
async fn a_mapped_api_needs_no_token_s55() {
    let deployment = Server::start(|got| match got.method.as_str() {
        "POST" => Reply::status(500),
        _ => Reply::ok("{}"),
    })
    .await;
    let mut options = options(&deployment.root());
    options
        .endpoints
        .insert("https://api.github.com".to_owned(), deployment.root());
    options.credentials = Some(credentials(None));
    options.github_token = Some(Secret::new("fixed"));
    let source = HttpSource::new(&options).unwrap();
    source.fetch(&repository("a")).await.unwrap();
    let seen = deployment.seen();
    assert_eq!(seen.iter().map(token).collect::<Vec<_>>(), ["none"]);
}

/// Answers are kept by who may see them, and no token lies on disk (S55, P22).
#[tokio::test]
async fn what_is_kept_is_kept_by_identity_p22() {
    let count = Arc::new(AtomicU32::new(0));
    let minted = Arc::clone(&count);
    let deployment =
        Server::start(move |got| auth(got, minted.fetch_add(1, Ordering::Relaxed))).await;
    let (api, mut options) = github(&deployment.root(), |got| {
        match got.header("if-none-match") {
            Some("\"1\"") => Reply::status(304),
            _ => Reply::ok("{}").with("ETag", "\"1\""),
        }
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    options.cache_dir = Some(dir.path().join("cache"));
    let mut hits = Vec::new();
    for (fixed, own) in [
        (None, None),
        (Some("one"), None),
        (Some("two"), None),
        (Some("one"), None),
        (None, Some(credentials(None))),
        // another token for the same client and repository
        (None, Some(credentials(None))),
        (None, None),
    ] {
        options.github_token = fixed.map(Secret::new);
        options.credentials = own;
        let source = HttpSource::new(&options).unwrap();
        source.fetch(&repository("a")).await.unwrap();
        hits.push(source.stats().github.unwrap().not_modified);
    }
    assert_eq!(hits, [0, 0, 0, 1, 0, 1, 1]);
    let tokens: std::collections::BTreeSet<_> =
        api.seen().iter().map(|got| token(got).to_owned()).collect();
    assert_eq!(tokens.len(), 5, "{tokens:?}");
    for folder in ["entries", "bodies"] {
        for file in std::fs::read_dir(dir.path().join("cache").join(folder)).unwrap() {
            let path = file.unwrap().path();
            let all = format!(
                "{} {}",
                path.display(),
                std::fs::read_to_string(&path).unwrap()
            );
            for secret in ["one", "two", "ghs_", ACCESS_TOKEN, "Bearer"] {
                assert!(!all.contains(secret), "{all}");
            }
        }
    }
}

fn artifact(name: &str) -> Request {
    Request::Artifact {
        task: "YyxNNh7mTAmwDhB4Itm0jg".parse().unwrap(),
        run: RunId(2),
        name: name.parse().unwrap(),
    }
}

/// Returns until when a request's bewit is good, and its `ext`, if it carries a good one.
fn opened(got: &Got) -> Option<(SystemTime, Option<String>)> {
    assert_eq!(got.header("authorization"), None);
    let (host, port) = place(got);
    let mut bewit = None;
    let request = RequestBuilder::new(&got.method, &host, port, &got.target);
    let request = request.extract_bewit(&mut bewit).unwrap().request();
    let bewit =
        bewit.filter(|bewit| bewit.id() == CLIENT && request.validate_bewit(bewit, &key()))?;
    Some((bewit.exp(), bewit.ext().map(str::to_owned)))
}

#[tokio::test]
async fn a_private_artifact_is_fetched_by_a_signed_url_v31() {
    let storage = Server::start(|_| Reply::ok("secret body")).await;
    let target = format!("{}/bucket/object?signature=1", storage.root());
    let queue = Server::start(move |got| {
        let name = "/api/queue/v1/task/YyxNNh7mTAmwDhB4Itm0jg/runs/2/artifacts/";
        assert!(got.target.starts_with(name), "{}", got.target);
        let Some((end, ext)) = opened(got) else {
            return Reply::status(403);
        };
        let left = end.duration_since(SystemTime::now()).unwrap();
        assert!(left <= Duration::from_secs(900) && left > Duration::from_secs(800));
        let ext = ext.map(|ext| BASE64_STANDARD.decode(ext).unwrap());
        assert!(ext.is_some_and(|ext| String::from_utf8(ext).unwrap().contains("certificate")));
        Reply::redirect(target.clone())
    })
    .await;
    let mut ours = options(&queue.root());
    ours.endpoints
        .insert("https://storage.example.org".to_owned(), storage.root());
    ours.credentials = Some(credentials(Some(CERTIFICATE)));
    let source = HttpSource::new(&ours).unwrap();
    let document = source
        .fetch(&artifact("private/build/a b.zip"))
        .await
        .unwrap();
    assert!(
        document
            .origin
            .ends_with("/runs/2/artifacts/private%2Fbuild%2Fa%20b.zip")
    );
    assert!(!format!("{document:?}").contains("bewit"));
    // storage learns nothing that opens the queue
    let seen = storage.seen();
    let [got] = &seen[..] else { panic!() };
    assert_eq!(got.target, "/bucket/object?signature=1");
    assert!(!format!("{got:?}").contains("bewit"), "{got:?}");
    // a public one is asked for as everybody does
    let error = source.fetch(&artifact("public/a.zip")).await.unwrap_err();
    assert_eq!(error.detail, "status 403");
    assert!(!queue.seen()[1].target.contains("bewit"));
}

#[tokio::test]
async fn a_refused_private_artifact_says_what_it_needs_v31_p7() {
    for status in [401, 403] {
        let queue = Server::start(move |_| Reply::status(status)).await;
        for (own, due) in [
            (
                None,
                "needs Taskcluster credentials: set TASKCLUSTER_CLIENT_ID",
            ),
            (Some(credentials(None)), "credentials may not read"),
        ] {
            let mut ours = options(&queue.root());
            ours.credentials = own;
            let source = HttpSource::new(&ours).unwrap();
            let error = source.fetch(&artifact("private/x")).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Forbidden, "{error}");
            assert!(error.detail.contains(due), "{error}");
            assert!(!error.to_string().contains("bewit"), "{error}");
        }
    }
    // a connection that fails names no signed URL either
    let mut ours = options("http://127.0.0.1:1");
    ours.credentials = Some(credentials(None));
    ours.retry.attempts = 1;
    let source = HttpSource::new(&ours).unwrap();
    let error = source.fetch(&artifact("private/x")).await.unwrap_err();
    assert!(!format!("{error:?}").contains("bewit"), "{error}");
}

/// Both sides of the deployment are reached by mapping: what is signed is the canonical URL (P24).
#[tokio::test]
async fn the_canonical_url_is_signed_p24() {
    let queue = Server::start(|got| match opened(got) {
        Some(_) if got.header("host") == Some("tc.example.org") => Reply::ok("x"),
        _ => Reply::status(403),
    })
    .await;
    let mut ours = options("https://tc.example.org");
    ours.endpoints
        .insert("https://tc.example.org".to_owned(), queue.root());
    ours.credentials = Some(credentials(None));
    let source = HttpSource::new(&ours).unwrap();
    source.fetch(&artifact("private/x")).await.unwrap();
}

/// The official client signs the same way, and is believed by the same test.
#[tokio::test]
async fn the_official_client_agrees() {
    let deployment = Server::start(|got| auth(got, 7)).await;
    let official = taskcluster::ClientBuilder::new(deployment.root()).credentials(
        taskcluster::Credentials::new_with_certificate(CLIENT, ACCESS_TOKEN, CERTIFICATE),
    );
    let payload = json!({
        "repositories": ["a"],
        "permissions": {"contents": "read", "metadata": "read", "pull_requests": "read"},
    });
    let answer = taskcluster::Auth::new(official)
        .unwrap()
        .githubRepoToken("read", "octo", &payload)
        .await
        .unwrap();
    assert_eq!(answer["token"], "ghs_octo_a_7");
    let (api, mut options) = github(&deployment.root(), |_| Reply::ok("{}")).await;
    options.credentials = Some(credentials(Some(CERTIFICATE)));
    let source = HttpSource::new(&options).unwrap();
    assert_eq!(text(source.fetch(&repository("a")).await), "{}");
    assert_eq!(token(&api.seen()[0]), "Bearer ghs_octo_a_7");
    let seen = deployment.seen();
    let target = |got: &Got| (got.method.clone(), got.target.clone());
    assert_eq!(target(&seen[0]), target(&seen[1]));
    let bodies: Vec<Value> = seen
        .iter()
        .map(|got| serde_json::from_slice(&got.body).unwrap())
        .collect();
    assert_eq!(bodies[0], bodies[1]);
    // `ext` means the same, whatever the spaces
    let ext = |got: &Got| -> Value {
        let ext = signed(got, ACCESS_TOKEN).unwrap().unwrap();
        serde_json::from_slice(&BASE64_STANDARD.decode(ext).unwrap()).unwrap()
    };
    assert_eq!(ext(&seen[0]), ext(&seen[1]));
    assert_eq!(counted(&seen).len(), 1);
}
