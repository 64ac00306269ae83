// SPDX-License-Identifier: MPL-2.0
//! What was acknowledged survives `kill -9`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use catena_local::clock::ManualClock;
use catena_local::queue::{Resolution, TaskState};
use catena_local::store::Store;
use serde_json::json;
use tokio::task::JoinSet;

use crate::queue_world::{START, World, id};

/// Directory of the child's store; unset in a normal run of the tests.
const DIR: &str = "CATENA_TEST_CRASH_DIR";
/// Creators at work in the child.
const CREATORS: u32 = 8;

fn world(dir: &Path) -> World {
    let clock = ManualClock::at(START.parse().unwrap());
    World::at(Store::open(dir).unwrap(), clock)
}

/// The child: creates and completes tasks without end and says which, until it is killed.
#[test]
#[ignore = "run as a child process by the test below"]
fn writes_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build();
    runtime.unwrap().block_on(async {
        let mut creators = JoinSet::new();
        let world = std::sync::Arc::new(world(Path::new(&dir)));
        for creator in 0..CREATORS {
            creators.spawn(create_without_end(creator, std::sync::Arc::clone(&world)));
        }
        creators.join_next().await;
    });
}

async fn create_without_end(creator: u32, world: std::sync::Arc<World>) {
    for number in (creator..).step_by(usize::try_from(CREATORS).unwrap()) {
        world.create(number, json!({"taskGroupId": id(0)})).await;
        say(&format!("\ncreated {number}\n"));
        for claim in world.claim(1).await {
            let report =
                world
                    .queue
                    .resolve(claim.status.task_id, claim.run, Resolution::Completed);
            report.await.unwrap();
            say(&format!("\ncompleted {}\n", claim.status.task_id));
        }
    }
}

/// One write, so that lines of several threads do not mix.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).unwrap();
    out.flush().unwrap();
}

fn child(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "queue_crash::writes_until_it_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn nothing_acknowledged_is_lost_by_kill_9() {
    for lines in [1, 40, 300] {
        let dir = tempfile::tempdir().unwrap();
        let mut child = child(dir.path());
        let mut said = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .filter(|line| line.starts_with("created ") || line.starts_with("completed "));
        let mut acknowledged: Vec<String> = said.by_ref().take(lines).collect();
        assert_eq!(acknowledged.len(), lines, "the child ended early");
        // SIGKILL; the pipe may hold more lines that were acknowledged
        child.kill().unwrap();
        acknowledged.extend(said);
        child.wait().unwrap();

        let world = world(dir.path());
        for line in &acknowledged {
            match line.split_once(' ').unwrap() {
                ("created", number) => {
                    let task = id(number.parse().unwrap());
                    assert!(world.queue.status(task).is_ok(), "lost: {line}");
                }
                (_, task) => {
                    let status = world.queue.status(task.parse().unwrap()).unwrap();
                    assert_eq!(status.state, TaskState::Completed, "lost: {line}");
                }
            }
        }
    }
}
