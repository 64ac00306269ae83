// SPDX-License-Identifier: MPL-2.0
//! `catena worker` as a process against a real queue: configuration, signals, sudden death.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use catena_core::model::ids::TaskId;
use catena_crypto::signer::SigningKey;
use catena_local::client::Client;
use catena_local::http::Caps;
use catena_local::{Credentials, Local, LocalOptions};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::run::Run;

/// A running worker; killed when the test fails.
pub(crate) struct Worker {
    child: Child,
}

impl Worker {
    pub(crate) fn start(config: &Path) -> Self {
        Self::start_with(config, &[])
    }

    pub(crate) fn start_with(config: &Path, variables: &[(&str, &str)]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_catena"))
            .arg("worker")
            .arg(config)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("TASKCLUSTER_ACCESS_TOKEN", "never-to-be-seen")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self { child }
    }

    /// Starts it by another program, which gets its name as arguments, with this stderr.
    pub(crate) fn start_within(prefix: &[&str], config: &Path, stderr: Stdio) -> Self {
        let command = prefix
            .iter()
            .copied()
            .chain([env!("CARGO_BIN_EXE_catena"), "worker"]);
        let command: Vec<&str> = command.collect();
        let child = Command::new(command[0])
            .args(&command[1..])
            .arg(config)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("TASKCLUSTER_ACCESS_TOKEN", "never-to-be-seen")
            .stdin(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap();
        Self { child }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end that comes by itself.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn end(mut self, signal: &str) -> ExitStatus {
        self.signal(signal);
        self.child.wait().unwrap()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        // one in a container ends with its first process, which outlives `unshare` if it changed its user
        let id = self.child.id();
        let first = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        for pid in first.unwrap_or_default().split_whitespace() {
            let _ = Command::new("kill").args(["-KILL", pid]).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A queue, and directories for a worker.
pub(crate) struct World {
    local: Local,
    pub(crate) client: Client,
    dir: TempDir,
}

impl World {
    pub(crate) async fn start(claim: Duration) -> Self {
        let options = LocalOptions {
            claim_timeout: Some(claim),
            caps: Caps {
                poll: Duration::from_secs(1),
                ..Caps::default()
            },
            ..LocalOptions::default()
        };
        let local = Local::start(options).await.unwrap();
        let client = Client::new(local.root_url(), &local.credentials()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        SigningKey::from_seed([7; 32])
            .write_new_file(dir.path().join("key"))
            .unwrap();
        Self { local, client, dir }
    }

    pub(crate) fn root_url(&self) -> &str {
        self.local.root_url()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The configuration of a worker whose script is this; `$DIR` is the directory.
    pub(crate) fn config(&self, script: &str) -> PathBuf {
        self.config_with(script, |_| ())
    }

    /// As `config`, changed.
    pub(crate) fn config_with(&self, script: &str, change: impl FnOnce(&mut Value)) -> PathBuf {
        let dir = self.dir.path();
        let mut page = config(
            dir,
            self.local.root_url(),
            &self.local.credentials(),
            script,
        );
        change(&mut page);
        let path = self.path("scriptworker.json");
        fs::write(&path, page.to_string()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    pub(crate) async fn create(&self, number: u8) -> TaskId {
        let name = char::from(b'A' + number);
        let task: TaskId = format!("AAAAAAAAQACAAAAAAAA{name}AA").parse().unwrap();
        let now = Timestamp::now();
        let hours = |hours| now + SignedDuration::from_hours(hours);
        let definition = json!({
            "taskQueueId": "prov/type", "created": now, "deadline": hours(2), "expires": hours(48), "payload": {},
            "metadata": {"name": "n", "description": "d", "owner": "o@example.com", "source": "https://example.com/s"},
        });
        self.client.create_task(task, &definition).await.unwrap();
        task
    }

    /// Waits until a task has ended, demands that it was completed in its first run, and returns its log.
    pub(crate) async fn completes(&self, task: TaskId) -> String {
        wait("an end", async || {
            runs(&self.client, task).await.ends_with("ed")
        })
        .await;
        let log = text(&self.client, task, "public/logs/live_backing.log").await;
        let end = runs(&self.client, task).await;
        assert_eq!(end, "completed completed", "{log}");
        log
    }
}

/// Two tasks at once, each slot with directories of its own.
pub(crate) fn two_slots(page: &mut Value) {
    for key in ["work_dir", "artifact_dir", "task_log_dir"] {
        let dir = page[key].as_str().unwrap();
        page[key] = match key {
            "task_log_dir" => json!(dir.replace("artifacts", "artifacts/{slot}")),
            _ => json!(format!("{dir}/{{slot}}")),
        };
    }
    page["x_cot"] = json!({"capacity": 2});
}

fn config(dir: &Path, root_url: &str, credentials: &Credentials, script: &str) -> Value {
    let path = |name: &str| dir.join(name).display().to_string();
    json!({
        "taskcluster_root_url": root_url,
        "credentials": {"clientId": credentials.client_id, "accessToken": credentials.access_token.as_str()},
        "provisioner_id": "prov", "worker_type": "type", "worker_group": "group", "worker_id": "worker",
        "work_dir": path("work"), "artifact_dir": path("artifacts"),
        "task_log_dir": path("artifacts/public/logs"), "log_dir": path("log"),
        "ed25519_private_key_path": path("key"), "verbose": false, "poll_interval": 1, "reclaim_interval": 1,
        "task_script": ["/bin/sh", "-c", script.replace("$DIR", &dir.display().to_string())],
        // as JSON has them: strings
        "reversed_statuses": {"245": "intermittent-task"},
    })
}

/// Waits until something is so.
pub(crate) async fn wait(what: &str, is: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !is().await {
        assert!(begun.elapsed() < Duration::from_secs(90), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The states and reasons of a task's runs.
pub(crate) async fn runs(client: &Client, task: TaskId) -> String {
    let status = serde_json::to_value(client.status(task).await.unwrap()).unwrap();
    let runs = status["runs"].as_array().cloned().unwrap_or_default();
    let run = |run: &Value| {
        let text = |key: &str| run[key].as_str().unwrap_or("-").to_owned();
        format!("{} {}", text("state"), text("reasonResolved"))
    };
    runs.iter().map(run).collect::<Vec<_>>().join(", ")
}

pub(crate) async fn text(client: &Client, task: TaskId, name: &str) -> String {
    let bytes = client.artifact(task, None, name, 1 << 20).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_of_a_real_queue_is_run_and_signed() {
    let world = World::start(Duration::from_secs(60)).await;
    let task = world.create(0).await;
    let script = "env; echo hello > $DIR/artifacts/public/hello.txt; mkdir $DIR/work/scratch";
    let worker = Worker::start(&world.config(script));
    wait("completed", async || {
        runs(&world.client, task).await == "completed completed"
    })
    .await;
    assert_eq!(
        text(&world.client, task, "public/hello.txt").await,
        "hello\n"
    );
    let log = text(&world.client, task, "public/logs/live_backing.log").await;
    assert!(log.starts_with("[taskcluster:header] {"), "{log}");
    assert!(!log.contains("never-to-be-seen"), "{log}");
    let signature = world
        .client
        .artifact(task, None, "public/chain-of-trust.json.sig", 64)
        .await;
    assert_eq!(signature.unwrap().len(), 64);
    assert_eq!(worker.end("-USR1").code(), Some(0));
    assert_eq!(fs::read_dir(world.path("work")).unwrap().count(), 0);
    let log = fs::read_to_string(world.path("log/worker.log")).unwrap();
    assert!(
        log.contains("SIGUSR1") && log.contains("     INFO - "),
        "{log}"
    );
}

/// §13: SIGTERM while the script runs: TERM, KILL, uploads, worker-shutdown, exit 0; the queue makes a new run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_terminated_gives_its_task_back() {
    let world = World::start(Duration::from_secs(60)).await;
    let task = world.create(0).await;
    let script = "trap '' TERM; echo $$ > $DIR/pid; sleep 600 & wait; sleep 600";
    let worker = Worker::start(&world.config(script));
    wait("the script", async || world.path("pid").exists()).await;
    assert_eq!(worker.end("-TERM").code(), Some(0));
    let due = "exception worker-shutdown, pending -";
    assert_eq!(runs(&world.client, task).await, due);
    let pid = fs::read_to_string(world.path("pid")).unwrap();
    assert!(
        !Path::new("/proc").join(pid.trim()).exists(),
        "the script is gone"
    );
    assert_eq!(fs::read_dir(world.path("work")).unwrap().count(), 0);
}

/// A task is not lost when its worker dies: the claim ends, and another run completes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_killed_loses_no_task() {
    let world = World::start(Duration::from_secs(3)).await;
    let script = "sleep 0.05; head -c 100000 /dev/zero > $DIR/artifacts/public/zeros.bin";
    let config = world.config(script);
    for (number, after) in [0, 40, 80, 120, 160].into_iter().enumerate() {
        let task = world.create(u8::try_from(number).unwrap()).await;
        let worker = Worker::start(&config);
        // a moment that nobody chose, not one that something waits for
        tokio::time::sleep(Duration::from_millis(after)).await;
        worker.end("-KILL");
        let log = world.path("log/worker.log");
        let _ = fs::remove_file(&log);
        let worker = Worker::start(&config);
        // it listens to signals before it says who it is
        let log = || fs::read_to_string(&log).unwrap_or_default();
        wait("a worker", async || log().contains("claims from")).await;
        wait("completed in the end", async || {
            runs(&world.client, task)
                .await
                .ends_with("completed completed")
        })
        .await;
        assert_eq!(worker.end("-TERM").code(), Some(0));
        assert_eq!(fs::read_dir(world.path("work")).unwrap().count(), 0);
        assert_eq!(
            fs::read_dir(world.path("artifacts/public/logs"))
                .unwrap()
                .count(),
            0
        );
    }
}

/// §13: cancelled task: the script is stopped, nothing is reported, the worker goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_task_is_stopped_and_the_next_one_runs() {
    let world = World::start(Duration::from_secs(60)).await;
    let (first, second) = (world.create(0).await, world.create(1).await);
    let script = format!("test $TASK_ID = {second} && exit; touch $DIR/up; exec sleep 600");
    let worker = Worker::start(&world.config(&script));
    wait("the script", async || world.path("up").exists()).await;
    world.client.cancel(first).await.unwrap();
    wait("the second task", async || {
        runs(&world.client, second).await == "completed completed"
    })
    .await;
    assert_eq!(runs(&world.client, first).await, "exception canceled");
    // the queue takes the log of a run that ended as an exception
    let log = text(&world.client, first, "public/logs/live_backing.log").await;
    assert!(log.contains("the claim is lost"), "{log}");
    assert_eq!(worker.end("-TERM").code(), Some(0));
}

/// SIGHUP: the next claim goes by the new file; one that is not valid changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_is_read_again_without_losing_the_task_in_hand() {
    let world = World::start(Duration::from_secs(60)).await;
    let waits = "touch $DIR/up; while ! test -e $DIR/go; do sleep 0.02; done; exit 0";
    let worker = Worker::start(&world.config(waits));
    let first = world.create(0).await;
    wait("the script", async || world.path("up").exists()).await;
    world.config("exit 7");
    worker.signal("-HUP");
    let log = || fs::read_to_string(world.path("log/worker.log")).unwrap_or_default();
    wait("the new file", async || log().contains("was read again")).await;
    fs::write(world.path("scriptworker.json"), "{}").unwrap();
    worker.signal("-HUP");
    wait("the refusal", async || {
        log().contains("the old configuration stays")
    })
    .await;
    fs::write(world.path("go"), "").unwrap();
    let second = world.create(1).await;
    wait("both", async || {
        runs(&world.client, second)
            .await
            .starts_with("exception intermittent-task")
    })
    .await;
    assert_eq!(runs(&world.client, first).await, "completed completed");
}

pub(crate) fn check(page: &Value, variables: &[(&str, &str)]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("scriptworker.yaml");
    fs::write(&path, page.to_string()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    Run::with(
        &["worker", "--check-config", path.to_str().unwrap()],
        &[&[("HOME", "/nonexistent")], variables].concat(),
    )
}

pub(crate) fn valid(dir: &Path) -> Value {
    let key = dir.join("key");
    if !key.exists() {
        SigningKey::from_seed([7; 32]).write_new_file(key).unwrap();
    }
    let credentials = Credentials {
        client_id: "c".to_owned(),
        access_token: "s3cret".to_owned().into(),
        certificate: None,
    };
    config(dir, "https://tc.example", &credentials, "exit 0")
}

#[test]
fn every_effective_value_is_explained_and_no_secret_shown() {
    let dir = tempfile::tempdir().unwrap();
    let run = check(&valid(dir.path()), &[("SCRIPTWORKER_WORKER_ID", "other-1")]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(!run.stdout.contains("s3cret"), "{}", run.stdout);
    for line in [
        "task_max_timeout = 1200  # default",
        "worker_id = \"other-1\"  # SCRIPTWORKER_WORKER_ID",
        "credentials = {clientId: \"c\", accessToken: (masked)}  # the configuration",
        "x_cot.capacity = 1  # default",
    ] {
        assert!(run.stdout.contains(line), "{line} in {}", run.stdout);
    }
    let poll = run
        .stdout
        .lines()
        .find(|line| line.starts_with("poll_interval = 1  # "));
    assert!(poll.unwrap().ends_with("scriptworker.yaml:1"));
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut page = valid(dir.path());
    page["worker_id"] = json!("a/b");
    page["work_dir"] = json!("...");
    page["artifact_dir"] = Value::Null;
    page["log_fmt"] = json!("%(lineno)d");
    page["reversed_statuses"] = json!({"x": "intermittent-task", "9": "nonsense"});
    page["verify_chain_of_trust"] = json!(true);
    page["verify_cot_signature"] = json!(false);
    page["x_cot"] = json!({"capacity": 2});
    let run = check(&page, &[]);
    assert_eq!(run.status, 64);
    for part in [
        "worker_id: expected",
        "work_dir: expected a value, found the placeholder ...",
        "artifact_dir: expected a value, found null",
        "log_fmt: expected",
        "reversed_statuses.x: expected an exit code",
        "reversed_statuses.9: expected internal-error",
        "verify_cot_signature: expected true, or a reason",
        "cot_product: expected a product",
        "task_log_dir: expected {slot}",
        "task_script: expected {slot}",
    ] {
        assert!(run.stderr.contains(part), "{part} in {}", run.stderr);
    }
}

#[test]
fn keys_and_configuration_have_owners_r05() {
    let dir = tempfile::tempdir().unwrap();
    let page = valid(dir.path());
    fs::set_permissions(dir.path().join("key"), fs::Permissions::from_mode(0o644)).unwrap();
    let run = check(&page, &[]);
    assert_eq!(run.status, 64);
    assert!(
        run.stderr.contains("ed25519_private_key_path"),
        "{}",
        run.stderr
    );
    // a key that is not used is not read (P19)
    let mut unsigned = page;
    unsigned["sign_chain_of_trust"] = json!(false);
    assert_eq!(check(&unsigned, &[]).status, 0);
    let path = dir.path().join("open.yaml");
    fs::write(&path, unsigned.to_string()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let run = Run::of(&["worker", "--check-config", path.to_str().unwrap()]);
    assert_eq!(run.status, 64);
    assert!(run.stderr.contains("found mode 0666"), "{}", run.stderr);
}

#[test]
fn credentials_come_from_the_environment_last() {
    let dir = tempfile::tempdir().unwrap();
    let mut page = valid(dir.path());
    page.as_object_mut().unwrap().remove("credentials");
    let run = check(&page, &[]);
    assert_eq!(run.status, 64);
    assert!(
        run.stderr.contains("credentials: expected clientId"),
        "{}",
        run.stderr
    );
    let variables = [
        ("TASKCLUSTER_CLIENT_ID", "v"),
        ("TASKCLUSTER_ACCESS_TOKEN", "s"),
    ];
    let run = check(&page, &variables);
    assert!(
        run.stdout
            .contains("{clientId: \"v\", accessToken: (masked)}  # the environment")
    );
}

#[test]
fn a_missing_file_is_told() {
    let run = Run::of(&["worker", "/nonexistent.yaml"]);
    assert_eq!(run.status, 64);
    assert!(run.stderr.contains("/nonexistent.yaml"), "{}", run.stderr);
}
