// SPDX-License-Identifier: MPL-2.0
//! What a script leaves behind ends with it, also what left its process group (worker.md 5).

use std::io::{self, Write as _};
use std::process::Command;
use std::time::Duration;

use catena_worker::guard;
use catena_worker::worker::Pace;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::house::{House, pace};

/// A process that leaves the group and goes on writing artifacts changes neither the document nor the next task.
#[tokio::test]
async fn a_process_that_left_the_group_ends_before_the_document_is_made() {
    // the second time nothing is left of the first
    let script = r#"
        test -e $DIR/pid && { grep -qs . /proc/$(cat $DIR/pid)/cmdline && exit 90; exit 0; }
        setsid sh -c 'echo $$ > $DIR/pid.new; mv $DIR/pid.new $DIR/pid
            while :; do echo evil >> $DIR/artifacts/public/a.txt; done' < /dev/null > /dev/null 2>&1 &
        while ! test -s $DIR/artifacts/public/a.txt; do sleep 0.02; done
    "#;
    let house = House::start(script).await;
    house.fake.give(json!({}));
    house.fake.until("completed").await;
    let log = house.live_log();
    assert!(
        log.contains("[taskcluster] processes that left the group of the script were killed: 1\n"),
        "{log}"
    );
    house.fake.give(json!({}));
    house.fake.until_count("completed", 2).await;
    let house = house.end().await;
    assert_eq!(house.reports(), ["completed", "completed"]);
}

/// Root that may not kill what belongs to others, as in a container.
const MEEK: [&str; 5] = ["setpriv", "--bounding-set", "-kill", "--inh-caps", "-kill"];

/// Where the script of [`a_worker_beside_what_does_not_end`] writes whom it left behind.
const PLACE: &str = "CATENA_TEST_PLACE";

/// A slot does not wait for ever, with nobody told but a log: the worker ends as for anything else that every task needs.
#[test]
fn what_does_not_end_ends_the_worker() {
    let meek = || {
        let mut command = Command::new(MEEK[0]);
        command.args(&MEEK[1..]);
        command
    };
    let tried = meek()
        .args(["setpriv", "--reuid=65530", "--clear-groups", "true"])
        .status();
    if !tried.is_ok_and(|status| status.success()) {
        writeln!(io::stderr(), "LEFT OUT, for this needs root: {MEEK:?}").unwrap();
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("pid");
    // a process of its own: it adopts whatever is left behind
    let inner = meek()
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "strays::a_worker_beside_what_does_not_end"])
        .args(["--ignored", "--nocapture"])
        .env(PLACE, &place)
        .output()
        .unwrap();
    let number = std::fs::read_to_string(place).unwrap();
    let left = Pid::from_raw(number.trim().parse().unwrap()).unwrap();
    kill_process(left, Signal::KILL).unwrap();
    let said = String::from_utf8_lossy(&inner.stdout);
    assert!(
        inner.status.success() && said.contains("1 passed"),
        "{inner:?}"
    );
}

#[tokio::test]
#[ignore = "part of another test, which starts it in a process of its own"]
async fn a_worker_beside_what_does_not_end() {
    guard::prepare().unwrap();
    let place = std::env::var(PLACE).unwrap();
    let script = r"
        setsid --fork sh -c 'echo $$ > PLACE.new; mv PLACE.new PLACE
            exec setpriv --reuid=65530 --clear-groups sleep 600' < /dev/null > /dev/null 2>&1
        while ! test -e PLACE || test $(stat -c %u /proc/$(cat PLACE)) != 65530; do sleep 0.02; done
    ";
    let pace = Pace {
        broken: Duration::ZERO,
        ..pace()
    };
    let script = script.replace("PLACE", &place);
    let mut house = House::start_at(pace, &script, |_| (), |_| ()).await;
    house.fake.give(json!({}));
    let why = house.fail().await;
    let due = "slot 0: 1 processes that a script left behind do not end; end them, ";
    assert!(why.starts_with(due), "{why}");
    // nothing was claimed beside it
    assert_eq!(house.reports(), ["exception internal-error"]);
}
