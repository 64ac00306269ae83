// SPDX-License-Identifier: MPL-2.0
//! Chains of the GPG era: what is trusted, and everything that must be noticed.

use serde_json::{Value, json};

use crate::gpg::{Gpg, hour};
use crate::legacy_world::{BUILD, Chain, DECISION, Era, ROOT, TASKS, body, signature};
use crate::run::Run;

#[test]
fn a_chain_of_2017_is_trusted_for_what_it_is_worth() {
    let era = Era::new();
    let chain = Chain::new();
    let run = era.verify(&chain, &[]);
    assert_eq!(run.status, 0, "{}", run.stdout);
    assert!(
        run.stdout
            .starts_with(&format!("{ROOT} trusted (legacy-gpg, legacy-v1): ")),
        "{}",
        run.stdout
    );
    let (status, report) = era.report(&chain, &[]);
    assert_eq!(status, 0);
    assert_eq!(report["schema"], "catena-legacy-report/1");
    assert_eq!(report["verdict"], "trusted");
    assert_eq!(report["assurance"], json!(["legacy-gpg", "legacy-v1"]));
    assert_eq!(report["links"].as_array().unwrap().len(), 4);
    assert_eq!(
        report["links"][3]["signed"]["tag"],
        "production-20170601030000"
    );
    assert!(report["links"][3]["signed"]["certifier"].is_string());
    assert_eq!(report["relaxations"], json!([]));
    // relaxations are shown
    let relaxed = era.verify(
        &chain,
        &["--as-of", "2026-01-01T00:00:00Z", "--early-keys", "--json"],
    );
    let report: Value = serde_json::from_str(&relaxed.stdout).unwrap();
    assert_eq!(
        (
            relaxed.status,
            report["relaxations"].as_array().unwrap().len()
        ),
        (0, 2)
    );
    // the same words in all forms
    let worth = "legacy-gpg, legacy-v1";
    for report in [
        report,
        serde_json::from_str(&era.verify(&chain, &["--json"]).stdout).unwrap(),
    ] {
        let headline = report["headline"].as_str().unwrap();
        assert!(headline.ends_with(worth), "{headline}");
    }
    for form in ["--quiet", "--verbose"] {
        let shown = era.verify(&chain, &[form]).stdout;
        assert!(shown.contains(&format!("trusted ({worth}): ")), "{shown}");
    }
}

/// A text by a good key is no document of today: what today's verification looks for is the pair, and it says of each task
/// that there is none.
#[test]
fn todays_verification_finds_no_document_in_a_signed_text() {
    let era = Era::new();
    let mut chain = Chain::new();
    for task in TASKS {
        chain.absent.extend([body(task), signature(task)]);
    }
    assert_eq!(era.verify(&chain, &[]).status, 0);
    let evidence = tempfile::tempdir().unwrap();
    let path = evidence.path().join("e");
    chain.record(&era.gpg, &path);
    let path = path.to_str().unwrap();
    let today = [
        "verify",
        ROOT,
        "--type",
        "signing",
        "--product",
        "firefox",
        "--json",
        "--evidence",
        path,
    ];
    let run = Run::of(&today);
    let report: Value = serde_json::from_str(&run.stdout)
        .map_err(|_| run.stderr)
        .unwrap();
    assert_eq!((run.status, &report["verdict"]), (1, &json!("rejected")));
    let missing = |task: &&str| {
        let found = report["findings"].as_array().unwrap().iter();
        let expected = format!("cot-signature {task}/0");
        let mut found = found.filter(|one| one["id"] == "cot-missing");
        found.any(|one| one["task"] == **task && one["expected"] == expected)
    };
    assert!(TASKS.iter().all(missing), "{:#}", report["findings"]);
    let requests = report["requests"].to_string();
    assert!(requests.contains("cot-signature"), "{requests}");
    assert!(!requests.contains(".asc"), "{requests}");
}

/// From recorded evidence alone: template, pushlog and projects.yml.
#[test]
fn a_chain_of_2018_is_rebuilt_from_recorded_evidence() {
    let era = Era::new();
    let mut chain = Chain::new();
    chain.rebuilt();
    let (status, report) = era.report(&chain, &[]);
    assert_eq!(status, 0, "{report:#}");
    assert_eq!(
        (&report["version"], &report["assurance"]),
        (&json!(2), &json!(["legacy-gpg"]))
    );
    assert_eq!(report["relaxations"], json!([]));
    // the operator's word is shown
    let (status, report) = era.report(&chain, &["--cot-version", "1"]);
    assert_eq!(status, 0, "{report:#}");
    assert!(
        report["relaxations"][0]
            .as_str()
            .unwrap()
            .starts_with("--cot-version 1"),
        "{report:#}"
    );
    // another definition is not what the tree makes, and to fall back is a downgrade
    chain.everywhere(DECISION, |task| task["payload"]["env"]["EVIL"] = json!("1"));
    let (status, ids) = era.findings(&chain, &[]);
    assert_eq!(
        (status, ids),
        (
            1,
            vec!["legacy-downgrade".to_owned(), "legacy-rebuild".to_owned()]
        )
    );
}

/// Nothing else of today's takes part: no receipt, no worker.
#[test]
fn neither_receipts_nor_the_worker_know_the_gpg_era() {
    let era = Era::new();
    let chain = Chain::new();
    let without = |run: Run, flag: &str| {
        let due = format!("unexpected argument '{flag}'");
        assert!(
            run.status == 64 && run.stderr.contains(&due),
            "{}",
            run.stderr
        );
    };
    without(era.verify(&chain, &["--receipt", "x"]), "--receipt");
    for flag in ["--legacy", "--legacy-keys", "--legacy-policy"] {
        without(Run::of(&["worker", "scriptworker.yaml", flag]), flag);
    }
}

/// The last one of two equal keys would count, whatever the first one says.
#[test]
fn keys_are_read_strictly() {
    let mut era = Era::new();
    let chain = Chain::new();
    assert_eq!(era.verify(&chain, &[]).status, 0);
    let path = era.dir.path().join("keys.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let tags = "\"families\": {\"scriptworker\": {},";
    let twice = text.replacen("\"families\": {", tags, 1);
    assert_ne!(twice, text);
    std::fs::write(&path, &twice).unwrap();
    era.pin = catena_openpgp::snapshot::sha256(twice.as_bytes());
    let run = era.verify(&chain, &[]);
    assert!(
        run.status == 64 && run.stderr.contains("scriptworker"),
        "{}",
        run.stderr
    );
}

#[test]
fn pins_and_files_that_do_not_fit_are_configuration() {
    let mut era = Era::new();
    let chain = Chain::new();
    assert_eq!(era.verify(&chain, &["--as-of", "soon"]).status, 64);
    assert_eq!(era.verify(&chain, &["--cot-version", "6"]).status, 64);
    assert_eq!(era.verify(&chain, &["--unsigned"]).status, 64);
    std::fs::write(era.dir.path().join("policy.json"), "{}").unwrap();
    assert_eq!(era.verify(&chain, &[]).status, 64);
    era.pin = "0".repeat(64);
    let run = era.verify(&chain, &[]);
    assert_eq!(run.status, 64);
    assert!(run.stderr.contains("--legacy-keys"), "{}", run.stderr);
    assert_eq!(Run::of(&["verify", ROOT, "--legacy"]).status, 64);
    assert_eq!(
        Run::of(&["verify", ROOT, "--as-of", "2017-06-02T22:00:00Z"]).status,
        64
    );
}

#[test]
fn generate_writes_what_gpg_verifies_beside_the_pair_with_a_warning() {
    let gpg = Gpg::new();
    gpg.key(hour(0), "worker@x.org", "rsa2048", 0);
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    std::fs::create_dir_all(path("a/public")).unwrap();
    std::fs::write(path("a/public/x"), "x").unwrap();
    std::fs::write(path("task.json"), Chain::new().tasks[BUILD].to_string()).unwrap();
    let secret = |name: &str, bytes: &[u8], mode: u32| {
        std::fs::write(path(name), bytes).unwrap();
        std::fs::set_permissions(
            path(name),
            std::os::unix::fs::PermissionsExt::from_mode(mode),
        )
        .unwrap();
        path(name).to_str().unwrap().to_owned()
    };
    let private = gpg.private(hour(1), "worker@x.org");
    let open = secret("open", &private, 0o644);
    let public = secret("public", &gpg.public(hour(1), "worker@x.org").bytes, 0o600);
    let key = secret(
        "key",
        b"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        0o600,
    );
    let good = secret("gpg", &private, 0o600);
    let (artifacts, task) = (
        path("a").to_str().unwrap().to_owned(),
        path("task.json").to_str().unwrap().to_owned(),
    );
    let generate = |gpg: &str| {
        let mut words = vec![
            "generate",
            &artifacts,
            "--task",
            &task,
            "--task-id",
            BUILD,
            "--key",
            &key,
        ];
        words.extend(["--worker-group", "g", "--worker-id", "w", "--gpg-key", gpg]);
        Run::of(&words)
    };
    for bad in [&open, &public, &key] {
        assert_eq!(generate(bad).status, 64);
        assert!(!path("a/public/chain-of-trust.json").exists(), "{bad}");
    }
    // a line that GnuPG would cut: nothing is written, neither the text nor the pair
    let mut long = Chain::new().tasks[BUILD].clone();
    long["payload"]["env"] = json!({"X": "x".repeat(20_000)});
    let short = std::fs::read(path("task.json")).unwrap();
    std::fs::write(path("task.json"), long.to_string()).unwrap();
    let run = generate(&good);
    assert_eq!(run.status, 64);
    assert!(run.stderr.contains("at most 19990 bytes"), "{}", run.stderr);
    assert_eq!(std::fs::read_dir(path("a/public")).unwrap().count(), 1);
    std::fs::write(path("task.json"), short).unwrap();
    let run = generate(&good);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.stderr.contains("--gpg-key"), "{}", run.stderr);
    let text = std::fs::read(path("a/public/chainOfTrust.json.asc")).unwrap();
    let body = std::fs::read(path("a/public/chain-of-trust.json")).unwrap();
    let read = gpg.must(
        "2099-01-01T00:00:00Z".parse().unwrap(),
        &["--decrypt"],
        &text,
    );
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    assert_eq!(json(&read), json(&body));
}
