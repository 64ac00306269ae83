// SPDX-License-Identifier: MPL-2.0
//! Chains of the GPG era: what is trusted, and everything that must be noticed.

use std::collections::BTreeMap;

use catena_core::request::Request;
use serde_json::{Value, json};

use crate::gpg::{Gpg, hour};
use crate::legacy_world::{
    BUILD, Chain, DECISION, Era, IMAGE, ROOT, SCRIPT, SIGNED, TASKS, artifact, body, signature,
};
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
    // today's verification never takes it
    let evidence = tempfile::tempdir().unwrap();
    chain.record(&era.gpg, &evidence.path().join("e"));
    let path = evidence.path().join("e").to_str().unwrap().to_owned();
    assert_ne!(
        Run::of(&[
            "verify",
            ROOT,
            "--type",
            "signing",
            "--product",
            "firefox",
            "--evidence",
            &path
        ])
        .status,
        0
    );
}

fn set<T>(map: &mut BTreeMap<&'static str, T>, task: &'static str, value: T) {
    map.insert(task, value);
}

type Sabotage = fn(&mut Chain);

/// One fault each, and the finding that names it.
const SABOTEURS: &[(&str, Sabotage)] = &[
    ("pgp-unsigned", |it| {
        set(&mut it.after, BUILD, |_| "{}".to_owned())
    }),
    ("pgp-several-blocks", |it| {
        set(&mut it.after, BUILD, |text| text.repeat(2))
    }),
    ("pgp-text-outside", |it| {
        set(&mut it.after, BUILD, |text| format!("{text}evil\n"))
    }),
    ("pgp-wrong-signature", |it| {
        set(&mut it.after, BUILD, |text| text.replace("\"g\"", "\"h\""))
    }),
    ("pgp-family", |it| {
        set(&mut it.signers, BUILD, "script@x.org")
    }),
    ("pgp-family", |it| {
        set(&mut it.signers, ROOT, "docker@x.org")
    }),
    ("pgp-unknown-signer", |it| {
        set(&mut it.signers, ROOT, "releng@x.org")
    }),
    ("pgp-uncertified", |it| {
        set(&mut it.signers, ROOT, "plain@x.org")
    }),
    ("pgp-outside-run", |it| {
        it.signed = "2017-06-02T11:40:00Z".parse().unwrap()
    }),
    ("pgp-outside-run", |it| {
        it.signed = "2017-06-02T13:40:00Z".parse().unwrap()
    }),
    ("legacy-binding", |it| {
        it.documents.get_mut(BUILD).unwrap()["runId"] = json!(1)
    }),
    ("legacy-binding", |it| {
        it.documents.get_mut(BUILD).unwrap()["taskId"] = json!(IMAGE)
    }),
    ("legacy-binding", |it| {
        it.documents.get_mut(BUILD).unwrap()["task"]["scopes"] = json!(["x"])
    }),
    ("legacy-binding", |it| {
        it.documents.get_mut(BUILD).unwrap()["chainOfTrustVersion"] = json!(2)
    }),
    ("legacy-binding", |it| {
        it.documents.get_mut(ROOT).unwrap()["workerType"] = json!("other")
    }),
    ("legacy-digest", |it| {
        it.artifact = b"another build".to_vec()
    }),
    ("legacy-digest", |it| {
        it.documents.get_mut(BUILD).unwrap()["artifacts"] = json!({})
    }),
    ("legacy-digest", |it| {
        it.documents.get_mut(DECISION).unwrap()["artifacts"] =
            json!({"public/task-graph.json": {"sha256": "0".repeat(64)}})
    }),
    ("legacy-graph", |it| {
        it.graph[BUILD]["task"]["payload"]["artifacts"] = json!({})
    }),
    ("legacy-graph", |it| {
        it.graph.as_object_mut().unwrap().remove(BUILD);
        it.graph[IMAGE]["task"]["x"] = json!(1);
    }),
    ("legacy-graph", |it| {
        let change = |task: &mut Value| task["extra"]["evil"] = json!(1);
        change(it.tasks.get_mut(BUILD).unwrap());
        change(&mut it.documents.get_mut(BUILD).unwrap()["task"]);
    }),
    ("legacy-graph", |it| {
        let change = |task: &mut Value| task["dependencies"] = json!([DECISION, ROOT]);
        change(it.tasks.get_mut(BUILD).unwrap());
        change(&mut it.documents.get_mut(BUILD).unwrap()["task"]);
    }),
    ("legacy-command", |it| {
        it.everywhere(DECISION, |task| {
            task["payload"]["command"][5] = json!(format!("cd x; evil && {SCRIPT}"))
        })
    }),
    ("legacy-command", |it| {
        it.everywhere(DECISION, |task| {
            task["payload"]["command"][5] = json!(format!("{SCRIPT} --x=$(evil)"))
        })
    }),
    ("legacy-command", |it| {
        it.everywhere(DECISION, |task| {
            task["payload"]["command"][0] = json!("/bin/evil")
        })
    }),
    ("legacy-command", |it| {
        it.everywhere(IMAGE, |task| task["payload"]["command"] = json!(["evil"]))
    }),
    ("legacy-pool", |it| {
        it.everywhere(DECISION, |task| task["workerType"] = json!("gecko-3-evil"))
    }),
    ("legacy-image", |it| {
        it.documents.get_mut(DECISION).unwrap()["environment"] = json!({})
    }),
    ("legacy-image", |it| {
        it.documents.get_mut(IMAGE).unwrap()["environment"]["imageHash"] =
            json!("sha256:a22b90c7e16191a701760ef4f9159e86289ba598bf8ff5b22b7b94867530460d")
    }),
    ("legacy-image", |it| {
        it.documents.get_mut(BUILD).unwrap()["environment"] = json!({})
    }),
    ("legacy-image", |it| {
        it.everywhere(BUILD, |task| task["extra"] = json!({}))
    }),
    ("legacy-image", |it| {
        it.everywhere(BUILD, |task| task["payload"]["image"] = json!("evil"))
    }),
    ("legacy-interactive", |it| {
        it.everywhere(BUILD, |task| {
            task["payload"]["features"] = json!({"interactive": true})
        })
    }),
    ("legacy-source", |it| {
        it.everywhere(DECISION, |task| {
            task["payload"]["env"]["GECKO_HEAD_REPOSITORY"] =
                json!("https://evil.org/releases/mozilla-release")
        })
    }),
    ("legacy-scopes", |it| {
        it.everywhere(DECISION, |task| {
            task["payload"]["env"]["GECKO_HEAD_REPOSITORY"] = json!("https://hg.mozilla.org/try")
        })
    }),
    ("legacy-worker", |it| {
        it.everywhere(BUILD, |task| task["payload"]["mounts"] = json!([]))
    }),
    ("legacy-worker", |it| {
        it.everywhere(BUILD, |task| task["payload"]["image"] = json!(null))
    }),
    ("legacy-root", |it| {
        it.everywhere(ROOT, |task| {
            task["provisionerId"] = json!("aws-provisioner-v1");
            task["workerType"] = json!("gecko-3-b-linux");
            task["payload"]["image"] = json!("x");
        })
    }),
    ("legacy-run", |it| {
        it.runs.get_mut(BUILD).unwrap()["state"] = json!("failed")
    }),
    ("legacy-era", |it| {
        it.everywhere(ROOT, |task| {
            task["created"] = json!("2019-06-01T00:00:00.000Z")
        })
    }),
    ("legacy-era", |it| {
        it.runs.get_mut(BUILD).unwrap()["resolved"] = json!("2026-06-01T00:00:00.000Z")
    }),
    ("legacy-absent", |it| {
        it.absent.push(Request::Definition {
            task: IMAGE.parse().unwrap(),
        })
    }),
    ("legacy-absent", |it| {
        it.absent.push(artifact(BUILD, SIGNED))
    }),
    ("legacy-copy", |it| {
        it.more.push((body(BUILD), b"{}".to_vec()))
    }),
];

#[test]
fn every_saboteur_is_named_and_none_is_trusted() {
    let era = Era::new();
    for (number, (id, sabotage)) in SABOTEURS.iter().enumerate() {
        let mut chain = Chain::new();
        sabotage(&mut chain);
        let (status, ids) = era.findings(&chain, &[]);
        assert_eq!(status, 1, "{number} {id}: {ids:?}");
        assert!(ids.contains(&(*id).to_owned()), "{number} {id}: {ids:?}");
    }
}

#[test]
fn what_is_missing_or_not_done_is_undetermined() {
    let era = Era::new();
    let undetermined: &[(&str, &[&str], Sabotage)] = &[
        ("legacy-unavailable", &[], |it| {
            it.rebuilt();
            it.more
                .retain(|(request, _)| !matches!(request, Request::Template { .. }));
        }),
        ("legacy-unavailable", &[], |it| {
            it.rebuilt();
            it.more.retain(|(request, _)| *request != Request::Projects);
        }),
        ("legacy-no-keys", &[], |it| {
            let document = format!("{:#}\n", it.documents[BUILD]);
            it.more.push((body(BUILD), document.into_bytes()));
            it.more.push((signature(BUILD), vec![0; 64]));
        }),
        ("legacy-no-keys", &[], |it| {
            for task in TASKS {
                it.everywhere(task, |task| {
                    task["created"] = json!("2017-06-01T00:00:00.000Z")
                });
            }
            for run in it.runs.values_mut() {
                run["started"] = json!("2017-06-01T01:00:00.000Z");
                run["resolved"] = json!("2017-06-01T02:00:00.000Z");
            }
            it.signed = "2017-06-01T01:30:00Z".parse().unwrap();
        }),
        ("legacy-run", &[], |it| {
            it.runs.get_mut(BUILD).unwrap()["state"] = json!("running")
        }),
    ];
    for (id, flags, change) in undetermined {
        let mut chain = Chain::new();
        change(&mut chain);
        let (status, ids) = era.findings(&chain, flags);
        assert_eq!(
            (status, ids.contains(&(*id).to_owned())),
            (4, true),
            "{id}: {ids:?}"
        );
    }
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

/// A signature that lies beside a good text and does not verify is a downgrade (legacy.md §6), whatever else is there.
#[test]
fn a_bad_ed25519_signature_beside_a_good_text_is_a_downgrade() {
    let era = Era::new();
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("scriptworker.yaml");
    // of RFC 8032, section 7.1
    let key = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let key = format!(
        "ed25519_public_keys:\n  scriptworker: []\n  docker-worker: ['{key}']\n  generic-worker: []\n"
    );
    std::fs::write(&config, key).unwrap();
    let config = ["--config", config.to_str().unwrap()];
    for with_body in [true, false] {
        let mut chain = Chain::new();
        if with_body {
            let document = format!("{:#}\n", chain.documents[BUILD]);
            chain.more.push((body(BUILD), document.into_bytes()));
        } else {
            chain.absent.push(body(BUILD));
        }
        chain.more.push((signature(BUILD), vec![0; 64]));
        let (status, ids) = era.findings(&chain, &config);
        assert_eq!(
            (status, ids.contains(&"legacy-downgrade".to_owned())),
            (1, true),
            "{ids:?}"
        );
    }
}

/// Nothing else of today's takes part: no receipt, no worker.
#[test]
fn neither_receipts_nor_the_worker_know_the_gpg_era() {
    let era = Era::new();
    let chain = Chain::new();
    assert_eq!(era.verify(&chain, &["--receipt", "x"]).status, 64);
    assert_eq!(Run::of(&["worker", "--legacy"]).status, 64);
    let run = Run::of(&["worker", "--legacy-keys", "keys.json", "scriptworker.yaml"]);
    assert_eq!(run.status, 64);
}

#[test]
fn retriggers_match_but_for_their_dates_and_are_shown() {
    let era = Era::new();
    let mut chain = Chain::new();
    let mut graph = chain.graph.as_object().unwrap().clone();
    let entry = graph.remove(BUILD).unwrap();
    graph.insert("OOOOOOOOQACOOOOOOOOOOA".to_owned(), entry);
    chain.graph = Value::Object(graph);
    let change = |task: &mut Value| {
        task["created"] = json!("2017-06-02T11:00:00.000Z");
        task["payload"]["artifacts"]["public/build"]["expires"] = json!("2019-06-02T10:00:00.000Z");
    };
    change(chain.tasks.get_mut(BUILD).unwrap());
    change(&mut chain.documents.get_mut(BUILD).unwrap()["task"]);
    let (status, report) = era.report(&chain, &[]);
    assert_eq!(status, 0, "{report:#}");
    assert!(
        report["relaxations"][0]
            .as_str()
            .unwrap()
            .starts_with("fuzzy match"),
        "{report:#}"
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
