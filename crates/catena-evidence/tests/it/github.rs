// SPDX-License-Identifier: MPL-2.0
//! GitHub's API: conditional requests (P22), budget (P7, P20), listings (P15), one question once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use catena_core::document::{Answer, Body, ErrorKind};
use catena_core::request::{Repo, Request};
use catena_evidence::{HttpOptions, HttpSource, OptionsError, Source};
use jiff::Timestamp;
use serde_json::Value;

use crate::http::options;
use crate::server::{Got, Reply, Server};

pub(crate) fn repo(name: &str) -> Repo {
    Repo::Github {
        owner: "octo".into(),
        name: name.into(),
    }
}

pub(crate) fn repository(name: &str) -> Request {
    Request::Repository { repo: repo(name) }
}

pub(crate) fn text(answer: Answer) -> String {
    match answer.unwrap().body {
        Body::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Options under which GitHub's API is `server`.
fn mapped(server: &Server) -> HttpOptions {
    let mut options = options(&server.root());
    options
        .endpoints
        .insert("https://api.github.com".to_owned(), server.root());
    options
}

fn cached(server: &Server, dir: &Path) -> HttpOptions {
    let mut options = mapped(server);
    options.cache_dir = Some(dir.join("cache"));
    options
}

/// Answers with `body` under its length as the ETag, or with 304 if the asker has it.
fn conditional(got: &Got, body: &str) -> Reply {
    let etag = format!("W/\"{}\"", body.len());
    if got.header("if-none-match") == Some(&etag) {
        return Reply::status(304).with("ETag", etag);
    }
    Reply::ok(body).with("ETag", etag)
}

fn bodies(dir: &Path) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(dir.join("cache/bodies")).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again_p22() {
    let server = Server::start(|got| conditional(got, "{\"a\": 1}")).await;
    let dir = tempfile::tempdir().unwrap();
    for run in 0..3_u64 {
        let source = HttpSource::new(&cached(&server, dir.path())).unwrap();
        assert_eq!(text(source.fetch(&repository("a")).await), "{\"a\": 1}");
        let github = source.stats().github.unwrap();
        assert_eq!((github.requests, github.not_modified), (1, run.min(1)));
    }
    // each run asks: what is kept is no answer before the host has said so
    assert_eq!(server.seen().len(), 3);
    // without a directory nothing is kept and nothing is asked by condition
    let source = HttpSource::new(&mapped(&server)).unwrap();
    source.fetch(&repository("a")).await.unwrap();
    assert_eq!(server.seen()[3].header("if-none-match"), None);
}

#[tokio::test]
async fn a_change_is_seen_at_once_p22() {
    let version = Arc::new(AtomicUsize::new(1));
    let now = Arc::clone(&version);
    let server =
        Server::start(move |got| conditional(got, &"x".repeat(now.load(Ordering::Relaxed)))).await;
    let dir = tempfile::tempdir().unwrap();
    for length in [1, 2, 2, 1] {
        version.store(length, Ordering::Relaxed);
        let source = HttpSource::new(&cached(&server, dir.path())).unwrap();
        let body = text(source.fetch(&repository("a")).await);
        assert_eq!(body.len(), length);
    }
}

#[tokio::test]
async fn what_is_kept_is_worth_nothing_while_the_host_is_away_p22() {
    let down = Arc::new(AtomicU32::new(0));
    let now = Arc::clone(&down);
    let server = Server::start(move |got| match now.load(Ordering::Relaxed) {
        0 => conditional(got, "{}"),
        status => Reply::status(u16::try_from(status).unwrap()),
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let fetch = async || {
        let source = HttpSource::new(&cached(&server, dir.path())).unwrap();
        source.fetch(&repository("a")).await.map_err(|e| e.kind)
    };
    fetch().await.unwrap();
    for (status, kind) in [
        (404, ErrorKind::Absent),
        (403, ErrorKind::Forbidden),
        (503, ErrorKind::Unavailable),
    ] {
        down.store(status, Ordering::Relaxed);
        assert_eq!(fetch().await.err(), Some(kind), "{status}");
    }
}

#[tokio::test]
async fn damage_is_dropped_and_fetched_anew_p22() {
    let server = Server::start(|got| conditional(got, "{\"a\": 1}")).await;
    let dir = tempfile::tempdir().unwrap();
    let fetch = async || {
        let source = HttpSource::new(&cached(&server, dir.path())).unwrap();
        let body = text(source.fetch(&repository("a")).await);
        (body, source.stats().github.unwrap().not_modified)
    };
    let whole = "{\"a\": 1}".to_owned();
    assert_eq!(fetch().await, (whole.clone(), 0));
    let [body] = &bodies(dir.path())[..] else {
        panic!()
    };
    for damage in [&b"{\"a\": 2}"[..], b"{\"a\": 1", b"{\"a\": 1}}", b""] {
        fs::write(body, damage).unwrap();
        assert_eq!(fetch().await, (whole.clone(), 0), "{damage:?}");
        assert_eq!(fetch().await, (whole.clone(), 1), "{damage:?}");
    }
}

/// A host that says 304 unasked has said nothing.
#[tokio::test]
async fn not_modified_without_a_kept_body_is_no_answer() {
    let server = Server::start(|_| Reply::status(304)).await;
    let dir = tempfile::tempdir().unwrap();
    let source = HttpSource::new(&cached(&server, dir.path())).unwrap();
    let error = source.fetch(&repository("a")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Malformed);
}

/// What one origin said is never offered for what another one says, whatever it calls its state.
#[tokio::test]
async fn a_mapped_origin_vouches_for_nobody_else_p24() {
    let fake = Server::start(|_| Reply::ok("{\"fake\": 1}").with("ETag", "\"1\"")).await;
    let honest = Server::start(|got| match got.header("if-none-match") {
        Some("\"1\"") => Reply::status(304),
        _ => Reply::ok("{}").with("ETag", "\"1\""),
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let mut bodies = Vec::new();
    for server in [&fake, &honest, &honest] {
        let source = HttpSource::new(&cached(server, dir.path())).unwrap();
        bodies.push(text(source.fetch(&repository("a")).await));
    }
    assert_eq!(bodies, ["{\"fake\": 1}", "{}", "{}"]);
}

#[tokio::test]
async fn only_github_and_projects_are_kept_p22() {
    let server = Server::start(|got| conditional(got, "{\"artifacts\": []}")).await;
    let dir = tempfile::tempdir().unwrap();
    let mut options = cached(&server, dir.path());
    options.projects_url = Some(format!("{}/projects.yml", server.root()));
    options.pushlog_url = Some("{repo}/pushes?c={revision}".to_owned());
    options
        .endpoints
        .insert("https://hg.example.org".to_owned(), server.root());
    let task = "YyxNNh7mTAmwDhB4Itm0jg".parse().unwrap();
    let run = catena_core::model::ids::RunId(0);
    let pushlog = Request::Pushlog {
        repo: Repo::Hg {
            host: "hg.example.org".into(),
            path: "/x".into(),
        },
        revision: "abc".parse().unwrap(),
    };
    let others = [
        pushlog,
        Request::ArtifactList { task, run },
        Request::CotBody { task, run },
        Request::Definition { task },
        Request::Status { task },
    ];
    for _ in 0..2 {
        let source = HttpSource::new(&options).unwrap();
        source.fetch(&Request::Projects).await.unwrap();
        for request in &others {
            source.fetch(request).await.unwrap();
        }
    }
    let seen = server.seen();
    let asked: Vec<_> = seen
        .iter()
        .filter(|got| got.header("if-none-match").is_some())
        .map(|got| got.target.as_str())
        .collect();
    assert_eq!(asked, ["/projects.yml"]);
}

#[tokio::test]
async fn a_directory_that_cannot_be_used_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("cache"), "").unwrap();
    let mut options = HttpOptions::new("https://tc.example.org");
    options.cache_dir = Some(dir.path().join("cache"));
    let error = HttpSource::new(&options).unwrap_err();
    assert!(matches!(error, OptionsError::Cache { .. }), "{error}");
}

fn rate(reply: Reply, remaining: u32) -> Reply {
    let reset = Timestamp::now().as_second() + 1800;
    reply
        .with("X-RateLimit-Limit", "60")
        .with("X-RateLimit-Remaining", remaining.to_string())
        .with("X-RateLimit-Reset", reset.to_string())
        .with("X-RateLimit-Resource", "core")
}

#[tokio::test]
async fn a_used_up_budget_ends_the_asking_p7() {
    let left = AtomicU32::new(3);
    let server =
        Server::start(move |_| rate(Reply::ok("{}"), left.fetch_sub(1, Ordering::Relaxed) - 1))
            .await;
    let source = HttpSource::new(&mapped(&server)).unwrap();
    let mut errors = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        errors.extend(source.fetch(&repository(name)).await.err());
    }
    assert_eq!(server.seen().len(), 3, "nobody asks a host that said no");
    assert_eq!(errors.len(), 2);
    for error in errors {
        assert_eq!(error.kind, ErrorKind::Unavailable);
        for part in ["limit of 60 requests", "resets at 20", "set a GitHub token"] {
            assert!(error.detail.contains(part), "{error}");
        }
    }
    let github = source.stats().github.unwrap();
    assert_eq!((github.remaining, github.limit), (Some(0), Some(60)));
    assert!(github.reset.unwrap().starts_with("20"));
    // the queue is another host
    let task = "YyxNNh7mTAmwDhB4Itm0jg".parse().unwrap();
    source.fetch(&Request::Definition { task }).await.unwrap();
}

/// Each row of the table: what many concurrent questions get, and how often the host is asked.
#[tokio::test]
async fn refusals_are_undetermined_and_make_no_storm_p7_p20() {
    let status = Reply::status;
    let limited = || {
        let body = br#"{"message": "You have exceeded a secondary rate limit. Please wait"}"#;
        Reply::ok(&body[..]).coded(403)
    };
    for (reply, kind, said) in [
        (status(403), ErrorKind::Forbidden, "status 403"),
        (status(401), ErrorKind::Forbidden, "status 401"),
        (rate(status(403), 0), ErrorKind::Unavailable, "resets at"),
        (rate(status(429), 0), ErrorKind::Unavailable, "resets at"),
        (rate(status(403), 50), ErrorKind::Forbidden, "status 403"),
        (
            status(403).with("Retry-After", "900"),
            ErrorKind::Unavailable,
            "s is longer than we wait",
        ),
        (
            status(429).with("Retry-After", "900"),
            ErrorKind::Unavailable,
            "not to be asked before 20",
        ),
        (limited(), ErrorKind::Unavailable, "not to be asked before"),
        (
            status(429),
            ErrorKind::Unavailable,
            "not to be asked before",
        ),
    ] {
        let shown = format!("{reply:?}");
        let server = Server::start(move |_| reply.clone()).await;
        let mut options = mapped(&server);
        options.retry.deadline = Duration::from_secs(30);
        options.concurrency = 1; // so that the second one can know what the first one was told
        let source = HttpSource::new(&options).unwrap();
        let requests: Vec<_> = (0..10).map(|at| repository(&format!("r{at}"))).collect();
        let flights = requests.iter().map(|request| source.fetch(request));
        for answer in futures::future::join_all(flights).await {
            let error = answer.unwrap_err();
            assert_eq!(error.kind, kind, "{shown}: {error}");
            assert!(error.detail.contains(said), "{shown}: {error}");
        }
        let most = if kind == ErrorKind::Unavailable {
            1
        } else {
            10
        };
        assert_eq!(server.seen().len(), most, "{shown}");
    }
}

#[tokio::test]
async fn a_short_pause_is_kept_by_all_p20() {
    let first = AtomicU32::new(0);
    let server = Server::start(move |_| match first.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::status(403).with("Retry-After", "1"),
        _ => Reply::ok("{}"),
    })
    .await;
    let mut options = mapped(&server);
    options.concurrency = 1;
    let source = HttpSource::new(&options).unwrap();
    let start = std::time::Instant::now();
    let (a, b) = (repository("a"), repository("b"));
    let (a, b) = tokio::join!(source.fetch(&a), source.fetch(&b));
    assert!(a.is_ok() && b.is_ok());
    assert!(start.elapsed() >= Duration::from_millis(900));
    assert_eq!(server.seen().len(), 3);
}

/// A host that is not GitHub and asks for a longer pause than there is time for.
#[tokio::test]
async fn a_long_pause_is_not_waited_for_p20() {
    let server = Server::start(|_| Reply::status(503).with("Retry-After", "3600")).await;
    let source = HttpSource::new(&options(&server.root())).unwrap();
    let task = "YyxNNh7mTAmwDhB4Itm0jg".parse().unwrap();
    let error = source
        .fetch(&Request::Definition { task })
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.detail.contains("a pause of 3600 s"), "{error}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn listings_of_many_pages_become_one_p15() {
    let server = Server::start(|got| {
        let query = got.target.split_once('?').unwrap().1.replace('&', " ");
        let page = match query
            .rsplit_once("page=")
            .map(|(head, page)| (head.ends_with("per_"), page))
        {
            Some((true, "100")) => 1,
            Some((false, page)) => page.parse().unwrap(),
            other => panic!("{other:?}"),
        };
        let count = if page < 3 { 100 } else { 7 };
        let names: Vec<Value> = (0..count)
            .map(|at| serde_json::json!({"name": format!("b{page}-{at}"), "protected": true}))
            .collect();
        conditional(got, &Value::from(names).to_string())
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    for request in [
        Request::Branches { repo: repo("a") },
        Request::Tags { repo: repo("a") },
    ] {
        for not_modified in [0, 3] {
            let source = HttpSource::new(&cached(&server, dir.path())).unwrap();
            let whole: Vec<Value> =
                serde_json::from_str(&text(source.fetch(&request).await)).unwrap();
            assert_eq!((whole.len(), &whole[206]["name"]), (207, &"b3-6".into()));
            assert_eq!(source.stats().github.unwrap().not_modified, not_modified);
        }
    }
}

#[tokio::test]
async fn listings_without_an_end_are_no_list() {
    let page = format!("[{}]", vec!["{}"; 100].join(","));
    let server = Server::start(move |_| Reply::ok(page.clone())).await;
    let mut options = mapped(&server);
    options.limits.github = 4096;
    let source = HttpSource::new(&options).unwrap();
    let listing = source.fetch(&Request::Branches { repo: repo("a") }).await;
    assert_eq!(listing.unwrap_err().kind, ErrorKind::TooLarge);
}

/// Counts how often each target was asked.
pub(crate) fn counted(seen: &[Got]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for got in seen {
        *counts.entry(got.target.as_str()).or_default() += 1;
    }
    counts
}
