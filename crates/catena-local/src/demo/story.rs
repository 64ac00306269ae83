// SPDX-License-Identifier: MPL-2.0
//! The story of `catena demo`: commit, push, decision, image, build, signing, verification.

use std::time::Duration;

use catena_core::model::ids::TaskId;
use catena_core::report::Report;
use catena_evidence::Progress;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::DemoError;
use super::config::{PRODUCT, REPOSITORY, SIGNING_TYPE};
use super::verify::{Role, verify};
use super::world::World;
use crate::queue::Resolution;
use crate::worker::Event;

/// A step that is done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// What was done, in one line.
    pub text: String,
    /// How long it took.
    pub took: Duration,
}

/// How the story ended.
#[derive(Clone, Debug)]
pub struct Told {
    /// What the verification says to the signing task.
    pub report: Report,
    /// The tasks by name, in the order in which they ended.
    pub tasks: Vec<(String, TaskId)>,
}

/// Tells the story in a world. `told` is called after each step, `tasks` gets the names of tasks before they are verified,
/// and `progress` is told what the verification fetches.
///
/// # Errors
/// A task does not complete, or something on the way is refused.
pub async fn tell(
    world: &World,
    told: impl Fn(Step),
    tasks: impl Fn(&[(String, TaskId)]),
    progress: &Progress,
) -> Result<Told, DemoError> {
    let mut begun = Instant::now();
    let step = |text: String, begun: &mut Instant| {
        let took = begun.elapsed();
        told(Step { text, took });
        *begun = Instant::now();
    };
    let push = world.commit_demo()?;
    let revision = push.after.clone().unwrap_or_default();
    let short: String = revision.chars().take(12).collect();
    step(
        format!("committed and pushed a product to {REPOSITORY}, revision {short}"),
        &mut begun,
    );
    let decision = world.deliver(push).await?;
    step(
        format!("the push made the decision task {decision} from .taskcluster.yml"),
        &mut begun,
    );
    let (events, mut happened) = mpsc::unbounded_channel();
    let workers = world.start_workers(Some(events));
    let mut done: Vec<(String, TaskId)> = Vec::new();
    while !done.iter().any(|(name, _)| name == SIGNING_TYPE) {
        let Some(event) = happened.recv().await else {
            return Err(DemoError::Setup(
                "the workers stopped before the signing task was done".to_owned(),
            ));
        };
        let (Event::Resolved { task, .. } | Event::Lost { task, .. }) = event else {
            continue;
        };
        let name = name(world, task).await?;
        if !matches!(
            event,
            Event::Resolved {
                how: Resolution::Completed,
                ..
            }
        ) {
            let log = world.log(task).await;
            return Err(DemoError::Task {
                label: name,
                task,
                log,
            });
        }
        step(format!("{} {task}", done_by(&name)), &mut begun);
        done.push((name, task));
    }
    workers.stop().await;
    tasks(&done);
    let signing = done.last().map(|(_, task)| *task);
    let role = Role {
        task_type: SIGNING_TYPE
            .parse()
            .map_err(|_| DemoError::Setup("no type signing".to_owned()))?,
        product: PRODUCT.to_owned(),
        inferred: Vec::new(),
    };
    let mut begun = Instant::now();
    let task = signing.unwrap_or(decision);
    let report = verify(&world.config()?, task, role, progress).await?;
    let text = format!(
        "verified the chain of the signing task over HTTP, strictly: {}",
        report.verdict
    );
    step(text, &mut begun);
    Ok(Told {
        report,
        tasks: done,
    })
}

/// What a task is called.
async fn name(world: &World, task: TaskId) -> Result<String, DemoError> {
    let definition = world.client().task(task).await?;
    let name = definition.pointer("/metadata/name").and_then(Value::as_str);
    Ok(name.unwrap_or("unnamed").to_lowercase())
}

/// What a task of the demo has done.
fn done_by(name: &str) -> String {
    match name {
        "decision" => {
            "the decision task planned and created three tasks, and its worker signed what it made:"
        }
        "docker-image" => "an image was made, and its worker signed its digest:",
        "build" => "the product was built here, with that image's digest on record, and signed for as well:",
        "signing" => "the product was signed by a scriptworker, which signed for that:",
        other => return format!("the task {other} is done:"),
    }
    .to_owned()
}
