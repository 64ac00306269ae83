// SPDX-License-Identifier: MPL-2.0
//! `catena worker` as operators see it: metrics, health, the service manager, and the script of a worker that died.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::worker::{Worker, World, check, runs, text, valid, wait};

/// A page, head and body; nothing if nobody answers.
async fn page(address: SocketAddr, path: &str) -> String {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok::<_, std::io::Error>(text)
    };
    asked.await.unwrap_or_default()
}

/// An address that was free a moment ago.
fn free() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_and_health_are_served_where_the_configuration_says() {
    let world = World::start(Duration::from_secs(60)).await;
    let address = free();
    let config = world.config_with("echo a > $DIR/artifacts/public/a.zip", |page| {
        page["x_cot"] = json!({"monitor": address.to_string()});
    });
    let worker = Worker::start(&config);
    wait("health", async || {
        page(address, "/health").await.starts_with("HTTP/1.1 200")
    })
    .await;
    let health = page(address, "/health").await;
    assert!(
        health.contains("\"status\":\"ok\",\"busy\":0,\"slots\":1"),
        "{health}"
    );
    let task = world.create(0).await;
    wait("counted", async || {
        page(address, "/metrics")
            .await
            .contains("catena_worker_tasks_total{outcome=\"completed\"} 1\n")
    })
    .await;
    assert_eq!(runs(&world.client, task).await, "completed completed");
    let metrics = page(address, "/metrics").await;
    assert!(
        metrics.contains("content-type: text/plain; version=0.0.4"),
        "{metrics}"
    );
    for line in [
        "catena_worker_claims_total{result=\"task\"} 1",
        // a.zip, worker-info.json, live_backing.log, the document, its signature
        "catena_worker_uploads_total{result=\"done\"} 5",
        "catena_worker_uploads_total{result=\"failed\"} 0",
        "catena_worker_phase_seconds_count{phase=\"script\"} 1",
        "catena_worker_phase_seconds_count{phase=\"verify\"} 0",
        "catena_worker_slots 1",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line} in {metrics}"
        );
    }
    assert!(page(address, "/").await.starts_with("HTTP/1.1 404"));
    // counts outlive a configuration that is read again
    worker.signal("-HUP");
    let log = || fs::read_to_string(world.path("log/worker.log")).unwrap_or_default();
    wait("the new file", async || log().contains("was read again")).await;
    let second = world.create(1).await;
    wait("counted on", async || {
        page(address, "/metrics")
            .await
            .contains("catena_worker_tasks_total{outcome=\"completed\"} 2\n")
    })
    .await;
    assert_eq!(runs(&world.client, second).await, "completed completed");
    assert_eq!(worker.end("-TERM").code(), Some(0));
}

#[test]
fn what_is_served_stays_on_the_machine() {
    let dir = tempfile::tempdir().unwrap();
    for bad in [
        "0.0.0.0:9464",
        "192.0.2.1:9464",
        "localhost:9464",
        "9464",
        "127.0.0.1",
    ] {
        let mut page = valid(dir.path());
        page["x_cot"] = json!({"monitor": bad});
        let run = check(&page, &[]);
        assert_eq!(run.status, 64, "{bad}");
        let expected = "x_cot.monitor: expected address and port on loopback";
        assert!(run.stderr.contains(expected), "{}", run.stderr);
    }
    let mut page = valid(dir.path());
    page["x_cot"] = json!({"monitor": "[::1]:9464"});
    let run = check(&page, &[]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(
        run.stdout.contains("x_cot.monitor = \"[::1]:9464\""),
        "{}",
        run.stdout
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_manager_hears_of_start_life_and_end() {
    let world = World::start(Duration::from_secs(60)).await;
    let path = world.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let variables = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", "200000"),
    ];
    let worker = Worker::start_with(&world.config("exit 0"), &variables);
    let heard = || {
        let mut buffer = [0; 100];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    assert_eq!(heard(), "READY=1");
    for _ in 0..3 {
        assert_eq!(heard(), "WATCHDOG=1");
    }
    assert_eq!(worker.end("-TERM").code(), Some(0));
    let last = std::iter::repeat_with(heard).find(|message| message != "WATCHDOG=1");
    assert_eq!(last.as_deref(), Some("STOPPING=1"));
}

/// A worker that is killed cannot stop its script, which would write into the next task's directories.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_script_of_a_killed_worker_is_ended_by_the_next_one() {
    let world = World::start(Duration::from_secs(3)).await;
    let task = world.create(0).await;
    let script = "test $RUN_ID = 1 && exit; (trap '' TERM; echo > $DIR/up; sleep 600) & echo $! > $DIR/pid; wait";
    let config = world.config(script);
    let worker = Worker::start(&config);
    wait("the script", async || {
        world.path("up").exists()
            && fs::read_to_string(world.path("pid")).is_ok_and(|pid| pid.ends_with('\n'))
    })
    .await;
    let pid = fs::read_to_string(world.path("pid")).unwrap();
    worker.end("-KILL");
    let alive = || {
        // what is dead and waits for its parent has no command line any more
        let line = fs::read(Path::new("/proc").join(pid.trim()).join("cmdline"));
        !line.unwrap_or_default().is_empty()
    };
    assert!(alive(), "nobody has stopped it yet");
    let worker = Worker::start(&config);
    wait("the second run", async || {
        runs(&world.client, task).await == "exception claim-expired, completed completed"
    })
    .await;
    assert!(!alive());
    assert_eq!(worker.end("-TERM").code(), Some(0));
    let log = fs::read_to_string(world.path("log/worker.log")).unwrap();
    assert!(
        log.contains("the script of a worker that died is still there"),
        "{log}"
    );
}

/// `x_cot.artifact_storage: object`: nothing can change what is finished, and nothing is packed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn artifacts_may_go_to_the_object_service() {
    let world = World::start(Duration::from_secs(60)).await;
    let config = world.config_with("echo hello > $DIR/artifacts/public/hello.txt", |page| {
        page["x_cot"] = json!({"artifact_storage": "object"});
    });
    let task = world.create(0).await;
    let worker = Worker::start(&config);
    world.completes(task).await;
    assert_eq!(
        text(&world.client, task, "public/hello.txt").await,
        "hello\n"
    );
    let document = text(&world.client, task, "public/chain-of-trust.json").await;
    let document: Value = serde_json::from_str(&document).unwrap();
    let digest = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    assert_eq!(document["artifacts"]["public/hello.txt"]["sha256"], digest);
    assert_eq!(worker.end("-TERM").code(), Some(0));
}

#[test]
fn every_key_of_the_worker_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let mut page: Value = valid(dir.path());
    page["x_cot"] = json!({"retry": {"base": 0.1, "attempts": 2}});
    let run = check(&page, &[]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    for line in [
        "x_cot.retry.attempts = 2",
        "x_cot.retry.base = 0.1",
        "x_cot.monitor = (not set)",
    ] {
        assert!(run.stdout.contains(line), "{line} in {}", run.stdout);
    }
}
