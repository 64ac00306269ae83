// SPDX-License-Identifier: MPL-2.0
//! `catena demo`: the story ends with a trusted chain, a changed artifact is noticed, and saboteurs are caught.

use std::fs;
use std::path::{Path, PathBuf};

use catena_core::model::definition::Definition;
use catena_core::policy::Config;
use catena_core::report::Verdict;
use catena_evidence::Progress;
use catena_local::demo::{self, PRODUCT, Role, SIGNING_TYPE, World, WorldOptions};
use catena_testkit::saboteur;
use serde_json::Value;

use crate::run::Run;

const PATH: (&str, &str) = ("PATH", "/usr/bin:/bin");

#[test]
fn the_story_ends_with_a_trusted_chain() {
    let run = Run::with(&["demo"], &[PATH]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    for due in [
        "committed and pushed",
        "decision task",
        "an image was made",
        "the product was built",
        "the product was signed",
        "strictly: trusted",
        "TRUSTED signing ",
        "catena demo --break",
    ] {
        assert!(run.stdout.contains(due), "{due}: {}", run.stdout);
    }
}

fn signing() -> Role {
    Role {
        task_type: SIGNING_TYPE.parse().unwrap(),
        product: PRODUCT.to_owned(),
        inferred: Vec::new(),
    }
}

/// Every file below a directory that ends in these bytes; the store keeps an artifact's headers before them.
fn copies(dir: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(copies(&path, bytes));
        } else if fs::read(&path).unwrap().ends_with(bytes) {
            out.push(path);
        }
    }
    out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_artifact_that_is_changed_after_signing_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(WorldOptions {
        dir: Some(dir.path().to_owned()),
        port: 0,
        claim_timeout: None,
        program: env!("CARGO_BIN_EXE_catena").into(),
    });
    let world = world.await.unwrap();
    let told = demo::tell(&world, |_| {}, |_| {}, &Progress::default())
        .await
        .unwrap();
    assert_eq!(
        told.report.verdict,
        Verdict::Trusted,
        "{:?}",
        told.report.findings
    );
    let task = |name: &str| {
        told.tasks
            .iter()
            .find(|(other, _)| other == name)
            .unwrap()
            .1
    };
    let name = "public/build/hello.tar.gz";
    let bytes = world
        .client()
        .artifact(task("build"), None, name, 1 << 20)
        .await
        .unwrap();
    let copies = copies(dir.path(), &bytes);
    assert!(!copies.is_empty(), "the artifact is not on disk");
    for copy in copies {
        let mut stored = fs::read(&copy).unwrap();
        let at = stored.len() - bytes.len() + 20;
        stored[at] ^= 1;
        fs::write(copy, stored).unwrap();
    }
    let (config, progress) = (world.config().unwrap(), Progress::default());
    let report = demo::verify(&config, task("signing"), signing(), &progress)
        .await
        .unwrap();
    assert_eq!(report.verdict, Verdict::Rejected);
    assert_eq!(
        report.findings[0].id, "artifact-digest",
        "{:?}",
        report.findings
    );
}

#[test]
fn every_saboteur_is_caught_p9() {
    let run = Run::of(&["demo", "--all", "--json"]);
    let said: Value = serde_json::from_str(&run.stdout).unwrap();
    let all = saboteur::all().len();
    assert_eq!(run.status, 0, "{}", run.stdout);
    assert_eq!(
        (said["caught"].as_u64(), said["of"].as_u64()),
        (u64::try_from(all).ok(), u64::try_from(all).ok())
    );
    assert_eq!(said["saboteurs"].as_array().unwrap().len(), all);
}

#[test]
fn every_check_can_be_broken() {
    let list = Run::of(&["demo", "--list"]);
    assert_eq!(list.status, 0);
    for saboteur in saboteur::all() {
        assert!(list.stdout.contains(saboteur.story), "{}", saboteur.name);
    }
    for check in catena_core::checks::ALL {
        let head = format!("{}: {}\n  ", check.id, check.title);
        assert!(list.stdout.contains(&head), "{} has no saboteur", check.id);
    }
}

#[test]
fn a_broken_chain_is_shown_before_and_after() {
    let run = Run::of(&["demo", "--break", "artifact-digest"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    insta::assert_snapshot!(run.stdout);
    let other = [
        "demo",
        "--break",
        "artifact-digest",
        "--saboteur",
        "artifact-truncated",
        "--json",
    ];
    let run = Run::of(&other);
    let said: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((said["before"].as_str(), run.status), (Some("trusted"), 0));
    assert_eq!(said["report"]["schema"], "catena-report/1");
}

#[test]
fn unknown_checks_and_saboteurs_are_usage_errors() {
    for arguments in [
        &["demo", "--break", "artifact-colour"][..],
        &["demo", "--break", "artifact-digest", "--saboteur", "nobody"],
        &["demo", "--saboteur", "artifact-flipped"],
        &["demo", "--all", "--list"],
    ] {
        let run = Run::of(arguments);
        assert_eq!(
            (run.status, run.stdout.as_str()),
            (64, ""),
            "{}",
            run.stderr
        );
    }
    let run = Run::of(&["demo", "--break", "artifact-digest", "--saboteur", "nobody"]);
    assert!(run.stderr.contains("artifact-flipped"), "{}", run.stderr);
}

/// The page of the deployment verifies over HTTP, by the code that `catena local up` gives it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_verifies_a_task_of_the_deployment() {
    let mut world = World::start(WorldOptions {
        dir: None,
        port: 0,
        claim_timeout: None,
        program: env!("CARGO_BIN_EXE_catena").into(),
    })
    .await
    .unwrap();
    let told = demo::tell(&world, |_| {}, |_| {}, &Progress::default()).await;
    let task = told.unwrap().report.subject.task;
    let infer = |_: &Config, _: &Definition| Ok(signing());
    let page = world.serve_page(infer).await.unwrap();
    assert_ne!(page, world.root_url(), "artifacts would share its origin");
    let client = reqwest::Client::new();
    let get = async |path: &str| {
        let url = format!("{page}/tasks/{task}{path}");
        client.get(url).send().await.unwrap()
    };
    let text = get("").await.text().await.unwrap();
    let (_, rest) = text.split_once("name=\"token\" value=\"").unwrap();
    let form = format!("token={}", rest.split('"').next().unwrap());
    let verify = client.post(format!("{page}/tasks/{task}/verify"));
    let verify = verify.header("content-type", "application/x-www-form-urlencoded");
    assert!(
        verify
            .body(form)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
    let report = loop {
        let answer = get("/report.json").await;
        if answer.status().is_success() {
            break answer.text().await.unwrap();
        }
        tokio::task::yield_now().await;
    };
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["verdict"], "trusted", "{report:#}");
    assert_eq!(report["basis"], "live");
}
