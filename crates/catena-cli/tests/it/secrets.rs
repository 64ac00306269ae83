// SPDX-License-Identifier: MPL-2.0
//! No private key appears in anything that a command prints, whatever is wrong with its file and wherever it is named.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use catena_crypto::signer::form::KeyForm;
use catena_crypto::signer::{Signer as _, SigningKey};

use crate::compat::Tools;
use crate::run::Run;

/// No run of these bytes is in the public key or in anything else that is printed.
const SEED: [u8; 32] = *b"\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60";

/// What a part of a private key would look like in each form of its file.
fn forms(key: &SigningKey) -> Vec<String> {
    let mut traces = Vec::new();
    for form in KeyForm::ALL {
        let text = key.encode(form);
        let mut lines = text.lines();
        let body = lines.find(|line| !line.starts_with("-----")).unwrap();
        // PEM begins with what all keys have, and a pair ends with the public key
        let secret = match form {
            KeyForm::Pem => &body[22..],
            KeyForm::DockerWorker => &body[..42],
            KeyForm::Scriptworker => body,
        };
        traces.extend(windows(secret, 8));
    }
    traces
}

/// What a part of the secret would look like: as in each form, in hex, and as numbers.
fn traces() -> Vec<String> {
    let mut traces = forms(&SigningKey::from_seed(SEED));
    let hex: String = SEED.iter().map(|byte| format!("{byte:02x}")).collect();
    traces.extend(windows(&hex, 12));
    traces.extend(windows(&hex.to_uppercase(), 12));
    let numbers: Vec<String> = SEED.iter().map(ToString::to_string).collect();
    traces.extend(numbers.windows(4).map(|some| some.join(", ")));
    traces
}

fn windows(text: &str, size: usize) -> Vec<String> {
    (0..=text.len() - size)
        .map(|at| text[at..at + size].to_owned())
        .collect()
}

/// A claim of a task that does nothing.
const CLAIM: &str = r#"{"status": {"taskId": "YyxNNh7mTAmwDhB4Itm0jg"}, "runId": 0, "workerGroup": "g", "workerId": "w",
    "task": {"dependencies": [], "scopes": [], "payload": {}, "taskGroupId": "YyxNNh7mTAmwDhB4Itm0jg", "workerType": "t",
    "provisionerId": "p"}}"#;

struct Files {
    dir: tempfile::TempDir,
    files: Vec<String>,
}

impl Files {
    /// The key in each form, whole and spoilt, private and open.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut files = Vec::new();
        for form in KeyForm::ALL {
            let text = SigningKey::from_seed(SEED).encode(form);
            for (spoilt, content) in [
                ("whole", text.to_string()),
                ("newline", format!("{}\n", *text)),
                ("truncated", text[..text.len() - 4].to_owned()),
                ("longer", format!("{}AAAA", *text)),
                ("garbage", format!("{}!", *text)),
                ("quoted", format!("key: '{}'", *text)),
            ] {
                for mode in [0o600, 0o644] {
                    let path = dir.path().join(format!("{form}-{spoilt}-{mode:o}"));
                    fs::write(&path, &content).unwrap();
                    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
                    files.push(path.to_str().unwrap().to_owned());
                }
            }
        }
        Self { dir, files }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }
}

/// Runs a command and looks through what it said.
fn silent(traces: &[String], arguments: &[&str]) {
    for log in ["off", "trace"] {
        let run = Run::with(arguments, &[("CATENA_LOG", log)]);
        for trace in traces {
            let said = [&run.stdout, &run.stderr];
            assert!(
                !said.iter().any(|text| text.contains(trace)),
                "{arguments:?}: {trace}"
            );
        }
    }
}

#[test]
fn the_search_finds_a_secret() {
    let text = SigningKey::from_seed(SEED).encode(KeyForm::Scriptworker);
    let traces = traces();
    assert!(traces.iter().any(|trace| text.contains(trace)));
    assert!(
        traces
            .iter()
            .any(|trace| format!("{SEED:?}").contains(trace))
    );
    assert!(
        traces
            .iter()
            .any(|trace| format!("{SEED:02x?}").replace(", ", "").contains(trace))
    );
    let public = SigningKey::from_seed(SEED).public_key().to_base64();
    assert!(!traces.iter().any(|trace| public.contains(trace)));
}

#[test]
fn no_command_on_keys_prints_a_private_one() {
    let (files, traces) = (Files::new(), traces());
    for file in &files.files {
        silent(&traces, &["keys", "show", file]);
        silent(&traces, &["keys", "show", file, "--json", "--public"]);
        silent(&traces, &["keys", "pub", file, "--pem"]);
        silent(
            &traces,
            &[
                "keys",
                "convert",
                file,
                "--to",
                "pem",
                "--json",
                "--force",
                "--out",
                &files.path("out"),
            ],
        );
        silent(&traces, &["keys", "pub", &format!("exec:/bin/cat {file}")]);
        let uri = format!("pkcs11:object=k?module-path={file}&pin-source={file}");
        silent(&traces, &["keys", "pub", &uri]);
    }
}

#[test]
fn new_keys_are_not_printed() {
    let files = Files::new();
    let out = files.path("new");
    for form in KeyForm::ALL {
        for json in [&["--json"][..], &[]] {
            let common = [
                "keys",
                "gen",
                "--out",
                &out,
                "--force",
                "--form",
                form.as_str(),
            ];
            let run = Run::with(&[&common[..], json].concat(), &[("CATENA_LOG", "trace")]);
            assert_eq!(run.status, 0, "{}", run.stderr);
            let text = fs::read_to_string(&out).unwrap();
            let key = SigningKey::parse(text.as_bytes()).unwrap();
            for trace in forms(&key) {
                assert!(!run.stdout.contains(&trace) && !run.stderr.contains(&trace));
            }
        }
    }
}

#[test]
fn no_old_tool_prints_a_private_key() {
    let (files, traces) = (Files::new(), traces());
    let tools = Tools::new();
    let task = "YyxNNh7mTAmwDhB4Itm0jg";
    for file in &files.files {
        for (tool, arguments) in [
            (
                "verify_ed25519_signature",
                &["--pubkey", file, file, file][..],
            ),
            ("verify_ed25519_signature", &[file, file]),
            ("gen_ed25519_key", &[file]),
            ("create_test_workdir", &["--path", file, task]),
            ("create_test_workdir", &["--scriptworker-yaml", file, task]),
            (
                "verify_cot",
                &["--task-type", "signing", "--scriptworker-yaml", file, task],
            ),
        ] {
            let run = tools.run(tool, arguments, &[("CATENA_LOG", "trace")]);
            for trace in &traces {
                assert!(!run.stderr.contains(trace), "{tool} {arguments:?}: {trace}");
            }
        }
        // the tools take credentials from here: a key is none
        fs::copy(file, tools.path("secrets.json")).unwrap();
        let run = tools.run("create_test_workdir", &[task], &[]);
        assert_eq!(run.status, 1);
        assert!(
            !traces.iter().any(|trace| run.stderr.contains(trace)),
            "{file}"
        );
        fs::remove_file(tools.path("secrets.json")).unwrap();
    }
}

#[test]
fn no_other_command_prints_a_private_key_that_it_was_given_by_mistake() {
    let (files, traces) = (Files::new(), traces());
    let task = "YyxNNh7mTAmwDhB4Itm0jg";
    for file in &files.files {
        silent(&traces, &["check-sig", file, file, "--pub", file]);
        silent(&traces, &["check-sig", file, file, "--json"]);
        silent(&traces, &["check-sig", file, file, "--config", file]);
        silent(&traces, &["verify", task, "--config", file]);
        silent(&traces, &["verify", "--evidence", file]);
        silent(&traces, &["lint", file]);
        silent(&traces, &["log-header", file]);
        let (dir, id) = (files.path("artifacts"), ["--task-id", task]);
        fs::create_dir_all(&dir).unwrap();
        silent(&traces, &["generate", &dir, "--claim", file, "--key", file]);
        let definition = [
            &["generate", &dir, "--task", file][..],
            &id,
            &["--unsigned"],
        ];
        silent(&traces, &definition.concat());
        fs::write(files.path("claim"), CLAIM).unwrap();
        let claim = files.path("claim");
        silent(
            &traces,
            &[
                "generate",
                &dir,
                "--claim",
                &claim,
                "--key",
                file,
                "--json",
                "--replace",
            ],
        );
        silent(
            &traces,
            &[
                "workdir",
                task,
                "--config",
                file,
                "--path",
                &files.path("work"),
            ],
        );
    }
    // the key itself where a name of its file belongs
    for form in [KeyForm::Scriptworker, KeyForm::DockerWorker] {
        let text = SigningKey::from_seed(SEED).encode(form);
        silent(&traces, &["keys", "pub", &text]);
        let (dir, claim) = (files.path("artifacts"), files.path("claim"));
        silent(
            &traces,
            &["generate", &dir, "--claim", &claim, "--key", &text],
        );
    }
    let signed = files.path("artifacts/public/chain-of-trust.json.sig");
    assert!(
        fs::metadata(signed).is_ok(),
        "whole private keys have signed"
    );
}

/// Credentials and a private key in the configuration: not in the report, in JSON or as text, nor in the log.
#[test]
fn no_report_shows_a_credential() {
    let (files, traces) = (Files::new(), traces());
    let key = SigningKey::from_seed(SEED).encode(KeyForm::Scriptworker);
    let variables = [
        ("CATENA_GITHUB_TOKEN", key.as_str()),
        ("TASKCLUSTER_CLIENT_ID", "hunter"),
        ("TASKCLUSTER_ACCESS_TOKEN", &key),
        ("CATENA_LOG", "trace"),
    ];
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let (chain, config) = (
        format!("{examples}/chain"),
        format!("{examples}/chain/scriptworker.yaml"),
    );
    let text = fs::read_to_string(&config).unwrap();
    let with_secrets = files.path("scriptworker.yaml");
    let secrets = format!("{text}\ngithub_oauth_token: {}\n", *key);
    fs::write(&with_secrets, secrets).unwrap();
    // nobody listens there: an outage, with the request in the log
    let task = [
        "YyxNNh7mTAmwDhB4Itm0jg",
        "--root-url",
        "https://127.0.0.1:9",
    ];
    let subject = ["--type", "signing", "--product", "firefox"];
    let outage = [&task[..], &subject, &["--config", &with_secrets]].concat();
    let recorded = ["--evidence", &chain, "--config", &with_secrets];
    for (what, form, statuses) in [
        (&recorded[..], "--json", [0, 1]),
        (&recorded, "--verbose", [0, 1]),
        (&recorded, "--quiet", [0, 1]),
        (&outage, "--json", [4, 64]),
    ] {
        let log = files.path("log");
        let arguments = [&["verify"][..], what, &[form, "--log", &log]].concat();
        let run = Run::with(&arguments, &variables);
        let (stdout, stderr) = (&run.stdout, &run.stderr);
        assert!(
            statuses.contains(&run.status),
            "{arguments:?}: {stdout}{stderr}"
        );
        let written = fs::read_to_string(&log).unwrap_or_default();
        for trace in &traces {
            let said = [stdout, stderr, &written];
            assert!(
                !said.iter().any(|text| text.contains(trace)),
                "{arguments:?}: {trace}"
            );
        }
    }
}
