// SPDX-License-Identifier: MPL-2.0
//! What answers mean (P7), retries (P20), content coding (S15), paging (V42), single flight.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use catena_core::document::{Answer, Body, ErrorKind};
use catena_core::model::ids::{RunId, TaskId};
use catena_core::request::{Repo, Request};
use catena_crypto::digest::{Algorithm, Digest};
use catena_evidence::{Event, HttpOptions, HttpSource, Progress, Proxy, Source};
use flate2::Compression;
use flate2::read::GzEncoder;

use crate::server::{Got, Reply, Server};

const RUN: RunId = RunId(0);

fn task() -> TaskId {
    "YyxNNh7mTAmwDhB4Itm0jg".parse().unwrap()
}

fn definition() -> Request {
    Request::Definition { task: task() }
}

fn artifact(name: &str) -> Request {
    Request::Artifact {
        task: task(),
        run: RUN,
        name: name.parse().unwrap(),
    }
}

pub(crate) fn options(root: &str) -> HttpOptions {
    let mut options = HttpOptions::new(root);
    options.proxy = Proxy::Direct;
    options.retry.base = Duration::from_millis(1);
    options.retry.cap = Duration::from_millis(4);
    options
}

fn text(answer: Answer) -> String {
    match answer.unwrap().body {
        Body::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    GzEncoder::new(plain, Compression::fast())
        .read_to_end(&mut wire)
        .unwrap();
    wire
}

/// Answers the first requests from a list, the others well.
fn script(replies: Vec<Reply>) -> impl Fn(&Got) -> Reply + Send + Sync {
    let next = AtomicU32::new(0);
    move |_| {
        let at = next.fetch_add(1, Ordering::Relaxed);
        let scripted = usize::try_from(at)
            .ok()
            .and_then(|at| replies.get(at))
            .cloned();
        scripted.unwrap_or_else(|| Reply::ok("{\"well\": true}"))
    }
}

#[tokio::test]
async fn answers_p7() {
    let html = || Reply::ok("<html>").with("Content-Type", "text/html; charset=utf-8");
    for (reply, kind, attempts) in [
        (Reply::status(404), ErrorKind::Absent, 1),
        (Reply::status(410), ErrorKind::Absent, 1),
        (Reply::status(424), ErrorKind::Absent, 1),
        (Reply::status(401), ErrorKind::Forbidden, 1),
        (Reply::status(403), ErrorKind::Forbidden, 1),
        (Reply::status(400), ErrorKind::Malformed, 1),
        (Reply::status(408), ErrorKind::Unavailable, 5),
        (Reply::status(429), ErrorKind::Unavailable, 5),
        (Reply::status(500), ErrorKind::Unavailable, 5),
        (Reply::status(503), ErrorKind::Unavailable, 5),
        (Reply::status(202), ErrorKind::Malformed, 5),
        (Reply::dropped(), ErrorKind::Unavailable, 5),
        (Reply::ok("{\"half\": 1}").cut(5), ErrorKind::Unavailable, 5),
        (Reply::ok("{}").cut(0), ErrorKind::Unavailable, 5),
        (html(), ErrorKind::Malformed, 5),
        (
            Reply::ok("x").with("Content-Encoding", "br"),
            ErrorKind::Malformed,
            5,
        ),
        (
            Reply::ok("x").with("Content-Encoding", "gzip"),
            ErrorKind::Malformed,
            5,
        ),
    ] {
        let shown = format!("{reply:?}");
        let server = Server::start(move |_| reply.clone()).await;
        let source = HttpSource::new(&options(&server.root())).unwrap();
        let error = source.fetch(&definition()).await.unwrap_err();
        assert_eq!(error.kind, kind, "{shown}: {error}");
        assert!(
            error.origin.ends_with("/task/YyxNNh7mTAmwDhB4Itm0jg"),
            "{}",
            error.origin
        );
        // a client may repeat by itself what was lost on a kept connection, never more often
        assert_eq!(server.seen().len(), attempts, "{shown}");
    }
    let source = HttpSource::new(&options("http://127.0.0.1:1")).unwrap();
    let error = source.fetch(&definition()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn passing_failures_pass_p20_v96() {
    let html = Reply::ok("<html>").with("Content-Type", "text/html");
    let faults = vec![
        Reply::status(500),
        Reply::ok("{\"cut\": 1}").cut(3),
        html,
        Reply::dropped(),
    ];
    let server = Server::start(script(faults)).await;
    let source = HttpSource::new(&options(&server.root())).unwrap();
    assert_eq!(text(source.fetch(&definition()).await), "{\"well\": true}");
    assert_eq!(source.stats().retries, 4);
    assert_eq!(source.stats().requests, 5);
}

#[tokio::test]
async fn retry_after_is_waited_for_p20() {
    let server = Server::start(script(vec![Reply::status(429).with("Retry-After", "1")])).await;
    let source = HttpSource::new(&options(&server.root())).unwrap();
    let start = std::time::Instant::now();
    source.fetch(&definition()).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn the_deadline_ends_silence_p20() {
    let server = Server::start(|_| Reply::ok("{}").after(Duration::from_secs(60))).await;
    let mut options = options(&server.root());
    options.retry.deadline = Duration::from_millis(50);
    let source = HttpSource::new(&options).unwrap();
    let error = source.fetch(&definition()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn pages_for_people_are_data_only_where_they_are_due_v97() {
    let page = |got: &Got| {
        let asked = got.header("accept").unwrap_or("").to_owned();
        Reply::ok(asked).with("Content-Type", "text/html")
    };
    let server = Server::start(page).await;
    let mut options = options(&server.root());
    options
        .endpoints
        .insert("https://github.com".to_owned(), server.root());
    let source = HttpSource::new(&options).unwrap();
    let repo = Repo::Github {
        owner: "octo".into(),
        name: "widget".into(),
    };
    let landed = Request::BranchCommits {
        repo,
        revision: "abc".parse().unwrap(),
    };
    let document = source.fetch(&landed).await.unwrap();
    assert_eq!(
        &*document.origin,
        "https://github.com/octo/widget/branch_commits/abc"
    );
    assert_eq!(text(Ok(document)), "text/html");
    assert_eq!(server.seen()[0].header("host"), Some("github.com"));
    // an artifact may be a page, and is called so; its digest tells
    assert!(source.fetch(&artifact("public/index.html")).await.is_ok());
    for data in [
        "public/actions.json",
        "public/build/target.zip",
        "public/log",
    ] {
        let error = source.fetch(&artifact(data)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Malformed, "{data}");
    }
    let cot = source
        .fetch(&Request::CotBody {
            task: task(),
            run: RUN,
        })
        .await;
    assert_eq!(cot.unwrap_err().kind, ErrorKind::Malformed);
}

#[tokio::test]
async fn content_coding_is_undone_once_s15_v44() {
    let plain = b"artifact".repeat(100_000);
    let (once, twice) = (gzip(&plain), gzip(&gzip(&plain)));
    let server = Server::start(move |got| {
        assert_eq!(got.header("accept-encoding"), Some("gzip"));
        let body = if got.target.ends_with("tar.gz") {
            twice.clone()
        } else {
            once.clone()
        };
        let coded = Reply::ok(body);
        if got.target.ends_with("plain.gz") {
            coded
        } else {
            coded.with("Content-Encoding", "gzip")
        }
    })
    .await;
    let source = HttpSource::new(&options(&server.root())).unwrap();
    for (name, expected) in [
        ("public/a.json", plain.clone()),
        ("public/a.tar.gz", gzip(&plain)),
        ("public/plain.gz", gzip(&plain)),
    ] {
        let Body::Stored(body) = source.fetch(&artifact(name)).await.unwrap().body else {
            panic!()
        };
        assert_eq!(
            body.digest(Algorithm::Sha256).unwrap(),
            Digest::of(Algorithm::Sha256, &expected)
        );
        assert_eq!(body.bytes(u64::MAX).unwrap(), expected, "{name}");
        assert_eq!(body.bytes(10).unwrap_err().kind, ErrorKind::TooLarge);
    }
}

#[tokio::test]
async fn byte_caps_hold_before_and_after_decoding_s17() {
    let bomb = gzip(&vec![0; 8 << 20]);
    let server = Server::start(move |got| match &got.target {
        path if path.ends_with("/status") => {
            Reply::ok(bomb.clone()).with("Content-Encoding", "gzip")
        }
        _ => Reply::ok(vec![b' '; 5 << 20]),
    })
    .await;
    let source = HttpSource::new(&options(&server.root())).unwrap();
    for request in [definition(), Request::Status { task: task() }] {
        let error = source.fetch(&request).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge, "{error}");
    }
    assert_eq!(server.seen().len(), 2, "not tried again");
}

#[tokio::test]
async fn downloads_have_a_budget_together_s17() {
    let server = Server::start(|_| Reply::ok(vec![1; 1 << 20])).await;
    let mut options = options(&server.root());
    options.limits.spool = 5 << 19;
    let source = HttpSource::new(&options).unwrap();
    let mut kinds = Vec::new();
    for name in ["public/a", "public/b", "public/c"] {
        kinds.push(
            source
                .fetch(&artifact(name))
                .await
                .err()
                .map(|error| error.kind),
        );
    }
    assert_eq!(kinds, [None, None, Some(ErrorKind::TooLarge)]);
    assert_eq!(server.seen().len(), 3, "not tried again");
}

#[tokio::test]
async fn a_large_body_is_hashed_while_it_arrives_p21() {
    let body: Vec<u8> = (0..6_000_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let (sha256, sha512) = (
        Digest::of(Algorithm::Sha256, &body),
        Digest::of(Algorithm::Sha512, &body),
    );
    let sent = body.clone();
    let server = Server::start(move |_| Reply::ok(sent.clone())).await;
    let mut options = options(&server.root());
    let most = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&most);
    options.progress = Progress::new(move |event| {
        if let Event::Received { bytes, .. } = event {
            seen.fetch_max(u32::try_from(bytes).unwrap(), Ordering::Relaxed);
        }
    });
    let source = HttpSource::new(&options).unwrap();
    let answer = source.fetch(&artifact("public/large")).await.unwrap();
    let Body::Stored(stored) = answer.body else {
        panic!()
    };
    assert_eq!(stored.size(), 24_000_000);
    assert_eq!(stored.digest(Algorithm::Sha256).unwrap(), sha256);
    assert_eq!(stored.digest(Algorithm::Sha512).unwrap(), sha512);
    assert_eq!(stored.bytes(u64::MAX).unwrap(), body);
    assert_eq!(most.load(Ordering::Relaxed), 24_000_000);
    assert_eq!(source.stats().bytes, 24_000_000);
}

#[tokio::test]
async fn a_truncated_large_body_is_fetched_again_p20() {
    let body = vec![9; 3 << 20];
    let (cut, whole) = (
        Reply::ok(body.clone()).cut(2 << 20),
        Reply::ok(body.clone()),
    );
    let server = Server::start(script(vec![cut.clone(), cut, whole])).await;
    let source = HttpSource::new(&options(&server.root())).unwrap();
    let answer = source.fetch(&artifact("public/large")).await.unwrap();
    let Body::Stored(stored) = answer.body else {
        panic!()
    };
    assert_eq!(stored.bytes(u64::MAX).unwrap(), body);
    assert_eq!(source.stats().retries, 2);
}

#[tokio::test]
async fn a_document_is_fetched_once() {
    let server = Server::start(|_| Reply::ok("{}").after(Duration::from_millis(20))).await;
    let source = HttpSource::new(&options(&server.root())).unwrap();
    let request = definition();
    let flights = (0..20).map(|_| source.fetch(&request));
    for answer in futures::future::join_all(flights).await {
        assert_eq!(text(answer), "{}");
    }
    source.fetch(&request).await.unwrap();
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn pages_of_a_listing_become_one_v42() {
    let server = Server::start(|got| {
        let (path, query) = got.target.split_once('?').unwrap_or((&got.target, ""));
        assert!(path.ends_with("/runs/0/artifacts"), "{path}");
        Reply::ok(match query {
            "" => r#"{"artifacts": [{"name": "a"}], "continuationToken": "x/y="}"#,
            "continuationToken=x%2Fy%3D" => {
                r#"{"artifacts": [{"name": "b"}], "continuationToken": "z"}"#
            }
            "continuationToken=z" => {
                r#"{"artifacts": [{"name": "c", "contentLength": 9007199254740993}]}"#
            }
            other => panic!("{other}"),
        })
    })
    .await;
    let source = HttpSource::new(&options(&server.root())).unwrap();
    let listing = source
        .fetch(&Request::ArtifactList {
            task: task(),
            run: RUN,
        })
        .await;
    assert_eq!(
        text(listing),
        r#"{"artifacts":[{"name": "a"},{"name": "b"},{"name": "c", "contentLength": 9007199254740993}]}"#
    );
}

#[tokio::test]
async fn listings_end() {
    let circle = r#"{"artifacts": [], "continuationToken": "again"}"#;
    let server = Server::start(move |_| Reply::ok(circle)).await;
    let source = HttpSource::new(&options(&server.root())).unwrap();
    let listing = source
        .fetch(&Request::ArtifactList {
            task: task(),
            run: RUN,
        })
        .await;
    assert_eq!(listing.unwrap_err().kind, ErrorKind::Malformed);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_page_that_fails_fails_the_listing() {
    let server = Server::start(|got| {
        if got.target.contains('?') {
            Reply::status(500)
        } else {
            Reply::ok(r#"{"artifacts": [{"name": "a"}], "continuationToken": "b"}"#)
        }
    })
    .await;
    let source = HttpSource::new(&options(&server.root())).unwrap();
    let listing = source
        .fetch(&Request::ArtifactList {
            task: task(),
            run: RUN,
        })
        .await;
    assert_eq!(listing.unwrap_err().kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn tls_is_verified() {
    let (server, certificate) = Server::start_tls(|_| Reply::ok("{}")).await;
    let mut options = options(&server.root());
    options.ca_bundle = Some(certificate);
    let source = HttpSource::new(&options).unwrap();
    assert_eq!(text(source.fetch(&definition()).await), "{}");
    options.ca_bundle = None;
    let source = HttpSource::new(&options).unwrap();
    let error = source.fetch(&definition()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.detail.contains("certificate"), "{}", error.detail);
}

#[tokio::test]
async fn what_has_no_url_is_unavailable() {
    let source = HttpSource::new(&options("http://127.0.0.1:1")).unwrap();
    let git = Repo::Github {
        owner: "octo".into(),
        name: "widget".into(),
    };
    for request in [
        Request::Projects,
        Request::Pushlog {
            repo: git,
            revision: "abc".parse().unwrap(),
        },
        Request::Repository {
            repo: Repo::Hg {
                host: "hg.example.org".into(),
                path: "/x".into(),
            },
        },
    ] {
        assert_eq!(
            source.fetch(&request).await.unwrap_err().kind,
            ErrorKind::Unavailable
        );
    }
    assert_eq!(source.stats().requests, 0);
}
