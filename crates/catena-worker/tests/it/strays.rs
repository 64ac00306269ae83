// SPDX-License-Identifier: MPL-2.0
//! What a script leaves behind ends with it, also what left its process group (worker.md 5).

use serde_json::json;

use crate::house::House;

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
