// SPDX-License-Identifier: MPL-2.0
//! A whole run, and every outcome of worker.md 7 and 13.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use catena_crypto::digest::{Algorithm, Digest};
use catena_crypto::ed25519::PublicKey;
use catena_crypto::signer::{Signer as _, SigningKey};
use catena_worker::facts::LogHeader;
use serde_json::{Value, json};

use crate::fake::Fault;
use crate::house::House;

/// Claim, script, document, uploads, report: what every other test changes something of.
#[tokio::test]
async fn a_claimed_task_is_run_signed_uploaded_and_reported() {
    let script = r#"
        test "$TASK_ID" = oS9Kaq7zSSyZxl7bAS9HVQ && test "$RUN_ID" = 0 && test -n "$TASKCLUSTER_ROOT_URL" || exit 90
        test -z "$TASKCLUSTER_ACCESS_TOKEN" || exit 91
        dir=${SELF%/*}; echo out; echo err >&2
        mkdir -p "$DIR/artifacts/public/build" && printf abc > "$DIR/artifacts/public/build/app.zip"
        cp "$DIR/work/task.json" "$DIR/artifacts/public/task.json"
        cat "$DIR/work/current_task_info.json" > "$DIR/artifacts/public/info.json"
    "#;
    let house = House::start(script).await;
    let house = house.one(json!({"maxRunTime": 60}), "completed").await;
    assert_eq!(house.reports(), ["completed"]);
    let fake = &house.fake;
    assert_eq!(
        fake.names(),
        [
            "public/build/app.zip",
            "public/chain-of-trust.json",
            "public/chain-of-trust.json.sig",
            "public/full-cot.json",
            "public/info.json",
            "public/logs/live_backing.log",
            "public/task.json",
            "public/worker-info.json",
        ]
        .into_iter()
        .filter(|name| *name != "public/full-cot.json")
        .collect::<Vec<_>>()
    );
    let app = fake.artifact("public/build/app.zip").unwrap();
    assert_eq!(
        (app.body.as_slice(), app.content_type.as_str()),
        (&b"abc"[..], "application/zip")
    );
    assert!(app.encoding.is_none());
    assert_eq!(app.created["expires"], "2030-01-01T00:00:00.000Z");
    let due = "{\n  \"runId\": 0,\n  \"taskId\": \"oS9Kaq7zSSyZxl7bAS9HVQ\"\n}";
    assert_eq!(fake.content("public/info.json"), due);
    // the document: signed, and everything but itself is in it
    let body = fake.artifact("public/chain-of-trust.json").unwrap();
    assert_eq!(body.encoding.as_deref(), Some("gzip"));
    let signature = fake.artifact("public/chain-of-trust.json.sig").unwrap();
    let signature: [u8; 64] = signature.body.try_into().unwrap();
    let signer = SigningKey::from_seed([7; 32]);
    let key: &PublicKey = signer.public_key();
    drop(key.verify(&body.plain(), &signature.into()).unwrap());
    let document: Value = serde_json::from_slice(&body.plain()).unwrap();
    let listed: Vec<_> = document["artifacts"].as_object().unwrap().keys().collect();
    assert_eq!(
        listed,
        [
            "public/build/app.zip",
            "public/info.json",
            "public/logs/live_backing.log",
            "public/task.json",
            "public/worker-info.json",
        ]
    );
    // the log: the header, what was printed, the exit code
    let log = house.live_log();
    let header = LogHeader::parse(log.as_bytes()).unwrap();
    assert_eq!(header.task_id.as_deref(), Some("oS9Kaq7zSSyZxl7bAS9HVQ"));
    let info = header.info.unwrap().to_json();
    assert_eq!(info, fake.content("public/worker-info.json"));
    assert!(log.contains("\nout\n") && log.contains("\nerr\n"), "{log}");
    assert!(log.ends_with("\nexit code: 0\n"), "{log}");
    // the order: logs after artifacts, the signature last
    let order: Vec<_> = fake.events();
    let at = |event: &str| order.iter().position(|found| found == event).unwrap();
    assert!(at("put public/build/app.zip") < at("put public/logs/live_backing.log"));
    assert!(at("put public/logs/live_backing.log") < at("put public/chain-of-trust.json"));
    assert!(at("put public/chain-of-trust.json") < at("put public/chain-of-trust.json.sig"));
    // and no document is announced before the artifacts are there, no signature before the logs
    assert!(at("put public/build/app.zip") < at("create s3 public/chain-of-trust.json"));
    assert!(
        at("put public/logs/live_backing.log") < at("create s3 public/chain-of-trust.json.sig")
    );
    assert!(at("put public/chain-of-trust.json.sig") < at("completed"));
    let log = house.worker_log();
    assert!(
        !log.contains("token-") && !log.contains("permanent"),
        "{log}"
    );
    assert!(
        log.contains("VERIF"),
        "unverified tasks are told of loudly: {log}"
    );
}

/// §13: exit codes 0–8, 241, 245.
#[tokio::test]
async fn exit_codes_become_reports() {
    for (code, report) in [
        (0, "completed"),
        (1, "failed"),
        (2, "exception worker-shutdown"),
        (3, "exception malformed-payload"),
        (4, "exception resource-unavailable"),
        (5, "exception internal-error"),
        (6, "failed"),
        (7, "exception intermittent-task"),
        (8, "failed"),
        (241, "exception intermittent-task"),
        (245, "exception intermittent-task"),
    ] {
        let house = House::start(&format!("exit {code}")).await;
        let house = house.one(json!({}), report).await;
        assert_eq!(house.reports(), [report], "{code}");
        assert!(
            house
                .live_log()
                .ends_with(&format!("\nexit code: {code}\n"))
        );
        // the document is there whatever the code (generation.md 2.1)
        assert!(
            house
                .fake
                .artifact("public/chain-of-trust.json.sig")
                .is_some()
        );
    }
}

/// §13: signal death.
#[tokio::test]
async fn a_script_that_a_signal_ends_has_failed() {
    let house = House::start("kill -9 $$")
        .await
        .one(json!({}), "failed")
        .await;
    let due = "\nAutomation Error: python exited with signal -9\n";
    assert!(house.live_log().ends_with(due), "{}", house.live_log());
}

/// §13: 70 KiB line, binary output.
#[tokio::test]
async fn long_lines_and_binary_output_arrive() {
    let script = r"head -c 71680 /dev/zero | tr '\0' x; echo; printf '\377\376\000end\n'";
    let house = House::start(script).await.one(json!({}), "completed").await;
    let log = house.live_log();
    assert!(log.contains(&"x".repeat(71_680)), "the line is whole");
    assert!(
        log.contains("\u{fffd}\u{fffd}\0end\n"),
        "{:?}",
        &log[log.len() - 60..]
    );
}

/// §13: timeout with a TERM-ignoring grandchild.
#[tokio::test]
async fn a_script_whose_time_is_over_ends_with_its_grandchildren() {
    let script =
        r#"trap '' TERM; (trap '' TERM; exec sleep 600) & echo $! > $DIR/pid; wait; sleep 600"#;
    let house = House::start_with(script, |page| page["task_max_timeout"] = json!(1), |_| ()).await;
    let house = house.one(json!({"maxRunTime": 3600}), "failed").await;
    assert!(
        house.live_log().contains("ran longer than 1 s"),
        "{}",
        house.live_log()
    );
    assert!(house.fake.artifact("public/chain-of-trust.json").is_none());
    let pid = fs::read_to_string(house.path("pid")).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", pid.trim())).unwrap_or_default();
    let dead = status.is_empty() || status.contains("\nState:\tZ");
    assert!(dead, "{status}");
}

/// A grandchild that keeps the output open keeps the task running (§5).
#[tokio::test]
async fn a_task_lasts_until_its_output_ends() {
    let script = "(sleep 0.3; echo late) & echo early";
    let house = House::start(script).await.one(json!({}), "completed").await;
    let log = house.live_log();
    assert!(log.contains("early\nlate\nexit code: 0\n"), "{log}");
}

/// §13: malformed claim (3.1, 3.4) without daemon exit.
#[tokio::test]
async fn a_malformed_claim_is_reported_and_the_worker_goes_on() {
    let house = House::start("exit 0").await;
    let upstream = json!([{"taskId": "x", "paths": ["../../etc/passwd"]}]);
    house.fake.give(json!({"upstreamArtifacts": upstream}));
    house.fake.until("exception malformed-payload").await;
    assert!(
        house
            .live_log()
            .contains("[taskcluster:error] payload.upstreamArtifacts[0]")
    );
    house.fake.give(json!({"maxRunTime": "soon"}));
    house
        .fake
        .until_count("exception malformed-payload", 2)
        .await;
    house.fake.give(json!([]));
    house
        .fake
        .until_count("exception malformed-payload", 3)
        .await;
    house.fake.give(json!({}));
    house.fake.until("completed").await;
    house.end().await;
}

/// §13: empty claim; errors of claimWork are no work.
#[tokio::test]
async fn claims_that_fail_are_asked_again() {
    let house = House::start("exit 0").await;
    house.fake.until_count("claim", 2).await;
    house.fake.fail("claim", 1, Fault::Status(500));
    house.fake.fail("claim", 1, Fault::Status(401));
    house.fake.fail("claim", 1, Fault::Break);
    house.fake.until_count("claim", 6).await;
    house.one(json!({}), "completed").await;
}

/// A script must not write the worker's names (P36).
#[tokio::test]
async fn a_script_that_writes_a_name_of_the_worker_is_malformed() {
    for name in [
        "chain-of-trust.json",
        "chain-of-trust.json.sig",
        "worker-info.json",
        "full-cot.json",
    ] {
        let house = House::start_with(
            "",
            |page| {
                let dir = page["artifact_dir"].as_str().unwrap().to_owned();
                let script = format!("echo mine > {dir}/public/{name}");
                page["task_script"] = json!(["/bin/sh", "-c", script]);
            },
            |_| (),
        )
        .await;
        let house = house.one(json!({}), "exception malformed-payload").await;
        assert!(house.live_log().contains(name), "{}", house.live_log());
        let document = house.fake.artifact("public/chain-of-trust.json");
        assert!(document.is_none(), "{name}");
        let mine = house.fake.artifact(&format!("public/{name}"));
        assert!(mine.is_none(), "{name} of the script");
    }
}

/// A script that cannot be started is the worker's fault.
#[tokio::test]
async fn a_script_whose_interpreter_does_not_exist_is_an_internal_error() {
    let house = House::start_with("", unstartable, |_| ()).await;
    let house = house.one(json!({}), "exception internal-error").await;
    assert!(house.live_log().contains("/script"), "{}", house.live_log());
}

/// Makes the script a program that is there and cannot be started.
pub(crate) fn unstartable(page: &mut Value) {
    let dir = page["log_dir"].as_str().unwrap().trim_end_matches("/log");
    let path = format!("{dir}/script");
    fs::write(&path, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    page["task_script"] = json!([path]);
}

/// §13: JSON config with string keys.
#[tokio::test]
async fn further_exit_codes_may_be_strings() {
    let change =
        |page: &mut Value| page["reversed_statuses"] = json!({"99": "resource-unavailable"});
    let house = House::start_with("exit 99", change, |_| ()).await;
    house.one(json!({}), "exception resource-unavailable").await;
}

/// What a task packed itself goes up as it is, and every digest is that of what a reader gets (§8.2, generation.md 6.4).
#[tokio::test]
async fn what_is_uploaded_has_the_digests_that_are_signed() {
    let change = |page: &mut Value| {
        let dir = page["artifact_dir"].as_str().unwrap().to_owned();
        let script = format!(
            "cd {dir}/public; seq 20000 > a.txt; echo '{{}}' > b.json; gzip -n < a.txt > c.txt.gz; \
             ln -s a.txt d.log; printf x > e; mkdir f; ln -s f g"
        );
        page["task_script"] = json!(["/bin/sh", "-c", script]);
    };
    let house = House::start_with("", change, |_| ()).await;
    let house = house.one(json!({}), "completed").await;
    let fake = &house.fake;
    let packed = fake.artifact("public/c.txt.gz").unwrap();
    assert!(packed.encoding.is_none() && packed.content_type == "application/gzip");
    assert_eq!(
        fake.artifact("public/a.txt").unwrap().encoding.as_deref(),
        Some("gzip")
    );
    let document = fake.artifact("public/chain-of-trust.json").unwrap().plain();
    let document: Value = serde_json::from_slice(&document).unwrap();
    let listed = document["artifacts"].as_object().unwrap();
    assert_eq!(listed.len(), 7);
    for (name, entry) in listed {
        let plain = fake.artifact(name).unwrap().plain();
        assert_eq!(
            entry["sha256"],
            Digest::of(Algorithm::Sha256, &plain).hex(),
            "{name}"
        );
    }
}

/// A link that leaves the directory is refused, and the logs arrive (generation.md 2.2).
#[tokio::test]
async fn a_link_that_leaves_the_directory_is_malformed() {
    let change = |page: &mut Value| {
        let dir = page["artifact_dir"].as_str().unwrap().to_owned();
        let script = format!("ln -s /etc/passwd {dir}/public/passwd");
        page["task_script"] = json!(["/bin/sh", "-c", script]);
    };
    let house = House::start_with("", change, |_| ()).await;
    let house = house.one(json!({}), "exception malformed-payload").await;
    assert_eq!(house.fake.names(), ["public/logs/live_backing.log"]);
}
