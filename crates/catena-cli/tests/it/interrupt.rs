// SPDX-License-Identifier: MPL-2.0
//! Interrupts a verification that waits for a host.

use std::net::TcpListener;
use std::process::{Command, Stdio};

#[test]
fn a_terminated_run_decides_nothing_and_leaves_nothing_p8_p28() {
    let host = TcpListener::bind("127.0.0.1:0").unwrap();
    let root = format!("http://{}", host.local_addr().unwrap());
    let place = tempfile::tempdir().unwrap();
    let work = place.path().join("work");
    let task = "YyxNNh7mTAmwDhB4Itm0jg";
    let flags = ["--type", "signing", "--product", "xpi", "--root-url", &root];
    let child = Command::new(env!("CARGO_BIN_EXE_catena"))
        .args(["verify", task])
        .args(flags)
        .arg("--work-dir")
        .arg(&work)
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let held = host.accept().unwrap(); // it has asked, and is never answered
    let killed = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    let output = child.wait_with_output().unwrap();
    drop(held);
    assert!(killed.success());
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("interrupted"),
        "{output:?}"
    );
    assert!(!work.exists());
}
