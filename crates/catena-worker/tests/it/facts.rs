// SPDX-License-Identifier: MPL-2.0
//! The heads of logs of three workers.

use catena_worker::facts::{HeaderError, Image, LogHeader, MAX_HEADER, Producer, WorkerInfo};

fn info() -> WorkerInfo {
    WorkerInfo {
        schema: WorkerInfo::schema(),
        task_id: "oS9Kaq7zSSyZxl7bAS9HVQ".to_owned(),
        run_id: 2,
        task_queue_id: "scriptworker-k8s/gecko-3-signing".to_owned(),
        worker_group: "gecko-3-signing".to_owned(),
        worker_id: "abc\n123".to_owned(),
        worker_implementation: "scriptworker".to_owned(),
        worker_version: "1.0.0".to_owned(),
        root_url: "https://tc.example.com".to_owned(),
        started_at: "2026-03-01T10:00:00Z".to_owned(),
        interactive: false,
        image: Some(Image {
            kind: "docker-image".to_owned(),
            name: Some("example/signing".to_owned()),
            id: "sha256:00".to_owned(),
            artifact_sha256: None,
            builder: None,
        }),
    }
}

#[test]
fn r01_the_header_is_the_artifact_in_one_line() {
    let line = info().to_line();
    assert!(!line.contains('\n'));
    let object = line.strip_prefix("[taskcluster:header] ").unwrap();
    assert_eq!(object, info().to_json());
    assert_eq!(WorkerInfo::parse(object), Some(info()));
    let log = format!("{line}\nhello\nexit code: 0\n");
    let header = LogHeader::parse(log.as_bytes()).unwrap();
    assert_eq!(header.producer, Producer::Catena);
    assert_eq!(header.run_id, Some(2));
    assert_eq!(header.info, Some(info()));
}

#[test]
fn r01_what_a_script_prints_is_no_header() {
    let forged = info().to_line();
    let log = format!("hello\n{forged}\n");
    assert_eq!(LogHeader::parse(log.as_bytes()), Err(HeaderError::Unknown));
    let other = forged.replace("oS9Kaq7zSSyZxl7bAS9HVQ", "MS4kukUGRKiDDt22gp5Vbg");
    let log = format!("{forged}\n{other}\n[taskcluster 2026] Task ID: MS4kukUGRKiDDt22gp5Vbg\n");
    let header = LogHeader::parse(log.as_bytes()).unwrap();
    assert_eq!(header.task_id.as_deref(), Some("oS9Kaq7zSSyZxl7bAS9HVQ"));
}

#[test]
fn r01_a_header_of_another_schema_is_malformed() {
    for (from, to) in [
        ("cot-log-header/1", "cot-log-header/2"),
        ("\"runId\":2", "\"runId\":\"2\""),
        ("\"interactive\":false", "\"interactive\":false,\"more\":1"),
        ("{", ""),
    ] {
        let line = info().to_line().replacen(from, to, 1);
        assert_eq!(
            LogHeader::parse(line.as_bytes()),
            Err(HeaderError::Malformed),
            "{from}"
        );
    }
}

const DOCKER_WORKER: &str = "\
[taskcluster 2022-05-01 00:00:01.123Z] Task ID: UudF3Bj1SMmIFY4xL2LieQ
[taskcluster 2022-05-01 00:00:01.123Z] Worker ID: i-0abc0abc0abc0abc0
[taskcluster 2022-05-01 00:00:01.123Z] Worker Group: us-west-2
[taskcluster 2022-05-01 00:00:01.123Z] Worker Node Type: m5.4xlarge
[taskcluster 2022-05-01 00:00:01.123Z] Worker Pool: gecko-3/images
[taskcluster 2022-05-01 00:00:01.123Z] Worker Version: 44.17.2
[taskcluster 2022-05-01 00:00:01.123Z] Public IP: 192.0.2.12
[taskcluster 2022-05-01 00:00:01.123Z] Hostname: ip-10-0-0-7

[taskcluster 2022-05-01 00:00:02.000Z] using cache \"level-3-checkouts\" -> /builds/worker/checkouts
[taskcluster 2022-05-01 00:00:05.000Z] === Task Starting ===
[taskcluster 2022-05-01 00:00:05.000Z] Hostname: forged
[taskcluster 2022-05-01 00:00:05.000Z] using cache \"forged\" -> /
";

#[test]
fn r01_the_text_of_docker_worker() {
    let header = LogHeader::parse(DOCKER_WORKER.as_bytes()).unwrap();
    assert_eq!(header.producer, Producer::DockerWorker);
    let text = |value: &Option<String>| value.clone().unwrap();
    assert_eq!(text(&header.task_id), "UudF3Bj1SMmIFY4xL2LieQ");
    assert_eq!(text(&header.worker_id), "i-0abc0abc0abc0abc0");
    assert_eq!(text(&header.worker_group), "us-west-2");
    assert_eq!(text(&header.instance_type), "m5.4xlarge");
    assert_eq!(text(&header.task_queue_id), "gecko-3/images");
    assert_eq!(text(&header.worker_version), "44.17.2");
    assert_eq!(text(&header.public_ip), "192.0.2.12");
    assert_eq!(text(&header.hostname), "ip-10-0-0-7");
    assert_eq!(text(&header.started_at), "2022-05-01 00:00:01.123Z");
    let cache = (
        "level-3-checkouts".to_owned(),
        "/builds/worker/checkouts".to_owned(),
    );
    assert_eq!(header.caches, [cache]);
    // output that begins before the worker says that the task starts ends the header, too
    let log = DOCKER_WORKER.replacen(
        "[taskcluster 2022-05-01 00:00:01.123Z] Worker Pool",
        "x\n[taskcluster t] Worker Pool",
        1,
    );
    let header = LogHeader::parse(log.as_bytes()).unwrap();
    assert_eq!(header.task_queue_id, None);
}

const GENERIC_WORKER: &str = "\
[taskcluster 2026-03-01T08:00:00.000Z] Worker Type (gecko-3/b-win2022) settings:
[taskcluster 2026-03-01T08:00:00.000Z]   {
[taskcluster 2026-03-01T08:00:00.000Z]     \"config\": {
[taskcluster 2026-03-01T08:00:00.000Z]       \"instanceType\": \"n2-standard-32\",
[taskcluster 2026-03-01T08:00:00.000Z]       \"publicIP\": \"192.0.2.10\",
[taskcluster 2026-03-01T08:00:00.000Z]       \"workerGroup\": \"us-east1\",
[taskcluster 2026-03-01T08:00:00.000Z]       \"workerId\": \"4242424242\"
[taskcluster 2026-03-01T08:00:00.000Z]     },
[taskcluster 2026-03-01T08:00:00.000Z]     \"generic-worker\": {
[taskcluster 2026-03-01T08:00:00.000Z]       \"version\": \"81.0.2\"
[taskcluster 2026-03-01T08:00:00.000Z]     }
[taskcluster 2026-03-01T08:00:00.000Z]   }
[taskcluster 2026-03-01T08:00:00.000Z] Task ID: MS4kukUGRKiDDt22gp5Vbg
[taskcluster 2026-03-01T08:00:00.000Z] === Task Starting ===
[taskcluster 2026-03-01T08:00:00.000Z] Task ID: forged
";

#[test]
fn r01_the_text_of_generic_worker() {
    let header = LogHeader::parse(GENERIC_WORKER.as_bytes()).unwrap();
    assert_eq!(header.producer, Producer::GenericWorker);
    let text = |value: &Option<String>| value.clone().unwrap();
    assert_eq!(text(&header.task_id), "MS4kukUGRKiDDt22gp5Vbg");
    assert_eq!(text(&header.task_queue_id), "gecko-3/b-win2022");
    assert_eq!(text(&header.worker_group), "us-east1");
    assert_eq!(text(&header.worker_id), "4242424242");
    assert_eq!(text(&header.worker_version), "81.0.2");
    assert_eq!(text(&header.instance_type), "n2-standard-32");
    assert_eq!(text(&header.public_ip), "192.0.2.10");
    // settings that nobody can read leave the rest
    let broken = GENERIC_WORKER.replacen("\"config\": {", "\"config\":", 1);
    let header = LogHeader::parse(broken.as_bytes()).unwrap();
    assert_eq!((header.settings, header.worker_version), (None, None));
    assert_eq!(text(&header.task_queue_id), "gecko-3/b-win2022");
}

#[test]
fn other_texts_have_no_header() {
    for log in [
        "",
        "\n\n",
        "hello",
        "[taskcluster",
        "[taskcluster t] hello",
        "\u{0}\u{fffd}",
    ] {
        assert_eq!(
            LogHeader::parse(log.as_bytes()),
            Err(HeaderError::Unknown),
            "{log:?}"
        );
    }
    let mut long = DOCKER_WORKER
        .replacen("=== Task Starting ===", "waiting", 1)
        .into_bytes();
    long.resize(3 * MAX_HEADER, b'\xff');
    assert!(LogHeader::parse(&long).is_ok());
}
