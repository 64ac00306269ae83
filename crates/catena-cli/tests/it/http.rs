// SPDX-License-Identifier: MPL-2.0
//! Verifies served chains: verdicts, exit statuses and what is left on disk.

use std::fs;

use catena_core::request::Request;
use catena_crypto::digest::{Algorithm, Digest};
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

/// A chain whose root takes a private artifact of a build.
fn private() -> World {
    World::of(|chain| {
        let build = chain.task("build-0").clone();
        let name = "private/build/secret.zip";
        let request = Request::Artifact {
            task: build.id,
            run: build.run,
            name: name.parse().unwrap(),
        };
        chain
            .documents
            .insert(request, [PRIVATE, b"secret"].concat());
        chain.edit_task("root", |task| {
            task["payload"]["upstreamArtifacts"][0]["paths"] = serde_json::json!([name]);
            task["payload"]["upstreamArtifacts"][0]["taskId"] = build.id.as_str().into();
        });
        let sha256 = Digest::of(Algorithm::Sha256, b"secret").hex();
        chain.edit_cot("build-0", |cot| {
            cot["artifacts"][name] = serde_json::json!({"sha256": sha256});
        });
    })
}

#[test]
fn a_private_artifact_needs_credentials_v31_p7() {
    let run = private().told(&[]);
    assert_eq!(run.status, 4, "{}{}", run.stdout, run.stderr);
    let words: Vec<_> = run.stdout.split_whitespace().collect();
    let needs = "needs Taskcluster credentials: set TASKCLUSTER_CLIENT_ID";
    assert!(words.join(" ").contains(needs), "{}", run.stdout);
}

#[test]
fn credentials_open_a_private_artifact_and_appear_nowhere_v31() {
    let world = private();
    let secret = "s3cret-access-token";
    let variables = [
        ("TASKCLUSTER_CLIENT_ID", "project/verifier"),
        ("TASKCLUSTER_ACCESS_TOKEN", secret),
        ("CATENA_LOG", "trace"),
    ];
    for format in ["--json", "--verbose"] {
        let run = world.with(&[format], &variables);
        assert_eq!(run.status, 0, "{}", run.stdout);
        assert!(run.stdout.contains("private/build/secret.zip"));
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.contains("bewit") && !text.contains(secret), "{text}");
        }
        assert!(run.stderr.contains("TRACE"), "there is a log");
    }
    // half of them are a mistake, and a flag of the file's is not needed
    for half in [&variables[..1], &variables[1..2]] {
        let run = world.with(&[], half);
        assert_eq!(run.status, 64, "{}", run.stdout);
        assert!(
            run.stderr.contains("expected TASKCLUSTER_"),
            "{}",
            run.stderr
        );
        assert!(!run.stderr.contains(secret), "{}", run.stderr);
    }
}

#[test]
fn answers_are_kept_where_flag_environment_or_default_say_p29() {
    let world = World::of(|_| {});
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().to_str().unwrap().to_owned();
    let path = |name: &str| dir.path().join(name);
    let (own, flag, variable) = (path(".cache/catena"), path("flag"), path("variable"));
    let kept = || {
        let all = [&own, &flag, &variable];
        let kept = all.map(|path| path.exists());
        for path in all {
            _ = fs::remove_dir_all(path);
        }
        kept
    };
    let flags = ["--cache-dir", flag.to_str().unwrap()];
    let home = ("HOME", home.as_str());
    let chosen = ("CATENA_CACHE_DIR", variable.to_str().unwrap());
    for (arguments, variables, due) in [
        (&[][..], &[home][..], [true, false, false]),
        (&[], &[home, chosen], [false, false, true]),
        (&flags, &[home, chosen], [false, true, false]),
        (&["--no-cache"], &[home, chosen], [false, false, false]),
        (
            &[],
            &[("XDG_CACHE_HOME", "relative")],
            [false, false, false],
        ),
    ] {
        let run = world.with(arguments, variables);
        assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
        assert_eq!(kept(), due, "{arguments:?} {variables:?}");
    }
    // a place that was chosen must be usable, the default need not be
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    for file in [&own, &flag] {
        fs::write(file, "").unwrap();
    }
    let run = world.with(&flags, &[]);
    assert_eq!(run.status, 64, "{}", run.stdout);
    assert!(
        run.stderr.contains("cannot keep answers in"),
        "{}",
        run.stderr
    );
    assert_eq!(world.with(&[], &[home]).status, 0);
}
