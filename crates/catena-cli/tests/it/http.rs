// SPDX-License-Identifier: MPL-2.0
//! Verifies served chains: verdicts, exit statuses and what is left on disk.

use std::fs;

use catena_core::request::Request;
use serde_json::Value;

use crate::run::Run;
use crate::world::{DOWN, PRIVATE, World};

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn a_valid_chain_is_trusted() {
    let world = World::of(|_| {});
    let run = world.told(&[]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    assert!(
        run.stdout
            .starts_with(&format!("TRUSTED signing {}", world.chain.root)),
        "{}",
        run.stdout
    );
    assert!(run.stdout.lines().count() < 42, "{}", run.stdout);
    for task in world.chain.tasks.values() {
        assert!(
            run.stdout.contains(task.id.as_str()),
            "{}\n{}",
            task.id,
            run.stdout
        );
    }
}

#[test]
fn json_and_one_line_say_the_same() {
    let world = World::of(|_| {});
    let run = world.told(&["--json"]);
    let report = json(&run);
    assert_eq!(
        (run.status, &report["verdict"], &report["basis"]),
        (0, &"trusted".into(), &"live".into())
    );
    assert_eq!(
        report["links"].as_array().unwrap().len(),
        world.chain.tasks.len()
    );
    assert!(report["timing"]["http_requests"].as_u64().unwrap() > 5);
    let run = world.told(&["--quiet"]);
    assert_eq!(
        (run.status, run.stdout.lines().count(), run.stderr.as_str()),
        (0, 1, "")
    );
}

#[test]
fn type_and_product_are_inferred_and_said_to_be_p18() {
    let world = World::of(|_| {});
    let run = world.verify(&["--product", "firefox"]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stdout.contains("type inferred from the task itself"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_changed_artifact_is_rejected_and_leaves_no_file_p28() {
    let mut bad = None;
    let world = World::of(|chain| {
        let build = chain.task("build-0").id;
        let artifact = chain.documents.keys().find(|request| {
            matches!(request, Request::Artifact { task, name, .. } if *task == build && name.as_str().contains("target"))
        });
        let artifact = artifact
            .unwrap_or_else(|| panic!("{:?}", chain.documents.keys()))
            .clone();
        let mut bytes = chain.bytes(&artifact).to_vec();
        bytes[0] ^= 1;
        chain.replace(&artifact, bytes);
        bad = Some(artifact);
    });
    let dir = tempfile::tempdir().unwrap();
    let work = dir.path().join("work");
    let run = world.told(&["--work-dir", work.to_str().unwrap()]);
    assert_eq!(run.status, 1, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stdout.starts_with("REJECTED") && run.stdout.contains("artifact-digest"),
        "{}",
        run.stdout
    );
    assert!(
        run.stderr.lines().last().unwrap().starts_with("REJECTED"),
        "{}",
        run.stderr
    );
    assert!(!work.join("cot").exists());
}

#[test]
fn an_outage_is_no_verdict_p7() {
    let world = World::of(|chain| chain.replace(&chain.cot("build-0"), DOWN.to_vec()));
    let run = world.told(&["--json"]);
    assert_eq!(
        (run.status, &json(&run)["verdict"]),
        (4, &"undetermined".into()),
        "{}",
        run.stderr
    );
    let world = World::of(|chain| chain.replace(&chain.definition("root"), DOWN.to_vec()));
    let run = world.verify(&["--json"]);
    assert_eq!(
        (run.status, &json(&run)["verdict"]),
        (4, &"undetermined".into()),
        "{}",
        run.stderr
    );
    assert_eq!(json(&run)["subject"]["task_type"], "unknown");
}

#[test]
fn unsigned_is_no_verdict_p19_s18() {
    let world = World::of(|_| {});
    let dir = tempfile::tempdir().unwrap();
    let run = world.told(&["--unsigned", "--work-dir", dir.path().to_str().unwrap()]);
    assert_eq!(run.status, 4, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.starts_with("UNSIGNED"), "{}", run.stdout);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn trusted_files_get_their_names_v20_p28() {
    let world = World::of(|_| {});
    let dir = tempfile::tempdir().unwrap();
    let run = world.told(&["--work-dir", dir.path().to_str().unwrap()]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    let mut placed = 0;
    for (name, task) in &world.chain.tasks {
        let home = dir.path().join("cot").join(task.id.as_str());
        let definition = fs::read_to_string(home.join("task.json")).unwrap();
        assert!(
            definition.starts_with("{\n  \"") && !definition.ends_with('\n'),
            "{definition}"
        );
        let value: Value = serde_json::from_str(&definition).unwrap();
        assert_eq!(value, world.chain.json(&world.chain.definition(name)));
        for (request, bytes) in &world.chain.documents {
            let Request::Artifact { task: of, name, .. } = request else {
                continue;
            };
            let path = home.join(name.as_str());
            if *of == task.id && path.exists() {
                assert_eq!(&fs::read(path).unwrap(), bytes, "{request}");
                placed += 1;
            }
        }
    }
    assert!(placed >= 2, "{placed}");
    let left: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["cot"]);
}

#[test]
fn a_private_artifact_is_named() {
    let world = World::of(|chain| {
        let build = chain.task("build-0").clone();
        let name = "private/build/secret.zip";
        let request = Request::Artifact {
            task: build.id,
            run: build.run,
            name: name.parse().unwrap(),
        };
        chain.documents.insert(request, PRIVATE.to_vec());
        chain.edit_task("root", |task| {
            task["payload"]["upstreamArtifacts"][0]["paths"] = serde_json::json!([name]);
            task["payload"]["upstreamArtifacts"][0]["taskId"] = build.id.as_str().into();
        });
        chain.edit_cot("build-0", |cot| {
            cot["artifacts"][name] = serde_json::json!({"sha256": "00".repeat(32)})
        });
    });
    let run = world.told(&[]);
    assert_eq!(run.status, 4, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("no credentials"), "{}", run.stdout);
}
