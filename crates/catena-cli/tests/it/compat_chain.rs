// SPDX-License-Identifier: MPL-2.0
//! `verify_cot` and `create_test_workdir` on a served chain (cli.md, P39).

use std::fs;
use std::path::PathBuf;

use catena_core::request::Request;

use crate::compat::Tools;
use crate::run::Run;
use crate::world::World;

fn verify(world: &World, tools: &Tools, arguments: &[&str]) -> Run {
    let config = world.config();
    let task = world.chain.root.as_str();
    let common = [
        "--task-type",
        world.chain.task_type,
        "--scriptworker-yaml",
        &config,
    ];
    let product = ["--cot-product", world.chain.product, "--", task];
    tools.run(
        "verify_cot",
        &[&common[..], arguments, &product].concat(),
        &[],
    )
}

/// The temporary directory that a run left behind, as it said.
fn left(run: &Run) -> PathBuf {
    let line = run.stderr.lines().next().unwrap();
    let path = line
        .strip_prefix("INFO:scriptworker:Artifacts will be in ")
        .unwrap();
    path.into()
}

#[test]
fn a_valid_chain_is_status_0_and_leaves_its_files() {
    let (world, tools) = (World::of(|_| {}), Tools::new());
    let run = verify(&world, &tools, &["--verify-sigs"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(
        !run.stderr.contains("SIGNATURES NOT VERIFIED"),
        "{}",
        run.stderr
    );
    let left = left(&run);
    assert!(left.join("work/cot").is_dir());
    let log = fs::read_to_string(left.join("artifacts/public/logs/chain_of_trust.log")).unwrap();
    assert!(log.contains("TRUSTED"), "{log}");
    let run = verify(
        &world,
        &tools,
        &["--verify-sigs", "--cleanup", "--no-check-task", "-v"],
    );
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(
        fs::read_dir(tools.dir.path()).unwrap().count(),
        1,
        "the first run's"
    );
}

#[test]
fn without_signatures_nothing_is_called_trusted_p39() {
    let world = World::of(|chain| chain.sign_with("build-0", "nobody"));
    let tools = Tools::new();
    let run = verify(&world, &tools, &[]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(run.stderr.lines().last(), Some("SIGNATURES NOT VERIFIED"));
    assert!(!run.stderr.contains("TRUSTED"), "{}", run.stderr);
    let log =
        fs::read_to_string(left(&run).join("artifacts/public/logs/chain_of_trust.log")).unwrap();
    assert!(
        !log.contains("TRUSTED") && log.contains("UNSIGNED"),
        "{log}"
    );
    assert_eq!(verify(&world, &tools, &["--verify-sigs"]).status, 1);
}

#[test]
fn any_failure_is_status_1() {
    let (world, tools) = (World::of(|_| {}), Tools::new());
    let config = world.config();
    for task in ["nonsense", "AAAAAAAASAAAAAAAAAAAAA"] {
        let arguments = [
            "--task-type",
            "signing",
            "--scriptworker-yaml",
            &config,
            "--cleanup",
            task,
        ];
        assert_eq!(tools.run("verify_cot", &arguments, &[]).status, 1, "{task}");
    }
    let arguments = [
        "--task-type",
        "signing",
        "--cot-product",
        "netscape",
        "--cleanup",
        "--",
        world.chain.root.as_str(),
    ];
    assert_eq!(tools.run("verify_cot", &arguments, &[]).status, 1);
    assert_eq!(fs::read_dir(tools.dir.path()).unwrap().count(), 0);
}

#[test]
fn create_test_workdir_fills_a_directory() {
    let world = World::of(|chain| {
        let definition = Request::Definition { task: chain.root };
        chain.edit_json(&definition, |value| {
            let upstream = value["payload"]["upstreamArtifacts"].as_array_mut();
            upstream.unwrap().retain(|entry| entry["optional"] != true);
        });
    });
    let tools = Tools::new();
    let config = world.config();
    let common = [
        "--scriptworker-yaml",
        &config,
        "--",
        world.chain.root.as_str(),
    ];
    let run = tools.run("create_test_workdir", &common, &[]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.stderr.contains("NOTHING IS VERIFIED"), "{}", run.stderr);
    assert!(
        run.stderr.ends_with("INFO:scriptworker:Done.\n"),
        "{}",
        run.stderr
    );
    assert!(tools.path("work/task.json").is_file());
    assert_eq!(tools.run("create_test_workdir", &common, &[]).status, 1);
    let again = [&["--over", "--path=work"][..], &common].concat();
    fs::write(tools.path("work/stale"), "").unwrap();
    assert_eq!(tools.run("create_test_workdir", &again, &[]).status, 0);
    assert!(!tools.path("work/stale").exists());
}

#[test]
fn create_test_workdir_knows_no_optional_artifacts() {
    let (world, tools) = (World::of(|_| {}), Tools::new());
    let config = world.config();
    let arguments = [
        "--scriptworker-yaml",
        &config,
        "--",
        world.chain.root.as_str(),
    ];
    let run = tools.run("create_test_workdir", &arguments, &[]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("is absent"), "{}", run.stderr);
}
