// SPDX-License-Identifier: MPL-2.0
//! Claim loss, signals and failing uploads in every phase (worker.md 6, 8, 9, 13).

use std::time::Duration;

use catena_worker::config::WorkerConfig;
use catena_worker::worker::Stop;
use serde_json::{Value, json};

use crate::fake::Fault;
use crate::house::House;

/// A worker that reclaims ten times a second, whose script sees the directories in `$DIR`.
async fn house(script: &str) -> House {
    let often = |config: &mut WorkerConfig| config.reclaim_interval = Duration::from_millis(100);
    House::start_with(script, |_| (), often).await
}

/// A script that makes a file and waits for ever.
const WAITS: &str = "echo up; touch $DIR/up; exec sleep 600";

async fn exists(path: std::path::PathBuf) {
    let waited = async {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waited)
        .await
        .unwrap();
}

/// §13: reclaim with rotated credentials (child sees both).
#[tokio::test]
async fn a_script_sees_the_credentials_of_every_reclaim() {
    let script = r#"
        read_token() { python3 -c "
import json, os
fd = int(os.environ['TASKCLUSTER_CREDENTIALS_FD'])
print(json.loads(os.pread(fd, 100000, 0))['accessToken'])"; }
        first=$(read_token); echo "first $first"
        while test "$(read_token)" = "$first"; do sleep 0.05; done
        echo "then $(read_token)"
        python3 -c "
import os
print('open', sorted(int(n) for n in os.listdir('/proc/self/fd')))"
    "#;
    let house = house(script).await.one(json!({}), "completed").await;
    let log = house.live_log();
    assert!(
        log.contains("first token-") && log.contains("then token-"),
        "{log}"
    );
    // the numbers that are open: three, the credentials, and that of the listing itself
    let open = log.lines().find(|line| line.starts_with("open")).unwrap();
    assert_eq!(open.matches(',').count(), 4, "{open}");
    assert!(house.fake.count("reclaim") >= 1);
}

/// §13: 409 on reclaim while running; cancelled task.
#[tokio::test]
async fn a_claim_lost_while_the_script_runs_stops_it_and_reports_nothing() {
    let house = house(WAITS).await;
    house.fake.give(json!({}));
    exists(house.path("up")).await;
    house.fake.fail("reclaim", 1, Fault::Status(409));
    house.fake.until("put public/logs/live_backing.log").await;
    let house = house.end().await;
    assert_eq!(house.reports(), Vec::<String>::new());
    let lost = "catena_worker_tasks_total{outcome=\"lost\"} 1";
    assert!(house.metrics.render().contains(lost));
    assert!(house.fake.artifact("public/chain-of-trust.json").is_none());
    let log = house.live_log();
    assert!(log.contains("the claim is lost"), "{log}");
    assert_eq!(house.fake.names(), ["public/logs/live_backing.log"]);
}

/// §13: 409 on reclaim while uploading.
#[tokio::test]
async fn a_claim_lost_while_uploading_reports_nothing() {
    let house = house("echo a > $DIR/artifacts/public/a.zip").await;
    house.fake.fail("put public/a.zip", 1, Fault::Hang);
    house.fake.give(json!({}));
    house.fake.until("put public/a.zip").await;
    house.fake.fail("reclaim", 1, Fault::Status(409));
    house.fake.until("put public/logs/live_backing.log").await;
    let house = house.end().await;
    assert_eq!(house.reports(), Vec::<String>::new());
    assert!(house.fake.artifact("public/chain-of-trust.json").is_none());
}

/// §13: 409 on createArtifact loses the claim.
#[tokio::test]
async fn a_conflict_while_creating_loses_the_claim() {
    let house = house("echo a > $DIR/artifacts/public/a.zip").await;
    house
        .fake
        .fail("create s3 public/a.zip", 1, Fault::Status(409));
    house.fake.give(json!({}));
    house.fake.until("put public/logs/live_backing.log").await;
    let house = house.end().await;
    assert_eq!(house.reports(), Vec::<String>::new());
}

/// A report that comes too late is ignored (§7).
#[tokio::test]
async fn a_conflict_on_report_is_ignored() {
    let house = house("exit 0").await;
    house.fake.fail("completed", 1, Fault::Status(409));
    let house = house.one(json!({}), "completed").await;
    assert_eq!(house.reports(), ["completed"]);
}

/// Reports are tried again while the claim holds (§7 [D]).
#[tokio::test]
async fn a_report_is_repeated_until_it_arrives() {
    let house = house("exit 0").await;
    house.fake.fail("completed", 2, Fault::Status(500));
    house.fake.fail("completed", 1, Fault::Break);
    house.fake.give(json!({}));
    house.fake.until_count("completed", 3).await;
    house.end().await;
}

/// Reclaims that fail for a while lose nothing (§6 [D]).
#[tokio::test]
async fn reclaims_that_fail_for_a_while_lose_nothing() {
    let house = house(WAITS_FOR_GO).await;
    house.fake.fail("reclaim", 4, Fault::Status(503));
    house.fake.give(json!({}));
    house.fake.until_count("reclaim", 6).await;
    std::fs::write(house.path("go"), "").unwrap();
    house.fake.until("completed").await;
    house.end().await;
}

/// An attempt to reclaim that hangs leaves time for others before the claim ends.
#[tokio::test]
async fn a_reclaim_that_hangs_loses_nothing() {
    let house = house(WAITS_FOR_GO).await;
    house.fake.hold(6);
    house.fake.fail("reclaim", 1, Fault::Hang);
    house.fake.give(json!({}));
    house.fake.until_count("reclaim", 3).await;
    std::fs::write(house.path("go"), "").unwrap();
    house.fake.until("completed").await;
    assert_eq!(house.end().await.reports(), ["completed"]);
}

/// Credentials that the queue does not take are replaced with the next reclaim.
#[tokio::test]
async fn a_call_that_is_refused_for_its_credentials_is_made_again() {
    for event in [
        "create s3 public/a.zip",
        "create s3 public/chain",
        "completed",
    ] {
        let house = house("echo a > $DIR/artifacts/public/a.zip").await;
        house.fake.fail(event, 2, Fault::Status(401));
        house.fake.give(json!({}));
        house
            .fake
            .until_count("completed", if event == "completed" { 3 } else { 1 })
            .await;
        let house = house.end().await;
        assert!(
            house
                .fake
                .artifact("public/chain-of-trust.json.sig")
                .is_some()
        );
        assert_eq!(house.reports().last().unwrap(), "completed");
    }
}

/// Calls that hang are given up and made again, but for the request for work, which may take its time.
#[tokio::test]
async fn calls_that_hang_are_made_again() {
    let house = house("echo a > $DIR/artifacts/public/a.zip").await;
    for event in ["create s3 public/a.zip", "completed"] {
        house.fake.fail(event, 1, Fault::Hang);
    }
    house.fake.give(json!({}));
    house.fake.until_count("completed", 2).await;
    let house = house.end().await;
    assert_eq!(house.fake.count("create s3 public/a.zip"), 2);
}

/// Health probes look at the age of the log: it never stays silent (§10).
#[tokio::test]
async fn a_worker_with_nothing_to_do_says_that_it_is_alive() {
    let house = house("exit 0").await;
    // requests for work are told of only where everything is
    house.fake.until_count("claim", 2).await;
    let house = house.end().await;
    assert!(
        house.worker_log().contains("alive"),
        "{}",
        house.worker_log()
    );
}

/// What happens to tasks is counted.
#[tokio::test]
async fn outcomes_are_counted() {
    let script = "test $TASK_ID && echo a > $DIR/artifacts/public/a.zip; exit 7";
    let house = house(script).await;
    house.fake.fail("put public/a.zip", 1, Fault::Status(500));
    let house = house.one(json!({}), "exception intermittent-task").await;
    let text = house.metrics.render();
    for line in [
        "catena_worker_tasks_total{outcome=\"intermittent-task\"} 1",
        "catena_worker_tasks_total{outcome=\"lost\"} 0",
        "catena_worker_claims_total{result=\"task\"} 1",
        "catena_worker_uploads_total{result=\"done\"} 5",
        "catena_worker_uploads_total{result=\"failed\"} 0",
        "catena_worker_phase_seconds_count{phase=\"generate\"} 1",
        "catena_worker_phase_seconds_count{phase=\"task\"} 1",
        "catena_worker_busy 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
}

const WAITS_FOR_GO: &str = "while ! test -e $DIR/go; do sleep 0.02; done";

/// At the end of its time a claim is lost, whatever the queue says (§6 [D]).
#[tokio::test]
async fn a_claim_that_cannot_be_renewed_is_lost_at_its_end() {
    let house = house(WAITS).await;
    house.fake.hold(2);
    house.fake.fail("reclaim", usize::MAX, Fault::Status(500));
    house.fake.give(json!({}));
    house.fake.until("put public/logs/live_backing.log").await;
    let house = house.end().await;
    assert_eq!(house.reports(), Vec::<String>::new());
}

/// §13: SIGTERM while the script runs.
#[tokio::test]
async fn a_worker_told_to_stop_gives_the_task_back_with_its_files() {
    let house =
        house("echo a > $DIR/artifacts/public/a.zip; echo up; touch $DIR/up; sleep 600").await;
    house.fake.give(json!({}));
    exists(house.path("up")).await;
    house.stop.send_replace(Stop::Now);
    let house = house.end().await;
    assert_eq!(house.reports(), ["exception worker-shutdown"]);
    assert_eq!(
        house.fake.names(),
        ["public/a.zip", "public/logs/live_backing.log"]
    );
    assert!(house.live_log().contains("told to stop"));
}

/// §13: SIGTERM with a claim in flight, which then answers with a task.
#[tokio::test]
async fn a_task_claimed_while_stopping_is_given_back_at_once() {
    let house = house("exit 0").await;
    house.fake.until("claim").await;
    house.stop.send_replace(Stop::Now);
    house.fake.give(json!({}));
    let house = house.end().await;
    // it arrived in the flight, or nobody asked any more
    let reports = house.reports();
    assert_eq!(reports, ["exception worker-shutdown"]);
    assert_eq!(house.fake.names(), Vec::<String>::new());
}

/// §13: SIGTERM while uploading: uploads go on; the second skips them.
#[tokio::test]
async fn the_second_order_to_stop_skips_uploads() {
    let house = house("cd $DIR/artifacts/public; echo a > a.zip; echo b > b.zip").await;
    house.fake.fail("put public/b.zip", 1, Fault::Hang);
    house.fake.fail("put public/a.zip", 1, Fault::Status(500));
    house.fake.give(json!({}));
    house.fake.until("put public/b.zip").await;
    house.fake.until("put public/a.zip").await;
    house.stop.send_replace(Stop::Now);
    // after the first one, another attempt is made
    let due = house.fake.count("create s3 public/a.zip") + 1;
    house.fake.fail("put public/a.zip", 1, Fault::Status(500));
    house.fake.until_count("create s3 public/a.zip", due).await;
    house.stop.send_replace(Stop::Abandon);
    let house = house.end().await;
    assert_eq!(house.reports(), ["exception worker-shutdown"]);
    assert!(house.fake.artifact("public/chain-of-trust.json").is_none());
    assert!(house.worker_log().contains("uploads were skipped"));
}

/// §13: SIGTERM between two requests for work.
#[tokio::test]
async fn a_worker_told_to_stop_does_not_sleep_on() {
    let long = |config: &mut WorkerConfig| {
        config.poll_interval = Duration::from_secs(600);
    };
    let house = House::start_with("exit 0", |_| (), long).await;
    house.fake.fail("claim", usize::MAX, Fault::Status(500));
    house.fake.until("claim").await;
    house.stop.send_replace(Stop::Now);
    let house = house.end().await;
    assert_eq!(house.fake.count("claim"), 1);
}

/// §13: SIGTERM while reporting: the report is still made; after the second one nobody insists on it.
#[tokio::test]
async fn the_second_order_to_stop_ends_a_report_that_does_not_arrive() {
    let house = house("exit 0").await;
    house.fake.fail("completed", usize::MAX, Fault::Status(500));
    house.fake.give(json!({}));
    house.fake.until_count("completed", 2).await;
    house.stop.send_replace(Stop::Now);
    house.fake.until_count("completed", 5).await;
    house.stop.send_replace(Stop::Abandon);
    let house = house.end().await;
    assert!(
        house
            .worker_log()
            .contains("completed was not reported: told to stop twice")
    );
}

/// A report that the queue refuses is made again: the task would run once more without it (§7).
#[tokio::test]
async fn a_report_that_is_refused_is_repeated() {
    let house = house("exit 0").await;
    house.fake.fail("completed", 3, Fault::Status(403));
    house.fake.give(json!({}));
    house.fake.until_count("completed", 4).await;
    let house = house.end().await;
    assert_eq!(house.reports(), ["completed"; 4]);
    let done = "catena_worker_tasks_total{outcome=\"completed\"} 1";
    assert!(house.metrics.render().contains(done));
}

/// A report is tried until the claim ends as it stood when it began: reclaims that succeed do not prolong it (§7).
#[tokio::test]
async fn a_report_that_does_not_arrive_ends_with_the_claim() {
    let house = house(WAITS_FOR_GO).await;
    house.fake.hold(3);
    house.fake.fail("completed", usize::MAX, Fault::Status(500));
    house.fake.give(json!({}));
    house.fake.until("reclaim").await;
    std::fs::write(house.path("go"), "").unwrap();
    house.fake.until("completed").await;
    let reclaims = house.fake.count("reclaim");
    house.fake.until_count("claim", 2).await;
    assert!(
        house.fake.count("reclaim") > reclaims,
        "it was held meanwhile"
    );
    let house = house.end().await;
    let log = house.worker_log();
    assert!(
        log.contains("completed was not reported: the claim ended"),
        "{log}"
    );
}

/// §13: SIGTERM while reporting bounds a report that does not arrive.
#[tokio::test]
async fn the_order_to_stop_bounds_a_report_that_does_not_arrive() {
    let house = house("exit 0").await;
    house.fake.fail("completed", usize::MAX, Fault::Hang);
    house.fake.give(json!({}));
    house.fake.until("completed").await;
    house.stop.send_replace(Stop::Now);
    let house = house.end().await;
    let log = house.worker_log();
    assert!(
        log.contains("completed was not reported: told to stop"),
        "{log}"
    );
}

/// §9: two orders to stop end the call that shows the log of a verification in place of the script's.
#[tokio::test]
async fn the_second_order_to_stop_ends_a_link_that_does_not_arrive() {
    for lose in [false, true] {
        let house = undecided().await;
        house.fake.fail("create link", usize::MAX, Fault::Hang);
        house.fake.give(json!({}));
        house.fake.until("create link").await;
        if lose {
            house.fake.fail("reclaim", 1, Fault::Status(409));
            house.fake.until("put public/logs/chain_of_trust.log").await;
        } else {
            house.stop.send_replace(Stop::Now);
            house.stop.send_replace(Stop::Abandon);
        }
        let house = house.end().await;
        let log = house.worker_log();
        let why = match lose {
            true => "no link: the claim is lost",
            false => "no link: told to stop twice",
        };
        assert!(log.contains(why), "{log}");
        assert!(house.fake.count("create link") == 1, "nobody insists");
        let reports: &[&str] = if lose {
            &[]
        } else {
            &["exception resource-unavailable"]
        };
        assert_eq!(house.reports(), reports);
    }
}

/// §9: two orders to stop end the call that gives back a task that nobody began.
#[tokio::test]
async fn the_second_order_to_stop_ends_giving_back() {
    let house = house("exit 0").await;
    house.fake.until("claim").await;
    house
        .fake
        .fail("exception worker-shutdown", usize::MAX, Fault::Hang);
    house.stop.send_replace(Stop::Now);
    house.fake.give(json!({}));
    house.fake.until("exception worker-shutdown").await;
    house.stop.send_replace(Stop::Abandon);
    let house = house.end().await;
    let log = house.worker_log();
    assert!(log.contains("not given back: told to stop twice"), "{log}");
}

/// §13: SIGUSR1 idle.
#[tokio::test]
async fn an_idle_worker_told_to_finish_ends() {
    let house = house("exit 0").await;
    house.fake.until("claim").await;
    let house = house.end().await;
    assert_eq!(house.reports(), Vec::<String>::new());
}

/// §13: SIGUSR1 busy.
#[tokio::test]
async fn a_busy_worker_told_to_finish_finishes_its_task() {
    let house = house(WAITS_FOR_GO).await;
    house.fake.give(json!({}));
    house.fake.until("reclaim").await;
    house.stop.send_replace(Stop::Finish);
    let claims = house.fake.count("claim");
    std::fs::write(house.path("go"), "").unwrap();
    let house = house.end().await;
    assert_eq!(house.reports(), ["completed"]);
    assert_eq!(house.fake.count("claim"), claims);
}

/// §13: upload retry (500, then 200).
#[tokio::test]
async fn an_upload_is_repeated() {
    for fault in [Fault::Status(500), Fault::Status(403)] {
        let house = house("echo a > $DIR/artifacts/public/a.zip").await;
        house.fake.fail("put public/a.zip", 2, fault);
        let house = house.one(json!({}), "completed").await;
        assert_eq!(house.fake.count("put public/a.zip"), 3);
        // each attempt has a URL of its own
        assert_eq!(house.fake.count("create s3 public/a.zip"), 3);
        assert_eq!(house.fake.content("public/a.zip"), "a\n");
    }
}

/// Uploads that never succeed (§8.5).
#[tokio::test]
async fn an_upload_that_never_succeeds_has_its_status() {
    for (event, fault, report) in [
        (
            "put public/a.zip",
            Fault::Status(500),
            "exception resource-unavailable",
        ),
        (
            "create s3 public/a.zip",
            Fault::Break,
            "exception intermittent-task",
        ),
        // §13: 4xx create
        (
            "create s3 public/a.zip",
            Fault::Status(400),
            "exception internal-error",
        ),
    ] {
        let house = house("echo a > $DIR/artifacts/public/a.zip").await;
        house.fake.fail(event, usize::MAX, fault);
        let house = house.one(json!({}), report).await;
        assert_eq!(house.reports(), [report]);
        let log = house.fake.artifact("public/logs/live_backing.log");
        assert!(log.is_some(), "the log arrives all the same");
        let document = house.fake.artifact("public/chain-of-trust.json");
        assert!(document.is_none(), "no document without its artifacts");
    }
}

/// Several tasks at once, each in its directories (P34, P38).
#[tokio::test]
async fn two_slots_run_two_tasks_at_once() {
    let change = |page: &mut Value| {
        let dir = page["work_dir"]
            .as_str()
            .unwrap()
            .trim_end_matches("/work")
            .to_owned();
        page["work_dir"] = json!(format!("{dir}/work/{{slot}}"));
        page["artifact_dir"] = json!(format!("{dir}/artifacts/public/logs/{{slot}}"));
        page["task_log_dir"] = json!(format!("{dir}/artifacts/public/logs/{{slot}}/public/logs"));
        page["x_cot"] = json!({"capacity": 2});
        // each waits for the other, and says whose credentials it has
        let script = format!(
            "touch {dir}/up-{{slot}}; while ! test -e {dir}/up-0 || ! test -e {dir}/up-1; do sleep 0.02; done
             python3 -c \"
import json, os
fd = int(os.environ['TASKCLUSTER_CREDENTIALS_FD'])
print(os.environ['RUN_ID'], json.loads(os.pread(fd, 100000, 0))['accessToken'], len(os.listdir('/proc/self/fd')), file=open('{dir}/seen-{{slot}}', 'w'))\""
        );
        page["task_script"] = json!(["/bin/sh", "-c", script]);
    };
    let house = House::start_with("", change, |_| ()).await;
    house.fake.give_run(0, json!({}));
    house.fake.give_run(1, json!({}));
    house.fake.until_count("completed", 2).await;
    let seen = ["seen-0", "seen-1"].map(|name| std::fs::read_to_string(house.path(name)).unwrap());
    let mut seen = seen.to_vec();
    seen.sort();
    // 0, 1, 2, the credentials of one run, the listing
    assert_eq!(seen, ["0 token-of-run-0 5\n", "1 token-of-run-1 5\n"]);
    house.stop.send_replace(Stop::Finish);
}

/// A worker whose verification waits for an answer that never comes.
async fn verifying() -> House {
    let change = |page: &mut Value| {
        page["verify_chain_of_trust"] = json!(true);
        page["cot_product"] = json!("firefox");
        page["cot_job_type"] = json!("signing");
    };
    let quick = |config: &mut WorkerConfig| {
        config.reclaim_interval = Duration::from_millis(100);
    };
    let house = House::start_with("exit 0", change, quick).await;
    house
        .fake
        .fail("GET /api/queue/v1/task", usize::MAX, Fault::Hang);
    house.fake.give(json!({}));
    house.fake.until("GET /api/queue/v1/task").await;
    house
}

/// §13: 409 on reclaim while verifying.
#[tokio::test]
async fn a_claim_lost_while_verifying_stops_the_verification() {
    let house = verifying().await;
    house.fake.fail("reclaim", 1, Fault::Status(409));
    house.fake.until("put public/logs/live_backing.log").await;
    let house = house.end().await;
    assert_eq!(house.reports(), Vec::<String>::new());
    assert!(
        house
            .live_log()
            .contains("the verification was stopped: the claim is lost")
    );
}

/// §13: SIGTERM while verifying.
#[tokio::test]
async fn a_worker_told_to_stop_while_verifying_gives_the_task_back() {
    let house = verifying().await;
    house.stop.send_replace(Stop::Now);
    let house = house.end().await;
    assert_eq!(house.reports(), ["exception worker-shutdown"]);
    assert!(house.live_log().contains("the verification was stopped"));
}

/// A worker whose verification decides nothing.
async fn undecided() -> House {
    let change = |page: &mut Value| {
        page["verify_chain_of_trust"] = json!(true);
        page["cot_product"] = json!("firefox");
        page["cot_job_type"] = json!("signing");
        page["x_cot"] = json!({"retry": {"attempts": 1, "base": 0.01}});
    };
    let slow = |config: &mut WorkerConfig| {
        config.reclaim_interval = Duration::from_millis(100);
    };
    let house = House::start_with("exit 0", change, slow).await;
    house
        .fake
        .fail("GET /api/queue/v1/task", usize::MAX, Fault::Status(503));
    house
}

/// An outage is nobody's fault (S51): 4, or 7 where the configuration says so; the log of the verification stands for that
/// of the script (§8.4, §13: link artifact).
#[tokio::test]
async fn a_chain_that_cannot_be_decided_has_the_configured_status() {
    for (own, report) in [
        (json!({}), "exception resource-unavailable"),
        (
            json!({"undetermined": "intermittent-task"}),
            "exception intermittent-task",
        ),
    ] {
        let change = |page: &mut Value| {
            page["verify_chain_of_trust"] = json!(true);
            page["cot_product"] = json!("firefox");
            page["cot_job_type"] = json!("signing");
            page["x_cot"] = own;
            page["x_cot"]["retry"] = json!({"attempts": 1, "base": 0.01});
        };
        let house = House::start_with("exit 0", change, |_| ()).await;
        house
            .fake
            .fail("GET /api/queue/v1/task", usize::MAX, Fault::Status(503));
        let house = house.one(json!({}), report).await;
        assert_eq!(house.reports(), [report]);
        let log = house.fake.content("public/logs/chain_of_trust.log");
        let mut lines = log.lines();
        assert!(
            lines.next().unwrap().starts_with("[taskcluster:header] {"),
            "{log}"
        );
        let second = lines.next().unwrap();
        assert!(
            second.starts_with("[taskcluster:error] UNDETERMINED"),
            "{log}"
        );
        let link = house.fake.artifact("public/logs/live_backing.log").unwrap();
        assert_eq!(link.created["storageType"], "link");
        assert_eq!(link.created["artifact"], "public/logs/chain_of_trust.log");
        assert_eq!(house.fake.names().len(), 2);
    }
}
