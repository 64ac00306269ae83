// SPDX-License-Identifier: MPL-2.0
//! Whatever is done in whatever order: the invariants of tasks and runs hold, and the store knows all of it.

use std::collections::HashSet;

use catena_core::model::ids::RunId;
use catena_local::clock::ManualClock;
use catena_local::queue::{
    ArtifactContent, Exception, Priority, Resolution, RunState, Status, TaskState,
};
use catena_local::store::Store;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::queue_world::{POOL, START, World, id, minutes};

const TASKS: u32 = 5;

#[derive(Clone, Debug)]
enum Step {
    Create {
        task: u32,
        on: Vec<u32>,
        any: bool,
        retries: u32,
        minutes: i64,
    },
    Claim(usize),
    Reclaim(u32),
    Resolve(u32, Resolution),
    Cancel(u32),
    Rerun(u32),
    Schedule(u32),
    Artifact(u32, u8),
    Priority(u32, Priority),
    CancelGroup(u32),
    Remove,
    Wait(i64),
    Sweep,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let task = || 0..TASKS;
    let resolution = prop_oneof![
        Just(Resolution::Completed),
        Just(Resolution::Failed),
        Just(Resolution::Exception(Exception::WorkerShutdown)),
        Just(Resolution::Exception(Exception::IntermittentTask)),
        Just(Resolution::Exception(Exception::InternalError)),
    ];
    let priority = prop_oneof![Just(Priority::Low), Just(Priority::Highest)];
    let create = (
        task(),
        proptest::collection::vec(task(), 0..3),
        any::<bool>(),
        0..3_u32,
        1..90_i64,
    );
    prop_oneof![
        6 => create.prop_map(|(task, on, any, retries, minutes)| Step::Create { task, on, any, retries, minutes }),
        6 => (1..4_usize).prop_map(Step::Claim),
        2 => task().prop_map(Step::Reclaim),
        6 => (task(), resolution).prop_map(|(task, resolution)| Step::Resolve(task, resolution)),
        2 => task().prop_map(Step::Cancel),
        3 => task().prop_map(Step::Rerun),
        2 => task().prop_map(Step::Schedule),
        2 => (task(), 0..3_u8).prop_map(|(task, name)| Step::Artifact(task, name)),
        3 => (1..25_i64).prop_map(Step::Wait),
        1 => Just(Step::Wait(73 * 60)),
        2 => (task(), priority).prop_map(|(task, priority)| Step::Priority(task, priority)),
        1 => task().prop_map(Step::CancelGroup),
        2 => Just(Step::Remove),
        2 => Just(Step::Sweep),
        1 => Just(Step::Reopen),
    ]
}

/// Does one step. Refusals are fine: the invariants say what must hold after them.
async fn act(world: &World, step: Step, claimed: &mut HashSet<(u32, RunId)>) {
    let latest = |task| world.queue.latest_run(id(task)).unwrap_or(RunId(0));
    match step {
        Step::Create {
            task,
            on,
            any,
            retries,
            minutes: until,
        } => {
            let requires = if any { "all-resolved" } else { "all-completed" };
            let on: HashSet<u32> = on.into_iter().collect();
            let on: Vec<_> = on.into_iter().map(id).collect();
            let deadline = world.in_time(minutes(until));
            let changes = json!({"dependencies": on, "requires": requires, "retries": retries, "deadline": deadline});
            let _ = world.try_create(task, changes).await;
        }
        Step::Claim(tasks) => {
            let claims = world.claim(tasks).await;
            assert!(claims.len() <= tasks);
            for claim in claims {
                let task = (0..TASKS).find(|task| id(*task) == claim.status.task_id);
                assert!(claimed.insert((task.unwrap(), claim.run)), "claimed twice");
                assert!(claim.status.deadline > world.now());
            }
        }
        Step::Reclaim(task) => drop(world.queue.reclaim(id(task), latest(task)).await),
        Step::Resolve(task, resolution) => {
            drop(
                world
                    .queue
                    .resolve(id(task), latest(task), resolution)
                    .await,
            );
        }
        Step::Cancel(task) => drop(world.queue.cancel(id(task)).await),
        Step::Rerun(task) => drop(world.queue.rerun(id(task)).await),
        Step::Schedule(task) => drop(world.queue.schedule(id(task)).await),
        Step::Artifact(task, name) => {
            let name = format!("public/{name}");
            let made = world.queue.create_artifact(
                id(task),
                latest(task),
                &name,
                world.request(ArtifactContent::S3),
            );
            drop(made.await);
        }
        Step::Priority(task, priority) => {
            drop(world.queue.change_priority(id(task), priority).await);
        }
        Step::CancelGroup(task) => {
            let group = id(task).to_string();
            if world.queue.seal_group(&group).await.is_ok() {
                drop(world.queue.cancel_group(&group).await);
            }
        }
        Step::Remove => {
            let expired = world.queue.expired();
            claimed.retain(|(task, _)| !expired.tasks.contains(&id(*task)));
            world.queue.remove(&expired).await.unwrap();
            assert!(world.queue.expired().is_empty());
        }
        Step::Wait(wait) => world.clock.advance(minutes(wait)),
        Step::Sweep => {
            world.queue.sweep().await.unwrap();
            check_swept(world);
        }
        Step::Reopen => {}
    }
}

fn statuses(world: &World) -> Vec<Status> {
    (0..TASKS)
        .filter_map(|task| world.queue.status(id(task)).ok())
        .collect()
}

/// Everything that readers can see.
fn visible(world: &World) -> Value {
    let tasks = statuses(world).into_iter().map(|status| {
        let runs = status.runs.iter().map(|run| run.run_id);
        let artifacts = runs.map(|run| {
            let page = world
                .queue
                .artifacts(status.task_id, run, None, 99)
                .unwrap();
            serde_json::to_value(page.items).unwrap()
        });
        let artifacts: Vec<Value> = artifacts.collect();
        json!({
            "status": status, "artifacts": artifacts,
            "definition": world.queue.definition(status.task_id).unwrap(),
            "dependents": world.queue.dependents(status.task_id, None, 99).unwrap().items,
        })
    });
    let tasks: Vec<Value> = tasks.collect();
    let groups = world.queue.task_groups(99);
    let told: Vec<_> = groups
        .iter()
        .map(|group| world.queue.group(group).unwrap())
        .collect();
    json!({"tasks": tasks, "groups": groups, "told": told, "pending": world.queue.pending(POOL)})
}

fn check(world: &World, claimed: &HashSet<(u32, RunId)>) {
    let mut pending = 0;
    for task in 0..TASKS {
        let Ok(status) = world.queue.status(id(task)) else {
            continue;
        };
        let retries = world.queue.definition(id(task)).unwrap()["retries"].as_u64();
        assert!(u64::from(status.retries_left) <= retries.unwrap());
        for (number, run) in status.runs.iter().enumerate() {
            assert_eq!(usize::try_from(run.run_id.0).unwrap(), number);
            let last = number + 1 == status.runs.len();
            let active = matches!(run.state, RunState::Pending | RunState::Running);
            assert!(
                last || !active,
                "an active run that is not the last: {status:?}"
            );
            assert_eq!(run.resolved.is_some(), !active);
            assert_eq!(run.reason_resolved.is_some(), !active);
            assert_eq!(
                run.worker_id.is_some(),
                claimed.contains(&(task, run.run_id))
            );
            if let (Some(started), Some(resolved)) = (run.started, run.resolved) {
                assert!(run.scheduled <= started && started <= resolved);
            }
        }
        let expected = match status.runs.last().map(|run| run.state) {
            None => TaskState::Unscheduled,
            Some(RunState::Pending) => TaskState::Pending,
            Some(RunState::Running) => TaskState::Running,
            Some(RunState::Completed) => TaskState::Completed,
            Some(RunState::Failed) => TaskState::Failed,
            Some(RunState::Exception) => TaskState::Exception,
        };
        assert_eq!(status.state, expected);
        pending += usize::from(status.state == TaskState::Pending);
    }
    assert_eq!(world.queue.pending(POOL), pending);
}

/// After a sweep nothing is active whose time has passed.
fn check_swept(world: &World) {
    for status in statuses(world) {
        let ended = !matches!(
            status.state,
            TaskState::Unscheduled | TaskState::Pending | TaskState::Running
        );
        assert!(ended || status.deadline > world.now(), "{status:?}");
        let held = status.runs.last().and_then(|run| run.taken_until);
        assert!(
            status.state != TaskState::Running || held > Some(world.now()),
            "{status:?}"
        );
    }
}

async fn play(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(START.parse().unwrap());
    let open = || World::at(Store::open(dir.path()).unwrap(), clock.clone());
    let mut world = open();
    let mut claimed = HashSet::new();
    for step in steps.into_iter().chain([Step::Reopen]) {
        if matches!(step, Step::Reopen) {
            let before = visible(&world);
            drop(world);
            world = open();
            assert_eq!(visible(&world), before);
        } else {
            act(&world, step, &mut claimed).await;
        }
        check(&world, &claimed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invariants_hold_whatever_is_done(steps in proptest::collection::vec(step(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.unwrap().block_on(play(steps));
    }
}
