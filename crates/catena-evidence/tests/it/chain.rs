// SPDX-License-Identifier: MPL-2.0
//! Whole chains: the same verdict from memory, over HTTP and from a recording.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use catena_core::document::ErrorKind;
use catena_core::limits::Limits;
use catena_core::policy::{Config, Profile, Relaxations};
use catena_core::report::{Basis, Finding, Verdict};
use catena_core::request::Request;
use catena_core::walk::{CheckTask, Inputs, Outcome, Signatures, Walk};
use catena_crypto::digest::{Algorithm, Digest};
use catena_evidence::{
    DirectorySource, DirectoryWriter, HttpOptions, HttpSource, MemorySource, Progress, Proxy,
    Recorder, Source, run,
};
use catena_testkit::{Chain, ChainSpec, Flow};

use crate::server::{Got, Reply, Server};

fn config(chain: &Chain) -> Config {
    let product = Some(chain.product);
    Config::load_for(
        chain.scriptworker_yaml().as_bytes(),
        "scriptworker.yaml",
        product,
    )
    .unwrap()
}

pub(crate) async fn verify(chain: &Chain, source: &dyn Source) -> Outcome {
    let config = config(chain);
    let mut walk = Walk::new(Inputs {
        task: chain.root,
        task_type: chain.task_type.parse().unwrap(),
        inferred: Vec::new(),
        policy: config.policy(chain.product).unwrap(),
        settings: config.settings,
        keyring: config.keyring,
        relaxations: Relaxations::of(Profile::Strict),
        check_task: CheckTask::Auto,
        signatures: Signatures::Verify,
        basis: Basis::Live,
        limits: Limits::default(),
    });
    run(&mut walk, source, &Progress::default()).await;
    assert!(walk.is_complete());
    walk.finish()
}

/// What a report says, but for digests, places and times.
fn summary(outcome: &Outcome) -> (Verdict, Vec<String>, usize) {
    let report = &outcome.report;
    let finding = |finding: &Finding| format!("{} {:?}", finding.id, finding.task);
    let findings = report.findings.iter().map(finding).collect();
    (report.verdict, findings, outcome.accepted.len())
}

/// What the configuration of a chain says.
pub(crate) fn options(chain: &Chain) -> HttpOptions {
    HttpOptions::of(&config(chain).settings, &Relaxations::of(Profile::Strict))
}

/// Serves a chain: every host of it is one server, told apart by the `Host` that is asked for.
pub(crate) async fn serve(chain: &Chain) -> (Server, HttpOptions) {
    let mut options = options(chain);
    let urls = HttpSource::new(&options).unwrap();
    let mut bodies = BTreeMap::new();
    let mut origins = BTreeSet::new();
    for (request, body) in &chain.documents {
        let url = urls
            .url(request)
            .unwrap_or_else(|| panic!("no URL for {request}"));
        let (host, path) = url
            .strip_prefix("https://")
            .unwrap()
            .split_once('/')
            .unwrap();
        origins.insert(format!("https://{host}"));
        bodies.insert(format!("{host}/{path}"), body.clone());
    }
    let bodies = Arc::new(bodies);
    let server = Server::start(move |got: &Got| {
        let key = format!("{}{}", got.header("host").unwrap(), got.target);
        let body = bodies.get(&key).cloned();
        let html = key.contains("/branch_commits/");
        let etag = body
            .as_ref()
            .map(|body| format!("\"{}\"", Digest::of(Algorithm::Sha256, body).hex()));
        if etag.is_some() && got.header("if-none-match") == etag.as_deref() {
            return Reply::status(304);
        }
        let etag = etag.unwrap_or_default();
        body.map_or(Reply::status(404), |body| {
            Reply::ok(body)
                .with("Content-Type", if html { "text/html" } else { "x/y" })
                .with("ETag", etag)
        })
    })
    .await;
    options.endpoints = origins
        .into_iter()
        .map(|origin| (origin, server.root()))
        .collect();
    options.proxy = Proxy::Direct;
    (server, options)
}

#[tokio::test]
async fn the_verdict_is_the_same_from_everywhere() {
    for spec in ChainSpec::all(3) {
        let chain = spec.build();
        let mut memory = MemorySource::new();
        for (request, body) in &chain.documents {
            memory.insert(request.clone(), body.clone());
        }
        let first = verify(&chain, &memory).await;

        let (server, options) = serve(&chain).await;
        let dir = tempfile::tempdir().unwrap();
        let http = HttpSource::new(&options).unwrap();
        let recorder = Recorder::new(http, DirectoryWriter::create(dir.path()).unwrap());
        let online = verify(&chain, &recorder).await;
        assert_eq!(summary(&online), summary(&first), "{spec:?}");

        // each URL once, and the accepted artifacts find their places
        let mut asked: Vec<_> = server
            .seen()
            .iter()
            .map(|got| format!("{}{}", got.header("host").unwrap(), got.target))
            .collect();
        let all = asked.len();
        asked.sort();
        asked.dedup();
        assert_eq!(asked.len(), all, "{spec:?}: {asked:#?}");
        let work_dir = tempfile::tempdir().unwrap();
        for (task, name, request) in &online.accepted {
            recorder.place(request, work_dir.path()).unwrap();
            let at = work_dir
                .path()
                .join("cot")
                .join(task.as_str())
                .join(name.as_str());
            assert_eq!(std::fs::read(at).unwrap(), chain.bytes(request));
        }

        recorder.finish(chain.recorded.parse().unwrap()).unwrap();
        let recorded = DirectorySource::open(dir.path()).unwrap();
        let replayed = verify(&chain, &recorded).await;
        assert_eq!(summary(&replayed), summary(&first), "{spec:?}");
    }
}

/// A second run over a chain that has not changed: GitHub sends no body again, and says so each time (P22).
#[tokio::test]
async fn twenty_builds_of_one_revision_ask_github_once_and_then_for_nothing_new() {
    let spec = ChainSpec {
        builds: 20,
        ..ChainSpec::new(5, Flow::XpiPush)
    };
    let chain = spec.build();
    let (server, mut options) = serve(&chain).await;
    let dir = tempfile::tempdir().unwrap();
    options.cache_dir = Some(dir.path().join("cache"));
    let mut seen = 0;
    for run in 0..2 {
        let source = HttpSource::new(&options).unwrap();
        assert_eq!(
            verify(&chain, &source).await.report.verdict,
            Verdict::Trusted
        );
        let github = source.stats().github.unwrap();
        // the repository, the commit, the comparison and the template
        assert_eq!((github.requests, github.not_modified), (4, run * 4));
        let all = server.seen();
        let asked: Vec<_> = all[seen..]
            .iter()
            .filter(|got| got.header("host") == Some("api.github.com"))
            .collect();
        seen = all.len();
        assert_eq!(asked.len(), 4);
        let conditional = |got: &&&Got| got.header("if-none-match").is_some();
        assert_eq!(
            asked.iter().filter(conditional).count(),
            4 * usize::from(run > 0)
        );
    }
}

/// Each document in turn cannot be had.
#[tokio::test]
async fn an_outage_is_never_trust_p7() {
    for flow in [Flow::XpiPush, Flow::XpiPullRequest] {
        let chain = ChainSpec::new(5, flow).build();
        let mut memory = MemorySource::new();
        for (request, body) in &chain.documents {
            memory.insert(request.clone(), body.clone());
        }
        let whole = verify(&chain, &memory).await.report;
        assert_eq!(whole.verdict, Verdict::Trusted, "{:#?}", whole.findings);
        let mut needed = 0;
        for (request, body) in &chain.documents {
            let shown = request.to_string();
            if !whole.requests.iter().any(|record| record.request == shown) {
                continue;
            }
            needed += 1;
            for kind in [
                ErrorKind::Unavailable,
                ErrorKind::Forbidden,
                ErrorKind::Malformed,
                ErrorKind::TooLarge,
            ] {
                memory.fail(request.clone(), kind);
                let (verdict, findings, _) = summary(&verify(&chain, &memory).await);
                let problem = format!("{flow:?} {kind}: {shown}: {findings:?}");
                assert_ne!(verdict, Verdict::Trusted, "{problem}");
                if !matches!(request, Request::Definition { .. }) {
                    assert_eq!(verdict, Verdict::Undetermined, "{problem}");
                }
            }
            memory.remove(request);
            let verdict = verify(&chain, &memory).await.report.verdict;
            assert_ne!(verdict, Verdict::Trusted, "{flow:?} absent: {shown}");
            memory.insert(request.clone(), body.clone());
        }
        assert!(needed > 10, "{needed}");
    }
}
