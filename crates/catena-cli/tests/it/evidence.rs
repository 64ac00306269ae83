// SPDX-License-Identifier: MPL-2.0
//! Verifies recorded chains (P27).

use std::fs;
use std::path::Path;

use catena_core::document::{Body, Document, ErrorKind, EvidenceError};
use catena_core::request::Request;
use catena_evidence::{DirectoryWriter, RecordedSubject};
use catena_testkit::{Chain, ChainSpec, Flow};
use tempfile::TempDir;

use crate::run::Run;

/// Records a chain, and what it is about.
pub(crate) fn record(chain: &Chain) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let time = chain.recorded.parse().unwrap();
    let mut writer = DirectoryWriter::create(&dir.path().join("evidence")).unwrap();
    writer.about(RecordedSubject {
        task: chain.root,
        task_type: chain.task_type.to_owned(),
        product: chain.product.to_owned(),
        root_url: chain.root_url.clone(),
    });
    for (request, bytes) in &chain.documents {
        let document = Document {
            body: Body::Bytes(bytes.clone().into()),
            origin: "https://example.org/".into(),
        };
        writer.record(request, &Ok(document), time).unwrap();
    }
    let down = chain
        .failures
        .iter()
        .map(|(request, kind)| (request, *kind));
    let absent = chain
        .absent
        .iter()
        .map(|request| (request, ErrorKind::Absent));
    for (request, kind) in down.chain(absent) {
        let detail = match kind {
            ErrorKind::Absent => "404 Not Found",
            _ => "503 Service Unavailable, after 5 attempts",
        };
        let failure = EvidenceError {
            kind,
            detail: detail.to_owned(),
            origin: "https://example.org/".into(),
        };
        writer.record(request, &Err(failure), time).unwrap();
    }
    writer.finish(time).unwrap();
    fs::write(
        dir.path().join("scriptworker.yaml"),
        chain.scriptworker_yaml(),
    )
    .unwrap();
    dir
}

fn verify(dir: &Path, arguments: &[&str]) -> Run {
    let (evidence, config) = (dir.join("evidence"), dir.join("scriptworker.yaml"));
    let common = [
        "verify",
        "--evidence",
        evidence.to_str().unwrap(),
        "--config",
        config.to_str().unwrap(),
    ];
    // the environment must not change what was recorded
    Run::with(
        &[&common[..], arguments].concat(),
        &[("TASKCLUSTER_ROOT_URL", "https://elsewhere.example.org")],
    )
}

fn chain(flow: Flow) -> Chain {
    ChainSpec::new(5, flow).build()
}

#[test]
fn a_recording_says_what_it_is_about_and_that_it_is_one() {
    for flow in [Flow::FirefoxPush, Flow::XpiPush, Flow::AdhocPromotion] {
        let chain = chain(flow);
        let dir = record(&chain);
        let run = verify(dir.path(), &[]);
        assert_eq!(
            (run.status, run.stderr.as_str()),
            (0, ""),
            "{flow:?} {}",
            run.stdout
        );
        let first = run.stdout.lines().next().unwrap();
        assert!(
            first.starts_with(&format!("TRUSTED {} {}", chain.task_type, chain.root)),
            "{first}"
        );
        assert!(first.contains("basis: recorded"), "{first}");
    }
}

#[test]
fn flags_win_over_the_index_p29() {
    let dir = record(&chain(Flow::XpiPush));
    let run = verify(dir.path(), &["--product", "glean"]);
    assert_eq!(run.status, 1, "{}{}", run.stdout, run.stderr);
    let run = verify(dir.path(), &["YyxNNh7mTAmwDhB4Itm0jg"]);
    assert_eq!(run.status, 4, "{}{}", run.stdout, run.stderr);
}

#[test]
fn the_operators_file_wins_over_the_index_p29() {
    let mut chain = chain(Flow::XpiPush);
    chain.product = "glean";
    let dir = record(&chain);
    let config = dir.path().join("scriptworker.yaml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        text.replace("cot_product: glean", "cot_product: xpi"),
    )
    .unwrap();
    let run = verify(dir.path(), &[]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("product xpi"), "{}", run.stdout);
    fs::write(&config, text.replace("cot_product: glean\n", "")).unwrap();
    let run = verify(dir.path(), &[]);
    assert!(run.stdout.contains("product glean"), "{}", run.stdout);
}

#[test]
fn what_the_file_says_twice_is_reported_p23() {
    let dir = record(&chain(Flow::XpiPush));
    let config = dir.path().join("scriptworker.yaml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        format!("max_chain_length: 3\n{text}max_chain_length: 20\n"),
    )
    .unwrap();
    let run = verify(dir.path(), &[]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("stands twice"), "{}", run.stdout);
}

#[test]
fn a_definition_that_is_none_is_rejected_whether_or_not_the_type_is_given_p7() {
    let mut chain = chain(Flow::XpiPush);
    let definition = Request::Definition { task: chain.root };
    for body in ["<", "[]"] {
        chain.documents.insert(definition.clone(), body.into());
        let dir = record(&chain);
        let index = dir.path().join("evidence/index.json");
        let text = fs::read_to_string(&index).unwrap();
        let mut index_json: serde_json::Value = serde_json::from_str(&text).unwrap();
        index_json.as_object_mut().unwrap().remove("subject");
        fs::write(&index, index_json.to_string()).unwrap();
        let root = chain.root.to_string();
        let common = [root.as_str(), "--root-url", &chain.root_url];
        for given in [&[][..], &["--type", chain.task_type]] {
            let run = verify(dir.path(), &[&common[..], given].concat());
            assert_eq!(
                run.status, 1,
                "{body} {given:?}: {}{}",
                run.stdout, run.stderr
            );
        }
    }
}

#[test]
fn a_forged_document_is_rejected() {
    let mut chain = chain(Flow::XpiPush);
    let cot = chain.cot("build-0");
    chain.edit_json(&cot, |cot| cot["taskId"] = "YyxNNh7mTAmwDhB4Itm0jg".into());
    let dir = record(&chain);
    let run = verify(dir.path(), &[]);
    assert_eq!(run.status, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("cot-signature"), "{}", run.stdout);
    assert!(
        run.stderr
            .lines()
            .last()
            .unwrap()
            .contains("basis: recorded"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_was_not_recorded_is_missing_not_absent_p27() {
    let mut chain = chain(Flow::XpiPush);
    let cot = chain.cot("build-0");
    chain.documents.remove(&cot);
    let dir = record(&chain);
    let run = verify(dir.path(), &[]);
    assert_eq!(run.status, 4, "{}{}", run.stdout, run.stderr);
}

#[test]
fn a_damaged_recording_is_no_verdict() {
    let chain = chain(Flow::XpiPush);
    let dir = record(&chain);
    let documents = fs::read_dir(dir.path().join("evidence/documents")).unwrap();
    for document in documents {
        fs::write(document.unwrap().path(), "damaged").unwrap();
    }
    let run = verify(dir.path(), &[]);
    assert_eq!(run.status, 4, "{}{}", run.stdout, run.stderr);
}

#[test]
fn work_dirs_are_filled_from_recordings_too() {
    let chain = chain(Flow::XpiPush);
    let dir = record(&chain);
    let work = dir.path().join("work");
    let run = verify(dir.path(), &["--work-dir", work.to_str().unwrap()]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    let build = work.join("cot").join(chain.task("build-0").id.as_str());
    assert!(build.join("task.json").exists() && build.join("public/chain-of-trust.json").exists());
    let artifacts = chain.documents.keys().filter_map(|request| match request {
        Request::Artifact { task, name, .. } if *task == chain.task("build-0").id => {
            Some(build.join(name.as_str()))
        }
        _ => None,
    });
    assert!(artifacts.filter(|path| path.exists()).count() > 0);
}

#[test]
fn the_log_has_the_whole_report_v6_s54() {
    for (change, verdict, status) in [(false, "TRUSTED", 0), (true, "REJECTED", 1)] {
        let mut chain = chain(Flow::XpiPush);
        if change {
            let artifact = chain.artifact("build-0", "public/build/target-0.zip");
            chain.replace(&artifact, b"other".to_vec());
        }
        let dir = record(&chain);
        let log = dir.path().join("chain_of_trust.log");
        fs::write(&log, "of an earlier run").unwrap();
        let run = verify(dir.path(), &["--log", log.to_str().unwrap(), "--quiet"]);
        assert_eq!(run.status, status, "{}", run.stderr);
        let text = fs::read_to_string(&log).unwrap();
        let (summary, rest) = text.split_once("\n\n").unwrap();
        // the line that Treeherder and people see first
        assert_eq!(summary, run.stdout.trim_end());
        assert!(summary.starts_with(verdict), "{summary}");
        assert!(rest.contains("Chain\n") && !text.contains("of an earlier run"));
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(left.len(), 3, "{left:?}");
    }
}

#[test]
fn a_log_that_cannot_be_written_is_an_error_p8() {
    let dir = record(&chain(Flow::XpiPush));
    let run = verify(dir.path(), &["--log", "/nowhere/at/all.log"]);
    assert_eq!(run.status, 5, "{}", run.stderr);
    assert!(run.stderr.contains("/nowhere/at/all.log"), "{}", run.stderr);
}
