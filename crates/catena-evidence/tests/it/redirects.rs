// SPDX-License-Identifier: MPL-2.0
//! Redirects on real connections (S14, P5, P24, S55).

use catena_core::document::ErrorKind;
use catena_core::model::ids::{RunId, TaskId};
use catena_core::policy::Secret;
use catena_core::request::{Repo, Request};
use catena_evidence::{HttpSource, Source};

use crate::http::options;
use crate::server::{Reply, Server};

fn task() -> TaskId {
    "YyxNNh7mTAmwDhB4Itm0jg".parse().unwrap()
}

fn cot() -> Request {
    Request::CotBody {
        task: task(),
        run: RunId(0),
    }
}

#[tokio::test]
async fn artifacts_come_from_the_storage_host_s14() {
    let storage = Server::start(|_| Reply::ok("{}")).await;
    let target = format!("{}/bucket/x", storage.root());
    let queue = Server::start(move |_| Reply::redirect(target.clone())).await;
    // an origin behind `endpoints` is the operator's own
    let mut ours = options(&queue.root());
    ours.endpoints
        .insert("https://storage.example.org".to_owned(), storage.root());
    let source = HttpSource::new(&ours).unwrap();
    source.fetch(&cot()).await.unwrap();
    assert_eq!(source.stats().requests, 2);
    // any other local one is refused, and not asked
    let source = HttpSource::new(&options(&queue.root())).unwrap();
    let error = source.fetch(&cot()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Malformed, "{error}");
    assert_eq!(storage.seen().len(), 1);
    // data without a digest stays on its host
    let source = HttpSource::new(&ours).unwrap();
    let error = source
        .fetch(&Request::Definition { task: task() })
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Malformed, "{error}");
    assert_eq!(storage.seen().len(), 1);
}

#[tokio::test]
async fn names_of_local_addresses_are_judged_on_the_connection_p24() {
    let (inside, certificate) = Server::start_tls(|_| Reply::ok("{}")).await;
    let target = format!("https://localhost:{}/metadata", inside.port);
    let queue = Server::start(move |_| Reply::redirect(target.clone())).await;
    for relaxed in [false, true] {
        let mut options = options(&queue.root());
        options.relax_redirects = relaxed;
        options.ca_bundle = Some(certificate.clone());
        let source = HttpSource::new(&options).unwrap();
        let error = source.fetch(&cot()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Malformed, "{error}");
        assert!(
            error.detail.contains("local, private or special"),
            "{error}"
        );
        assert_eq!(source.stats().retries, 0);
        // unless the operator says that this is the storage host
        options.artifact_hosts.insert("localhost".to_owned());
        let source = HttpSource::new(&options).unwrap();
        source.fetch(&cot()).await.unwrap();
    }
    assert_eq!(inside.seen().len(), 2);
}

#[tokio::test]
async fn circles_end_after_ten_s14() {
    let queue = Server::start(|got| Reply::redirect(format!("{}x", got.target))).await;
    for relaxed in [false, true] {
        let mut options = options(&queue.root());
        options.relax_redirects = relaxed;
        let source = HttpSource::new(&options).unwrap();
        let error = source.fetch(&cot()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Malformed, "{error}");
        assert_eq!(source.stats().requests, 11);
    }
}

#[tokio::test]
async fn the_token_never_leaves_githubs_api_s55() {
    let elsewhere = Server::start(|_| Reply::ok("{}")).await;
    let target = elsewhere.root();
    let api = Server::start(move |got| match got.target.as_str() {
        "/repos/octo/moved" => Reply::redirect("/repositories/1"),
        "/repos/octo/away" => Reply::redirect(format!("{target}/x")),
        _ => Reply::ok("{}"),
    })
    .await;
    let mut options = options(&api.root());
    options
        .endpoints
        .insert("https://api.github.com".to_owned(), api.root());
    options
        .endpoints
        .insert("https://away.example.org".to_owned(), elsewhere.root());
    options.github_token = Some(Secret::new("secret"));
    options.relax_redirects = true;
    let source = HttpSource::new(&options).unwrap();
    for name in ["widget", "moved", "away"] {
        let repo = Repo::Github {
            owner: "octo".into(),
            name: name.into(),
        };
        source.fetch(&Request::Repository { repo }).await.unwrap();
    }
    source.fetch(&cot()).await.unwrap();
    // these are connections to loopback, in the clear: none of them gets it
    for got in api.seen().iter().chain(&elsewhere.seen()) {
        assert_eq!(got.header("authorization"), None, "{got:?}");
    }
    let first = &api.seen()[0];
    assert_eq!(first.header("accept"), Some("application/vnd.github+json"));
    assert_eq!(first.header("x-github-api-version"), Some("2022-11-28"));
    assert!(first.header("user-agent").unwrap().starts_with("catena/"));
    assert_eq!(elsewhere.seen().len(), 1);
}
