// SPDX-License-Identifier: MPL-2.0
//! `catena worker` with verification on, on the deployment of the demo: the signing tasks of real pushes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use catena_core::model::ids::TaskId;
use catena_local::demo::{World, WorldOptions};
use catena_local::worker::Family;
use serde_json::Value;

use crate::run::Run;
use crate::worker::{Worker, runs, wait};

/// The world's configuration with the worker's own keys; `change` works on the text.
fn config(world: &World, dir: &Path, change: impl Fn(String) -> String) -> PathBuf {
    let credentials = world.credentials();
    let (id, token) = (&credentials.client_id, credentials.access_token.as_str());
    let at = dir.display();
    // what a signing script does: verified files in, signed files out
    let script = format!(
        "set -e; cd {at}/work; stat -c 'mode %a %n' cot/*/public/build/*; mkdir -p {at}/artifacts/public/build; \
         cp cot/*/public/build/* {at}/artifacts/public/build/; ls -a . cot/*; \
         mkdir -p {at}/artifacts/public/logs; echo forged > {at}/artifacts/public/logs/chain_of_trust.log"
    );
    let own = format!(
        "credentials: {{clientId: {id:?}, accessToken: {token:?}}}\n\
         provisioner_id: scriptworker-k8s\nworker_type: demo-3-signing\nworker_group: group\nworker_id: worker\n\
         work_dir: {at}/work\nartifact_dir: {at}/artifacts\ntask_log_dir: {at}/artifacts/public/logs\nlog_dir: {at}/log\n\
         ed25519_private_key_path: {at}/world/keys/scriptworker\nverbose: false\npoll_interval: 1\n\
         task_script: [/bin/sh, -c, {script:?}]\n"
    );
    let theirs = fs::read_to_string(world.config_path()).unwrap();
    let path = dir.join("worker.yaml");
    // the last mapping is x_cot
    let shared = format!("  cache_dir: {at}/cache\n");
    fs::write(&path, own + &change(theirs) + &shared).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// Pushes, and waits until the signing task of the push is pending.
async fn signing(world: &World) -> TaskId {
    let push = world.commit_demo().unwrap();
    let decision = world.deliver(push).await.unwrap();
    let found = std::cell::Cell::new(None);
    wait("a signing task", async || {
        let group = world.client().task_group(decision.as_str()).await.unwrap();
        let signing = group.iter().find(|member| {
            member["status"]["workerType"] == "demo-3-signing"
                && member["status"]["state"] == "pending"
        });
        found.set(signing.map(|member| {
            let id = member["status"]["taskId"].as_str();
            id.unwrap().parse::<TaskId>().unwrap()
        }));
        found.get().is_some()
    })
    .await;
    found.get().unwrap()
}

async fn text(world: &World, task: TaskId, name: &str) -> String {
    let bytes = world
        .client()
        .artifact(task, None, name, 1 << 22)
        .await
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Verification on: trusted, rejected (3), undetermined (4); S51.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_is_verified_before_the_script_runs() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(WorldOptions {
        dir: Some(dir.path().join("world")),
        port: 0,
        claim_timeout: None,
        program: env!("CARGO_BIN_EXE_catena").into(),
    })
    .await
    .unwrap();
    let workers = world.start_workers_of(None, |family| family != Family::Scriptworker);

    trusted(&world, dir.path()).await;
    writable(&world, dir.path()).await;
    rejected(&world, dir.path()).await;
    undetermined(&world, dir.path()).await;
    workers.stop().await;
}

async fn trusted(world: &World, dir: &Path) {
    let task = signing(world).await;
    let worker = Worker::start(&config(world, dir, |text| text));
    wait("a resolved task", async || {
        !runs(world.client(), task).await.ends_with('-')
    })
    .await;
    let log = text(world, task, "public/logs/live_backing.log").await;
    assert_eq!(
        runs(world.client(), task).await,
        "completed completed",
        "{log}"
    );
    drop(worker);
    // the log of the verification is the worker's (P36); the script saw verified files, which it cannot write
    assert!(log.contains("mode 444 cot/"), "{log}");
    assert!(log.contains("task.json") && log.contains("public"), "{log}");
    assert!(!log.contains("catena-incoming"), "{log}");
    let chain = text(world, task, "public/logs/chain_of_trust.log").await;
    let lines: Vec<_> = chain.lines().collect();
    assert!(lines[0].starts_with("[taskcluster:header] {"), "{chain}");
    assert!(lines[1].starts_with("TRUSTED"), "{chain}");
    assert_eq!(lines.last(), Some(&"Good."));
    // what later tasks need not fetch: documents, signatures, artifacts
    let shared = fs::read_dir(dir.join("cache/shared/bodies")).unwrap();
    assert!(shared.count() > 8);
    // the record of the chain, which the document lists
    let full: Value =
        serde_json::from_str(&text(world, task, "public/full-cot.json").await).unwrap();
    assert_eq!(full["schema"], "full-cot/1");
    let links = full["links"].as_array().unwrap();
    assert!(
        links.len() >= 4
            && links
                .iter()
                .all(|link| link["definitionSha256"].is_string())
    );
    let signed = links
        .iter()
        .filter(|link| link["cot"]["sigSha256"].is_string())
        .count();
    assert_eq!(signed, links.len() - 1, "all but the task itself");
    let document: Value =
        serde_json::from_str(&text(world, task, "public/chain-of-trust.json").await).unwrap();
    for name in [
        "full-cot.json",
        "worker-info.json",
        "logs/chain_of_trust.log",
    ] {
        assert!(
            document["artifacts"][format!("public/{name}")]["sha256"].is_string(),
            "{name}"
        );
    }
    // and what it wrote is itself a link that can be verified
    let path = world.config_path();
    let run = Run::of(&[
        "verify",
        task.as_str(),
        "--config",
        path.to_str().unwrap(),
        "--no-cache",
        "--root-url",
        world.root_url(),
    ]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
}

/// Waits until a task is resolved; returns its runs.
async fn resolved(world: &World, task: TaskId) -> String {
    wait("a resolved task", async || {
        !runs(world.client(), task).await.ends_with('-')
    })
    .await;
    runs(world.client(), task).await
}

/// Scripts that rewrite verified files in place may be allowed to.
async fn writable(world: &World, dir: &Path) {
    let task = signing(world).await;
    let change = |text: String| text + "  verified_files: writable\n";
    let worker = Worker::start(&config(world, dir, change));
    assert_eq!(resolved(world, task).await, "completed completed");
    drop(worker);
    let log = text(world, task, "public/logs/live_backing.log").await;
    assert!(log.contains("mode 644 cot/"), "{log}");
}

/// A key that nobody knows: the chain is at fault (3), the log of the verification stands for the script's (§8.4).
async fn rejected(world: &World, dir: &Path) {
    let task = signing(world).await;
    let other = "KO3FX9JnNga/XViTRBiUMHYnji9Fu3s332sU2lXjSwE=";
    let change = |text: String| {
        let lines = text
            .lines()
            .map(|line| match line.starts_with("  docker-worker:") {
                true => format!("  docker-worker: [{other:?}]\n"),
                false => format!("{line}\n"),
            });
        lines.collect()
    };
    let worker = Worker::start(&config(world, dir, change));
    assert_eq!(resolved(world, task).await, "exception malformed-payload");
    drop(worker);
    let live = text(world, task, "public/logs/live_backing.log").await;
    assert_eq!(
        live,
        text(world, task, "public/logs/chain_of_trust.log").await
    );
    let second = live.lines().nth(1).unwrap();
    assert!(
        second.starts_with("[taskcluster:error] REJECTED"),
        "{second}"
    );
    let document = world
        .client()
        .artifact(task, None, "public/chain-of-trust.json", 1)
        .await;
    assert!(document.is_err());
    let run: Value = {
        let artifacts = world
            .client()
            .artifacts(task, catena_core::model::ids::RunId(0))
            .await;
        artifacts.unwrap().into()
    };
    let kinds: Vec<_> = run
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["storageType"].clone())
        .collect();
    assert!(kinds.contains(&"link".into()), "{run}");
}

/// A host that is not there: nobody is at fault (4).
async fn undetermined(world: &World, dir: &Path) {
    let task = signing(world).await;
    let change = |text: String| {
        let api = &world.endpoints()["https://api.github.com"];
        let site = &world.endpoints()["https://github.com"];
        let dead = "http://127.0.0.1:9";
        let text = text.replace(api, dead).replace(site, dead);
        format!("{text}  retry: {{attempts: 1, base: 0.01}}\n")
    };
    let worker = Worker::start(&config(world, dir, change));
    assert_eq!(
        resolved(world, task).await,
        "exception resource-unavailable"
    );
    drop(worker);
}
