// SPDX-License-Identifier: MPL-2.0
//! `catena generate` and `catena log-header`: what they write and print, and how they end (R-01, R-05, P8).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::run::Run;

/// Base64 of 32 bytes of value 7.
const SEED: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const TASK: &str = "oS9Kaq7zSSyZxl7bAS9HVQ";

/// A directory of artifacts, a claim and a key.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(place.path("artifacts/public")).unwrap();
        fs::write(place.path("artifacts/public/a.txt"), "abc").unwrap();
        fs::write(place.path("task.json"), task().to_string()).unwrap();
        let claim = json!({
            "tasks": [{
                "status": {"taskId": TASK}, "runId": 1, "workerGroup": "g", "workerId": "w-1", "task": task(),
                "credentials": {"clientId": "c", "accessToken": "hunter2"},
            }],
        });
        fs::write(place.path("claim.json"), claim.to_string()).unwrap();
        place.key(SEED, 0o600);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn key(&self, content: &str, mode: u32) {
        fs::write(self.path("key"), content).unwrap();
        fs::set_permissions(self.path("key"), PermissionsExt::from_mode(mode)).unwrap();
    }

    /// Runs `catena generate` on the claim, with more arguments.
    fn generate(&self, more: &[&str]) -> Run {
        self.run("--claim", "claim.json", more)
    }

    fn run(&self, flag: &str, file: &str, more: &[&str]) -> Run {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let (artifacts, file) = (text(self.path("artifacts")), text(self.path(file)));
        let key = text(self.path("key"));
        let mut arguments = vec!["generate", &artifacts, flag, &file];
        if !more.contains(&"--unsigned") {
            arguments.extend(["--key", &key]);
        }
        arguments.extend(more);
        let run = Run::of(&arguments);
        for secret in [SEED, &SEED[..20], "hunter2", "07070707", "7, 7, 7"] {
            assert!(!(run.stdout.clone() + &run.stderr).contains(secret));
        }
        run
    }

    fn document(&self) -> Value {
        let bytes = fs::read(self.path("artifacts/public/chain-of-trust.json")).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("artifacts/public")).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn task() -> Value {
    json!({
        "dependencies": [], "scopes": [], "payload": {}, "taskGroupId": TASK, "taskQueueId": "p/gecko-signing",
        "workerType": "gecko-signing", "provisionerId": "p",
    })
}

#[test]
fn a_claim_becomes_a_signed_document() {
    let place = Place::new();
    let run = place.generate(&["--root-url", "https://tc.example.com/"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.contains("1 artifact, sha256:"), "{}", run.stdout);
    assert!(run.stdout.contains("signed by key "), "{}", run.stdout);
    let document = place.document();
    assert_eq!(document["runId"], 1);
    assert_eq!(document["workerType"], "gecko-signing");
    assert_eq!(document["environment"]["rootUrl"], "https://tc.example.com");
    assert_eq!(document["task"], task());
    assert_eq!(
        document["artifacts"],
        json!({"public/a.txt": {"sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}})
    );
    let signature = fs::metadata(place.path("artifacts/public/chain-of-trust.json.sig")).unwrap();
    assert_eq!(signature.len(), 64);
}

#[test]
fn json_names_files_key_and_digests() {
    let place = Place::new();
    let run = place.generate(&["--json", "--hash", "both"]);
    let page: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(page["artifacts"]["public/a.txt"]["size"], 3);
    let digests = page["artifacts"]["public/a.txt"]["digests"]
        .as_object()
        .unwrap();
    assert_eq!(digests.keys().collect::<Vec<_>>(), ["sha256", "sha512"]);
    assert_eq!(page["keyId"].as_str().unwrap().len(), 64);
    assert!(
        page["signature"]
            .as_str()
            .unwrap()
            .ends_with("chain-of-trust.json.sig")
    );
}

#[test]
fn a_definition_needs_its_ids() {
    let place = Place::new();
    let run = place.run("--task", "task.json", &[]);
    assert_eq!(run.status, 64);
    assert!(run.stderr.contains("--task-id"), "{}", run.stderr);
    let run = place.run("--task", "task.json", &["--task-id", TASK, "--run-id", "2"]);
    assert_eq!(run.status, 64);
    assert!(
        run.stderr.contains("expected --worker-group"),
        "{}",
        run.stderr
    );
    let ids = [
        "--task-id",
        TASK,
        "--run-id",
        "2",
        "--worker-group",
        "g",
        "--worker-id",
        "i",
    ];
    let run = place.run("--task", "task.json", &ids);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(place.document()["runId"], 2);
}

#[test]
fn an_earlier_document_stays_unless_it_is_to_be_replaced() {
    let place = Place::new();
    assert_eq!(place.generate(&["--unsigned"]).status, 0);
    assert_eq!(place.files(), ["a.txt", "chain-of-trust.json"]);
    let before = place.document();
    let run = place.generate(&[]);
    assert_eq!((run.status, run.stdout.as_str()), (64, ""));
    assert!(
        run.stderr.contains("this name belongs to the worker"),
        "{}",
        run.stderr
    );
    assert_eq!(place.document(), before);
    assert_eq!(place.generate(&["--replace"]).status, 0);
    assert_eq!(
        place.files(),
        ["a.txt", "chain-of-trust.json", "chain-of-trust.json.sig"]
    );
    assert_eq!(place.document()["artifacts"].as_object().unwrap().len(), 1);
}

#[test]
fn the_worker_is_an_artifact_on_demand_and_gone_if_there_is_no_document_r01() {
    let place = Place::new();
    assert_eq!(place.generate(&["--worker-info"]).status, 0);
    let info = fs::read_to_string(place.path("artifacts/public/worker-info.json")).unwrap();
    let listed = place.document();
    assert!(listed["artifacts"]["public/worker-info.json"].is_object());
    let info: Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["schema"], "cot-log-header/1");
    assert_eq!(info["taskQueueId"], "p/gecko-signing");
    assert_eq!(info["interactive"], false);
    // a second time it is not ours to write
    assert_eq!(place.generate(&["--worker-info"]).status, 64);
    assert!(place.path("artifacts/public/worker-info.json").exists());
    let place = Place::new();
    std::os::unix::fs::symlink("/etc/passwd", place.path("artifacts/passwd")).unwrap();
    let run = place.generate(&["--worker-info"]);
    assert_eq!(run.status, 64);
    assert!(
        run.stderr
            .contains("expected a link to a file in the artifact directory"),
        "{}",
        run.stderr
    );
    assert_eq!(place.files(), ["a.txt"]);
}

#[test]
fn keys_that_others_can_read_and_broken_ones_are_refused_r05() {
    for (content, mode, why) in [
        (SEED, 0o644, "found mode 0644"),
        (SEED, 0o640, "found mode 0640"),
        (&SEED[..40], 0o600, "found 30 bytes"),
        (&SEED[..43], 0o600, "canonical"),
        (
            "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwd=",
            0o600,
            "canonical",
        ),
        ("", 0o600, "found 0 bytes"),
    ] {
        let place = Place::new();
        place.key(content, mode);
        let run = place.generate(&["--worker-info"]);
        assert_eq!((run.status, run.stdout.as_str()), (64, ""), "{content}");
        assert!(run.stderr.contains(why), "{}", run.stderr);
        assert_eq!(place.files(), ["a.txt"]);
    }
}

/// What signs instead of a file must sign with the key that it names.
#[test]
fn a_command_that_signs_wrongly_leaves_nothing_r05() {
    let place = Place::new();
    let command = place.path("sign");
    fs::write(&command, "#!/bin/sh\nhead -c 64 /dev/zero\n").unwrap();
    fs::set_permissions(&command, PermissionsExt::from_mode(0o755)).unwrap();
    let public = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let signer = format!("exec:pub={public} {}", command.display());
    let artifacts = place.path("artifacts");
    let claim = place.path("claim.json");
    let paths = [artifacts.to_str().unwrap(), claim.to_str().unwrap()];
    let arguments = [
        "generate",
        paths[0],
        "--claim",
        paths[1],
        "--key",
        &signer,
        "--worker-info",
    ];
    let run = Run::with(&arguments, &[("PATH", "/usr/bin:/bin")]);
    assert_eq!((run.status, run.stdout.as_str()), (5, ""), "{}", run.stderr);
    assert_eq!(place.files(), ["a.txt"]);
    let run = Run::of(&["generate", paths[0], "--claim", paths[1], "--key", "exec:"]);
    assert_eq!(run.status, 64, "{}", run.stderr);
}

/// The commands of the documentation, as they stand there.
#[test]
fn the_example_of_the_documentation_works() {
    let place = Place::new();
    let text = include_str!("../../../../docs/generate.md");
    let example = text.split("```sh\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_catena"), place.path("catena")).unwrap();
    let path = format!("{}:/usr/bin:/bin", place.dir.path().display());
    let script = format!("set -eu; {}", example.replace("ARTIFACT_DIR", "artifacts"));
    let run = Run::program(
        Path::new("/bin/sh"),
        place.dir.path(),
        &["-c", &script],
        &[("PATH", &path)],
    );
    assert_eq!(run.status, 0, "{}", run.stderr);
    let last = run.stdout.lines().rev().take(2).collect::<Vec<_>>();
    assert!(last[1].starts_with("good: signed by key "), "{last:?}");
    assert_eq!(
        last[0],
        format!(
            "chain-of-trust document of task {TASK} run 1, by scriptworker (g/w-1): 1 artifacts"
        )
    );
}

#[test]
fn mounted_keys_are_links_p42() {
    let place = Place::new();
    fs::rename(place.path("key"), place.path("..data")).unwrap();
    std::os::unix::fs::symlink("..data", place.path("key")).unwrap();
    assert_eq!(place.generate(&[]).status, 0);
}

fn log_header(content: &[u8], more: &[&str]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("live_backing.log");
    fs::write(&path, content).unwrap();
    Run::of(&[&["log-header", path.to_str().unwrap()], more].concat())
}

#[test]
fn heads_of_logs_are_shown_r01() {
    let log = "[taskcluster 2022-05-01 00:00:01.123Z] Task ID: UudF3Bj1SMmIFY4xL2LieQ\n\
               [taskcluster 2022-05-01 00:00:01.123Z] Hostname: \u{1b}[2Jhost\n";
    let run = log_header(log.as_bytes(), &[]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    assert!(
        run.stdout.starts_with("log of          docker-worker\n"),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains('\u{1b}'));
    let run = log_header(log.as_bytes(), &["--json"]);
    let page: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(page["taskId"], "UudF3Bj1SMmIFY4xL2LieQ");
    let run = log_header(b"hello\n", &[]);
    assert_eq!((run.status, run.stdout.as_str()), (1, ""));
    assert!(
        run.stderr.contains("expected the log of a worker"),
        "{}",
        run.stderr
    );
    let missing = Path::new("/nonexistent/log");
    assert_eq!(
        Run::of(&["log-header", missing.to_str().unwrap()]).status,
        64
    );
}

#[test]
fn compressed_logs_are_read_and_bombs_are_cut() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut packed, b"[taskcluster t] Task ID: x\n").unwrap();
    std::io::Write::write_all(&mut packed, &vec![b' '; 64 << 20]).unwrap();
    let run = log_header(&packed.finish().unwrap(), &[]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.stdout.contains("docker-worker"));
}

#[cfg(not(feature = "openpgp"))]
#[test]
fn without_its_feature_the_gpg_era_is_named_as_missing() {
    let place = Place::new();
    let run = place.generate(&["--gpg-key", "x"]);
    assert_eq!(run.status, 64);
    assert!(run.stderr.contains("--features openpgp"), "{}", run.stderr);
    assert_eq!(place.files(), ["a.txt"]);
    let build = ["legacy-keys", "build", "x", "--git-keys", "y", "--out", "z"];
    let legacy = [
        "verify",
        "--legacy",
        "--evidence",
        "x",
        "--legacy-keys",
        "k",
    ];
    let legacy = [
        &legacy[..],
        &["--legacy-keys-sha256", "0", "--legacy-policy", "p"],
    ]
    .concat();
    for words in [&build[..], &legacy] {
        let run = Run::of(words);
        assert_eq!(run.status, 64);
        assert!(run.stderr.contains("--features openpgp"), "{}", run.stderr);
    }
}
