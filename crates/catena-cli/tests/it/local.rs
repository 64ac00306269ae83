// SPDX-License-Identifier: MPL-2.0
//! `catena local up` as a process: it says where it is, keeps what it was given, and ends when it is told to.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use catena_local::Credentials;
use catena_local::client::Client;
use serde_json::json;

/// A running `catena local up`; killed when the test fails.
struct Up {
    child: Child,
    lines: Vec<String>,
}

impl Up {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_catena"))
            .args(["local", "up"])
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = Vec::new();
        let mut stdout = BufReader::new(child.stdout.as_mut().unwrap());
        while !lines
            .last()
            .is_some_and(|line: &String| line.starts_with("# ready"))
        {
            let mut line = String::new();
            assert_ne!(
                stdout.read_line(&mut line).unwrap(),
                0,
                "ended early: {lines:?}"
            );
            lines.push(line.trim_end().to_owned());
        }
        Self { child, lines }
    }

    fn variable(&self, name: &str) -> &str {
        let start = format!("export {name}=");
        self.lines
            .iter()
            .find_map(|line| line.strip_prefix(&start))
            .unwrap()
    }

    fn client(&self) -> Client {
        let credentials = Credentials {
            client_id: self.variable("TASKCLUSTER_CLIENT_ID").to_owned(),
            access_token: self.variable("TASKCLUSTER_ACCESS_TOKEN").to_owned().into(),
            certificate: None,
        };
        Client::new(self.variable("TASKCLUSTER_ROOT_URL"), &credentials).unwrap()
    }

    fn end(mut self) {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(killed.success());
        let mut rest = String::new();
        self.child
            .stdout
            .as_mut()
            .unwrap()
            .read_to_string(&mut rest)
            .unwrap();
        assert_eq!(
            (self.child.wait().unwrap().code(), rest.as_str()),
            (Some(0), "")
        );
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_directory_is_gone_on_with_and_termination_is_an_orderly_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_string_lossy().into_owned();
    let expires = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let secret = json!({"kept": true});
    let first = Up::start(&["--dir", &path]);
    first
        .client()
        .put_secret("demo/it", &secret, expires)
        .await
        .unwrap();
    let token = first.variable("TASKCLUSTER_ACCESS_TOKEN").to_owned();
    first.end();
    let again = Up::start(&["--dir", &path]);
    assert_eq!(again.variable("TASKCLUSTER_ACCESS_TOKEN"), token);
    assert_eq!(again.client().secret("demo/it").await.unwrap(), secret);
    again.end();
}

#[test]
fn what_a_verification_needs_is_printed() {
    let up = Up::start(&["--ephemeral"]);
    let line = up
        .lines
        .iter()
        .find(|line| line.contains("catena verify --config "))
        .unwrap();
    let path = line.split(' ').nth(4).unwrap();
    let config = std::fs::read_to_string(path).unwrap();
    assert!(
        config.contains(up.variable("TASKCLUSTER_ROOT_URL")),
        "{config}"
    );
    assert!(
        up.lines
            .iter()
            .any(|line| line.starts_with("# https://github.com is at http://127.0.0.1:"))
    );
    up.end();
}

/// What is in use elsewhere is a matter of flags, not a fault of the program (P8).
#[test]
fn a_directory_or_a_port_that_another_process_has_is_64() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_string_lossy().into_owned();
    let up = Up::start(&["--dir", &path]);
    let port = up.variable("TASKCLUSTER_ROOT_URL").rsplit(':').next();
    for (arguments, said) in [
        (&["--dir", &path][..], "another process has it open"),
        (
            &["--ephemeral", "--port", port.unwrap()],
            "choose another port",
        ),
    ] {
        let refused = Command::new(env!("CARGO_BIN_EXE_catena"))
            .args(["local", "up"])
            .args(arguments)
            .output()
            .unwrap();
        let stderr = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(64), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
        assert_eq!(refused.stdout, b"");
    }
    up.end();
}
